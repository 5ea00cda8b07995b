package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/engine"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/recording"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// runFlags are the flags of run, as given.
type runFlags struct {
	fromFS    string
	input     string
	inputJSON string
	limits    ratchet.Limits
	allowNet  []string
	env       []string
	json      bool
	watch     bool
	quiet     bool
	record    string
	insecure  bool
	engine    engineFlag
	inspect   string // a port
	profile   string // a file
}

func (a *app) runCommand() *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "run PATH",
		Short: "Run a task once and print its result",
		Long: `Run the task at PATH once, in a sandboxed process, and print its result.

PATH is a folder, a zip, or a single .js or .ts file. The result is the only
thing on stdout: JSON, on one line or, on a terminal, indented. What the task
logs, warnings and errors go to stderr.

A limit is what its flag says, else the task's metadata.json, else the default.`,
		Example: `  ratchet run examples/addition --input '{"num1": 5, "num2": 10}'
  ratchet run task.ts --input @input.json --timeout 5s --memory 64MB
  echo '{"city": "Riga"}' | ratchet run weather --input - --env API_KEY
  ratchet run weather --allow-net 127.0.0.1        # a server on this machine
  ratchet run task --watch                         # again after every change
  ratchet run task --record monday                 # for ratchet replay monday
  ratchet run task --json | jq .error.reason       # the whole record`,
		Args: func(cmd *cobra.Command, args []string) error {
			if flags.fromFS != "" {
				return wantArgs(0, 0, "either --from-fs or a PATH")(cmd, args)
			}
			return wantArgs(1, 1, "the PATH of a task")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd, &flags, append(args, flags.fromFS)[0])
		},
	}
	flags.define(cmd.Flags())
	return cmd
}

// runOnceCommand is run under the name it had in the earlier Ratchet.
func (a *app) runOnceCommand() *cobra.Command {
	cmd := a.runCommand()
	cmd.Use, cmd.Hidden = "run-once [PATH]", true
	cmd.Short = "The old name of run"
	cmd.Example = `  ratchet run-once --from-fs examples/addition --input-json '{"num1": 5, "num2": 10}'`
	return cmd
}

func (f *runFlags) define(flags *pflag.FlagSet) {
	under(flags, "Input and output", func(s *pflag.FlagSet) {
		s.StringVarP(&f.input, "input", "i", "{}", "the input: `JSON`, @FILE, or - for stdin")
		s.BoolVar(&f.json, "json", false, "print the whole record of the execution: state, output, error, logs, requests")
		s.StringVar(&f.record, "record", "", "write a recording to the new folder `DIR`: input, result, requests and log, with placeholders for secrets")
		s.BoolVarP(&f.watch, "watch", "w", false, "run again whenever one of the task's files changes")
		s.BoolVarP(&f.quiet, "quiet", "q", false, "write only errors to stderr, no logs and warnings")
	})
	d := ratchet.DefaultLimits()
	under(flags, "Limits", func(s *pflag.FlagSet) {
		limit := func(v pflag.Value, name, usage string, def fmt.Stringer) {
			s.VarPF(v, name, "", usage).DefValue = def.String()
		}
		count := func(v *int, name, usage string, def int) {
			s.VarPF((*number)(v), name, "", usage).DefValue = fmt.Sprint(def)
		}
		limit(&f.limits.Wall, "timeout", "time from start to result", d.Wall)
		limit(&f.limits.CPU, "max-cpu", "processor time", d.CPU)
		limit(&f.limits.Memory, "memory", "memory of the task's values", d.Memory)
		limit(&f.limits.Output, "max-output", "size of the result", d.Output)
		limit(&f.limits.Logs, "max-logs", "size of all that is logged", d.Logs)
		count(&f.limits.Fetches, "max-fetches", "number of requests", d.Fetches)
		limit(&f.limits.FetchBytes, "max-fetch-bytes", "size of all bodies, sent and received", d.FetchBytes)
		limit(&f.limits.FetchBody, "max-fetch-body", "size of one response's body", d.FetchBody)
		count(&f.limits.Recursion, "max-recursion", "depth of nested calls", d.Recursion)
	})
	under(flags, "Permissions", func(s *pflag.FlagSet) {
		s.StringSliceVar(&f.allowNet, "allow-net", nil, "allow requests to a `HOST`, an internal address or a network (repeat, or part with commas)")
		s.StringArrayVarP(&f.env, "env", "e", nil, "give the task a variable it declares: `NAME=VALUE`, or NAME to pass on this shell's (repeat)")
		s.BoolVar(&f.insecure, "insecure-allow-unsandboxed-workers", false, "run even where the kernel cannot isolate the task; never for code you did not write")
	})
	under(flags, "Engine", func(s *pflag.FlagSet) {
		s.Var(&f.engine, "engine", "run in the `ENGINE` quickjs or node, whatever the task's metadata.json says")
	})
	under(flags, "Debugging", func(s *pflag.FlagSet) {
		f.defineInspect(s)
		s.StringVar(&f.profile, "cpu-prof", "", "write where the time went to a `FILE` for Chrome and VS Code, in node (default NAME.cpuprofile)")
		s.Lookup("cpu-prof").NoOptDefVal = theTask
	})
	flags.StringVar(&f.fromFS, "from-fs", "", "the old name of PATH")
	flags.StringVar(&f.inputJSON, "input-json", "", "the old name of --input, JSON only")
	for _, name := range []string{"from-fs", "input-json"} {
		flags.Lookup(name).Hidden = true
	}
}

