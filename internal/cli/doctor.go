package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/engine"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// A diagnosis is what doctor finds.
type diagnosis struct {
	Usable  bool           `json:"usable"` // workers can run
	Build   build          `json:"build"`
	Kernel  string         `json:"kernel,omitempty"`
	Sandbox sandbox.Report `json:"sandbox"` // of workers of the built-in engine
	// Engines are those that tasks run in. The workers of each are isolated in
	// their own way.
	Engines []diagnosedEngine `json:"engines"`
	Advice  []advice          `json:"advice,omitempty"`
	Error   *ratchet.Error    `json:"error,omitempty"` // why workers cannot run
	Spawn   string            `json:"spawn,omitempty"` // time from spawn to ready
	Limits  ratchet.Limits    `json:"limits"`
}

// A diagnosedEngine is an engine whose worker was started.
type diagnosedEngine struct {
	ratchet.EngineInfo
	Sandbox *sandbox.Report `json:"sandbox,omitempty"` // none if it did not start
	Spawn   string          `json:"spawn,omitempty"`   // time from spawn to ready
}

// advice is what to do about something missing.
type advice struct {
	About string `json:"about"`
	Text  string `json:"text"`
}

func (a *app) doctorCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check whether tasks can run here, and how well they are isolated",
		Long: `Start a worker process as run would, and report which layers of the sandbox
confine it, why others do not, and what to do about it. A Node is tried too, if
there is one.

The exit code is 0 if workers can run, all layers there or not, else 8. A Node
that cannot run tasks is wrong only if it is the default engine.`,
		Example: `  ratchet doctor
  ratchet doctor --json | jq .sandbox.level`,
		Args: wantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the findings as JSON")
	return cmd
}

func (a *app) doctor(ctx context.Context, asJSON bool) error {
	engines, err := a.engines()
	if err != nil {
		return err
	}
	d := a.diagnose(ctx, engines)
	write := a.printValue
	if !asJSON {
		write = func(any) error { return a.print(a.diagnosisText(d)) }
	}
	if err := write(d); err != nil {
		return err
	}
	if d.Error != nil {
		return &silent{ratchet.CodeUnavailable}
	}
	return nil
}

func (a *app) diagnose(ctx context.Context, engines *engine.Engines) diagnosis {
	d := diagnosis{Build: thisBuild(), Limits: ratchet.DefaultLimits()}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		d.Kernel = strings.TrimSpace(string(text))
	}
	pool := workerpool.New(workerpool.Config{Command: a.Worker})
	defer pool.Close()
	begun := time.Now()
	report, err := pool.Probe()
	d.Sandbox = report
	switch refused, isSandbox := errors.AsType[*workerpool.SandboxError](err); {
	case isSandbox:
		d.Sandbox = refused.Report
		d.Error = ratchet.Errorf(ratchet.ReasonSandboxUnavailable, "workers cannot be isolated: %s", refused.Reason)
		d.Error.Cause = err
	case err != nil:
		d.Error = ratchet.Errorf(ratchet.ReasonServiceUnavailable, "a worker process does not start: %w", err)
	default:
		d.Usable, d.Spawn = true, time.Since(begun).Round(100*time.Microsecond).String()
	}
	for _, e := range engines.Chosen(ctx) {
		found := diagnosedEngine{EngineInfo: e}
		found.try(pool, &d)
		d.Engines = append(d.Engines, found)
		if e.Default && !found.Usable && d.Error == nil {
			d.Usable, d.Error = false, ratchet.Errorf(ratchet.ReasonEngineUnavailable, "execution.engine is %s: %s", e.Name, found.Problem)
		}
	}
	for _, m := range d.Sandbox.Missing {
		d.Advice = append(d.Advice, advice{string(m.Layer), remedy(m.Layer)})
	}
	return d
}

// try starts a worker of the engine; that of the built-in one was started before.
func (e *diagnosedEngine) try(pool *workerpool.Pool, d *diagnosis) {
	switch {
	case !e.Usable:
		return
	case e.Name == ratchet.EngineQuickJS:
		e.Usable, e.Sandbox, e.Spawn = d.Usable, &d.Sandbox, d.Spawn
		e.Level = string(d.Sandbox.Level)
		if d.Error != nil {
			e.Problem = d.Error.Message
		}
		return
	}
	pool.UseNode(e.Path, e.Version)
	begun := time.Now()
	report, err := pool.ProbeOf(e.Name)
	if err != nil {
		e.Usable, e.Problem = false, "a worker process does not start: "+err.Error()
		return
	}
	e.Sandbox, e.Level = &report, string(report.Level)
	e.Spawn = time.Since(begun).Round(100 * time.Microsecond).String()
}

