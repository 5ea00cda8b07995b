package bundle_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// The examples are what a newcomer copies: they have no problem and no warning,
// and what their tests give and expect fits their schemas.
func TestExamples(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob("../../examples/*/metadata.json")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("found no examples (%v)", err)
	}
	for _, file := range dirs {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			if _, err := os.Stat(filepath.Join(dir, "package.json")); err == nil {
				if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
					t.Skip("run npm ci in it first")
				}
			}
			r, err := bundle.Check(t.Context(), dir, bundle.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Problems)+len(r.Warnings) > 0 {
				t.Fatalf("got %s\n%s", lines(r.Problems), lines(r.Warnings))
			}
			b := r.Bundle
			if b.Name != filepath.Base(dir) || b.Input == nil || b.Output == nil || len(b.Tests) == 0 {
				t.Errorf("got %q with schemas %v, %v and %d tests", b.Name, b.Input != nil, b.Output != nil, len(b.Tests))
			}
			for _, test := range b.Tests {
				var c struct {
					Input    json.RawMessage `json:"input"`
					Expected json.RawMessage `json:"expected_output"`
					Fails    bool            `json:"should_fail"`
				}
				if err := json.Unmarshal(test.Data, &c); err != nil {
					t.Fatal(err)
				}
				if got := b.Input.Validate(c.Input); got != nil {
					t.Errorf("%s: input: %s", test.Name, lines(got))
				}
				if c.Fails == (c.Expected != nil) {
					t.Errorf("%s: want either expected_output or should_fail", test.Name)
				}
				if c.Expected != nil {
					if got := b.Output.Validate(c.Expected); got != nil {
						t.Errorf("%s: expected_output: %s", test.Name, lines(got))
					}
				}
			}
		})
	}
}
