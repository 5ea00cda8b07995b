package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// A verdict is what validate says about one task.
type verdict struct {
	Path     string           `json:"path"`
	Valid    bool             `json:"valid"`
	Name     string           `json:"name,omitempty"`
	Version  string           `json:"version,omitempty"`
	Digest   string           `json:"digest,omitempty"`
	Problems []ratchet.Detail `json:"problems"`
	Warnings []ratchet.Detail `json:"warnings"`
	Error    *ratchet.Error   `json:"error,omitempty"` // why there is nothing to look into

	code ratchet.Code
}

// A verdictList is what validate --json prints.
type verdictList struct {
	Valid bool      `json:"valid"`
	Tasks []verdict `json:"tasks"`
}

func (a *app) validateCommand() *cobra.Command {
	var fromFS string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "validate PATH…",
		Short: "Report all that is wrong with tasks, without running them",
		Long: `Read the tasks at the given paths as run would, and report all that is wrong
with them at once: their metadata, schemas, code and tests. A folder that is no
task itself stands for all tasks below it.

The exit code is 0 if every task is valid, warnings or not, 2 if one is not, and
5 if there is nothing at a path.`,
		Example: `  ratchet validate examples/addition
  ratchet validate examples
  ratchet validate tasks/*/ --json | jq '.tasks[] | select(.valid | not) | .path'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if fromFS != "" {
				return wantArgs(0, 0, "either --from-fs or a PATH")(cmd, args)
			}
			return wantArgs(1, 1<<20, "the PATH of a task, or several")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if fromFS != "" {
				args = []string{fromFS}
			}
			return a.validate(cmd.Context(), args, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	cmd.Flags().StringVar(&fromFS, "from-fs", "", "the old name of PATH")
	cmd.Flags().Lookup("from-fs").Hidden = true
	return cmd
}

func (a *app) validate(ctx context.Context, args []string, asJSON bool) error {
	probe, done, err := a.prober()
	if err != nil {
		return err
	}
	defer done()
	var verdicts []verdict
	for _, arg := range args {
		for _, path := range tasksAt(arg) {
			v, err := judge(ctx, path, probe)
			if err != nil {
				return err
			}
			verdicts = append(verdicts, v)
			if !asJSON {
				if err := a.print(a.verdictText(v)); err != nil {
					return err
				}
			}
		}
	}
	invalid, problems, warnings := 0, 0, 0
	code := ratchet.Code("")
	for _, v := range verdicts {
		warnings += len(v.Warnings)
		problems += len(v.Problems)
		if !v.Valid {
			invalid++
			problems += min(1, max(0, 1-len(v.Problems)))
			if code == "" || v.code == ratchet.CodeInvalid {
				code = v.code
			}
		}
	}
	if asJSON {
		if err := a.printValue(verdictList{invalid == 0, verdicts}); err != nil {
			return err
		}
	} else if len(verdicts) > 1 || invalid > 0 {
		text := fmt.Sprintf("%s, %d invalid: %s, %s\n", count(len(verdicts), "task"), invalid, count(problems, "problem"), count(warnings, "warning"))
		if err := a.print(a.out.bold(text)); err != nil {
			return err
		}
	}
	if invalid > 0 {
		return &silent{code}
	}
	return nil
}

// A silent error has been told already.
type silent struct{ code ratchet.Code }

func (s *silent) Error() string { return string(s.code) }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// tasksAt returns the tasks that a path stands for: itself, or, of a folder that
// is none, those below it.
func tasksAt(path string) []string {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() || isTask(path) {
		return []string{path}
	}
	var found []string
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || !d.IsDir() || p == path:
			return nil
		case d.Name() == "node_modules" || strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case isTask(p):
			found = append(found, p)
			return fs.SkipDir
		}
		return nil
	})
	if len(found) == 0 {
		return []string{path}
	}
	return found
}

// isTask reports whether the folder means to be a task.
func isTask(dir string) bool {
	names, _ := filepath.Glob(filepath.Join(escapeGlob(dir), "*"))
	for _, name := range names {
		base := filepath.Base(name)
		if base == "metadata.json" || singleFile(base) && (strings.HasPrefix(base, "main.") || strings.HasPrefix(base, "index.")) {
			return true
		}
	}
	return false
}

func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// prober returns what finds out whether a worker can read a task's code and
// finds its function, and what ends it.
func (a *app) prober() (probe func(context.Context, *bundle.Bundle) error, done func(), err error) {
	client, err := egress.New(egress.Config{})
	if err != nil {
		return nil, nil, err
	}
	engines, err := a.engines()
	if err != nil {
		return nil, nil, err
	}
	pool := workerpool.New(workerpool.Config{Command: a.Worker})
	if engines.Default() == ratchet.EngineQuickJS {
		pool.Warm()
	}
	exec := executor.New(pool, client)
	exec.SetEngines(engines)
	return exec.Probe, func() {
		pool.Close()
		client.Close()
	}, nil
}

func judge(ctx context.Context, path string, probe func(context.Context, *bundle.Bundle) error) (verdict, error) {
	v := verdict{Path: path, Problems: []ratchet.Detail{}, Warnings: []ratchet.Detail{}}
	report, err := bundle.Check(ctx, path, bundle.Options{ParentModules: true})
	if err != nil {
		e, ok := errors.AsType[*ratchet.Error](err)
		if !ok || e.Code == ratchet.CodeInternal {
			return v, err
		}
		v.Error, v.code = e, e.Code
		return v, nil
	}
	v.Problems, v.Warnings = append(v.Problems, report.Problems...), append(v.Warnings, report.Warnings...)
	if b := report.Bundle; b != nil {
		v.Name, v.Version, v.Digest = b.Name, b.Version, b.Digest
		if err := probe(ctx, b); err != nil {
			if err := v.note(err); err != nil {
				return v, err
			}
		}
	}
	v.Valid, v.code = len(v.Problems) == 0, ratchet.CodeInvalid
	return v, nil
}

// note adds what loading the code in a worker showed. Code that throws when it
// is loaded is a warning: it may want an environment that it gets only when run.
func (v *verdict) note(err error) error {
	e, ok := errors.AsType[*ratchet.Error](err)
	if !ok {
		return err
	}
	details := e.Details
	if len(details) == 0 || e.Code != ratchet.CodeInvalid {
		details = []ratchet.Detail{{Message: e.Message}}
	}
	switch e.Code {
	case ratchet.CodeInvalid:
		v.Problems = append(v.Problems, details...)
	case ratchet.CodeTaskFailed:
		details[0].Message = "the code fails when it is loaded: " + e.Message
		if len(e.Details) > 0 {
			details[0].File, details[0].Line, details[0].Column = e.Details[0].File, e.Details[0].Line, e.Details[0].Column
			details[0].Text = e.Details[0].Text
		}
		v.Warnings = append(v.Warnings, details...)
	default:
		return err
	}
	return nil
}

// verdictText is the verdict for a person.
func (a *app) verdictText(v verdict) string {
	var b strings.Builder
	place := placer(v.Path)
	list := func(word string, details []ratchet.Detail) {
		for _, d := range details {
			if d.File != "" {
				d.File = place(d.File)
			} else {
				d.File = v.Path
			}
			at := bundle.Line(ratchet.Detail{File: d.File, Line: d.Line, Column: d.Column})
			text := d
			text.File, text.Line = "", 0
			fmt.Fprintf(&b, "%s%s %s\n", a.out.bold(at), word, harmless(describe(text)))
			if d.Text != "" && d.Line > 0 {
				b.WriteString(a.out.snippet(d.Text, d.Line, d.Column, a.columns(a.StdoutTerminal)))
			}
		}
	}
	if v.Error != nil {
		fmt.Fprintf(&b, "%s %s %s\n", a.out.bold(v.Path+":"), a.out.red("error:"), harmless(v.Error.Message))
		for _, d := range v.Error.Details {
			fmt.Fprintf(&b, "  %s\n", harmless(describe(d)))
		}
	}
	list(a.out.red("error:"), v.Problems)
	list(a.out.yellow("warning:"), v.Warnings)
	if v.Valid {
		fmt.Fprintf(&b, "%s %s: %s %s %s\n", a.out.green("valid"), v.Path, v.Name, v.Version, a.out.dim(v.Digest))
	}
	return b.String()
}
