package scaffold

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
	sdk "github.com/ratchet-runner/ratchet-go/sdk/javascript"
)

//go:embed plugins
var pluginFiles embed.FS

// PluginLanguages lists what a plugin can be written in, the first being what
// NewPlugin takes if none is named.
func PluginLanguages() []string { return []string{"go", "javascript"} }

// PluginOptions say what the new plugin is. The zero value is one in Go that is
// named after its folder.
type PluginOptions struct {
	Name        string // default: that of the folder, without "ratchet-plugin-"
	Language    string
	Description string // a sentence, as "Tells the boss"
	// Overwrite allows a folder that has files, and overwrites those that are in
	// the way.
	Overwrite bool
}

// A Plugin is what NewPlugin made.
type Plugin struct {
	Name  string
	Files []File
	// Program is the file to run, relative to the folder; the one that a build makes.
	Program string
}

// NewPlugin writes a plugin into the folder, which must be empty or not there;
// names that begin with a dot do not count. If it fails, it leaves nothing behind.
func NewPlugin(dir string, o PluginOptions) (*Plugin, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, cannot("find", dir, err)
	}
	o.Name = cmp.Or(o.Name, strings.TrimPrefix(filepath.Base(abs), "ratchet-plugin-"))
	o.Language = cmp.Or(o.Language, PluginLanguages()[0])
	if !ratchet.ValidPluginName(o.Name) {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "%q cannot be the name of a plugin: want lower-case letters, digits and hyphens, beginning with a letter; --name gives it another one than the folder's", o.Name)
	}
	if !slices.Contains(PluginLanguages(), o.Language) {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "there is no template in %q: want %s", o.Language, strings.Join(PluginLanguages(), " or "))
	}
	program := "ratchet-plugin-" + o.Name
	files, err := o.render(program)
	if err != nil {
		return nil, err
	}
	w, err := begin(dir, slices.Sorted(maps.Keys(files)), o.Overwrite)
	if err != nil {
		return nil, err
	}
	defer w.close()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		err := w.write(name, files[name])
		if err == nil && name == program {
			err = w.root.Chmod(name, 0o755)
		}
		if err != nil {
			w.undo()
			return nil, err
		}
	}
	return &Plugin{Name: o.Name, Files: w.written, Program: program}, nil
}

// render makes the files.
func (o PluginOptions) render(program string) (map[string][]byte, error) {
	files := map[string][]byte{}
	dir := "plugins/" + o.Language
	entries, err := pluginFiles.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the files of a plugin: %w", err)
	}
	description := cmp.Or(strings.TrimSuffix(strings.TrimSpace(o.Description), "."), "Greets, and tells of jobs that failed")
	first := strings.ToLower(description[:1]) + description[1:]
	// No text/template: one that is executed keeps every exported method in the
	// program, of all types that there are (docs/building.md).
	filled := strings.NewReplacer("{{.Name}}", o.Name, "{{.Sentence}}", strings.ReplaceAll(first, "\n", " "), "{{.Quoted}}", fmt.Sprintf("%q", description))
	for _, e := range entries {
		text, err := pluginFiles.ReadFile(dir + "/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("read a file of a plugin: %w", err)
		}
		name := strings.TrimSuffix(e.Name(), ".tmpl")
		if name == "plugin.js" {
			name = program
		}
		files[name] = []byte(filled.Replace(string(text)))
	}
	if o.Language == "go" {
		files[".gitignore"] = []byte("/" + program + "\n")
		return files, nil
	}
	return files, fs.WalkDir(sdk.Files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files["ratchet-plugin/"+name], err = sdk.Files.ReadFile(name)
		return err
	})
}