// number is a count that is shown as one.
type number int

func (n *number) Set(s string) error {
	var v int
	if _, err := fmt.Sscanf(s, "%d", &v); err != nil || fmt.Sprint(v) != s {
		return ratchet.Errorf(ratchet.ReasonUsage, "%q is not a whole number", s)
	}
	*n = number(v)
	return nil
}

func (n *number) String() string { return fmt.Sprint(int(*n)) }
func (*number) Type() string     { return "number" }

// limitFlags leads from a limit's name in JSON to its flag.
func limitFlags() map[string]string {
	return map[string]string{
		"timeout": "timeout", "cpu": "max-cpu", "memory": "memory", "output": "max-output", "logs": "max-logs",
		"fetches": "max-fetches", "fetchBytes": "max-fetch-bytes", "fetchBody": "max-fetch-body", "recursion": "max-recursion",
	}
}

// checkLimits reports limits that are out of bounds by their flags.
func (f *runFlags) checkLimits(flags *pflag.FlagSet) error {
	for _, name := range limitFlags() {
		if flag := flags.Lookup(name); flag.Changed && strings.Trim(flag.Value.String(), "0sB") == "" {
			hint := "leave the flag out for the default of " + flag.DefValue
			if name == "max-fetches" {
				hint = `to allow no requests: "permissions": {"net": []} in metadata.json`
			}
			return usage(hint, "--%s wants more than 0", name)
		}
	}
	if wrong := f.limits.Validate(); len(wrong) > 0 {
		d := wrong[0]
		return usage("", "--%s is out of bounds: %s, got %s", limitFlags()[strings.TrimPrefix(d.Pointer, "/")], d.Expected, d.Got)
	}
	return nil
}

// checkRecord reports why no recording could be written.
func (f *runFlags) checkRecord(flags *pflag.FlagSet) error {
	switch {
	case !flags.Changed("record"):
		return nil
	case f.record == "":
		return usage("as in --record monday", "--record has no name of a folder")
	case f.watch:
		return usage("leave one of them out", "--watch does not go with --record, which writes one execution")
	}
	if err := recording.Vacant(f.record); err != nil {
		return usage("name a folder that does not exist", "--record: %w", err)
	}
	return nil
}

// A runner runs one task, once or again and again.
type runner struct {
	*app
	flags  *runFlags
	path   string
	screen *screen

	input   input
	request executor.Request // but for the bundle
	pool    *workerpool.Pool
	exec    *executor.Executor
	engines *engine.Engines

	onlooker *onlooker
	told     *bundle.Bundle // whose warnings were shown
	printed  bool           // a record is on Stdout
}

func (a *app) run(cmd *cobra.Command, flags *runFlags, path string) error {
	r := &runner{app: a, flags: flags, path: path, screen: a.newScreen(flags.quiet)}
	err := r.main(cmd)
	if err != nil && flags.json && !r.printed {
		err = errors.Join(err, r.printRecord(&ratchet.Execution{
			Task: taskName(path), Attempt: 1, State: ratchet.EndState(asFailure(err).err),
			Input: r.input.valid(), Error: asFailure(err).err,
		}))
	}
	return err
}

func taskName(path string) string {
	base := filepath.Base(path)
	return ratchet.Slug(strings.TrimSuffix(base, filepath.Ext(base)))
}

func (r *runner) main(cmd *cobra.Command) error {
	ctx := cmd.Context()
	if err := r.flags.checkLimits(cmd.Flags()); err != nil {
		return err
	}
	if err := r.flags.checkRecord(cmd.Flags()); err != nil {
		return err
	}
	hosts, exceptions, err := egress.ParseAllowNet(r.flags.allowNet)
	if err != nil {
		return err
	}
	if err := r.flags.checkInspect(cmd.Flags()); err != nil {
		return err
	}
	env, err := r.environment()
	if err != nil {
		return err
	}
	config := workerpool.Config{Command: r.Worker, Sandbox: sandbox.Options{Insecure: r.flags.insecure}}
	if r.flags.watch {
		config.Spare = 1
	}
	if r.engines, err = r.app.engines(); err != nil {
		return err
	}
	look, err := r.look(ctx, cmd.Flags())
	if err != nil {
		return err
	}
	defer look.close()
	config.Inspection = look.inspection()
	// A worker takes as long to start as a task to be read: they do so at once.
	r.pool = workerpool.New(config)
	defer r.pool.Close()
	if r.flags.likely(r.engines) == ratchet.EngineQuickJS {
		r.pool.Warm()
	}
	client, err := egress.New(egress.Config{AllowCIDR: exceptions})
	if err != nil {
		return err
	}
	defer client.Close()
	r.exec = executor.New(r.pool, client)
	r.exec.SetEngines(r.engines)
	r.onlooker = look
	flag, value := "--input", r.flags.input
	if cmd.Flags().Changed("input-json") {
		if cmd.Flags().Changed("input") {
			return usage("--input-json is the old name of --input", "--input and --input-json are both given")
		}
		flag, value = "--input-json", r.flags.inputJSON
	}
	if r.input, err = r.readInput(ctx, flag, value); err != nil {
		return err
	}
	r.request = executor.Request{
		Limits: r.flags.limits, Env: env, Hosts: hosts, Engine: ratchet.Engine(r.flags.engine),
		OnProgress: r.screen.advance,
	}
	if !r.flags.quiet {
		r.request.OnLog = r.screen.log
	}
	if r.flags.watch {
		return r.watch(ctx)
	}
	b, err := bundle.Load(ctx, r.path, bundle.Options{ParentModules: true, Engine: ratchet.Engine(r.flags.engine)})
	if err != nil {
		return r.unloadable(r.path, err)
	}
	return r.once(ctx, b)
}

