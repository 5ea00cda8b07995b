// Package workerpool is the server's side of worker processes: it spawns them
// sandboxed, binds each to one task, feeds it executions, and kills it when its
// time or memory is up. What happens inside a worker is package worker's; what
// an execution may ask for is decided by who runs it, package executor.
package workerpool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/ipc"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// A Config says how a Pool makes and keeps its workers. The zero Config works.
type Config struct {
	// Command is the program and arguments of a worker, to which the sandbox
	// adds one argument. Default: this executable with the argument "worker".
	Command []string
	// Running bounds the workers that run executions at once. Default: four a
	// processor.
	Running int
	// Resident bounds the workers kept, running or idle, at about 10 MB each;
	// the one unused longest goes first. Default 64.
	Resident int
	// Spare is how many unbound workers are kept ready. Default 0.
	Spare int
	// Recycle ends a worker after so many executions. Default 10,000.
	Recycle int
	// Idle ends a bound worker that has had nothing to do for so long.
	// Default 1 minute.
	Idle time.Duration
	// Start bounds the time from spawn to ready. Default 10 s.
	Start time.Duration
	// Grace is what a cancelled execution gets to end by itself before its
	// worker is killed. Default 1 s.
	Grace time.Duration
	// Watch is the time between two looks at the memory of running workers.
	// Default 25 ms.
	Watch time.Duration
	// Sandbox confines the workers. The zero Options are strict.
	Sandbox sandbox.Options
	// Log gets what operators should know. Default: nothing is logged.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	setDefault(&c.Command, len(c.Command) == 0, []string{"/proc/self/exe", "worker"})
	if runtime.GOOS != "linux" && c.Command[0] == "/proc/self/exe" {
		if exe, err := os.Executable(); err == nil {
			c.Command[0] = exe
		}
	}
	setDefault(&c.Running, c.Running == 0, 4*runtime.GOMAXPROCS(0))
	setDefault(&c.Resident, c.Resident == 0, 64)
	setDefault(&c.Recycle, c.Recycle == 0, 10_000)
	setDefault(&c.Idle, c.Idle == 0, time.Minute)
	setDefault(&c.Start, c.Start == 0, 10*time.Second)
	setDefault(&c.Grace, c.Grace == 0, time.Second)
	setDefault(&c.Watch, c.Watch == 0, 25*time.Millisecond)
	setDefault(&c.Log, c.Log == nil, slog.New(slog.DiscardHandler))
	c.Resident = max(c.Resident, c.Running)
	return c
}

func setDefault[T any](field *T, unset bool, value T) {
	if unset {
		*field = value
	}
}

// A Domain is what a worker is bound to for life: one version of one task in
// one namespace. Executions of different domains never meet in a process.
type Domain struct {
	// Key identifies the domain: namespace and version digest.
	Key string
	// Program is what the worker runs.
	Program Program
	// Memory caps one execution's JavaScript memory, bytes.
	Memory int64
	// Recursion caps nested calls, stack slots.
	Recursion int
	// Slots is how many executions share a worker at once. Default 1.
	Slots int
	// Fresh gives each execution a process of its own.
	Fresh bool
}

// A Program is a task's bundled code.
type Program struct {
	File   string // what stack traces call it
	Kind   string // "script" or "module"
	Source []byte
	// Cache keeps what a worker compiled of Source. It must be of this program
	// and no other: bytecode is not verified.
	Cache *Bytecode
}

// Bytecode is a compiled program, once some worker has made it.
type Bytecode struct {
	mu   sync.Mutex
	code []byte
}

func (b *Bytecode) get() []byte {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.code
}

func (b *Bytecode) set(code []byte) {
	if b == nil || len(code) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.code = code
}

// A Pool is a set of worker processes. Close it to end them all.
type Pool struct {
	config  Config
	spawner *sandbox.Spawner

	mu       sync.Mutex
	closed   bool
	workers  []*worker // resident, bound or spare
	starting int       // spares on their way
	spawning int       // workers on their way to those who lease them; they count as running
	running  int       // workers with at least one execution
	waiting  []*waiter // for a place, in order of arrival
	report   sandbox.Report
	ids      []bool // which slot numbers live workers hold

	stop  chan struct{}
	tasks sync.WaitGroup // the pool's own goroutines
}

type waiter struct {
	domain *Domain
	got    chan place // receives the place that it may use, or is closed with the pool
}

// A place is what a lease is given: a worker of its own domain, or room for one
// that it starts itself.
type place struct {
	worker *worker // nil: start one
}

