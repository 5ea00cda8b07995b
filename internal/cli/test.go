package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/internal/tasktest"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// testFlags are the flags of test, as given.
type testFlags struct {
	run      runFlags // those it shares with run
	filter   string
	update   bool
	watch    bool
	verbose  bool
	json     bool
	junit    string
	parallel int
	from     string
	name     string
	engine   string
	coverage string // a file
}

// allEngines is what --engine says for every engine.
const allEngines = "all"

// maxParallel bounds the tests that run at once.
const maxParallel = 1000

func (a *app) testCommand() *cobra.Command {
	var flags testFlags
	cmd := &cobra.Command{
		Use:   "test PATH…",
		Short: "Run the tests of tasks",
		Long: `Run the tests of the tasks at the given paths: the files tests/*.json, each with
an input and what must come of it. A folder that is no task itself stands for all
tasks below it.

A test has no network: its mocks answer what the task fetches, and a request that
no mock is for fails the test. Its clock costs no time: timers and the delays of
mocks are over at once, and time and chance are the same in every run. A test
with "network": true is run as ratchet run would.

The exit code is 0 if all tests pass, or if there are none, and 1 if one fails or
is broken. If none can be run it is that of the first error.`,
		Example: `  ratchet test examples/addition
  ratchet test examples --filter csv
  ratchet test task --watch                        # again after every change
  ratchet test task --update                       # expect what comes now
  ratchet test tasks --junit report.xml            # for a CI
  ratchet test tasks --engine all                  # does it matter which?
  ratchet test task --from monday                  # of ratchet run --record monday`,
		Args: func(cmd *cobra.Command, args []string) error {
			if flags.run.fromFS != "" {
				return wantArgs(0, 0, "either --from-fs or a PATH")(cmd, args)
			}
			if flags.from != "" {
				return wantArgs(0, 1, "the PATH of one task with --from")(cmd, args)
			}
			return wantArgs(1, 1<<20, "the PATH of a task, or several")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.run.fromFS != "" {
				args = []string{flags.run.fromFS}
			}
			return a.test(cmd, &flags, args)
		},
	}
	flags.define(cmd.Flags())
	return cmd
}

func (f *testFlags) define(flags *pflag.FlagSet) {
	shared := pflag.NewFlagSet("run", pflag.ContinueOnError)
	shared.SortFlags = false
	f.run.define(shared)
	under(flags, "Tests", func(s *pflag.FlagSet) {
		s.StringVar(&f.filter, "filter", "", "run the tests whose name, or path and file, match a regular expression `RE`")
		s.BoolVar(&f.update, "update", false, "write what comes into the tests that expect another output")
		s.BoolVarP(&f.watch, "watch", "w", false, "run a task's tests again whenever one of its files changes")
		s.Var((*number)(&f.parallel), "parallel", "how many tests run at once (default one a processor)")
		s.StringVar(&f.from, "from", "", "write and run just a test of what ratchet run --record wrote to the folder `RECORDING`")
		s.StringVar(&f.name, "name", "", "`NAME` of the test that --from writes (default that of the recording)")
	})
	under(flags, "Output", func(s *pflag.FlagSet) {
		s.BoolVarP(&f.verbose, "verbose", "v", false, "show what passing tests log and fetch, too")
		s.BoolVar(&f.json, "json", false, "print the results as JSON")
		s.StringVar(&f.coverage, "coverage", "", "count in node which lines the tests run, and write them to a `FILE` of lcov, too (default "+lcovFile+")")
		s.Lookup("coverage").NoOptDefVal = lcovFile
		s.StringVar(&f.junit, "junit", "", "write the results to a `FILE` as JUnit XML, too")
	})
	shared.VisitAll(func(flag *pflag.Flag) {
		if group := flag.Annotations[groupOf]; len(group) > 0 && (group[0] == "Limits" || group[0] == "Permissions") {
			flags.AddFlag(flag)
		}
	})
	under(flags, "Engine", func(s *pflag.FlagSet) {
		s.StringVar(&f.engine, "engine", "", "run the tests in the `ENGINE` quickjs or node, whatever metadata.json says, or in all and show what differs")
	})
	flags.AddFlag(shared.Lookup("from-fs"))
}

