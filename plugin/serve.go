package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/ipc"
)

// A server is the conversation of one plugin with the server that started it.
type server struct {
	plugin   Plugin
	conn     *ipc.Conn
	manifest []byte
	oneByOne bool
	log      *slog.Logger

	calls sync.WaitGroup

	mu      sync.Mutex
	cancels map[uint32]context.CancelFunc
}

// Serve has p answer whoever is at the other end of rw, until it is told to stop
// or the other end is gone. It closes rw. Main calls it; a server calls it itself
// for the plugins that are compiled into it.
func Serve(ctx context.Context, rw io.ReadWriteCloser, p Plugin) error {
	conn, err := ipc.NewConn(rw)
	if err != nil {
		return errors.Join(err, rw.Close())
	}
	s := &server{plugin: p, conn: conn, oneByOne: oneByOne, cancels: map[uint32]context.CancelFunc{}}
	s.log = slog.New(&handler{conn: conn})
	err = s.serve(ctx)
	return errors.Join(err, conn.Close())
}

func (s *server) serve(ctx context.Context) error {
	var err error
	if s.manifest, err = json.Marshal(s.plugin.Manifest()); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	hello, err := receive[*ipc.PluginHello](s.conn)
	if err != nil {
		return err
	}
	version := min(hello.Max, ipc.PluginVersionMax)
	if version < max(hello.Min, ipc.PluginVersionMin) {
		text := fmt.Sprintf("the server speaks versions %d to %d of the protocol, this plugin %d to %d",
			hello.Min, hello.Max, ipc.PluginVersionMin, ipc.PluginVersionMax)
		return errors.Join(errors.New(text), s.conn.Send(&ipc.PluginReady{Manifest: s.manifest, Error: text}))
	}
	if err := s.conn.Send(&ipc.PluginReady{Version: version, Manifest: s.manifest}); err != nil {
		return err
	}
	start, err := receive[*ipc.PluginStart](s.conn)
	if err != nil {
		return err
	}
	err = guard(func() error {
		if s.plugin.Start == nil {
			return nil
		}
		return s.plugin.Start(ctx, Setup{Config: start.Config, Data: start.Data, Ratchet: hello.Ratchet, Log: s.log})
	})
	if err := errors.Join(err, s.conn.Send(&ipc.PluginStarted{Failure: failure(err)})); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	return s.answer(ctx)
}

// receive waits for a message of one kind.
func receive[M ipc.Message](conn *ipc.Conn) (M, error) {
	var none M
	got, err := conn.Receive()
	if err != nil {
		return none, fmt.Errorf("wait for %T: %w", none, err)
	}
	m, ok := got.(M)
	if !ok {
		return none, fmt.Errorf("wait for %T: got %T", none, got)
	}
	return m, nil
}

// answer answers calls until there are no more.
func (s *server) answer(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer s.calls.Wait()
	defer cancel() // whoever waited for the calls under way is gone
	for {
		m, err := s.conn.Receive()
		if err != nil {
			return gone(err)
		}
		switch m := m.(type) {
		case *ipc.PluginCall:
			s.begin(ctx, m)
		case *ipc.PluginCancel:
			s.mu.Lock()
			if cancel := s.cancels[m.ID]; cancel != nil {
				cancel()
			}
			s.mu.Unlock()
		case *ipc.PluginStop:
			s.calls.Wait()
			if s.plugin.Stop == nil {
				return nil
			}
			return guard(func() error { return s.plugin.Stop(ctx) })
		default:
			return fmt.Errorf("got %T while running", m)
		}
	}
}

// gone makes the end of the conversation no error: it is how a server that died
// says goodbye.
func gone(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}

func (s *server) begin(ctx context.Context, call *ipc.PluginCall) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(call.Deadline)*time.Millisecond)
	s.mu.Lock()
	s.cancels[call.ID] = cancel
	s.mu.Unlock()
	do := func() {
		answer := &ipc.PluginReturn{ID: call.ID}
		err := guard(func() (err error) {
			answer.Head, answer.Body, err = s.call(ctx, call)
			return err
		})
		answer.Failure = failure(err)
		if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			answer.Failure.Kind = "timeout"
		}
		s.mu.Lock()
		delete(s.cancels, call.ID)
		s.mu.Unlock()
		cancel()
		err = s.conn.Send(answer)
		if errors.Is(err, ipc.ErrTooLarge) {
			answer = &ipc.PluginReturn{ID: call.ID, Failure: failure(errors.New("the answer is larger than 64 MB"))}
			err = s.conn.Send(answer)
		}
		_ = err // if nobody hears it, Receive will tell
	}
	if s.oneByOne {
		do()
		return
	}
	s.calls.Go(do)
}

// A panicError is a panic in a plugin's function.
type panicError struct {
	text  string
	stack []byte
}

func (e *panicError) Error() string { return "panic: " + e.text }

// guard calls f, and makes a panic in it an error.
func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &panicError{text: fmt.Sprint(r), stack: debug.Stack()}
		}
	}()
	return f()
}

// failure is err as the protocol says it.
func failure(err error) *ipc.PluginFailure {
	if err == nil {
		return nil
	}
	f := &ipc.PluginFailure{Kind: "error", Message: err.Error()}
	if e, ok := errors.AsType[*Error](err); ok {
		f.Retry, f.Data = e.Retry, e.Data
		if e.rejected {
			f.Kind = "rejected"
		}
	}
	if p, ok := errors.AsType[*panicError](err); ok {
		f.Kind = "panic"
		f.Data, _ = json.Marshal(map[string]string{"stack": string(p.stack)}) // strings marshal
	}
	if errors.Is(err, errUnsupported) {
		f.Kind = "unsupported"
	}
	return f
}
