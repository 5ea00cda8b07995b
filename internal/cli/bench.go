package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/benchmark"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// benchFlags are the flags of bench, as given.
type benchFlags struct {
	run         runFlags // those it shares with run
	duration    ratchet.Duration
	count       int
	concurrency int
	warmup      int
	save        string
	compare     string
	json        bool
}

// Bounds of what bench is asked for.
const (
	maxBenchCount       = 1_000_000_000
	maxBenchConcurrency = 1000
	maxBenchDuration    = ratchet.Duration(24 * time.Hour)
)

func (a *app) benchCommand() *cobra.Command {
	var flags benchFlags
	cmd := &cobra.Command{
		Use:   "bench PATH",
		Short: "Measure how fast a task runs and what it costs",
		Long: `Run the task at PATH again and again, in sandboxed processes, and print how
many executions complete a second, how long they take, and what processor time
and memory they cost.

The first execution is cold and told apart, some follow to warm up, the rest is
measured: each of --concurrency clients starts an execution as soon as its last
one has ended. Requests that the task makes are real ones.

--compare measures the task and holds it against what --save wrote. Each run is
cut into parts, and what they gave is a range. A difference counts if it is 5% or
more and the ranges lie apart by more than either is wide; any other is called
noise. A busier machine makes a difference too: measure again before you believe
one.

Ctrl-C ends it early and prints what was measured until then.`,
		Example: `  ratchet bench examples/addition
  ratchet bench task --input @input.json --duration 30s --concurrency 4
  ratchet bench task --save before.json            # then change the task …
  ratchet bench task --compare before.json
  ratchet bench task --count 1000 --json | jq .latency.p99Ms`,
		Args: wantArgs(1, 1, "the PATH of a task"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.bench(cmd, &flags, args[0])
		},
	}
	flags.define(cmd.Flags())
	return cmd
}

func (f *benchFlags) define(flags *pflag.FlagSet) {
	shared := pflag.NewFlagSet("run", pflag.ContinueOnError)
	shared.SortFlags = false
	f.run.define(shared)
	f.duration, f.concurrency = ratchet.Duration(5*time.Second), 1
	under(flags, "Measurement", func(s *pflag.FlagSet) {
		s.StringVarP(&f.run.input, "input", "i", "", "the input: `JSON`, @FILE, or - for stdin (default that of the task's first test, else {})")
		s.Var(&f.duration, "duration", "for how long to start executions")
		s.Var((*number)(&f.count), "count", "how many executions to measure, in place of a duration")
		s.Var((*number)(&f.concurrency), "concurrency", "how many executions run at once")
		s.Var((*number)(&f.warmup), "warmup", "how many executions come before (default 10, but no more than a second of them)")
		s.StringVar(&f.save, "save", "", "write the measurement to a `FILE`")
		s.StringVar(&f.compare, "compare", "", "compare with a measurement in a `FILE`")
		s.BoolVar(&f.json, "json", false, "print the measurement as JSON")
	})
	shared.VisitAll(func(flag *pflag.Flag) {
		if group := flag.Annotations[groupOf]; len(group) > 0 && (group[0] == "Limits" || group[0] == "Permissions" || group[0] == "Engine") {
			flags.AddFlag(flag)
		}
	})
}

func (f *benchFlags) check(flags *pflag.FlagSet) error {
	if err := f.run.checkLimits(flags); err != nil {
		return err
	}
	within := func(name string, v, least, most int) error {
		if flags.Changed(name) && (v < least || v > most) {
			return usage("", "--%s is out of bounds: %d to %d, got %d", name, least, most, v)
		}
		return nil
	}
	switch {
	case flags.Changed("count") && flags.Changed("duration"):
		return usage("give one of them", "--count and --duration are both given")
	case f.duration <= 0 || f.duration > maxBenchDuration:
		return usage("", "--duration is out of bounds: more than 0 and at most %v, got %v", maxBenchDuration, f.duration)
	case flags.Changed("input") && f.run.input == "":
		return usage("leave it out for the input of the task's first test", "--input is empty")
	}
	if err := cmp.Or(
		within("count", f.count, 1, maxBenchCount),
		within("concurrency", f.concurrency, 1, maxBenchConcurrency),
		within("warmup", f.warmup, 0, maxBenchCount),
	); err != nil {
		return err
	}
	if flags.Changed("warmup") && f.warmup == 0 {
		f.warmup = -1 // to package benchmark 0 is the default
	}
	return nil
}

