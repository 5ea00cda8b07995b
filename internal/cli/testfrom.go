package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/recording"
	"github.com/ratchet-runner/ratchet-go/internal/tasktest"
	"github.com/ratchet-runner/ratchet-go/internal/testfile"
)

// checkFrom reports what does not go with --from.
func (f *testFlags) checkFrom(flags *pflag.FlagSet) error {
	switch {
	case flags.Changed("name") && f.from == "":
		return usage("as in --from RECORDING --name monday", "--name is for the test that --from writes")
	case flags.Changed("from") && f.from == "":
		return usage("as in --from monday, where ratchet run --record monday wrote", "--from has no name of a recording")
	case f.from != "" && (f.watch || f.update || f.json || f.junit != "" || f.filter != ""):
		return usage("write the test first, then run it", "--from writes a test, and runs no other")
	}
	return nil
}

// writeTest makes a test of the recording, of the task at the path, and runs it
// once to say whether it passes.
func (a *app) writeTest(ctx context.Context, flags *testFlags, path string) error {
	r, err := recording.Read(flags.from)
	if err != nil {
		return err
	}
	if path == "" {
		path = r.Meta.Task.Path
	}
	if !isTask(path) {
		return usage("as in ratchet test TASK --from "+flags.from, "%q is not the folder of a task", path)
	}
	name := ratchet.Slug(flags.name)
	if name == "" && flags.name != "" {
		return usage("letters, digits, - and _", "--name %q cannot be the name of a file", flags.name)
	}
	if name == "" {
		abs, err := filepath.Abs(flags.from)
		if err != nil {
			return ratchet.Errorf(ratchet.ReasonIO, "cannot find %s: %w", flags.from, err)
		}
		name = ratchet.Slug(filepath.Base(abs))
	}
	text, err := testfile.Format(tasktest.FromRecording(r, name))
	if err != nil {
		return err
	}
	file := filepath.Join(path, "tests", name+".json")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return ratchet.Errorf(ratchet.ReasonIO, "cannot make the folder %s: %w", filepath.Dir(file), plain(err))
	}
	if err := writeNew(file, text); err != nil {
		return err
	}
	wrong := a.tryTest(ctx, flags, path, name+".json")
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if len(wrong) == 0 {
		return a.print(fmt.Sprintf("%s %s; to run it: ratchet test %s\n", a.out.green("wrote"), file, path))
	}
	for i, line := range wrong {
		wrong[i] = harmless(line)
	}
	return a.print(fmt.Sprintf("%s %s; it does not pass as it stands: %s\n", a.out.green("wrote"), file, strings.Join(wrong, "\n  ")))
}

// tryTest runs one test of the task and returns in lines why it does not pass,
// nothing if it does.
func (a *app) tryTest(ctx context.Context, flags *testFlags, path, name string) []string {
	t, err := a.newTester(flags, nil)
	if err != nil {
		return []string{"it cannot be run: " + err.Error()}
	}
	defer t.close()
	t.config.Done, t.config.Step = nil, nil
	t.config.Load = func(ctx context.Context, path string) (*bundle.Bundle, error) {
		b, err := loadTask(ctx, path)
		if err == nil {
			b.Tests = slices.DeleteFunc(b.Tests, func(test bundle.Test) bool { return test.Name != "tests/"+name })
			b.Warnings = slices.DeleteFunc(b.Warnings, func(w ratchet.Detail) bool { return w.File != "tests/"+name })
		}
		return b, err
	}
	tasks, err := t.config.Run(ctx, []string{path})
	switch {
	case err != nil:
		return []string{"it cannot be run: " + err.Error()}
	case tasks[0].Error != nil:
		return []string{"the task cannot be loaded: " + tasks[0].Error.Message}
	case len(tasks[0].Tests) == 0:
		return []string{"it is not among the tests of the task"}
	}
	r := tasks[0].Tests[0]
	if r.State == tasktest.Passed {
		return nil
	}
	return append([]string{r.Message}, r.Explain(placer(path))...)
}

// writeNew writes a file that must not be there.
func writeNew(file string, text []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return &failure{
			err:  ratchet.Errorf(ratchet.ReasonAlreadyExists, "there is a test at %s already", file),
			hint: "choose another with --name, or remove it",
		}
	}
	if err == nil {
		_, err = f.Write(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return ratchet.Errorf(ratchet.ReasonIO, "cannot write %s: %w", file, plain(err))
	}
	return nil
}
