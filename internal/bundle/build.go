package bundle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// A Kind says how the engine must run a bundle's code.
type Kind string

// The kinds.
const (
	// Script is run as a global script; its completion value, or one of its
	// globals, is the function to call.
	Script Kind = "script"
	// Module is run as an ECMAScript module; one of its exports is the function.
	Module Kind = "module"
)

type fileKind struct {
	syntax syntax
	entry  bool // a task may begin in it
}

// A syntax is how a file is read.
type syntax int

const (
	javascript syntax = iota
	typescript
	jsonText
	plainText
)

// loaders maps the files that a task may be made of to how they are read.
func loaders() map[string]fileKind {
	return map[string]fileKind{
		".js": {javascript, true}, ".mjs": {javascript, true}, ".cjs": {javascript, true},
		".ts": {typescript, true}, ".mts": {typescript, true}, ".cts": {typescript, true},
		".json": {jsonText, false}, ".txt": {plainText, false},
	}
}

// A builder makes one piece of code of an entry file and all that it imports.
type builder struct {
	*findings
	source  *source
	options Options
	engine  ratchet.Engine
	entry   string // name of the entry file, in the source's root
	real    string // its real path
	data    []byte // its content
	text    string // the same, as text
	form    form
	suffix  string   // added at the end of the entry file
	aliases []string // what tsconfig.json calls files by, which is not read

	mu     sync.Mutex
	inputs map[string]Input // by real path
	size   int
	ctx    context.Context

	imports []imported
	links   map[string]string // on the way of imports, by name
}

type built struct {
	code      []byte
	sourceMap []byte
	kind      Kind
	imports   bool // it leaves imports to the engine
}

// contents returns the entry file as esbuild gets it.
func (b *builder) contents() string { return b.form.wrapped(b.text) + b.suffix }

// load reads one file that esbuild found, by its real path, and notes it. The
// path is checked here, where the file is read, and the file is read below an
// os.Root: nothing that esbuild's resolver believes can lead outside.
func (b *builder) load(real string) (string, error) {
	name, data, err := b.readInput(real)
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inputs[real] = newInput(name, real, data)
	if b.size += len(data); b.size > maxInputs || len(b.inputs) > maxInputFiles {
		return "", fmt.Errorf("the task imports too much: at most %s in %d files", ratchet.Size(maxInputs), maxInputFiles)
	}
	text := string(trimBOM(data))
	if err := checkNesting(text); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if real == b.real {
		text = b.contents()
	} else if path.Ext(name) == ".json" && !strings.Contains(name, "node_modules/") {
		if _, errs := parseJSON(trimBOM(data)); len(errs) > 0 {
			readDocument(name, data, b.findings)
			return "", errReported
		}
	}
	return text, nil
}

// errReported stands for an error that the findings already tell.
var errReported = errors.New("reported")

func (b *builder) readInput(real string) (name string, data []byte, err error) {
	if rel, ok := below(b.source.root, real); ok {
		name = filepath.ToSlash(rel)
		data, err = b.source.read(rel, maxInputs)
		return name, data, plainError(name, err)
	}
	dir, ok := parentModules(b.source.root, real)
	switch {
	case ok && b.options.ParentModules && !b.source.archive:
		root, err := os.OpenRoot(dir)
		if err != nil {
			return "", nil, plainError(real, err)
		}
		defer root.Close()
		rel, _ := below(dir, real)
		name = "node_modules/" + filepath.ToSlash(rel)
		data, err = readIn(root, rel, maxInputs)
		return name, data, plainError(name, err)
	case b.source.archive:
		return "", nil, errors.New("cannot import a file outside the archive: put what the task needs into it")
	case ok:
		return "", nil, fmt.Errorf("the package is only in %s, above the task's folder; install it beside the task", dir)
	default:
		return "", nil, fmt.Errorf("%s is outside the task's folder %s, where tasks do not reach (through a link, perhaps)", real, b.source.root)
	}
}

// shown is how a message names the real path of a file: as the task does.
func (b *builder) shown(real string) string {
	rel, ok := below(b.source.root, real)
	if !ok && b.source.archive { // not the folder it was unpacked into
		rel, ok = below(filepath.Dir(b.source.root), real)
		rel = filepath.Join("..", rel)
	}
	if !ok {
		return real
	}
	return filepath.ToSlash(rel)
}

// below returns the path of name relative to dir, if it is inside.
func below(dir, name string) (string, bool) {
	rel, err := filepath.Rel(dir, name)
	return rel, err == nil && filepath.IsLocal(rel)
}

// parentModules returns the node_modules folder above the task that holds the
// file.
func parentModules(root, file string) (string, bool) {
	for dir := filepath.Dir(root); ; dir = filepath.Dir(dir) {
		modules := filepath.Join(dir, "node_modules")
		if _, ok := below(modules, file); ok {
			return modules, true
		}
		if dir == filepath.Dir(dir) {
			return "", false
		}
	}
}