// remedy says what brings a missing layer back.
func remedy(l sandbox.Layer) string {
	if !sandbox.Supported() {
		return "workers are isolated on Linux only; run tasks of others there"
	}
	switch l {
	case sandbox.LayerNamespaces:
		return "let unprivileged users make namespaces (sysctl kernel.unprivileged_userns_clone=1, on Ubuntu also kernel.apparmor_restrict_unprivileged_userns=0), or in a container allow unshare and clone in its seccomp profile"
	case sandbox.LayerUID:
		return "run Ratchet as root, which gives each worker a user id of its own, or accept one id for all of them"
	case sandbox.LayerRoot:
		return "comes with namespaces; in a container allow mount and pivot_root in its seccomp and AppArmor profile"
	case sandbox.LayerCapabilities:
		return "run Ratchet with the capabilities it was started with, or as an ordinary user"
	case sandbox.LayerLandlock:
		return "needs Linux 5.13 or newer with landlock among the security modules (cat /sys/kernel/security/lsm; boot with lsm=landlock,…), and a container that allows its system calls"
	case sandbox.LayerMDWE:
		return "needs Linux 6.3 or newer"
	case sandbox.LayerSeccomp:
		return "needs a kernel with CONFIG_SECCOMP_FILTER on amd64 or arm64, and a container that allows seccomp; without it tasks run only with --insecure-allow-unsandboxed-workers, which is for your own code"
	case sandbox.LayerOOMScore:
		return "harmless: when memory runs out the kernel may choose another process than a worker"
	default:
		return "look for what forbids it: an outer container, its seccomp profile, or a limit set on this shell"
	}
}

func (a *app) diagnosisText(d diagnosis) string {
	var b strings.Builder
	p := a.out
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%s %s\n", p.bold(fmt.Sprintf("%-9s", name)), fmt.Sprintf(format, args...))
	}
	row("ratchet", "%s", strings.TrimPrefix(d.Build.String(), "ratchet "))
	row("protocol", "%d between server and worker", d.Build.Protocol)
	if d.Kernel != "" {
		row("kernel", "%s", d.Kernel)
	}
	if d.Usable {
		row("worker", "%s, ready after %s", p.green("runs"), d.Spawn)
	} else {
		row("worker", "%s: %s", p.red("cannot run"), d.Error.Message)
	}
	switch d.Sandbox.Level {
	case sandbox.LevelStrict:
		row("sandbox", "%s, every layer that confines a task is active", p.green("strict"))
	case sandbox.LevelReduced:
		row("sandbox", "%s, some layers are missing", p.yellow("reduced"))
	default:
		row("sandbox", "%s", p.red("none"))
	}
	for _, l := range sandbox.Layers() {
		if d.Sandbox.Has(l) {
			fmt.Fprintf(&b, "  %s %s\n", p.green("active "), l)
		}
	}
	for _, m := range d.Sandbox.Missing {
		fmt.Fprintf(&b, "  %s %-12s %s\n            %s %s\n", p.yellow("missing"), m.Layer, m.Why, p.dim("what to do:"), remedy(m.Layer))
	}
	for _, e := range d.Engines {
		name := string(e.Name)
		if e.Default {
			name += ", the default"
		}
		switch {
		case e.Usable:
			row("engine", "%s: %s, %s, sandbox %s, ready after %s", name, e.Version, harmless(e.Path), e.Level, e.Spawn)
		case e.Name == ratchet.EngineNode && e.Path == "" && !e.Default:
			row("engine", "%s: %s; %s", name, p.dim("none"), "ratchet engine install node installs one")
		default:
			row("engine", "%s: %s: %s", name, p.red("not usable"), harmless(e.Problem))
		}
		if e.Name == ratchet.EngineNode && e.Sandbox != nil {
			for _, m := range e.Sandbox.Missing {
				fmt.Fprintf(&b, "  %s %-12s %s\n", p.yellow("missing"), m.Layer, m.Why)
			}
		}
	}
	row("limits", "by default, each with its flag of run and its field in metadata.json")
	for _, l := range limitTable(d.Limits) {
		fmt.Fprintf(&b, "  %-9s --%-16s %s\n", l[0], l[1], l[2])
	}
	if d.Usable {
		b.WriteString("tasks can run here\n")
	} else {
		b.WriteString("tasks cannot run here\n")
	}
	return b.String()
}

// limitTable lists each limit's value, flag and field.
func limitTable(l ratchet.Limits) [][3]string {
	return [][3]string{
		{l.Wall.String(), "timeout", "timeout"},
		{l.CPU.String(), "max-cpu", "limits.cpu"},
		{l.Memory.String(), "memory", "memory"},
		{l.Output.String(), "max-output", "limits.output"},
		{l.Logs.String(), "max-logs", "limits.logs"},
		{fmt.Sprint(l.Fetches), "max-fetches", "limits.fetches"},
		{l.FetchBytes.String(), "max-fetch-bytes", "limits.fetchBytes"},
		{l.FetchBody.String(), "max-fetch-body", "limits.fetchBody"},
		{fmt.Sprint(l.Recursion), "max-recursion", "limits.recursion"},
	}
}
