package workerpool

import (
	"context"
	"errors"
	"sync"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/ipc"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// A Handler answers what an execution asks for. Start is called first, on the
// goroutine of Run; the others on the worker's reading goroutine, one after the
// other, and they must not wait.
type Handler interface {
	// Start says what to run, now that there is a worker. It is called again
	// where that worker turns out to have died before it could begin.
	Start(x *Execution) Run
	Request(x *Execution, m *Request)
	Log(x *Execution, m *Log)
	Progress(x *Execution, m *Progress)
}

// An Execution is one run in a worker.
type Execution struct {
	worker  *worker
	id      uint32
	cpu     [2]time.Duration // of the process: what it had used at the start, and may have at most; 0 is unlimited
	handler Handler
	heard   bool // the worker has spoken of it; receive's own until ended is closed
	once    sync.Once
	ended   chan struct{}
	done    *ipc.Done
	err     error
}

// Run leases a worker of the domain, runs one execution in it and returns what
// the worker said at the end. handler answers meanwhile.
//
// When ctx ends, or wall has passed since the start, the execution is told to
// stop; if it has not by the end of the grace period its worker is killed. Run
// then returns ctx's cause, or ErrWall. A worker that dies gives a [*DeathError].
//
// A worker that was killed without a word about the execution, as one is that
// was dead before it could read of it, is replaced once: whatever a task does
// outside its process, the worker must speak of first.
func (p *Pool) Run(ctx context.Context, d *Domain, wall time.Duration, handler Handler) (*Done, error) {
	x, done, err := p.run(ctx, d, wall, handler)
	if death, ok := errors.AsType[*DeathError](err); ok && x != nil && !x.heard && death.Cause == nil && death.Killed {
		_, done, err = p.run(ctx, d, wall, handler)
	}
	return done, err
}

func (p *Pool) run(ctx context.Context, d *Domain, wall time.Duration, handler Handler) (*Execution, *Done, error) {
	if d.Engine == ratchet.EngineNode && !p.hasNode() {
		return nil, nil, ErrNoNode
	}
	x, err := p.begin(ctx, d, wall, handler)
	if err != nil {
		return nil, nil, err
	}
	w := x.worker
	defer p.release(w)
	ctx, cancel := context.WithTimeoutCause(ctx, wall, ErrWall)
	defer cancel()
	select {
	case <-x.ended:
	case <-ctx.Done():
		x.stop(p.config.Grace)
		if x.err == nil && x.done.Failure == nil {
			return x, x.done, nil // it made it after all
		}
		if death, ok := errors.AsType[*DeathError](x.err); !ok || errors.Is(death.Cause, errGrace) {
			return x, x.done, context.Cause(ctx)
		}
	}
	if x.err == nil && spoilt(x.done) {
		p.retire(w)
	}
	return x, x.done, x.err
}

// begin leases a worker and starts the execution in it. A worker that turns out
// to have died before it was told of the execution is passed over, a few times.
func (p *Pool) begin(ctx context.Context, d *Domain, wall time.Duration, handler Handler) (*Execution, error) {
	for tries := 3; ; tries-- {
		w, err := p.lease(ctx, d)
		if err != nil {
			return nil, err
		}
		// A worker that reads no more must not hold up the one who sends.
		late := time.AfterFunc(wall+p.config.Grace, func() { w.kill(ErrWall) })
		x, err := w.start(handler)
		late.Stop()
		if err == nil {
			return x, nil
		}
		p.release(w)
		if death, ok := errors.AsType[*DeathError](err); !ok || death.Cause != nil || tries == 1 {
			return nil, err
		}
	}
}

// ErrWall is what an execution that took too long ends with.
var ErrWall = errors.New("time is up")

// spoilt reports whether an execution left its process in a state not worth
// keeping: it hit a limit.
func spoilt(done *ipc.Done) bool {
	if done.Failure == nil {
		return false
	}
	switch done.Failure.Kind {
	case "memory", "cpu", "recursion", "stopped":
		return true
	}
	return false
}

// Worker names the process that runs x.
func (x *Execution) Worker() string { return x.worker.name() }

// Reply answers a request. It does nothing once the execution has ended.
func (x *Execution) Reply(m *ipc.Reply) {
	select {
	case <-x.ended:
		return
	default:
	}
	m.Exec = x.id
	if err := x.worker.conn.Send(m); errors.Is(err, ipc.ErrTooLarge) {
		x.worker.kill(err)
	} // any other failure means that the worker is gone, which ends x
}

func (x *Execution) end(done *ipc.Done, err error) {
	x.once.Do(func() {
		x.done, x.err = done, err
		close(x.ended)
	})
}

var errGrace = errors.New("it did not stop when told to")

// stop tells the execution to stop, waits for the grace period, and kills the
// worker if need be.
func (x *Execution) stop(grace time.Duration) {
	w := x.worker
	w.pool.retire(w) // whatever made it stop, its memory is not worth keeping
	sent := make(chan struct{})
	go func() { // a worker that no longer reads must not hold up its own end
		defer close(sent)
		_ = w.conn.Send(&ipc.Cancel{Exec: x.id}) // a send that fails means the worker is gone
	}()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-x.ended:
	case <-timer.C:
		w.kill(errGrace)
		<-x.ended
	}
	<-sent
}

