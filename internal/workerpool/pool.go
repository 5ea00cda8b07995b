// Package workerpool is the server's side of worker processes: it spawns them
// sandboxed, binds each to one task, feeds it executions, and kills it when its
// time or memory is up. What happens inside a worker is package worker's; what
// an execution may ask for is decided by who runs it, package executor.
package workerpool

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/ipc"
	"github.com/ratchet-runner/ratchet-go/internal/node"
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
	// Node runs the workers of domains whose Engine is node. The zero Runtime is
	// none: such domains are refused with [ErrNoNode].
	Node node.Runtime
	// Inspection has somebody look into Node workers. Default: nobody does.
	Inspection Inspection
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
	// Engine is what it runs it with. Default: QuickJS.
	Engine ratchet.Engine
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

// Size is how many bytes it has; 0 before some worker has made it.
func (b *Bytecode) Size() int { return len(b.get()) }

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
	workers  []*worker    // resident, bound or spare
	starting map[kind]int // spares on their way
	spawning int          // workers on their way to those who lease them; they count as running
	running  int          // workers with at least one execution
	waiting  []*waiter    // for a place, in order of arrival
	reports  map[ratchet.Engine]sandbox.Report
	programs map[kind]sandbox.Program // that have been wanted
	guest    *os.File                 // what Node workers run, once one was wanted
	ids      []bool                   // which slot numbers live workers hold
	resting  bool                     // nothing runs, and memory is not watched

	busy  chan struct{} // told when that ends
	stop  chan struct{}
	tasks sync.WaitGroup // the pool's own goroutines
}

// ErrClosed is returned by a Pool that was closed.
var ErrClosed = errors.New("worker pool is closed")

// New returns a Pool and starts nothing but the thread that will start workers.
func New(config Config) *Pool {
	p := &Pool{
		config: config.withDefaults(), spawner: sandbox.NewSpawner(), stop: make(chan struct{}), busy: make(chan struct{}, 1),
		starting: map[kind]int{}, reports: map[ratchet.Engine]sandbox.Report{}, programs: map[kind]sandbox.Program{},
	}
	p.tasks.Go(p.watch)
	return p
}

// Warm starts the spare workers, at least one, in the background, so that the
// first execution finds one ready. A failure to start shows when a worker is
// wanted.
func (p *Pool) Warm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.addSpares(p.kind(ratchet.EngineQuickJS, 0), max(p.config.Spare, 1))
}

// WarmFor is Warm for a domain like d, whose workers may be of another kind.
func (p *Pool) WarmFor(d *Domain) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d.Engine != ratchet.EngineNode || !p.config.Node.IsZero() {
		p.addSpares(p.kindOf(d), max(p.config.Spare, 1))
	}
}

// addSpares brings the spares of a kind up to n. The lock is held.
func (p *Pool) addSpares(k kind, n int) {
	have := p.starting[k]
	for _, w := range p.workers {
		if w.domain == nil && w.kind == k {
			have++
		}
	}
	for ; have < n && !p.closed; have++ {
		p.starting[k]++
		p.tasks.Go(func() {
			w, err := p.spawn(k)
			p.mu.Lock()
			defer p.mu.Unlock()
			p.starting[k]--
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

// Report says which sandbox layers the newest worker has, of those that run
// QuickJS; ok is false while none has started.
func (p *Pool) Report() (report sandbox.Report, ok bool) { return p.ReportOf(ratchet.EngineQuickJS) }

// ReportOf is Report of the workers of an engine.
func (p *Pool) ReportOf(engine ratchet.Engine) (report sandbox.Report, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	report, ok = p.reports[engine.Or(ratchet.EngineQuickJS)]
	return report, ok
}

// Probe starts a worker for its report alone and ends it.
func (p *Pool) Probe() (sandbox.Report, error) { return p.ProbeOf(ratchet.EngineQuickJS) }

// ProbeOf is Probe of a worker of an engine.
func (p *Pool) ProbeOf(engine ratchet.Engine) (sandbox.Report, error) {
	if !p.enter() {
		return sandbox.Report{}, ErrClosed
	}
	defer p.tasks.Done()
	p.mu.Lock()
	k := p.kind(engine, probeMemory)
	p.mu.Unlock()
	w, err := p.spawn(k)
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
	if p.guest != nil {
		p.guest.Close()
	}
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

// command returns an unstarted worker whose descriptors are files, from 3 on.
func (p *Pool) command(files []*os.File, stderr *os.File) *exec.Cmd {
	// Not CommandContext: a worker is ended by kill, which also says why.
	cmd := exec.Command(p.config.Command[0], p.config.Command[1:]...)
	cmd.Env = []string{"GOMAXPROCS=1", "GODEBUG=containermaxprocs=0,updatemaxprocs=0", "TZ=UTC"}
	cmd.ExtraFiles = files
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
