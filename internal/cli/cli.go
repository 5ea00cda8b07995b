// Package cli is Ratchet's command line: it reads arguments and writes results,
// errors and exit codes. It sees the world through a World value, so that every
// command runs whole in a test; what the commands do is the business of the
// packages they put together.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/term"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/internal/worker"
)

// A World is all that a command knows of its surroundings.
type World struct {
	Args   []string // without the program's name
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// LookupEnv finds a variable of the environment.
	LookupEnv func(name string) (value string, found bool)
	// Environ lists the environment, each variable NAME=VALUE. Default: none.
	Environ func() []string

	StdinTerminal  bool
	StdoutTerminal bool
	StderrTerminal bool
	Width          int // of the terminal, in columns; 0 if there is none

	// Notify has the signals that ask the program to stop sent to c.
	Notify func(c chan<- os.Signal)
	// Exit ends the process at once; a second signal asks for that.
	Exit func(code int)
	// Worker is the command of worker processes. Default: this executable.
	Worker []string
}

// OS returns the World of this process.
func OS() World {
	w := World{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		LookupEnv:      os.LookupEnv,
		Environ:        os.Environ,
		StdinTerminal:  term.IsTerminal(int(os.Stdin.Fd())),
		StdoutTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		StderrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		Notify:         func(c chan<- os.Signal) { signal.Notify(c, os.Interrupt, syscall.SIGTERM) },
		Exit:           os.Exit,
	}
	for _, f := range []*os.File{os.Stdout, os.Stderr} {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && w.Width == 0 {
			w.Width = width
		}
	}
	return w
}

// Main runs the command that w asks for and returns its exit code.
func Main(ctx context.Context, w World) int {
	// First of all, for whoever started us may have left descriptors open, and
	// a worker must not pay for the command tree.
	inherited := sandbox.CloseInherited()
	if workerOf(w.Args) {
		if err := worker.Main(w.Args[1]); err != nil {
			fmt.Fprintln(w.Stderr, err) // the server keeps it for its own report
			return 1
		}
		return 0
	}
	if len(w.Args) > 0 && w.Args[0] == "plugin-launch" {
		// It does not return, unless it cannot become the plugin.
		fmt.Fprintln(w.Stderr, sandbox.Launch(w.Args[1:]))
		return 1
	}
	a := newApp(w)
	if inherited != nil {
		return a.report(inherited)
	}
	return a.main(ctx)
}

// workerOf reports whether the arguments are those of a worker process, rather
// than of the command worker.
func workerOf(args []string) bool {
	if len(args) != 2 || args[0] != "worker" {
		return false
	}
	_, err := sandbox.ParseArg(args[1])
	return err == nil
}

// app is one run of the command.
type app struct {
	World
	out   paint // how to write to Stdout
	err   paint // how to write to Stderr
	debug bool  // show what is behind an error
}

func newApp(w World) *app {
	a := &app{World: w}
	colour := a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
	a.out = paint{colour && w.StdoutTerminal}
	a.err = paint{colour && w.StderrTerminal}
	a.debug = a.getenv("RATCHET_DEBUG") != "" && a.getenv("RATCHET_DEBUG") != "0"
	return a
}

func (a *app) getenv(name string) string {
	if value, found := a.LookupEnv(name); found {
		return value
	}
	return ""
}

func (a *app) main(ctx context.Context) (code int) {
	defer func() {
		if r := recover(); r != nil {
			code = a.report(fmt.Errorf("panic: %v\n%s", r, debug.Stack()))
		}
	}()
	ctx, stop := a.listen(ctx)
	defer stop()
	root := a.root()
	root.SetArgs(a.Args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if i, ok := errors.AsType[interruption](context.Cause(ctx)); ok {
		fmt.Fprintln(a.Stderr, a.err.bold(i.Error()))
		return i.exitCode()
	}
	return a.report(err)
}

// sameSignal is how soon after the first a signal is that one again.
const sameSignal = 100 * time.Millisecond

// listen returns a context that the first signal cancels, with an interruption
// as its cause. A second signal ends the process at once, and the workers, which
// die with it. One that comes with the first is the same: whoever signals a whole
// group, as timeout does, may reach a process twice.
func (a *app) listen(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 2)
	a.Notify(signals)
	over := make(chan struct{})
	go func() {
		var first time.Time
		for {
			select {
			case <-over:
				return
			case s := <-signals:
				i := interruption{s}
				switch {
				case ctx.Err() == nil:
					first = time.Now()
					cancel(i)
				case time.Since(first) >= sameSignal:
					fmt.Fprintln(a.Stderr, a.err.bold(i.Error()+" again: ending at once"))
					a.Exit(i.exitCode())
				}
			}
		}
	}()
	return ctx, func() {
		close(over)
		cancel(nil)
	}
}

// An interruption is a signal that asked the program to stop.
type interruption struct{ signal os.Signal }

func (i interruption) Error() string {
	if i.signal == syscall.SIGTERM {
		return "terminated"
	}
	return "interrupted"
}

// Is makes an interruption a cancellation to those who do not know it.
func (i interruption) Is(target error) bool { return target == context.Canceled }

func (i interruption) exitCode() int {
	if i.signal == syscall.SIGTERM {
		return exitTerminated
	}
	return exitInterrupted
}

// What a shell reports of a program that a signal ended.
const (
	exitInterrupted = 130
	exitTerminated  = 143
)

// An exit is what a command ends with for a Code.
type exit struct {
	status int
	codes  []ratchet.Code
	text   string
}

// exits is the one table of exit codes.
func exits() []exit {
	return []exit{
		{0, nil, "success"},
		{1, []ratchet.Code{ratchet.CodeInternal}, "a test failed, a replay differs, or a fault of Ratchet or of the machine"},
		{2, []ratchet.Code{ratchet.CodeInvalid}, "invalid command line, task or input"},
		{3, []ratchet.Code{ratchet.CodeTaskFailed}, "the task threw, hit a limit, or its output broke its schema"},
		{4, []ratchet.Code{ratchet.CodeUnauthenticated, ratchet.CodeForbidden}, "not allowed"},
		{5, []ratchet.Code{ratchet.CodeNotFound}, "not found"},
		{6, []ratchet.Code{ratchet.CodeConflict}, "conflict with what is there"},
		{7, []ratchet.Code{ratchet.CodeExhausted}, "a rate, a queue or a quota is full"},
		{8, []ratchet.Code{ratchet.CodeTimeout, ratchet.CodeUnavailable}, "timed out, or not available on this machine"},
		{exitInterrupted, nil, "interrupted (SIGINT)"},
		{exitTerminated, nil, "terminated (SIGTERM)"},
	}
}

// exitCode returns what the command ends with for the code.
func exitCode(code ratchet.Code) int {
	for _, e := range exits() {
		for _, c := range e.codes {
			if c == code {
				return e.status
			}
		}
	}
	return 1
}
