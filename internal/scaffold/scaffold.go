// Package scaffold writes the folder of a new task: code, schemas, tests that
// pass, and what editors need to check them. It leaves running the task to those
// who run any other.
package scaffold

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/typings"
)

var (
	//go:embed templates
	templateFiles embed.FS
	//go:embed editor/jsconfig.json
	jsconfig []byte
	//go:embed editor/tsconfig.json
	tsconfig []byte
)

// A Template is a task to begin with.
type Template struct {
	Name    string
	Summary string
}

// Templates lists them, the first being what New takes if none is named.
func Templates() []Template {
	return []Template{
		{"transform", "JSON in, JSON out: adds up the lines of an order"},
		{"http", "asks an HTTP API, with tests that need no network"},
		{"typescript", "TypeScript in two files"},
		{"batch", "works through a list, with logs, progress and a deadline"},
	}
}

// Options say what the new task is. The zero value is a transform 0.1.0, named
// after its folder.
type Options struct {
	Template    string
	Name        string // a task's name; default: the slug of Label, else of the folder
	Label       string // what people read; default: made of the name
	Description string // default: the template's
	Version     string // semantic; default 0.1.0
	// Overwrite allows a folder that has files, and overwrites those that are in
	// the way.
	Overwrite bool
}

// A File is one that New wrote.
type File struct {
	Name        string // relative to the task's folder, with slashes
	Overwritten bool
}

// A Task is what New made.
type Task struct {
	Files  []File
	Bundle *bundle.Bundle
}

// ratchet.ReasonAlreadyExists is that something stands where a task should be written.

// New writes a task into the folder, which must be empty or not there; names that
// begin with a dot do not count. If it fails, it leaves nothing behind.
func New(ctx context.Context, dir string, o Options) (*Task, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, cannot("find", dir, err)
	}
	if err := o.complete(filepath.Base(abs)); err != nil {
		return nil, err
	}
	files, err := render(o)
	if err != nil {
		return nil, err
	}
	// The declarations are made of the files, and stand beside them.
	w, err := begin(dir, append(slices.Sorted(maps.Keys(files)), typings.File), o.Overwrite)
	if err != nil {
		return nil, err
	}
	defer w.close()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := w.write(name, files[name]); err != nil {
			w.undo()
			return nil, err
		}
	}
	b, err := bundle.Load(ctx, dir, bundle.Options{})
	if err == nil {
		err = w.write(typings.File, []byte(typings.Declarations(b)))
	}
	if err != nil {
		w.undo()
		return nil, err
	}
	slices.SortFunc(w.written, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return &Task{Files: w.written, Bundle: b}, nil
}

// complete checks the options and fills in what they leave open.
func (o *Options) complete(folder string) error {
	templates := Templates()
	if o.Template == "" {
		o.Template = templates[0].Name
	}
	if !slices.ContainsFunc(templates, func(t Template) bool { return t.Name == o.Template }) {
		names := make([]string, 0, len(templates))
		for _, t := range templates {
			names = append(names, t.Name)
		}
		return ratchet.Errorf(ratchet.ReasonValidation, "there is no template %q; the templates are %s", o.Template, strings.Join(names, ", "))
	}
	given := o.Name != ""
	for _, text := range []string{o.Label, folder} {
		if o.Name == "" {
			o.Name = ratchet.Slug(text)
		}
	}
	if o.Name == "" {
		return ratchet.Errorf(ratchet.ReasonValidation, "no name can be made of the folder's, %q: it has no letter or digit of ASCII; name the task with --name", folder)
	}
	if wrong := (&ratchet.Task{Name: o.Name}).Validate(); len(wrong) > 0 {
		return ratchet.Errorf(ratchet.ReasonValidation, "%q is not a task's name, expected %s", o.Name, wrong[0].Expected)
	}
	if o.Label == "" {
		if o.Label = folder; given || ratchet.Slug(folder) == folder {
			o.Label = readable(o.Name)
		}
	}
	if o.Version == "" {
		o.Version = "0.1.0"
	}
	if !ratchet.ValidSemver(o.Version) {
		return ratchet.Errorf(ratchet.ReasonValidation, "%q is not a semantic version, expected three numbers such as \"1.0.0\"", o.Version)
	}
	return nil
}

// readable makes a label of a name: "send-invoice" becomes "Send invoice".
func readable(name string) string {
	text := strings.TrimSpace(strings.NewReplacer("-", " ", "_", " ").Replace(name))
	if text == "" {
		return name
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// render returns the files of the template.
func render(o Options) (map[string][]byte, error) {
	root := path.Join("templates", o.Template)
	files := map[string][]byte{"jsconfig.json": jsconfig}
	err := fs.WalkDir(templateFiles, root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := templateFiles.ReadFile(file)
		name := strings.TrimPrefix(file, root+"/")
		if path.Ext(name) == ".ts" {
			delete(files, "jsconfig.json")
			files["tsconfig.json"] = tsconfig
		}
		files[name] = text
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read template %s: %w", o.Template, err)
	}
	var about struct{ Description string }
	if err := json.Unmarshal(files["metadata.json"], &about); err != nil {
		return nil, fmt.Errorf("read template %s: %w", o.Template, err)
	}
	if o.Description == "" {
		o.Description = about.Description
	}
	metadata, err := withIdentity(files["metadata.json"], o)
	if err != nil {
		return nil, fmt.Errorf("read template %s: %w", o.Template, err)
	}
	files["metadata.json"] = metadata
	files["README.md"] = []byte(strings.NewReplacer("{{label}}", o.Label, "{{description}}", strings.TrimSuffix(o.Description, ".")).Replace(string(files["README.md"])))
	return files, nil
}

// withIdentity returns the template's metadata with what names the task, its own
// keys after that.
func withIdentity(template []byte, o Options) ([]byte, error) {
	identity := struct {
		Name        string          `json:"name"`
		Version     string          `json:"version"`
		Label       string          `json:"label"`
		Description string          `json:"description"`
		Timeout     json.RawMessage `json:"timeout,omitempty"`
		Permissions json.RawMessage `json:"permissions,omitempty"`
	}{}
	if err := json.Unmarshal(template, &identity); err != nil {
		return nil, err
	}
	identity.Name, identity.Version, identity.Label, identity.Description = o.Name, o.Version, o.Label, o.Description
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(identity)
	return []byte(b.String()), err
}
