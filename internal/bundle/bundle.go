package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// Options say what a task may be made of.
type Options struct {
	// ParentModules allows packages from node_modules folders above the task's
	// own. It is for commands that run on the author's machine, never for what
	// others upload.
	ParentModules bool
	// Engine is what the task will run in, whatever its metadata names. Default:
	// what they name, else QuickJS. It decides which modules of Node's there are.
	Engine ratchet.Engine
	// DeferSyntax leaves it to the engine to find what is wrong with the syntax
	// of a script that runs as it was written. It spares the first load of a
	// process more than half its time, which is esbuild getting ready; after a
	// syntax error Check tells more.
	DeferSyntax bool
	// TempDir is where archives are unpacked while they are loaded. Default: the
	// system's folder for temporary files.
	TempDir string
}

// A Bundle is a task that has been checked and made ready to run. It holds all
// it needs: the files it came from may go.
type Bundle struct {
	Metadata

	// Digest is "sha256:…" over the content of every file that has a part in
	// what the task does. It depends neither on where the task lies nor on its
	// tests.
	Digest    string
	Code      []byte // what the engine runs
	Kind      Kind   // how
	SourceMap *SourceMap
	Input     *Schema // nil accepts anything
	Output    *Schema // nil accepts anything

	Root     string  // the task's folder; of an archive the archive
	Entry    string  // the file that the code begins in
	Inputs   []Input // by name
	Tests    []Test  // by name
	Warnings []ratchet.Detail

	watch   []Input // files that were read and are not in the digest
	archive bool
	kept    kept
}

// Size is about what the bundle takes in memory.
func (b *Bundle) Size() int {
	n := 2048 + len(b.Code)
	if b.SourceMap != nil {
		n += len(b.SourceMap.text) + 4*len(b.SourceMap.data) // read once something is led back by it
	}
	for _, s := range []*Schema{b.Input, b.Output} {
		n += 16 * len(s.Raw()) // compiled, it is many small parts
	}
	for _, files := range [][]Input{b.Inputs, b.watch} {
		for i := range files {
			n += len(files[i].data) + 128
		}
	}
	return n
}

// A Report is what Check found.
type Report struct {
	Bundle   *Bundle // nil if there are problems
	Problems []ratchet.Detail
	Warnings []ratchet.Detail
}

// Load makes a Bundle of the task at path: a folder, a zip or a single file. All
// that is wrong with the task comes back as the details of one *ratchet.Error.
// What is wrong with its tests is a warning.
func Load(ctx context.Context, path string, o Options) (*Bundle, error) {
	f := &findings{}
	b, err := load(ctx, path, o, f, false)
	if err != nil {
		return nil, err
	}
	if err := f.err(filepath.Base(path), b.archive); err != nil {
		return nil, err
	}
	return b, nil
}

// Check reports all that is wrong with the task at path, its tests included.
// The error is for a path where there is no task to report on.
func Check(ctx context.Context, path string, o Options) (*Report, error) {
	f := &findings{}
	b, err := load(ctx, path, o, f, true)
	if err != nil {
		return nil, err
	}
	r := &Report{Bundle: b, Problems: f.problems, Warnings: f.warnings}
	if len(f.problems) > 0 {
		r.Bundle = nil
	}
	return r, nil
}

// LoadArchive is like Load for a zip in memory. The Bundle has no Root.
func LoadArchive(ctx context.Context, archive []byte, o Options) (*Bundle, error) {
	const name = "task.zip" // for messages
	f := &findings{}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	src, err := openZip(name, archive, o)
	if err != nil {
		return nil, err
	}
	defer src.close()
	b, err := loadFrom(ctx, src, o, f, false)
	if err != nil {
		return nil, err
	}
	if err := f.err(name, true); err != nil {
		return nil, err
	}
	b.Root = ""
	return b, nil
}

func load(ctx context.Context, path string, o Options, f *findings, strictTests bool) (*Bundle, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	src, err := open(path, o)
	if err != nil {
		return nil, err
	}
	defer src.close()
	b, err := loadFrom(ctx, src, o, f, strictTests)
	if err == nil && b.archive {
		b.Root, _ = filepath.Abs(path)
	}
	return b, err
}

