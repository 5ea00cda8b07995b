package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	ratchet "github.com/ratchet-runner/ratchet-go"
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
		return usage("write the test first, then run it", "--from writes a test and runs none")
	}
	return nil
}

// writeTest makes a test of the recording, of the task at the path.
func (a *app) writeTest(flags *testFlags, path string) error {
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
	return a.print(fmt.Sprintf("%s %s; to run it: ratchet test %s\n", a.out.green("wrote"), file, path))
}

// writeNew writes a file that must not be there.
func writeNew(file string, text []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return usage("choose another with --name, or remove it", "there is a test at %s already", file)
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