// check returns the tests to run, by name, nil for all.
func (f *testFlags) check(flags *pflag.FlagSet) (*regexp.Regexp, error) {
	if err := f.run.checkLimits(flags); err != nil {
		return nil, err
	}
	if err := f.checkFrom(flags); err != nil {
		return nil, err
	}
	if flags.Changed("engine") && f.engine != allEngines {
		e, err := ratchet.ParseEngine(f.engine)
		if err != nil {
			return nil, usage("or all of them: --engine all", "--engine: %w", err)
		}
		f.run.engine = engineFlag(e)
	}
	if flags.Changed("coverage") {
		if f.engine != "" && f.engine != string(ratchet.EngineNode) {
			return nil, usage("leave --engine out", "--coverage counts in the engine node alone")
		}
		if f.watch || f.coverage == "" {
			return nil, usage("as in --coverage=lcov.info", "--coverage wants the name of a file, and no --watch")
		}
		f.run.engine = engineFlag(ratchet.EngineNode)
	}
	switch {
	case f.engine == allEngines && (f.update || f.from != ""):
		return nil, usage("leave one of them out", "--engine all does not go with --update and --from, which write what comes in one engine")
	case flags.Changed("parallel") && (f.parallel < 1 || f.parallel > maxParallel):
		return nil, usage("", "--parallel is out of bounds: 1 to %d, got %d", maxParallel, f.parallel)
	case f.watch && (f.json || f.junit != ""):
		return nil, usage("leave one of them out", "--watch does not go with --json and --junit, which are written once")
	case flags.Changed("junit") && f.junit == "":
		return nil, usage("as in --junit report.xml", "--junit has no name of a file")
	case f.filter == "":
		return nil, nil
	}
	re, err := regexp.Compile(f.filter)
	if err != nil {
		return nil, usage("Go's regular expressions: https://pkg.go.dev/regexp/syntax", "--filter %q is not a regular expression: %w", f.filter, err)
	}
	return re, nil
}

// A tester runs the tests of tasks, once or again and again.
type tester struct {
	*app
	flags  *testFlags
	config tasktest.Config
	pool   *workerpool.Pool
	client *egress.Client
	screen *screen
	shown  map[*tasktest.Task]bool
	failed error // to write a result
	cover  *coverer
}

func (a *app) test(cmd *cobra.Command, flags *testFlags, args []string) error {
	filter, err := flags.check(cmd.Flags())
	if err != nil {
		return err
	}
	if flags.from != "" {
		return a.writeTest(cmd.Context(), flags, append(args, "")[0])
	}
	t, err := a.newTester(flags, filter)
	if err != nil {
		return err
	}
	defer t.close()
	if flags.watch {
		return t.watch(cmd.Context(), args)
	}
	t.config.Load = func(ctx context.Context, path string) (*bundle.Bundle, error) {
		return bundle.Load(ctx, path, bundle.Options{ParentModules: true, Engine: ratchet.Engine(flags.run.engine)})
	}
	return t.run(cmd.Context(), allTasks(args))
}

func loadTask(ctx context.Context, path string) (*bundle.Bundle, error) {
	return bundle.Load(ctx, path, bundle.Options{ParentModules: true})
}

// newTester makes a tester that has no Load yet.
func (a *app) newTester(flags *testFlags, filter *regexp.Regexp) (*tester, error) {
	hosts, exceptions, err := egress.ParseAllowNet(flags.run.allowNet)
	if err != nil {
		return nil, err
	}
	env, err := (&runner{app: a, flags: &flags.run}).environment()
	if err != nil {
		return nil, err
	}
	client, err := egress.New(egress.Config{AllowCIDR: exceptions})
	if err != nil {
		return nil, err
	}
	parallel := flags.parallel
	if parallel == 0 {
		parallel = runtime.GOMAXPROCS(0)
	}
	// A worker serves one task. Once its tests have run it makes room for the next
	// task's, which was started meanwhile.
	cover := &coverer{file: flags.coverage}
	pool := workerpool.New(workerpool.Config{
		Inspection: cover.inspection(), Command: a.Worker, Sandbox: sandbox.Options{Insecure: flags.run.insecure},
		Running: parallel, Resident: 2 * parallel, Spare: parallel,
	})
	engines, err := a.engines()
	if err != nil {
		return nil, err
	}
	exec := executor.New(pool, client)
	exec.SetEngines(engines)
	if flags.run.likely(engines) == ratchet.EngineQuickJS {
		pool.Warm()
	}
	t := &tester{app: a, flags: flags, pool: pool, client: client, screen: a.newScreen(flags.json), shown: map[*tasktest.Task]bool{}, cover: cover}
	t.config = tasktest.Config{
		Executor: exec, Engine: ratchet.Engine(flags.run.engine), Parallel: parallel, Filter: filter,
		Engines: flags.engines(), Limits: flags.run.limits, Env: env, Hosts: hosts, Done: t.done, Step: t.step,
	}
	if cover.file != "" {
		t.config.Begin, t.config.Ran = cover.begin, cover.ran
	}
	return t, nil
}