// ErrClosed is returned by a Pool that was closed.
var ErrClosed = errors.New("worker pool is closed")

// New returns a Pool and starts nothing but the thread that will start workers.
func New(config Config) *Pool {
	p := &Pool{config: config.withDefaults(), spawner: sandbox.NewSpawner(), stop: make(chan struct{})}
	p.tasks.Go(p.watch)
	return p
}

// Warm starts the spare workers, at least one, in the background, so that the
// first execution finds one ready. A failure to start shows when a worker is
// wanted.
func (p *Pool) Warm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.addSpares(max(p.config.Spare, 1))
}

// addSpares brings the spares up to n. The lock is held.
func (p *Pool) addSpares(n int) {
	have := p.starting
	for _, w := range p.workers {
		if w.domain == nil {
			have++
		}
	}
	for ; have < n && !p.closed; have++ {
		p.starting++
		p.tasks.Go(func() {
			w, err := p.spawn()
			p.mu.Lock()
			defer p.mu.Unlock()
			p.starting--
			switch {
			case err != nil:
				p.config.Log.Warn("spare worker did not start", slog.Any("error", err))
			case p.closed:
				w.kill(ErrClosed)
			default:
				p.workers = append(p.workers, w)
			}
			p.serveWaiters()
		})
	}
}

// Report says which sandbox layers the newest worker has; ok is false while no
// worker has started.
func (p *Pool) Report() (report sandbox.Report, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.report, p.report.Level != ""
}

// Probe starts a worker for its report alone and ends it.
func (p *Pool) Probe() (sandbox.Report, error) {
	if !p.enter() {
		return sandbox.Report{}, ErrClosed
	}
	defer p.tasks.Done()
	w, err := p.spawn()
	if err != nil {
		return sandbox.Report{}, err
	}
	w.kill(errProbed)
	<-w.gone
	return w.report, nil
}

// enter counts the caller among those whom Close waits for.
func (p *Pool) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.tasks.Add(1)
	}
	return !p.closed
}

var errProbed = errors.New("only a probe")

// Close kills all workers and waits until they and the pool's goroutines are gone.
func (p *Pool) Close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	workers := slices.Clone(p.workers)
	for _, w := range p.waiting {
		close(w.got)
	}
	p.waiting = nil
	p.mu.Unlock()
	close(p.stop)
	for _, w := range workers {
		w.kill(ErrClosed)
	}
	p.tasks.Wait()
	p.spawner.Close()
}

// lease waits for a worker that may run one more execution of the domain.
func (p *Pool) lease(ctx context.Context, d *Domain) (*worker, error) {
	got, wait := p.place(d)
	if wait != nil {
		var open bool
		select {
		case got, open = <-wait.got:
		case <-ctx.Done():
			p.abandon(wait)
			return nil, fmt.Errorf("wait for a worker: %w", context.Cause(ctx))
		}
		if !open {
			return nil, ErrClosed
		}
	}
	if got.worker == nil {
		return p.spawnFor(d)
	}
	return got.worker, nil
}

// place finds a place for one more execution of the domain, else queues for one.
func (p *Pool) place(d *Domain) (place, *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait := &waiter{domain: d, got: make(chan place, 1)}
	if p.closed {
		close(wait.got)
		return place{}, wait
	}
	if got, ok := p.find(d); ok {
		return got, nil
	}
	p.waiting = append(p.waiting, wait)
	return place{}, wait
}

// find takes a place: a worker with a free slot of the domain, else an unbound
// one, else room for another. The lock is held.
func (p *Pool) find(d *Domain) (place, bool) {
	if w := p.take(d); w != nil {
		return place{w}, true
	}
	if !p.mayStart() {
		return place{}, false
	}
	p.running++
	p.spawning++
	p.tasks.Add(1) // spawnFor's
	return place{}, true
}

// take claims a slot in a resident worker. The lock is held.
func (p *Pool) take(d *Domain) *worker {
	var spare *worker
	for _, w := range p.workers {
		if w.domain == nil {
			spare = w
			continue
		}
		if w.domain.Key != d.Key || d.Fresh || w.retired || w.used >= max(w.domain.Slots, 1) {
			continue
		}
		if w.used == 0 && p.running >= p.config.Running {
			continue
		}
		p.claim(w)
		return w
	}
	if spare != nil && p.running < p.config.Running {
		w := spare
		w.domain = d
		p.claim(w)
		p.addSpares(p.config.Spare)
		return w
	}
	return nil
}

