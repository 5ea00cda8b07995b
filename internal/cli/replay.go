package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/recording"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// recorder stands a recorder before the request's effects.
func (r *runner) recorder(ctx context.Context, req executor.Request) (*recording.Recorder, executor.Request) {
	return recording.Record(req, r.exec.Outside(), recording.Origin{
		Ratchet: thisBuild().Version, Engine: r.engines.VersionOf(ctx, r.exec.EngineOf(req.Engine, req.Bundle)), TaskPath: r.path,
	})
}

// keep writes the recording of what has run and was printed; err is how that
// went.
func (r *runner) keep(rec *recording.Recorder, x *ratchet.Execution, err error) error {
	if writing := rec.Write(r.flags.record, x); writing != nil {
		if err != nil {
			r.show(asFailure(err))
		}
		return writing
	}
	if !r.flags.quiet {
		fmt.Fprintln(r.Stderr, r.err.dim("recorded "+harmless(r.flags.record)+"; to run it again: ratchet replay "+harmless(r.flags.record)))
	}
	return err
}

// replayFlags are the flags of replay, as given.
type replayFlags struct {
	task     string
	env      []string
	json     bool
	quiet    bool
	insecure bool
	engine   engineFlag
}

func (a *app) replayCommand() *cobra.Command {
	var flags replayFlags
	cmd := &cobra.Command{
		Use:   "replay RECORDING",
		Short: "Run a recording again, offline, and report what differs",
		Long: `Run again what ratchet run --record wrote to the folder RECORDING: the same code
with the same input, clock and chance. There is no network: what the task fetches
is answered from the recording, in the order in which the answers came then, and
nothing waits. The result, the requests and the log are held against those
recorded.

A recording has placeholders for secrets, and the task gets them in place of the
values; --env gives it a value. With --task the task at PATH runs instead of the
recorded one, to see what a change of its code changes.

The exit code is 0 if all is equal and 1 if it is not.`,
		Example: `  ratchet run weather --record monday --env API_KEY
  ratchet replay monday
  ratchet replay monday --task weather             # the code as it is now
  ratchet replay monday --json | jq .differences`,
		Args: wantArgs(1, 1, "the folder of a RECORDING"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r := &replayer{app: a, flags: &flags, screen: a.newScreen(flags.quiet || flags.json)}
			return r.main(cmd.Context(), args[0])
		},
	}
	flags.define(cmd.Flags())
	return cmd
}

func (f *replayFlags) define(flags *pflag.FlagSet) {
	flags.StringVar(&f.task, "task", "", "run the task at `PATH` instead of the recorded one")
	flags.StringArrayVarP(&f.env, "env", "e", nil, "give the task a value instead of its placeholder: `NAME=VALUE`, or NAME to pass on this shell's (repeat)")
	flags.Var(&f.engine, "engine", "run in the `ENGINE` quickjs or node instead of the recorded one")
	flags.BoolVar(&f.json, "json", false, "print the report as JSON")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "write only errors to stderr, no notes and warnings")
	flags.BoolVar(&f.insecure, "insecure-allow-unsandboxed-workers", false, "run even where the kernel cannot isolate the task; never for code you did not write")
}

// A replayer replays one recording.
type replayer struct {
	*app
	flags     *replayFlags
	screen    *screen
	recording *recording.Recording
	notes     []string
	hint      string // what may make the replay equal; "" if there is nothing
}

// A replayReport is what replay --json prints.
type replayReport struct {
	Equal       bool               `json:"equal"`
	Recording   string             `json:"recording"`
	Task        string             `json:"task"`
	Digest      string             `json:"digest"` // of what ran
	Recorded    string             `json:"recorded"`
	Differences []replayDifference `json:"differences"`
	Notes       []string           `json:"notes"`
	Hint        string             `json:"hint,omitempty"`
	Execution   *ratchet.Execution `json:"execution"` // of the replay
}

// A replayDifference is one thing that is not as recorded.
type replayDifference struct {
	Part    string `json:"part"`           // "result", "requests" or "logs"
	Kind    string `json:"kind,omitempty"` // of a request: "unrecorded", "changed", "moved" or "not made"
	Request string `json:"request,omitempty"`
	Number  int    `json:"number,omitempty"`
	Closest string `json:"closest,omitempty"`
	Diff    string `json:"diff,omitempty"` // unified, from what was recorded to what came now
}