func loadFrom(ctx context.Context, src *source, o Options, f *findings, strictTests bool) (*Bundle, error) {
	l := loader{ctx: ctx, source: src, options: o, findings: f, strictTests: strictTests}
	b, err := l.load()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	b.Root, b.archive = src.root, src.archive
	return b, nil
}

// A loader goes once through the task's files.
type loader struct {
	*findings
	ctx         context.Context
	source      *source
	options     Options
	strictTests bool

	bundle Bundle
	watch  []Input
}

func (l *loader) load() (*Bundle, error) {
	entry, err := l.findEntry()
	if err != nil {
		return nil, err
	}
	inputs, err := l.readMetadata(entry)
	if err != nil {
		return nil, err
	}
	if l.source.single == "" {
		inputs = append(inputs, l.readSchemas()...)
		l.readTests()
	}
	if entry != "" {
		made, err := l.readCode(entry)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, made...)
	}
	slices.SortFunc(inputs, func(a, b Input) int { return strings.Compare(a.Name, b.Name) })
	b := &l.bundle
	b.Entry, b.Inputs, b.Warnings, b.watch = entry, inputs, l.warnings, l.watch
	b.Digest = digest(entry, inputs)
	return b, nil
}

// findEntry returns the file that the code begins in, "" after reporting that
// there is none.
func (l *loader) findEntry() (string, error) {
	if l.source.single != "" {
		if _, err := l.source.files.Stat(metadataFile); err == nil && slices.Contains(entryNames(), l.source.single) {
			l.warn(ratchet.Detail{
				File: l.source.single, Message: "beside this file is a metadata.json, which a single file does not use",
				Expected: "the folder " + l.source.root + " as the task",
			})
		}
		return l.source.single, nil
	}
	present := map[string]bool{}
	entries := l.source.list(".")
	for _, e := range entries {
		present[e.Name()] = !e.IsDir()
	}
	var found []string
	for _, name := range entryNames() {
		if present[name] {
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		return "", l.noEntry(entries, present[metadataFile])
	}
	if len(found) > 1 {
		l.warn(ratchet.Detail{
			File: found[1], Message: fmt.Sprintf("%s is used; %s no effect", found[0], have(found[1:])),
			Expected: "one file that the code begins in",
		})
	}
	return found[0], nil
}

// have joins names with their verb: "a has", "a and b have".
func have(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0] + " has"
	}
	return strings.Join(names[:last], ", ") + " and " + names[last] + " have"
}

func (l *loader) noEntry(entries []fs.DirEntry, metadata bool) error {
	const looked = "main.js, main.mjs, main.cjs, main.ts, main.mts, main.cts or index.* with one of these endings"
	switch {
	case metadata:
		l.problem(ratchet.ReasonTaskInvalidSource, ratchet.Detail{Message: "the task has no code", Expected: "one of " + looked})
		return nil
	case len(entries) == 0:
		return ratchet.Errorf(ratchet.ReasonTaskInvalidSource, "%s is empty; a task is a folder with a metadata.json and %s", l.source.root, looked)
	default:
		return ratchet.Errorf(ratchet.ReasonTaskInvalidSource, "%s is not a task: it has no metadata.json, and none of %s", l.source.root, looked)
	}
}

func (l *loader) readMetadata(entry string) ([]Input, error) {
	b := &l.bundle
	if l.source.single != "" {
		b.Name, b.Version = l.source.name, "0.0.0"
		b.kept.single, b.kept.name = l.source.single, b.Name
		return nil, nil
	}
	data, err := l.source.read(metadataFile, maxJSONFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.problem(ratchet.ReasonTaskInvalidSource, ratchet.Detail{
			File: metadataFile, Message: fmt.Sprintf("the folder has %s but no metadata.json", entry),
			Expected: fmt.Sprintf(`a metadata.json such as {"name": %q, "version": "1.0.0"}, or the path of %s alone`, l.source.name, entry),
		})
		return nil, nil
	case err != nil:
		l.problem(unreadable(err), ratchet.Detail{File: metadataFile, Message: "cannot be read: " + plainError(metadataFile, err).Error()})
		return nil, nil
	}
	m, doc, unnamed := parseMetadata(metadataFile, data, l.source.name, l.findings)
	if b.Metadata = m; unnamed {
		b.kept.name = m.Name
	}
	if doc.root == nil {
		return []Input{newInput(metadataFile, filepath.Join(l.source.root, metadataFile), data)}, nil
	}
	in := canonicalInput(metadataFile, filepath.Join(l.source.root, metadataFile), data, doc.root)
	in.Size = len(data)
	return []Input{in}, nil
}

