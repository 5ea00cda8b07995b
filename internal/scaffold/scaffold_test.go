package scaffold_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/scaffold"
	"github.com/ratchet-runner/ratchet-go/internal/typings"
	"github.com/ratchet-runner/ratchet-go/internal/typings/tsctest"
)

func create(t *testing.T, dir string, o scaffold.Options) *scaffold.Task {
	t.Helper()
	task, err := scaffold.New(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// That their tests pass is for cmd/ratchet to show, where there are workers.
func TestEachTemplateIsATaskWithoutAnythingToComplainOf(t *testing.T) {
	t.Parallel()
	for _, template := range scaffold.Templates() {
		t.Run(template.Name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "send-invoice")
			task := create(t, dir, scaffold.Options{Template: template.Name})
			r, err := bundle.Check(t.Context(), dir, bundle.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Problems)+len(r.Warnings) > 0 {
				t.Fatalf("problems %v, warnings %v", r.Problems, r.Warnings)
			}
			b := r.Bundle
			if b.Name != "send-invoice" || b.Label != "Send invoice" || b.Version != "0.1.0" || b.Description == "" {
				t.Errorf("got %q, %q, %q, %q", b.Name, b.Label, b.Version, b.Description)
			}
			if b.Input == nil || b.Output == nil || len(b.Tests) < 2 {
				t.Errorf("got schemas %v, %v and %d tests, want both and two", b.Input != nil, b.Output != nil, len(b.Tests))
			}
			var names []string
			for _, f := range task.Files {
				names = append(names, f.Name)
				text, err := os.ReadFile(filepath.Join(dir, f.Name))
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(text), "{{") {
					t.Errorf("%s has a placeholder left:\n%s", f.Name, text)
				}
			}
			config := "jsconfig.json"
			if strings.HasSuffix(b.Entry, ".ts") {
				config = "tsconfig.json"
			}
			for _, want := range []string{"README.md", "metadata.json", typings.File, config} {
				if !slices.Contains(names, want) {
					t.Errorf("there is no %s in %q", want, names)
				}
			}
			if got, err := os.ReadFile(filepath.Join(dir, typings.File)); err != nil || string(got) != typings.Declarations(b) {
				t.Errorf("%s is not what ratchet types says: %v", typings.File, err)
			}
			tsctest.Check(t, filepath.Join(dir, config))
			breakIt(t, dir, b.Entry)
			if got := tsctest.Problems(t, filepath.Join(dir, config)); !strings.Contains(got, "noSuchInput") {
				t.Errorf("an input that the schema lacks goes unnoticed:\n%s", got)
			}
		})
	}
}