func (r *replayer) main(ctx context.Context, dir string) (err error) {
	values, err := (&runner{app: r.app, flags: &runFlags{env: r.flags.env}}).environment()
	if err != nil {
		return err
	}
	engines, err := r.engines()
	if err != nil {
		return err
	}
	pool := workerpool.New(workerpool.Config{Command: r.Worker, Sandbox: sandbox.Options{Insecure: r.flags.insecure}})
	defer pool.Close()
	if r.recording, err = recording.Read(dir); err != nil {
		return err
	}
	b, err := r.bundle(ctx)
	if err != nil {
		return err
	}
	exec := executor.New(pool, nil) // without a client there is no network
	exec.SetEngines(engines)
	replay := recording.NewReplay(r.recording, values)
	req := replay.Request(b)
	req.Engine = ratchet.Engine(r.flags.engine).Or(recordedIn(r.recording.Meta.Engine))
	if req.Engine == ratchet.EngineQuickJS {
		pool.Warm()
	}
	r.note(b, engines.VersionOf(ctx, req.Engine))
	r.screen.begin(b.Name)
	x := exec.Execute(ctx, req)
	r.screen.end()
	if err := unplayable(x); err != nil {
		return err
	}
	if report, ok := pool.Report(); ok && report.Level == sandbox.LevelNone {
		fmt.Fprintf(r.Stderr, "%s the task was not isolated: %s\n", r.err.yellow("warning:"), report)
	}
	c := replay.Compare(x)
	if c.Cut {
		r.notes = append(r.notes, fmt.Sprintf("the recorded execution was stopped (%s), which a replay is not: what it did until then is compared, not the result", r.recording.Meta.Reason))
	}
	if names := replay.Placeholders(b); !c.Equal() && len(names) > 0 {
		r.hint = fmt.Sprintf("the task got placeholders for %s; give them with --env", strings.Join(names, ", "))
	}
	return r.tell(c, b, replay.Shown(x))
}

// unplayable returns why an execution came to nothing that could be compared.
func unplayable(x *ratchet.Execution) error {
	if x.Error == nil {
		return nil
	}
	switch x.Error.Reason {
	case ratchet.ReasonSandboxUnavailable, ratchet.ReasonEngineUnavailable, ratchet.ReasonInternal, ratchet.ReasonExecutionCancelled:
		return &failure{err: x.Error, id: x.ID.String()}
	case ratchet.ReasonValidation: // such as a variable that the task does not declare
		return x.Error
	}
	return nil
}

// bundle loads the task that is to run.
func (r *replayer) bundle(ctx context.Context) (*bundle.Bundle, error) {
	if r.flags.task != "" {
		b, err := bundle.Load(ctx, r.flags.task, bundle.Options{ParentModules: true})
		if err != nil {
			return nil, r.unloadable(r.flags.task, err)
		}
		return b, nil
	}
	b, err := r.recording.Bundle(ctx)
	if e, ok := errors.AsType[*ratchet.Error](err); ok && e.Reason != ratchet.ReasonSerialization {
		return nil, &failure{err: e, hint: "to replay on the task's own folder: ratchet replay " + r.recording.Dir + " --task PATH"}
	}
	if err == nil {
		r.changedSince(ctx, b)
	}
	return b, err
}

// changedSince notes that the task is no longer what was recorded.
func (r *replayer) changedSince(ctx context.Context, b *bundle.Bundle) {
	path := r.recording.Meta.Task.Path
	if path == "" || r.flags.quiet {
		return
	}
	now, err := bundle.Load(ctx, path, bundle.Options{ParentModules: true})
	if err == nil && now.Name == b.Name && now.Digest != b.Digest {
		r.notes = append(r.notes, fmt.Sprintf("the task at %s has changed since (%s → %s); this replays the code that was recorded, --task %s the code as it is now",
			path, shortDigest(b.Digest), shortDigest(now.Digest), path))
	}
}

// recordedIn is the engine whose version a recording names.
func recordedIn(version string) ratchet.Engine {
	if strings.HasPrefix(version, string(ratchet.EngineNode)) {
		return ratchet.EngineNode
	}
	return ratchet.EngineQuickJS
}

// note says what may make a difference although nothing is wrong.
func (r *replayer) note(b *bundle.Bundle, engine string) {
	m := &r.recording.Meta
	if m.Engine != engine {
		r.notes = append(r.notes, fmt.Sprintf("this was recorded with the engine %s; this one is %s, and results may differ", m.Engine, engine))
	}
	if r.flags.task != "" && b.Digest != m.Task.Digest {
		r.notes = append(r.notes, fmt.Sprintf("this is other code than was recorded: %s %s instead of %s", b.Name, shortDigest(b.Digest), shortDigest(m.Task.Digest)))
	}
}

