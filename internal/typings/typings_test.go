package typings_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/typings"
	"github.com/ratchet-runner/ratchet-go/internal/typings/tsctest"
)

var update = flag.Bool("update", false, "write the expected declarations in testdata/tasks anew")

// config is how the uses in testdata/tasks are compiled.
const config = `{
  "compilerOptions": {
    "strict": true, "noEmit": true, "target": "ESNext", "module": "Preserve", "moduleDetection": "force",
    "lib": LIB, "types": [], "noPropertyAccessFromIndexSignature": true
  },
  "files": ["use.ts", "ratchet-env.d.ts"]
}
`

// declare writes the task of the archive to a folder and returns its declarations.
func declare(t *testing.T, dir string, files []txtar.File) string {
	t.Helper()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("metadata.json", `{"name": "typed", "version": "1.0.0"}`)
	write("main.js", `() => null`)
	for _, f := range files {
		write(f.Name, string(f.Data))
	}
	b, err := bundle.Load(t.Context(), dir, bundle.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return typings.Declarations(b)
}

// Each archive is a task, the part of its declarations that its schemas decide,
// and code that uses them, in which TypeScript must find what @ts-expect-error
// announces, and nothing else.
func TestDeclarationsSayWhatTheSchemasSay(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob(filepath.Join("testdata", "tasks", "*.txtar"))
	if err != nil || len(archives) == 0 {
		t.Fatalf("found no tasks (%v)", err)
	}
	for _, file := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want.d.ts" })
			if i < 0 {
				archive.Files = append(archive.Files, txtar.File{Name: "want.d.ts"})
				i = len(archive.Files) - 1
			}
			dir := t.TempDir()
			full := declare(t, dir, archive.Files)
			got := ofSchemas(t, full)
			if *update {
				archive.Files[i].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(string(archive.Files[i].Data), got); diff != "" {
				t.Errorf("declarations differ (-want +got; if they should, run go test ./internal/typings -update):\n%s", diff)
			}
			if again := declare(t, t.TempDir(), archive.Files); again != full {
				t.Error("the same task in another folder has other declarations")
			}
			lib := `["ES2024", "WebWorker"]`
			if strings.Contains(string(archive.Comment), "sync") {
				lib = `["ES2024"]`
			}
			if err := os.WriteFile(filepath.Join(dir, typings.File), []byte(full), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "tsconfig.json"), []byte(strings.Replace(config, "LIB", lib, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			tsctest.Check(t, filepath.Join(dir, "tsconfig.json"))
		})
	}
}

// ofSchemas returns the part of the declarations between their head and Task.
func ofSchemas(t *testing.T, text string) string {
	t.Helper()
	_, text, found := strings.Cut(text, typings.File+"\n\n")
	text, _, ended := strings.Cut(text, "\n/** The function that the task is. */")
	if !found || !ended {
		t.Fatalf("the declarations have another form:\n%s", text)
	}
	return text
}
