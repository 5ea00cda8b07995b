package pluginhost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/ipc"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// A child is a plugin that runs, however it does.
type child interface {
	// Kill ends it at once.
	Kill()
	// Wait waits until it has ended and says how: "exit status 2".
	Wait() string
	// PID is the number of its process; 0 if it has none.
	PID() int
}

// A transport is where a child's frames come and go.
type transport interface {
	io.ReadWriteCloser
	SetWriteDeadline(t time.Time) error
}

// A process is one life of a plugin, from the hello to its end.
type process struct {
	ctx     context.Context // of what it logs
	name    string
	config  *Config
	log     *slog.Logger
	child   child
	rw      transport
	conn    *ipc.Conn
	stderr  *lines
	started time.Time
	grace   time.Duration // Config.Grace, or less for what burns the server's own time

	out   chan ipc.Message // to be sent
	meter flood            // receive's own
	said  chan struct{}    // closed when it says no more
	ended chan struct{}    // closed when the child is gone

	users    atomic.Int64 // calls that hold it; guarded by its entry where it grows
	lastUsed atomic.Int64 // Unix nanoseconds

	mu      sync.Mutex
	next    uint32
	calls   map[uint32]chan *ipc.PluginReturn
	late    map[uint32]bool // calls that nobody waits for any more
	answers chan ipc.Message
	cause   error // why it was ended
	status  string
	stopped bool // it was told to stop: that it ends is no crash
}

// errDied is a process that is gone; text says how. What it printed last is for the
// operator alone: it may be of another job than whose call ended with it.
type errDied struct{ text, last string }

func (e *errDied) Error() string { return e.text }

// whole is err with what the process printed last, if it is of its end.
func whole(err error) error {
	if died, ok := errors.AsType[*errDied](err); ok && died.last != "" {
		return fmt.Errorf("%w: %s", err, died.last)
	}
	return err
}

// errBroken is a breach of the protocol.
var errBroken = errors.New("it broke the protocol")

// converse begins the conversation with a child.
func (h *Host) converse(ctx context.Context, name string, c child, rw transport, stderr *lines, memory ratchet.Size) (*process, error) {
	conn, err := ipc.NewConn(rw)
	if err != nil {
		return nil, err
	}
	p := &process{
		ctx: context.WithoutCancel(ctx), name: name, config: &h.config, log: h.log.With(slog.String("plugin", name)), child: c, rw: rw, conn: conn, stderr: stderr,
		started: time.Now(), out: make(chan ipc.Message, 64), said: make(chan struct{}), ended: make(chan struct{}), meter: flood{limit: h.config.Flood},
		calls: map[uint32]chan *ipc.PluginReturn{}, late: map[uint32]bool{}, answers: make(chan ipc.Message, 1),
	}
	p.grace = h.config.Grace
	if one, ok := c.(interface{ burns() bool }); ok && one.burns() {
		p.grace = min(p.grace, 100*time.Millisecond)
	}
	stderr.to(p)
	p.lastUsed.Store(p.started.UnixNano())
	var parts sync.WaitGroup
	parts.Go(p.receive)
	parts.Go(p.send)
	parts.Go(stderr.drain)
	if memory > 0 {
		parts.Go(func() { p.bound(memory) })
	}
	if !h.begin(func() { p.reap(&parts) }) {
		p.kill(errStopped)
		p.reap(&parts)
		return nil, errStopped
	}
	return p, nil
}

// reap waits for the end of the child and of all that served it.
func (p *process) reap(parts *sync.WaitGroup) {
	status := p.child.Wait()
	p.mu.Lock()
	p.status = status
	p.mu.Unlock()
	// What it said before it died may still be on the way.
	p.stderr.finish()
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-p.said:
	case <-timer.C:
	}
	close(p.ended)
	_ = p.conn.Close() // it is gone: there is nothing to say to it
	parts.Wait()
}