func shortDigest(digest string) string {
	return digest[:min(len(digest), len("sha256:")+12)] + "…"
}

// tell prints what is different.
func (r *replayer) tell(c *recording.Comparison, b *bundle.Bundle, x *ratchet.Execution) error {
	m := &r.recording.Meta
	report := replayReport{
		Equal: c.Equal(), Recording: r.recording.Dir, Task: b.Name, Digest: b.Digest, Recorded: m.Task.Digest,
		Differences: differences(c), Notes: append([]string{}, r.notes...), Hint: r.hint, Execution: x,
	}
	if !r.flags.quiet {
		for _, n := range r.notes {
			fmt.Fprintf(r.Stderr, "%s %s\n", r.err.yellow("note:"), harmless(n))
		}
	}
	var err error
	switch {
	case r.flags.json:
		err = r.printValue(report)
	case report.Equal && c.Cut:
		err = r.print(fmt.Sprintf("%s %s %s: until it was stopped, %s and %s are as recorded\n",
			r.out.green("equal"), b.Name, b.Version, count(m.Requests, "request"), count(m.Logs, "log line")))
	case report.Equal:
		err = r.print(fmt.Sprintf("%s %s %s: the %s, %s and %s are as recorded\n",
			r.out.green("equal"), b.Name, b.Version, resultWord(r.recording), count(m.Requests, "request"), count(m.Logs, "log line")))
	default:
		err = r.print(r.text(report))
	}
	if r.hint != "" && !r.flags.quiet {
		fmt.Fprintf(r.Stderr, "%s %s\n", r.err.cyan("hint:"), harmless(r.hint))
	}
	if err == nil && !report.Equal {
		err = &silent{ratchet.CodeInternal}
	}
	return err
}

func resultWord(r *recording.Recording) string {
	if r.Error != nil {
		return "error"
	}
	return "output"
}

func differences(c *recording.Comparison) []replayDifference {
	list := []replayDifference{}
	if c.Result != nil {
		list = append(list, replayDifference{Part: "result", Diff: unified(c.Result)})
	}
	for _, d := range c.Requests {
		list = append(list, replayDifference{
			Part: "requests", Kind: d.Kind, Request: d.Title, Number: d.Number, Closest: d.Closest, Diff: unified(d.Diff),
		})
	}
	if c.Logs != nil {
		list = append(list, replayDifference{Part: "logs", Diff: unified(c.Logs)})
	}
	return list
}

// unified is the difference as a unified diff.
func unified(d *recording.Difference) string {
	if d == nil {
		return ""
	}
	text := string(diff.Diff("recorded", []byte(d.Recorded), "replayed", []byte(d.Replayed)))
	_, text, _ = strings.Cut(text, "\n") // the line that would be a command
	return text
}

// text is the report for a person.
func (r *replayer) text(report replayReport) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: not as recorded in %s\n", r.out.red("different"), report.Task, harmless(filepath.Clean(report.Recording)))
	part := ""
	for _, d := range report.Differences {
		if d.Part != part {
			part = d.Part
			b.WriteString("\n" + r.out.bold(part) + "\n")
		}
		if d.Request != "" {
			b.WriteString("  " + harmless(sentence(d)) + "\n")
		}
		for line := range strings.Lines(d.Diff) {
			b.WriteString("  " + r.diffLine(harmless(strings.TrimSuffix(line, "\n"))) + "\n")
		}
	}
	return b.String()
}

// sentence says what is different about a request.
func sentence(d replayDifference) string {
	name := fmt.Sprintf("#%d %s", d.Number, d.Request)
	switch d.Kind {
	case recording.Unrecorded:
		if d.Closest == "" {
			return name + ": the recording has no such request, nor any other"
		}
		return name + ": the recording has no such request; the closest is " + d.Closest
	case recording.Moved:
		return name + ": comes later than recorded"
	case recording.NotMade:
		return fmt.Sprintf("%s: not made (#%d of the recording)", d.Request, d.Number)
	}
	return name + ": is not as recorded"
}

// diffLine colours a line of a unified diff.
func (r *replayer) diffLine(line string) string {
	switch {
	case slices.ContainsFunc([]string{"--- ", "+++ "}, func(p string) bool { return strings.HasPrefix(line, p) }):
		return r.out.bold(line)
	case strings.HasPrefix(line, "@@"):
		return r.out.cyan(line)
	case strings.HasPrefix(line, "-"):
		return r.out.red(line)
	case strings.HasPrefix(line, "+"):
		return r.out.green(line)
	}
	return line
}
