package workerpool_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/ipc"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// pretend returns a pool of impostors of one mode.
func pretend(t *testing.T, mode string, config workerpool.Config) *workerpool.Pool {
	t.Helper()
	config.Command = []string{"/proc/self/exe", "impostor", mode}
	return newPool(t, config)
}

func TestAChildThatIsNoWorkerIsNotUsed(t *testing.T) {
	t.Parallel()
	for mode, says := range map[string]string{
		"another version": "protocol version 1",
		"no hello":        "want a hello",
		"silent":          "not ready after 1s",
		"hello, silent":   "not ready after 1s",
		"dies at once":    "exit status 7: no room on the ark",
		"hangs up":        "worker died",
		"garbage":         "frame",
		"oversized":       "larger than a frame may be",
		"zero length":     "larger than a frame may be",
		"broken report":   "report on the sandbox",
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			p := pretend(t, mode, workerpool.Config{Start: time.Second})
			_, err := p.Run(t.Context(), scripted("a"), wall, newCaller("1"))
			if !errors.Is(err, workerpool.ErrNotReady) || !strings.Contains(err.Error(), says) {
				t.Errorf("got %v, want ErrNotReady that says %q", err, says)
			}
			if pids := p.Pids(); len(pids) > 0 {
				t.Errorf("got %v among the workers", pids)
			}
			p.Warm() // fails in the background, as it may
		})
	}
}

func TestAWorkerThatCannotConfineItselfIsNotUsed(t *testing.T) {
	t.Parallel()
	p := pretend(t, "not confined", workerpool.Config{})
	for _, try := range []func() error{
		func() error {
			_, err := p.Run(t.Context(), scripted("a"), wall, newCaller("1"))
			return err
		},
		func() error {
			_, err := p.Probe()
			return err
		},
	} {
		e, ok := errors.AsType[*workerpool.SandboxError](try())
		if !ok || e.Reason != "seccomp is missing" || e.Report.Level != "reduced" {
			t.Errorf("got %+v, want a SandboxError with the reason and the report", e)
		}
	}
}

func TestACommandThatDoesNotExistIsAnError(t *testing.T) {
	t.Parallel()
	p := newPool(t, workerpool.Config{Command: []string{"/nonexistent/ratchet"}})
	if _, err := p.Run(t.Context(), scripted("a"), wall, newCaller("1")); err == nil || !strings.Contains(err.Error(), "/nonexistent/ratchet") {
		t.Errorf("got %v, want an error that names the command", err)
	}
}

func TestAWorkerThatBreaksTheProtocolIsKilled(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]struct {
		says  string
		cause error
	}{
		"run: garbage":              {says: "protocol violation"},
		"run: oversized":            {says: "protocol violation", cause: ipc.ErrTooLarge},
		"run: half a frame":         {says: "worker died"},
		"run: a message to workers": {says: "protocol violation: unexpected *ipc.Run"},
		"run: another's done":       {says: "protocol violation: done with execution 2"},
		"run: another's log":        {says: "protocol violation: message about execution 2"},
		"run: bytecode twice":       {says: "protocol violation: bytecode came late"},
		"run: late bytecode":        {says: "protocol violation: bytecode came late"},
		"run: dies":                 {says: "exit status 1: fatal: the end"},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			p := pretend(t, mode, workerpool.Config{})
			for range 2 { // the second shows that the pool goes on
				done, err := p.Run(t.Context(), scripted("a"), wall, newCaller("1"))
				if _, ok := errors.AsType[*workerpool.DeathError](err); !ok || !strings.Contains(err.Error(), want.says) {
					t.Errorf("got %+v, %v, want a DeathError that says %q", done, err, want.says)
				}
				if want.cause != nil && !errors.Is(err, want.cause) {
					t.Errorf("got %v, want one caused by %v", err, want.cause)
				}
			}
		})
	}
}

func TestASecondDoneEndsTheWorkerAndNotTheExecution(t *testing.T) {
	t.Parallel()
	p := pretend(t, "run: done twice", workerpool.Config{})
	for range 3 {
		done, err := p.Run(t.Context(), scripted("a"), wall, newCaller("1"))
		// The violation may be noticed before the execution is handed back.
		if err == nil && string(done.Output) != "1" {
			t.Errorf("got %s, want 1", done.Output)
		}
		if _, ok := errors.AsType[*workerpool.DeathError](err); err != nil && !ok {
			t.Errorf("got %v, want nothing else than a death", err)
		}
	}
}

func TestAFloodOnStderrHoldsUpNothingAndIsBounded(t *testing.T) {
	t.Parallel()
	p := pretend(t, "run: floods stderr", workerpool.Config{})
	if out, _ := run(t, p, scripted("a"), "1"); out != "1" {
		t.Errorf("got %s, want 1", out)
	}
	p = pretend(t, "run: floods stderr and dies", workerpool.Config{})
	_, err := p.Run(t.Context(), scripted("a"), wall, newCaller("1"))
	death, ok := errors.AsType[*workerpool.DeathError](err)
	if !ok {
		t.Fatalf("got %v, want a DeathError", err)
	}
	if n := len(death.Stderr); n == 0 || n > 64<<10 || !strings.HasSuffix(death.Stderr, "the end") {
		t.Errorf("%s: got %d bytes of stderr that end in %q, want the last 64 KiB at most", death.Status, n, death.Stderr[max(n-100, 0):])
	}
}

func TestAWorkerThatStopsReadingIsKilledWhenTimeIsUp(t *testing.T) {
	t.Parallel()
	p := pretend(t, "never reads", workerpool.Config{Grace: 200 * time.Millisecond})
	d := scripted("a")
	d.Program.Source = make([]byte, 8*mb) // more than the socket holds
	_, err := p.Run(t.Context(), d, 300*time.Millisecond, newCaller("1"))
	if !errors.Is(err, workerpool.ErrWall) {
		t.Errorf("got %v, want ErrWall", err)
	}
}

func TestAWorkerThatDoesNotStopIsKilledAfterTheGrace(t *testing.T) {
	t.Parallel()
	p := pretend(t, "run: deaf", workerpool.Config{Grace: 100 * time.Millisecond})
	c := newCaller("1")
	_, err := p.Run(t.Context(), scripted("a"), 100*time.Millisecond, c)
	if !errors.Is(err, workerpool.ErrWall) {
		t.Errorf("got %v, want ErrWall", err)
	}
	if pids := p.Pids(); len(pids) > 0 {
		t.Errorf("got %v still resident", pids)
	}
}