// engines are those that each test is run in, if those are several.
func (f *testFlags) engines() []ratchet.Engine {
	if f.engine == allEngines {
		return ratchet.Engines()
	}
	return nil
}

func (t *tester) close() {
	t.pool.Close()
	t.cover.close()
	t.client.Close()
}

// allTasks returns the tasks that the paths stand for, each once.
func allTasks(args []string) (paths []string) {
	for _, arg := range args {
		for _, path := range tasksAt(arg) {
			if !slices.ContainsFunc(paths, func(p string) bool { return filepath.Clean(p) == filepath.Clean(path) }) {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// run runs the tests of the tasks at the paths and prints what came of them.
func (t *tester) run(ctx context.Context, paths []string) error {
	begun := time.Now()
	t.screen.begin("testing")
	tasks, err := t.config.Run(ctx, paths)
	t.screen.end()
	interrupted := err
	if _, ok := errors.AsType[interruption](err); ok && !t.flags.watch {
		for _, task := range tasks {
			if !t.shown[task] {
				t.done(task)
			}
		}
		err = nil
	}
	switch {
	case err != nil:
		return err
	case t.failed != nil:
		return t.failed
	}
	if report, ok := t.pool.Report(); ok && report.Level == sandbox.LevelNone {
		fmt.Fprintf(t.Stderr, "%s the tasks were not isolated: %s\n", t.err.yellow("warning:"), report)
	}
	report := newTestReport(tasks, time.Since(begun))
	if t.flags.junit != "" {
		if err := writeJUnit(t.flags.junit, report); err != nil {
			return err
		}
	}
	if t.flags.json {
		err = t.printValue(report)
	} else {
		err = t.print(t.summary(report))
	}
	if err == nil && !t.flags.json {
		err = t.cover.tell(t.app)
	}
	if err == nil {
		err = interrupted
	}
	if err != nil {
		return err
	}
	if report.tests() == 0 && report.Unloadable == 0 {
		t.noTests(paths)
	}
	return report.failure()
}

// noTests warns that there was nothing to do.
func (t *tester) noTests(paths []string) {
	example := fmt.Sprintf(`; a test is a file such as %s: {"input": {}, "expected_output": {}}`, filepath.Join(paths[0], "tests", "first.json"))
	what := fmt.Sprintf("%s has no tests%s", paths[0], example)
	switch {
	case t.config.Filter != nil:
		what = fmt.Sprintf("no test matches --filter %s", t.flags.filter)
	case len(paths) > 1:
		what = fmt.Sprintf("none of the %d tasks has tests%s", len(paths), example)
	case singleFile(paths[0]):
		what = fmt.Sprintf("%s has no tests; only a task that is a folder can have some", paths[0])
	}
	fmt.Fprintf(t.Stderr, "%s %s\n", t.err.yellow("warning:"), what)
}

// step shows how far the tests are.
func (t *tester) step(p tasktest.Progress) {
	t.screen.advance(ratchet.Progress{
		Value:   float64(p.Tasks) / float64(p.All),
		Message: fmt.Sprintf("%s, %d of %s", count(p.Tests, "test"), p.Tasks, count(p.All, "task")),
	})
}

// done shows what came of a task's tests.
func (t *tester) done(task *tasktest.Task) {
	if !t.flags.watch {
		t.shown[task] = true
	}
	if t.flags.update {
		for _, r := range task.Tests {
			if r.Outdated() && t.failed == nil {
				t.failed = task.Update(r)
			}
		}
	}
	if t.flags.json || t.failed != nil {
		return
	}
	t.screen.mu.Lock()
	defer t.screen.mu.Unlock()
	t.screen.erase()
	t.app.warnings(task.Path, task.Warnings)
	t.failed = t.print(t.taskText(task))
}

func writeJUnit(file string, report *testReport) error {
	var b bytes.Buffer
	if err := tasktest.JUnit(&b, report.Tasks, time.Duration(report.Elapsed)); err != nil {
		return fmt.Errorf("write JUnit XML: %w", err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		return ratchet.Errorf(ratchet.ReasonIO, "cannot write %s: %w", file, plain(err))
	}
	return nil
}