// A benchReport is what bench --json prints.
type benchReport struct {
	*benchmark.Measurement
	Comparison *comparison `json:"comparison,omitempty"`
}

// A comparison is of a measurement with a recorded one.
type comparison struct {
	With        string                 `json:"with"` // the file
	At          time.Time              `json:"at"`   // when that was recorded
	Warnings    []string               `json:"warnings"`
	Differences []benchmark.Difference `json:"differences"`
}

func (a *app) bench(cmd *cobra.Command, flags *benchFlags, path string) error {
	ctx := cmd.Context()
	if err := flags.check(cmd.Flags()); err != nil {
		return err
	}
	recorded, err := readMeasurement(flags.compare)
	if err != nil {
		return err
	}
	r := &runner{app: a, flags: &flags.run, path: path, screen: a.newScreen(false)}
	begun := time.Now()
	b, err := bundle.Load(ctx, path, bundle.Options{ParentModules: true, Engine: ratchet.Engine(flags.run.engine)})
	if err != nil {
		return a.unloadable(path, err)
	}
	loaded := time.Since(begun)
	a.warnings(path, b.Warnings)
	if r.input, err = a.benchInput(ctx, flags.run.input, b); err != nil {
		return err
	}
	file, err := createFile(flags.save)
	if err != nil {
		return err
	}
	defer file.discard()
	m, err := r.measure(ctx, flags, b)
	if err != nil {
		return err
	}
	m.Cold.LoadMs = float64(loaded) / float64(time.Millisecond)
	report := benchReport{Measurement: m}
	if recorded != nil {
		report.Comparison = &comparison{
			With: flags.compare, At: recorded.At,
			Warnings: benchmark.Warnings(recorded, m), Differences: benchmark.Compare(recorded, m),
		}
	}
	if err := a.printBench(report, flags.json); err != nil {
		return err
	}
	return a.endBench(ctx, m, file)
}

// endBench saves what was measured, if it is whole, and says how it ended.
func (a *app) endBench(ctx context.Context, m *benchmark.Measurement, file *newFile) error {
	unsaved := func(why string) {
		if file != nil {
			fmt.Fprintf(a.Stderr, "%s %s was not written: %s\n", a.err.yellow("warning:"), file.name, why)
		}
	}
	switch {
	case m.Interrupted:
		unsaved("the measurement was interrupted")
		return context.Cause(ctx)
	case m.Executions == 0:
		unsaved("no execution completed")
		return ratchet.Errorf(m.Failures[0].Reason, "every execution that was measured failed, the first with: %s", m.Failures[0].First)
	case file == nil:
		return nil
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the measurement: %w", err)
	}
	return file.write(append(text, '\n'))
}

// measure runs the task in a pool of its own.
func (r *runner) measure(ctx context.Context, flags *benchFlags, b *bundle.Bundle) (*benchmark.Measurement, error) {
	hosts, exceptions, err := egress.ParseAllowNet(flags.run.allowNet)
	if err != nil {
		return nil, err
	}
	env, err := r.environment()
	if err != nil {
		return nil, err
	}
	client, err := egress.New(egress.Config{AllowCIDR: exceptions})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	pool := workerpool.New(workerpool.Config{
		Command: r.Worker, Running: flags.concurrency, Resident: flags.concurrency,
		Sandbox: sandbox.Options{Insecure: flags.run.insecure},
	})
	defer pool.Close()
	engines, err := r.app.engines()
	if err != nil {
		return nil, err
	}
	exec := executor.New(pool, client)
	exec.SetEngines(engines)
	engine := exec.EngineOf(ratchet.Engine(flags.run.engine), b)
	config := benchmark.Config{
		Execute: func(ctx context.Context) *ratchet.Execution {
			return exec.Execute(ctx, executor.Request{Bundle: b, Input: r.input.text, Limits: flags.run.limits, Env: env, Hosts: hosts, Engine: engine})
		},
		Workers:  pool.PIDs,
		Duration: time.Duration(flags.duration), Count: flags.count, Concurrency: flags.concurrency, Warmup: flags.warmup,
		OnProgress: func(p benchmark.Progress) {
			r.screen.advance(ratchet.Progress{Value: p.Share, Message: count(p.Executions, "execution")})
		},
	}
	fmt.Fprintln(r.Stderr, r.err.dim(fmt.Sprintf("measuring %s %s, %d at once, with %s", b.Name, flags.extent(), flags.concurrency, harmless(r.input.from))))
	r.screen.begin(b.Name)
	m, err := benchmark.Run(ctx, config)
	r.screen.end()
	report, started := pool.ReportOf(engine)
	if started && report.Level == sandbox.LevelNone {
		fmt.Fprintf(r.Stderr, "%s the task was not isolated: %s\n", r.err.yellow("warning:"), report)
	}
	if failed, ok := errors.AsType[*benchmark.AllFailedError](err); ok {
		fmt.Fprintf(r.Stderr, "nothing was measured: %s to warm up, none completed\n", count(failed.Tried, "execution"))
		return nil, r.failed(failed.First, b)
	}
	if err != nil {
		return nil, err
	}
	m.Format, m.At = benchmark.Format, time.Now().UTC().Truncate(time.Second)
	m.Conditions = r.conditions(b, flags.concurrency, string(report.Level))
	m.Conditions.Engine = engines.VersionOf(ctx, engine)
	return m, nil
}