func (p *Pool) claim(w *worker) {
	if w.used == 0 {
		p.running++
	}
	w.used++
}

// mayStart reports whether one more worker fits, ending the idle worker unused
// longest if need be. The lock is held.
func (p *Pool) mayStart() bool {
	if p.running >= p.config.Running || p.starting > 0 && p.running == 0 && len(p.workers) == 0 {
		return false // full, or one is about to be ready
	}
	if len(p.workers)+p.spawning+p.starting < p.config.Resident {
		return true
	}
	var oldest *worker
	for _, w := range p.workers {
		if w.used == 0 && (oldest == nil || w.lastUsed.Before(oldest.lastUsed)) {
			oldest = w
		}
	}
	if oldest == nil {
		return false
	}
	p.remove(oldest)
	oldest.kill(errEvicted)
	return true
}

var (
	errEvicted = errors.New("made room for another task")
	errRetired = errors.New("worker was retired")
	errIdle    = errors.New("worker was idle")
)

// spawnFor starts a worker for the domain; its place is already counted.
func (p *Pool) spawnFor(d *Domain) (*worker, error) {
	defer p.tasks.Done()
	w, err := p.spawn()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spawning--
	if err == nil && p.closed {
		w.kill(ErrClosed)
		err = ErrClosed
	}
	if err != nil {
		p.running--
		p.serveWaiters()
		return nil, err
	}
	w.domain = d
	w.used = 1
	p.workers = append(p.workers, w)
	p.serveWaiters() // those of the same domain may share it
	return w, nil
}

// release gives a slot back after an execution.
func (p *Pool) release(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.served++
	w.lastUsed = time.Now()
	p.giveBack(w)
}

// giveBack frees a slot. The lock is held.
func (p *Pool) giveBack(w *worker) {
	w.used--
	if w.served >= p.config.Recycle || w.domain.Fresh {
		w.retired = true
	}
	if w.used == 0 {
		p.running--
		if w.retired {
			p.remove(w)
			w.kill(errRetired)
		}
	}
	p.serveWaiters()
}

// serveWaiters gives places to those who wait, first come first served, as long
// as there are places. The lock is held.
func (p *Pool) serveWaiters() {
	p.waiting = slices.DeleteFunc(p.waiting, func(wait *waiter) bool {
		if p.running >= p.config.Running && !p.sharing() {
			return false
		}
		got, ok := p.find(wait.domain)
		if ok {
			wait.got <- got
		}
		return ok
	})
}

// sharing reports whether some worker has room for one more of its own domain.
func (p *Pool) sharing() bool {
	return slices.ContainsFunc(p.workers, func(w *worker) bool {
		return w.domain != nil && !w.retired && w.used > 0 && w.used < w.domain.Slots
	})
}

// abandon takes a waiter out of the queue. A place it was given meanwhile goes
// to the next.
func (p *Pool) abandon(wait *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, wait); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
		return
	}
	got, open := <-wait.got
	switch {
	case !open:
	case got.worker != nil:
		p.giveBack(got.worker)
	default:
		p.running--
		p.spawning--
		p.tasks.Done()
		p.serveWaiters()
	}
}

// remove takes a worker out of the set. The lock is held.
func (p *Pool) remove(w *worker) {
	if i := slices.Index(p.workers, w); i >= 0 {
		p.workers = slices.Delete(p.workers, i, i+1)
	}
}

// retire keeps a worker from getting more executions.
func (p *Pool) retire(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.retired = true
}

// slot takes the lowest free slot number.
func (p *Pool) slot() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, taken := range p.ids {
		if !taken {
			p.ids[i] = true
			return i
		}
	}
	p.ids = append(p.ids, true)
	return len(p.ids) - 1
}

func (p *Pool) freeSlot(id int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ids[id] = false
}

// command returns an unstarted worker whose descriptor 3 is socket.
func (p *Pool) command(socket *os.File, stderr *os.File) *exec.Cmd {
	// Not CommandContext: a worker is ended by kill, which also says why.
	cmd := exec.Command(p.config.Command[0], p.config.Command[1:]...)
	cmd.Env = []string{"GOMAXPROCS=1", "GODEBUG=containermaxprocs=0,updatemaxprocs=0", "TZ=UTC"}
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Stderr = stderr
	return cmd
}

func version() *ipc.Hello { return &ipc.Hello{Version: ipc.Version} }

// PIDs are the processes of the workers that live, for who wants to look at them.
func (p *Pool) PIDs() (pids []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.workers {
		pids = append(pids, w.cmd.Process.Pid)
	}
	return pids
}