// bound kills the child if it uses more memory than it may.
func (p *process) bound(memory ratchet.Size) {
	meter, err := sandbox.OpenMeter(p.child.PID())
	if err != nil {
		return // it is gone, or this system has none
	}
	defer meter.Close()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-p.ended:
			return
		case <-ticker.C:
		}
		if used, err := meter.Read(); err == nil && used.RSS > int64(memory) {
			p.kill(fmt.Errorf("it uses more memory than the %s that it may have: its needs can ask for more", memory))
			return
		}
	}
}

// send sends what is asked for. A child that does not read is killed.
func (p *process) send() {
	for {
		select {
		case <-p.ended:
			return
		case m := <-p.out:
			if err := p.rw.SetWriteDeadline(time.Now().Add(p.config.Grace)); err != nil {
				p.kill(fmt.Errorf("set a deadline: %w", err))
				return
			}
			err := p.conn.Send(m)
			if call, ok := m.(*ipc.PluginCall); ok && errors.Is(err, ipc.ErrTooLarge) {
				p.returned(&ipc.PluginReturn{ID: call.ID, Failure: &ipc.PluginFailure{Kind: "error", Message: "the call is larger than 64 MB"}})
				continue
			}
			if err != nil {
				if !hungUp(err) {
					p.kill(fmt.Errorf("it does not read what it is sent: %w", err))
				}
				return
			}
		}
	}
}

func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || isClosed(err)
}

// receive takes what the child says, until it says no more.
func (p *process) receive() {
	for {
		m, err := p.conn.Receive()
		if err == nil {
			if err = p.take(m); err != nil {
				close(p.said)
				p.kill(err)
				return
			}
			continue
		}
		close(p.said)
		p.hangup(err)
		return
	}
}

// hangup is the end of what the child says. One that goes on running without
// saying anything would never be noticed again.
func (p *process) hangup(err error) {
	if hungUp(err) || errors.Is(err, io.ErrUnexpectedEOF) {
		timer := time.NewTimer(p.config.StopBudget)
		defer timer.Stop()
		select {
		case <-p.ended:
		case <-timer.C:
			p.kill(errors.New("it closed its standard output"))
		}
		return
	}
	p.kill(fmt.Errorf("%w: %w. Its standard output is for the protocol alone: what a plugin prints belongs to its standard error", errBroken, err))
}

func (p *process) take(m ipc.Message) error {
	switch m := m.(type) {
	case *ipc.PluginReturn:
		return p.returned(m)
	case *ipc.PluginLog:
		if err := p.meter.add(len(m.Message) + len(m.Fields) + 64); err != nil {
			return err
		}
		p.logged(m)
		return nil
	case *ipc.PluginReady, *ipc.PluginStarted:
		select {
		case p.answers <- m:
			return nil
		default:
			return fmt.Errorf("%w: it sent %T unasked", errBroken, m)
		}
	default:
		return fmt.Errorf("%w: it sent %T", errBroken, m)
	}
}

// returned hands an answer to whoever waits for it.
func (p *process) returned(m *ipc.PluginReturn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.calls[m.ID]; c != nil {
		delete(p.calls, m.ID)
		c <- m
		return nil
	}
	if p.late[m.ID] {
		delete(p.late, m.ID)
		return nil
	}
	return fmt.Errorf("%w: it answered call %d, which it was not given", errBroken, m.ID)
}

// call asks the child for something and waits for its answer, the end of the
// budget, or ctx's.
func (p *process) call(ctx context.Context, op string, head, body []byte, budget time.Duration) (*ipc.PluginReturn, error) {
	answer := make(chan *ipc.PluginReturn, 1)
	p.mu.Lock()
	p.next++
	id := p.next
	p.calls[id] = answer
	p.mu.Unlock()
	timer := time.NewTimer(budget)
	defer timer.Stop()
	left := budget
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, max(time.Until(deadline), 0))
	}
	m := &ipc.PluginCall{ID: id, Op: op, Head: head, Body: body, Deadline: max(left.Milliseconds(), 1)}
	select {
	case p.out <- m:
	case <-p.ended:
		return nil, p.death()
	case <-timer.C:
		return nil, p.giveUp(id, budget)
	case <-ctx.Done():
		_ = p.giveUp(id, budget)
		return nil, context.Cause(ctx)
	}
	select {
	case r := <-answer:
		return r, nil
	case <-p.ended:
		select { // it may have answered and died
		case r := <-answer:
			return r, nil
		default:
			return nil, p.death()
		}
	case <-timer.C:
		return nil, p.giveUp(id, budget)
	case <-ctx.Done():
		_ = p.giveUp(id, budget)
		return nil, context.Cause(ctx)
	}
}