// conditions are those under which the runner's task was measured.
func (r *runner) conditions(b *bundle.Bundle, concurrency int, level string) benchmark.Conditions {
	this := thisBuild()
	sum := sha256.Sum256(r.input.text)
	version := this.Version
	if this.Commit != "" {
		version += " " + this.Commit[:min(12, len(this.Commit))]
	}
	return benchmark.Conditions{
		Task: b.Name, Version: b.Version, Digest: b.Digest,
		Input:   benchmark.Input{From: r.input.from, Bytes: len(r.input.text), SHA256: hex.EncodeToString(sum[:])},
		Ratchet: version, Engine: this.Engine, Machine: benchmark.ThisMachine(), Sandbox: level, Concurrency: concurrency,
	}
}

// extent is for how long to measure, in a sentence.
func (f *benchFlags) extent() string {
	if f.count > 0 {
		return count(f.count, "time")
	}
	return "for " + f.duration.String()
}

// benchInput returns what --input stands for, else the input of the first test
// that does not ask for a failure.
func (a *app) benchInput(ctx context.Context, value string, b *bundle.Bundle) (input, error) {
	if value != "" {
		return a.readInput(ctx, "--input", value)
	}
	for _, test := range b.Tests {
		var t struct {
			Input json.RawMessage `json:"input"`
			Fails bool            `json:"should_fail"`
		}
		if json.Unmarshal(test.Data, &t) == nil && len(t.Input) > 0 && !t.Fails {
			return input{text: t.Input, from: "the input of " + test.Name}, nil
		}
	}
	return input{text: json.RawMessage("{}"), from: "{}"}, nil
}

// maxMeasurement bounds the file of a measurement.
const maxMeasurement = 16 << 20

// readMeasurement reads what --compare names; nothing if that is empty.
func readMeasurement(name string) (*benchmark.Measurement, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usage("ratchet bench PATH --save "+name+" writes one", "--compare %s: there is no such file", name)
	}
	var text []byte
	if err == nil {
		defer f.Close()
		text, err = io.ReadAll(io.LimitReader(f, maxMeasurement+1))
	}
	switch {
	case err != nil:
		return nil, usage("", "--compare %s: cannot read it: %v", name, plain(err))
	case len(text) > maxMeasurement:
		return nil, usage("", "--compare %s is larger than any measurement", name)
	}
	m, err := benchmark.Parse(text)
	if err != nil {
		return nil, usage("ratchet bench PATH --save FILE writes one that can be compared with", "--compare: %s %v", name, err)
	}
	return m, nil
}

// A newFile takes the place of the file of its name once it is whole.
type newFile struct {
	name string
	part *os.File
}

// createFile makes sure that the file of a name can be written; nothing if that
// is empty.
func createFile(name string) (*newFile, error) {
	if name == "" {
		return nil, nil
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return nil, usage("", "--save %s: that is no regular file", name)
	}
	part, err := os.OpenFile(name+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, usage("", "--save %s: cannot write there: %v", name, plain(err))
	}
	return &newFile{name, part}, nil
}

func (f *newFile) write(text []byte) error {
	_, err := f.part.Write(text)
	err = errors.Join(err, f.part.Close())
	if err == nil {
		err = os.Rename(f.part.Name(), f.name)
	}
	if err != nil {
		return ratchet.Errorf(ratchet.ReasonIO, "cannot write %s: %w", f.name, plain(err))
	}
	return nil
}

// discard leaves nothing behind of a file that was not written.
func (f *newFile) discard() {
	if f != nil {
		f.part.Close()
		os.Remove(f.part.Name())
	}
}