// environment returns the values of --env.
func (r *runner) environment() (map[string]string, error) {
	env := map[string]string{}
	for _, entry := range r.flags.env {
		name, value, given := strings.Cut(entry, "=")
		if name == "" {
			return nil, usage("as in --env API_KEY=secret, or --env API_KEY", "--env %q has no name", entry)
		}
		if !given {
			if value, given = r.LookupEnv(name); !given {
				return nil, usage("set it, or give the value: --env "+name+"=VALUE", "--env %s: this shell has no variable %s", name, name)
			}
		}
		env[name] = value
	}
	return env, nil
}

// once runs the bundle and prints what came of it.
func (r *runner) once(ctx context.Context, b *bundle.Bundle) error {
	if r.told != b && !r.flags.quiet {
		r.warnings(r.path, b.Warnings)
		r.told = b
	}
	req := r.request
	req.Bundle, req.Input, req.Env = b, r.input.text, maps.Clone(r.request.Env)
	var rec *recording.Recorder
	if r.flags.record != "" {
		rec, req = r.recorder(ctx, req)
	}
	if err := r.onlooker.begin(r, b, &req); err != nil {
		return err
	}
	r.screen.begin(b.Name)
	x := r.exec.Execute(ctx, req)
	r.screen.end()
	if err := r.onlooker.end(ctx, r, b, x); err != nil {
		return errors.Join(r.outcome(x, b), err)
	}
	if report, ok := r.pool.ReportOf(r.exec.EngineOf(req.Engine, b)); ok && report.Level == sandbox.LevelNone {
		fmt.Fprintf(r.Stderr, "%s the task was not isolated: %s\n", r.err.yellow("warning:"), report)
	}
	err := r.outcome(x, b)
	if rec != nil {
		return r.keep(rec, x, err)
	}
	return err
}

// outcome prints what came of an execution.
func (r *runner) outcome(x *ratchet.Execution, b *bundle.Bundle) error {
	if r.flags.json {
		x.Input = r.input.valid()
		if err := r.printRecord(x); err != nil {
			return err
		}
	} else if x.Error == nil {
		return r.printJSON(x.Output)
	}
	if x.Error == nil {
		return nil
	}
	return r.failed(x, b)
}

func (r *runner) printRecord(x *ratchet.Execution) error {
	r.printed = true
	return r.printValue(x)
}

// valid returns the text, null if it is not JSON and so has no place in a record.
func (in input) valid() []byte {
	if len(in.text) == 0 || !json.Valid(in.text) {
		return nil
	}
	return in.text
}

// failed explains an execution that did not end well.
func (r *runner) failed(x *ratchet.Execution, b *bundle.Bundle) error {
	e := *x.Error
	f := &failure{err: &e, place: placer(r.path), id: x.ID.String()}
	switch e.Reason {
	case ratchet.ReasonInputInvalid:
		e.Details = append([]ratchet.Detail(nil), e.Details...)
		for i := range e.Details {
			if e.Details[i].Line > 0 {
				e.Details[i].File = r.input.from
			}
		}
		f.place = func(file string) string { return file }
		f.hint = r.inputHint(b)
	case ratchet.ReasonOutputInvalid:
		f.hint = "the task's code returns what output.schema.json does not allow; change one of them"
	case ratchet.ReasonNeverSettles:
		f.hint = "look for a promise whose resolve is never called"
	case ratchet.ReasonOutputNotJSON, ratchet.ReasonNoFunction:
		f.hint = "a task is a function that returns a JSON value, such as (input) => ({ greeting: 'hello ' + input.name })"
	case ratchet.ReasonWorker:
		f.hint = "ratchet doctor checks whether workers can run here"
	}
	return f
}

// inputHint says how an input that the task takes looks.
func (r *runner) inputHint(b *bundle.Bundle) string {
	schema := b.Input.Raw()
	if schema == nil {
		return ""
	}
	hint := "see " + placer(r.path)("input.schema.json")
	if text := exampleInput(b); text != "" {
		hint += "; run with --input '" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return hint
}
