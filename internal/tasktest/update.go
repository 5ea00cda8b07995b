package tasktest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/testfile"
)

// Outdated reports whether the test failed only because the output is another
// than the test expects.
func (r *Result) Outdated() bool {
	return r.State == Failed && len(r.Differences) > 0 && len(r.Unanswered) == 0 && r.Error == nil
}

// Update writes into the file of an outdated test what came as what the test
// expects, and makes its State Updated.
func (t *Task) Update(r *Result) error {
	file := filepath.Join(t.Path, filepath.FromSlash(r.File))
	data, err := os.ReadFile(file)
	if err != nil {
		return ratchet.Errorf(ratchet.ReasonIO, "cannot update %s: only the tests of a folder can be written: %w", file, err)
	}
	if !bytes.Equal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), r.data) {
		return ratchet.Errorf(ratchet.ReasonIO, "%s changed while the tests ran; it was left as it is", file)
	}
	made, err := testfile.SetExpected(data, r.Output)
	if err != nil {
		return fmt.Errorf("update %s: %w", file, err)
	}
	if err := os.WriteFile(file, made, 0o644); err != nil {
		return ratchet.Errorf(ratchet.ReasonIO, "cannot write %s: %w", file, err)
	}
	r.State = Updated
	return nil
}