// A budgetError says that a plugin took too long.
type budgetError struct{ budget time.Duration }

func (e *budgetError) Error() string {
	return "it did not answer within " + ratchet.Duration(e.budget).String()
}

// giveUp waits no longer for a call. If it does not end soon, the plugin hangs.
func (p *process) giveUp(id uint32, budget time.Duration) error {
	p.mu.Lock()
	if p.calls[id] == nil { // answered at the last moment
		p.mu.Unlock()
		return &budgetError{budget}
	}
	delete(p.calls, id)
	p.late[id] = true
	p.mu.Unlock()
	select {
	case p.out <- &ipc.PluginCancel{ID: id}:
	default: // it does not read: the timer tells
	}
	time.AfterFunc(p.grace, func() {
		p.mu.Lock()
		hangs := p.late[id]
		p.mu.Unlock()
		if hangs {
			p.kill(fmt.Errorf("it hangs: a call that was cancelled did not end within %s", ratchet.Duration(p.grace)))
		}
	})
	return &budgetError{budget}
}

// await waits for the answer to a hello or a start.
func (p *process) await(what string, budget time.Duration) (ipc.Message, error) {
	timer := time.NewTimer(budget)
	defer timer.Stop()
	select {
	case m := <-p.answers:
		return m, nil
	case <-p.ended:
		select {
		case m := <-p.answers: // it said why before it ended
			return m, nil
		default:
			return nil, whole(p.death())
		}
	case <-timer.C:
		return nil, fmt.Errorf("it did not answer %s within %s", what, ratchet.Duration(budget))
	}
}

// kill ends the child at once. The first cause is the one told.
func (p *process) kill(cause error) {
	p.mu.Lock()
	p.cause = cmp.Or(p.cause, cause)
	p.mu.Unlock()
	p.child.Kill()
}

// death says how the child ended.
func (p *process) death() error {
	<-p.ended
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause != nil {
		return &errDied{text: p.cause.Error()}
	}
	return &errDied{"it ended: " + p.status, p.stderr.last()}
}

// finish asks the child to end, and kills it if it does not.
func (p *process) finish(cause error) {
	p.mu.Lock()
	p.stopped = true
	p.mu.Unlock()
	timer := time.NewTimer(p.config.StopBudget)
	defer timer.Stop()
	select {
	case p.out <- &ipc.PluginStop{}:
	case <-timer.C:
	case <-p.ended:
	}
	select {
	case <-p.ended:
	case <-timer.C:
		p.log.Warn("a plugin did not stop in time and is killed", slog.Duration("budget", p.config.StopBudget))
		p.kill(cause)
		<-p.ended
	}
}

// gone reports whether the child has ended.
func (p *process) gone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// logged makes a line of the server's log of a plugin's.
func (p *process) logged(m *ipc.PluginLog) {
	var level slog.Level
	if level.UnmarshalText([]byte(m.Level)) != nil {
		level = slog.LevelInfo
	}
	attrs := []slog.Attr{slog.String("message", limit(m.Message, maxLine))}
	if len(m.Fields) > 0 && len(m.Fields) <= maxLine {
		attrs = append(attrs, slog.String("fields", string(m.Fields)))
	}
	p.log.LogAttrs(p.ctx, level, "plugin log", attrs...)
}

func limit(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