// start binds the worker if it is new, and sends the run. After an error the
// worker has run nothing of it.
func (w *worker) start(handler Handler) (*Execution, error) {
	x := &Execution{worker: w, handler: handler, ended: make(chan struct{})}
	w.mu.Lock()
	if w.execs == nil {
		w.mu.Unlock()
		return nil, w.death(nil)
	}
	w.next++
	x.id = w.next
	w.execs[x.id] = x
	w.mu.Unlock()
	if w.binding.Do(func() { w.bindErr = w.bind() }); w.bindErr != nil {
		return nil, w.failed(x, w.bindErr)
	}
	run := handler.Start(x)
	run.Exec = x.id
	w.limitCPU(x, time.Duration(run.CPU))
	if err := w.conn.Send(&run); err != nil {
		return nil, w.failed(x, err)
	}
	return x, nil
}

// failed tells what became of an execution that could not be sent.
func (w *worker) failed(x *Execution, err error) error {
	w.remove(x.id)
	w.kill(err)
	<-w.gone
	return w.death(err)
}

// Memory that a worker's process may take beyond its VMs' own: the Go runtime,
// the engine's tables, copies of what passes through.
const (
	dataHeadroom     = 128 << 20
	residentHeadroom = 64 << 20
)

// bind gives the worker its task, and its memory limits from outside.
func (w *worker) bind() error {
	d := w.domain
	slots := int64(max(d.Slots, 1))
	if sandbox.Supported() {
		// One VM more than slots: an execution may begin before the VM of the last
		// one is closed.
		meter, err := sandbox.OpenMeter(w.cmd.Process.Pid)
		if err != nil {
			return err
		}
		usage, err := meter.Read()
		if err == nil {
			err = sandbox.LimitMemory(w.cmd.Process.Pid, w.dataLimit(usage))
		}
		if err != nil {
			meter.Close()
			return err
		}
		w.mu.Lock()
		w.meter, w.base = meter, usage
		w.mu.Unlock()
	}
	return w.conn.Send(&ipc.Bind{
		File: d.Program.File, Kind: d.Program.Kind, Source: d.Program.Source, Bytecode: d.Program.Cache.get(),
		Memory: d.Memory, Recursion: int32(d.Recursion), Resident: int32(min(slots+1, 4)),
	})
}

// ErrMemory is the cause of death of a worker whose memory outgrew its limit.
var ErrMemory = errors.New("its memory outgrew the limit")

// restPause is the time between two looks at workers none of which runs anything:
// a look wakes the process, and an idle server should sleep.
const restPause = time.Second

// watch looks at the memory of running workers, and ends idle ones, until the
// pool closes.
func (p *Pool) watch() {
	for busy := true; ; {
		pause := p.config.Watch
		if !busy {
			pause = max(pause, min(restPause, p.config.Idle))
		}
		timer := time.NewTimer(pause)
		select {
		case <-p.stop:
			timer.Stop()
			return
		case <-p.busy:
			timer.Stop()
			busy = true
		case now := <-timer.C:
			busy = p.look(now)
		}
	}
}

// look reports whether any worker runs something.
func (p *Pool) look(now time.Time) (busy bool) {
	p.mu.Lock()
	var running, idle []*worker
	for _, w := range p.workers {
		switch {
		case w.used > 0:
			running = append(running, w)
		case w.domain != nil && now.Sub(w.lastUsed) > p.config.Idle:
			idle = append(idle, w)
		}
	}
	for _, w := range idle {
		p.remove(w)
	}
	p.resting = p.running == 0
	busy = !p.resting
	p.mu.Unlock()
	for _, w := range idle {
		w.kill(errIdle)
	}
	for _, w := range running {
		w.weigh()
	}
	return busy
}

// weigh kills the worker if it takes more memory than its executions may, or more
// processor time than one that cannot look to that itself.
func (w *worker) weigh() {
	var cause error
	w.mu.Lock()
	if w.meter != nil {
		usage, err := w.meter.Read()
		limit := w.base.RSS + int64(max(w.domain.Slots, 1))*w.domain.Memory + residentHeadroom + w.pool.config.Inspection.headroom()
		switch {
		case err != nil: // it is gone, which shows elsewhere
		case usage.RSS > limit:
			cause = ErrMemory
		default:
			cause = w.overCPU(usage.CPU)
		}
	}
	w.mu.Unlock()
	if cause != nil {
		w.kill(cause)
	}
}