func (l *loader) readSchemas() []Input {
	s := schemaSet{
		findings: l.findings, docs: map[string]*document{}, root: l.source.root,
		read: func(name string) ([]byte, error) { return l.source.read(name, maxSchema) },
	}
	l.bundle.Input = s.compile(inputSchemaFile)
	l.bundle.Output = s.compile(outputSchemaFile)
	return s.inputs
}

// readCode builds the code that begins in entry and returns what it was made of.
func (l *loader) readCode(entry string) ([]Input, error) {
	data, err := l.source.read(entry, maxInputs)
	if errors.Is(err, fs.ErrNotExist) { // and yet it was listed
		err = fmt.Errorf("%s is a symbolic link that leads nowhere", entry)
	}
	if err != nil {
		l.problem(unreadable(err), ratchet.Detail{File: entry, Message: "cannot be read: " + plainError(entry, err).Error()})
		return nil, nil
	}
	real, err := filepath.EvalSymlinks(filepath.Join(l.source.root, entry))
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonIO, "cannot read %s: %w", entry, plainError(entry, err))
	}
	text := string(trimBOM(data))
	b := builder{findings: l.findings, source: l.source, options: l.options, engine: l.options.Engine.Or(l.bundle.Engine), entry: entry, real: real, data: data, text: text, ctx: l.ctx, links: map[string]string{}}
	b.inputs = map[string]Input{real: newInput(entry, real, data)}
	if strings.TrimSpace(text) == "" {
		l.problem(ratchet.ReasonNoFunction, ratchet.Detail{File: entry, Line: 1, Column: 1, Message: "the file is empty", Expected: "a function such as (input) => ({})"})
		return nil, nil
	}
	if err := checkNesting(text); err != nil {
		l.problem(ratchet.ReasonTaskValidation, ratchet.Detail{File: entry, Message: err.Error()})
		return nil, nil
	}
	if b.form = readForm(text); b.form.linked || loaders()[path.Ext(entry)].syntax == typescript {
		b.aliases = l.ignoredConfig()
	}
	made := b.build()
	if made == nil {
		return nil, nil
	}
	if len(made.code) > maxCode {
		l.problem(ratchet.ReasonTaskValidation, ratchet.Detail{
			File: entry, Message: "the task's code is too large",
			Expected: "at most " + ratchet.Size(maxCode).String(), Got: ratchet.Size(len(made.code)).String(),
		})
		return nil, nil
	}
	l.bundle.Code, l.bundle.Kind = made.code, made.kind
	l.bundle.SourceMap = &SourceMap{entry: entry, text: text, data: made.sourceMap}
	if b.form.bare {
		l.bundle.SourceMap.shiftLine, l.bundle.SourceMap.shiftColumn, _ = position([]byte(text), b.form.wrapFrom)
	}
	l.settleFetch(entry, text, &b.form, made.kind)
	var inputs []Input
	for _, in := range b.inputs {
		inputs = append(inputs, in)
	}
	if b.form.linked {
		inputs = append(inputs, b.packages()...)
		l.bundle.kept.files = b.resolve()
	}
	if name, ok := b.label(real); ok && name != entry {
		b.links[entry] = name
	}
	l.bundle.kept.links = b.links
	return inputs, nil
}

// settleFetch chooses how fetch behaves if the metadata does not.
func (l *loader) settleFetch(entry, text string, f *form, kind Kind) {
	b := &l.bundle
	if b.Fetch != "" {
		return
	}
	b.Fetch = ratchet.FetchAsync
	if kind != Script || f.linked {
		return
	}
	if at, direct := f.readsFetchDirectly(); direct {
		b.Fetch = ratchet.FetchSync
		line, column, source := position([]byte(text), at)
		l.warn(ratchet.Detail{
			File: entry, Line: line, Column: column, Text: source, Message: "the task reads the response straight off fetch, so that fetch waits for it, as in the earlier Ratchet",
			Expected: `"fetch": "sync" in metadata.json to say so, or an async function with await fetch(…)`,
		})
	}
}