// breakIt makes the task's function read what no input has.
func breakIt(t *testing.T, dir, entry string) {
	t.Helper()
	file := filepath.Join(dir, entry)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	typed := "const broken = (input) => input.noSuchInput;\n"
	if strings.HasSuffix(entry, ".ts") {
		text = append(text, "const broken: Task = (input) => input.noSuchInput;\nvoid broken;\n"...)
	} else {
		text = append(text, "/** @type {import(\"./ratchet-env\").Task} */\n"+typed...)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOptionsNameTheTask(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		folder  string
		options scaffold.Options
		want    []string // name, label, description, version
	}{
		{"Send Invoice (v2)", scaffold.Options{}, []string{"send-invoice-v2", "Send Invoice (v2)", "Adds up the lines of an order", "0.1.0"}},
		{"größe", scaffold.Options{}, []string{"gr-e", "größe", "Adds up the lines of an order", "0.1.0"}},
		{"a", scaffold.Options{Name: "b_c", Version: "2.0.0-rc.1"}, []string{"b_c", "B c", "Adds up the lines of an order", "2.0.0-rc.1"}},
		{"a", scaffold.Options{Label: `Say "hi" <b>`, Description: "Back\\slash."}, []string{"say-hi-b", `Say "hi" <b>`, "Back\\slash.", "0.1.0"}},
	} {
		b := create(t, filepath.Join(t.TempDir(), test.folder), test.options).Bundle
		if diff := cmp.Diff(test.want, []string{b.Name, b.Label, b.Description, b.Version}); diff != "" {
			t.Errorf("%s, %+v (-want +got):\n%s", test.folder, test.options, diff)
		}
	}
}

// tree returns the files below dir and what they hold.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, file)
		if d.IsDir() {
			files[name+"/"] = ""
			return nil
		}
		text, err := os.ReadFile(file)
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestNothingIsOverwrittenUnasked(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "task")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{".gitignore": "x\n", "main.js": "mine\n", "notes.txt": "mine too\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := tree(t, parent)
	_, err := scaffold.New(t.Context(), dir, scaffold.Options{})
	e, ok := errors.AsType[*ratchet.Error](err)
	if !ok || e.Code != ratchet.CodeConflict {
		t.Fatalf("got %v, want a conflict", err)
	}
	if len(e.Details) != 1 || e.Details[0].File != "main.js" {
		t.Errorf("got %v, want the one file that would be overwritten", e.Details)
	}
	if diff := cmp.Diff(before, tree(t, parent)); diff != "" {
		t.Errorf("the folder changed (-before +after):\n%s", diff)
	}

	task := create(t, dir, scaffold.Options{Overwrite: true})
	for _, f := range task.Files {
		if f.Overwritten != (f.Name == "main.js") {
			t.Errorf("%s: got overwritten %v", f.Name, f.Overwritten)
		}
	}
	after := tree(t, dir)
	if after["notes.txt"] != "mine too\n" || after[".gitignore"] != "x\n" || after["main.js"] == "mine\n" {
		t.Errorf("got %q, %q, %q", after["notes.txt"], after[".gitignore"], after["main.js"])
	}
}

func TestAFolderWithHiddenFilesOnlyIsEmpty(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	create(t, dir, scaffold.Options{Name: "fresh"})
}

// Whatever fails on the way, what was there before is there after, and no more.
func TestAFailureLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "task")
	for name, text := range map[string]string{"main.js": "mine\n", "tests": "a file where a folder should be\n"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := tree(t, parent)
	if _, err := scaffold.New(t.Context(), dir, scaffold.Options{Overwrite: true}); err == nil {
		t.Error("got no error")
	}
	if diff := cmp.Diff(before, tree(t, parent)); diff != "" {
		t.Errorf("the folder changed (-before +after):\n%s", diff)
	}
	for _, o := range []scaffold.Options{{Template: "cobol"}, {Name: "no slug"}, {Version: "1"}} {
		if _, err := scaffold.New(t.Context(), filepath.Join(parent, "new", "deep"), o); err == nil {
			t.Errorf("%+v: got no error", o)
		}
	}
	if _, err := scaffold.New(t.Context(), filepath.Join(dir, "main.js", "deep"), scaffold.Options{}); err == nil {
		t.Error("below a file: got no error")
	}
	if _, err := scaffold.New(t.Context(), filepath.Join(parent, "日本"), scaffold.Options{}); err == nil || !strings.Contains(err.Error(), "--name") {
		t.Errorf("got %v, want advice", err)
	}
	if diff := cmp.Diff(before, tree(t, parent)); diff != "" {
		t.Errorf("the folder changed (-before +after):\n%s", diff)
	}
}

// A template's metadata has no keys but those that New carries over.
func TestMetadataKeepsWhatTheTemplateSays(t *testing.T) {
	t.Parallel()
	for _, template := range scaffold.Templates() {
		text, err := os.ReadFile(filepath.Join("templates", template.Name, "metadata.json"))
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "task")
		create(t, dir, scaffold.Options{Template: template.Name})
		made, err := os.ReadFile(filepath.Join(dir, "metadata.json"))
		if err != nil {
			t.Fatal(err)
		}
		var want, got map[string]any
		if err := errors.Join(json.Unmarshal(text, &want), json.Unmarshal(made, &got)); err != nil {
			t.Fatal(err)
		}
		for key, value := range want {
			if diff := cmp.Diff(value, got[key]); diff != "" {
				t.Errorf("%s: %s (-template +made):\n%s", template.Name, key, diff)
			}
		}
	}
}
