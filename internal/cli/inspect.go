package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/spf13/pflag"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/inspector"
	"github.com/ratchet-runner/ratchet-go/internal/node"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// theTask stands for a file that is called after the task.
const theTask = "NAME.cpuprofile"

func (f *runFlags) defineInspect(s *pflag.FlagSet) {
	s.StringVar(&f.inspect, "inspect", "", fmt.Sprintf("let a debugger look into tasks in node, on a `PORT` of this machine (default %d)", inspector.DefaultPort))
	s.Lookup("inspect").NoOptDefVal = strconv.Itoa(inspector.DefaultPort)
}

// port is the one that --inspect names.
func (f *runFlags) port() (int, error) {
	port, err := strconv.Atoi(f.inspect)
	if err != nil || port < 0 || port > 65535 {
		return 0, usage("as in --inspect=9230; 0 is any that is free", "--inspect: %q is not a port", f.inspect)
	}
	return port, nil
}

// checkInspect reports what does not go together.
func (f *runFlags) checkInspect(flags *pflag.FlagSet) error {
	switch {
	case !flags.Changed("inspect") && !flags.Changed("cpu-prof"):
		return nil
	case flags.Changed("inspect") && flags.Changed("cpu-prof"):
		return usage("leave one of them out: a debugger has a profiler of its own", "--inspect does not go with --cpu-prof")
	case f.watch:
		return usage("leave one of them out", "--watch does not go with --inspect and --cpu-prof")
	case flags.Changed("cpu-prof") && f.profile == "":
		return usage("as in --cpu-prof=task.cpuprofile", "--cpu-prof has no name of a file")
	}
	if flags.Changed("inspect") {
		_, err := f.port()
		return err
	}
	return nil
}

// An onlooker looks into the worker of a run: for a debugger, or to see where the
// time goes. The zero onlooker looks nowhere.
type onlooker struct {
	server  *inspector.Server // nil: there is no debugger
	profile string            // the file; empty: nobody measures
	started func(workerpool.Target)

	mu      sync.Mutex
	session *inspector.Session // of the worker that runs
}

// look makes what the flags ask for.
func (r *runner) look(ctx context.Context, flags *pflag.FlagSet) (*onlooker, error) {
	o := &onlooker{profile: r.flags.profile}
	if o.profile != "" {
		o.started = func(t workerpool.Target) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.session = inspector.NewSession(t.Conn)
		}
	}
	if !flags.Changed("inspect") {
		return o, nil
	}
	port, err := r.flags.port()
	if err != nil {
		return nil, err
	}
	if o.server, err = inspector.Listen(ctx, port); err != nil {
		return nil, err
	}
	o.started = r.lend(o.server)
	return o, nil
}

// lend tells where debuggers find a worker.
func (a *app) lend(s *inspector.Server) func(workerpool.Target) {
	return func(t workerpool.Target) {
		where := s.Add(t.Conn, "ratchet "+t.Worker, "")
		fmt.Fprintf(a.Stderr, "Debugger listening on %s\n", where)
	}
}

// inspection is how workers are started.
func (o *onlooker) inspection() workerpool.Inspection {
	switch {
	case o.server != nil:
		return workerpool.Inspection{Kind: node.InspectedBreak, Started: o.started}
	case o.profile != "":
		return workerpool.Inspection{Kind: node.Inspected, Started: o.started}
	default:
		return workerpool.Inspection{}
	}
}

func (o *onlooker) close() {
	if o.server != nil {
		o.server.Close()
	}
	if s := o.current(); s != nil {
		s.Close()
	}
}

func (o *onlooker) current() *inspector.Session {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.session
}

// begin has the execution wait for whom it is to wait for.
func (o *onlooker) begin(r *runner, b *bundle.Bundle, req *executor.Request) error {
	if o.server == nil && o.profile == "" {
		return nil
	}
	if engine := r.exec.EngineOf(req.Engine, b); engine != ratchet.EngineNode {
		flag := "--inspect"
		if o.server == nil {
			flag = "--cpu-prof"
		}
		return usage("add --engine node", "%s works in the engine node alone, and the task runs in %s", flag, engine)
	}
	if o.server != nil {
		r.exec.Debug(executor.Debugging{})
		req.Begin = func(ctx context.Context) {
			fmt.Fprintln(r.Stderr, r.err.dim("the task waits for a debugger, such as chrome://inspect or VS Code, and stops at its first line; limits of time and memory are off"))
			if err := o.server.Wait(ctx); err != nil && ctx.Err() == nil {
				fmt.Fprintf(r.Stderr, "%s %v\n", r.err.yellow("warning:"), err)
			}
		}
		return nil
	}
	req.Begin = func(ctx context.Context) {
		if err := o.current().Profile(ctx); err != nil && ctx.Err() == nil {
			fmt.Fprintf(r.Stderr, "%s the time cannot be measured: %v\n", r.err.yellow("warning:"), err)
		}
	}
	return nil
}

// end writes what was measured.
func (o *onlooker) end(ctx context.Context, r *runner, b *bundle.Bundle, x *ratchet.Execution) error {
	s := o.current()
	if o.profile == "" || s == nil || x.StartedAt.IsZero() {
		return nil
	}
	text, err := s.EndProfile(ctx, b.SourceMap.Position, func(file string) string { return bundle.FileURL(inputPath(b, file)) })
	if errors.Is(err, inspector.ErrGone) {
		fmt.Fprintf(r.Stderr, "%s there is no profile: the worker had to be ended\n", r.err.yellow("warning:"))
		return nil
	}
	if err != nil {
		return err
	}
	file := o.profile
	if file == theTask {
		file = b.Name + ".cpuprofile"
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return ratchet.Errorf(ratchet.ReasonIO, "cannot write %s: %w", file, plain(err))
	}
	if !r.flags.quiet {
		fmt.Fprintln(r.Stderr, r.err.dim("wrote "+harmless(file)+"; Chrome's DevTools (Performance) and VS Code open it"))
	}
	return nil
}

// inputPath is where a file of the task lies.
func inputPath(b *bundle.Bundle, file string) string {
	return filepath.Join(b.Root, filepath.FromSlash(file))
}
