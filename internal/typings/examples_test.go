package typings_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/typings"
	"github.com/ratchet-runner/ratchet-go/internal/typings/tsctest"
)

// The examples are what a newcomer opens in an editor: their declarations are
// fresh, and TypeScript finds nothing wrong with their code.
func TestExamplesAreTyped(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "..", "examples", "*", "metadata.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found no examples (%v)", err)
	}
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			if _, err := os.Stat(filepath.Join(dir, "package.json")); err == nil {
				if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
					t.Skipf("the packages are not installed: run npm ci in %s", dir)
				}
			}
			b, err := bundle.Load(t.Context(), dir, bundle.Options{})
			if err != nil {
				t.Fatal(err)
			}
			want, file := typings.Declarations(b), filepath.Join(dir, typings.File)
			if *update {
				if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(file)
			if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
				t.Errorf("%s is stale; run go test ./internal/typings -update (%v):\n%s", file, err, diff)
			}
			config := filepath.Join(dir, "jsconfig.json")
			if _, err := os.Stat(config); err != nil {
				config = filepath.Join(dir, "tsconfig.json")
			}
			tsctest.Check(t, config)
		})
	}
}
