//go:build !notypescript

package bundle

import (
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/evanw/esbuild/pkg/api"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// esbuildLoader is what esbuild calls how a file is read.
func esbuildLoader(s syntax) api.Loader {
	switch s {
	case typescript:
		return api.LoaderTS
	case jsonText:
		return api.LoaderJSON
	case plainText:
		return api.LoaderText
	default:
		return api.LoaderJS
	}
}

// target is what the engine knows at least. esbuild's KeepNames stays off: no name
// is shortened, only those that clash are numbered, and keeping even these costs a
// call for every function that is made.
const target = api.ES2023

// tsconfig stands for every tsconfig.json, none of which is read: what a task
// means does not depend on files above it.
const tsconfig = `{"compilerOptions":{}}`

func (b *builder) build() *built {
	if !b.form.linked && !b.form.meta {
		return b.single()
	}
	return b.bundle()
}

// single handles a file that stands alone, which is run as it is.
func (b *builder) single() *built {
	code := b.form.wrapped(b.text)
	typed := loaders()[path.Ext(b.entry)].syntax == typescript
	o := api.TransformOptions{
		Loader: esbuildLoader(loaders()[path.Ext(b.entry)].syntax), Target: target, TsconfigRaw: tsconfig,
		Sourcefile: b.entry, LogLevel: api.LogLevelSilent, TreeShaking: api.TreeShakingFalse,
	}
	if b.options.DeferSyntax && !typed && !b.form.newer && !b.form.awaits {
		return &built{code: []byte(code), kind: Script}
	}
	if b.form.awaits {
		// A script cannot await at its top level; esbuild only says so when it
		// has to make one.
		o.Format = api.FormatIIFE
		if r := api.Transform(code, o); slices.ContainsFunc(r.Errors, isTopLevelAwait) {
			return b.awaiting(r.Errors)
		}
		o.Format = api.FormatDefault
	}
	if typed || b.form.newer {
		o.Sourcemap, o.SourcesContent = api.SourceMapExternal, api.SourcesContentInclude
	}
	r := api.Transform(code, o)
	if len(r.Errors) > 0 {
		b.messages(r.Errors)
		return nil
	}
	if typed || b.form.newer {
		return &built{code: r.Code, sourceMap: r.Map, kind: Script}
	}
	return &built{code: []byte(code), kind: Script}
}

// awaiting handles a script that awaits at its top level: with a function to
// export it is a module.
func (b *builder) awaiting(errs []api.Message) *built {
	if b.form.callable == "" {
		b.messages(errs)
		return nil
	}
	b.suffix = "\nexport { " + b.form.callable + " };\n"
	return b.bundle()
}

func isTopLevelAwait(m api.Message) bool { return strings.HasPrefix(m.Text, "Top-level await") }

// bundle joins the entry file and all that it imports.
func (b *builder) bundle() *built {
	r, exports := b.run()
	if r == nil {
		return nil
	}
	if len(exports) > 0 || b.form.exports || b.form.meta {
		return &built{code: r.code, sourceMap: r.sourceMap, kind: Module}
	}
	if r.imports || b.form.awaits && b.awaitsAtTop() {
		if b.form.callable == "" {
			if r.imports {
				b.problem(ratchet.ReasonNoFunction, ratchet.Detail{
					File: b.entry, Message: "a task that imports modules of Node's must export its function", Expected: `"export default" before the function`,
				})
			}
			return nil
		}
		b.suffix = "\nexport { " + b.form.callable + " };\n"
		if r, _ = b.run(); r != nil {
			r.kind = Module
		}
		return r
	}
	// A file that imports but exports nothing is one of the old forms. Its value
	// must be its own, not that of something it imports, and esbuild may have
	// renamed its function for one of the same name.
	own := r.code
	if i := strings.LastIndex(string(own), "\n// "+b.entry+"\n"); i >= 0 {
		own = own[i+1:]
	}
	if endsInDeclaration(string(own)) {
		b.suffix = "\nvoid 0;\n"
		if b.form.callable != "" {
			b.suffix = "\n" + b.form.callable + ";\n"
		}
		if r, _ = b.run(); r == nil {
			return nil
		}
	}
	r.kind = Script
	return r
}

// awaitsAtTop reports whether the entry file awaits at its top level, and says
// what is wrong with that if it cannot be helped.
func (b *builder) awaitsAtTop() bool {
	r := api.Transform(b.form.wrapped(b.text), api.TransformOptions{
		Loader: esbuildLoader(loaders()[path.Ext(b.entry)].syntax), Target: target, TsconfigRaw: tsconfig, Format: api.FormatIIFE,
		Sourcefile: b.entry, LogLevel: api.LogLevelSilent,
	})
	if !slices.ContainsFunc(r.Errors, isTopLevelAwait) {
		return false
	}
	if b.form.callable == "" {
		b.messages(r.Errors)
	}
	return true
}

// run calls esbuild. It returns nil after reporting what is wrong.
func (b *builder) run() (*built, []string) {
	b.inputs, b.size = map[string]Input{b.real: newInput(b.entry, b.real, b.data)}, len(b.data)
	o := api.BuildOptions{
		Bundle: true, Outfile: filepath.Join(b.source.root, "bundle.js"),
		AbsWorkingDir: b.source.root, TsconfigRaw: tsconfig, LogLevel: api.LogLevelSilent,
		Format: api.FormatESModule, Platform: api.PlatformBrowser, Target: target,
		// What the other runtimes of this kind (workers at the edge) resolve by. Only
		// for browsers does esbuild read the "browser" field of package.json.
		Conditions:        []string{"worker", "browser", "module", "production"},
		ResolveExtensions: extensions(),
		Define:            map[string]string{"process.env.NODE_ENV": `"production"`},
		TreeShaking:       api.TreeShakingFalse, LegalComments: api.LegalCommentsNone,
		Sourcemap: api.SourceMapExternal, SourcesContent: api.SourcesContentInclude, Metafile: true,
		Plugins: []api.Plugin{{Name: "ratchet", Setup: b.plugin}},
	}
	if b.form.exports || b.form.commonJS {
		o.EntryPoints = []string{b.real}
	} else {
		// Without a name in a folder no package.json can make it CommonJS, whose
		// last value would be lost.
		o.Stdin = &api.StdinOptions{
			Contents: b.contents(), ResolveDir: filepath.Dir(b.real), Sourcefile: b.entry, Loader: esbuildLoader(loaders()[path.Ext(b.entry)].syntax),
		}
	}
	r := api.Build(o)
	if err := b.ctx.Err(); err != nil {
		b.problem(ratchet.ReasonIO, ratchet.Detail{Message: err.Error()})
		return nil, nil
	}
	if len(r.Errors) > 0 {
		b.messages(r.Errors)
		return nil, nil
	}
	for _, m := range r.Warnings {
		// Those of esbuild about a package are not the user's to mend.
		// And a direct eval does what it should: nothing renames what it can see.
		if (m.Location == nil || !strings.Contains(m.Location.File, "node_modules/")) && m.ID != "direct-eval" {
			if d := b.detail(m); !slices.Contains(b.warnings, d) {
				b.warn(d)
			}
		}
	}
	out := &built{}
	for _, f := range r.OutputFiles {
		if strings.HasSuffix(f.Path, ".map") {
			out.sourceMap = f.Contents
		} else {
			out.code = f.Contents
		}
	}
	if len(out.code) > maxCode {
		b.problem(ratchet.ReasonTaskValidation, ratchet.Detail{
			File: b.entry, Message: "the task's code is too large with all it imports",
			Expected: "at most " + ratchet.Size(maxCode).String(), Got: ratchet.Size(len(out.code)).String(),
		})
		return nil, nil
	}
	var meta struct {
		Inputs map[string]struct {
			Imports []struct {
				Original string `json:"original"`
			} `json:"imports"`
		} `json:"inputs"`
		Outputs map[string]struct {
			Exports []string `json:"exports"`
			Imports []struct {
				Kind     string `json:"kind"`
				External bool   `json:"external"`
			} `json:"imports"`
			EntryPoint string `json:"entryPoint"`
		} `json:"outputs"`
	}
	if err := json.Unmarshal([]byte(r.Metafile), &meta); err != nil {
		b.problem(ratchet.ReasonInternal, ratchet.Detail{Message: err.Error()})
		return nil, nil
	}
	b.imports = nil
	for from, in := range meta.Inputs {
		real := filepath.Join(b.source.root, filepath.FromSlash(from))
		if from == b.entry {
			real = b.real
		}
		for _, i := range in.Imports {
			b.imports = append(b.imports, imported{from: real, name: i.Original})
		}
	}
	var exports []string
	for _, o := range meta.Outputs {
		if o.EntryPoint != "" {
			exports = o.Exports
		}
		for _, i := range o.Imports {
			out.imports = out.imports || i.External && i.Kind == "import-statement"
		}
	}
	return out, exports
}

func (b *builder) plugin(build api.PluginBuild) {
	build.OnResolve(api.OnResolveOptions{Filter: `^(https?:)?//`}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
		return api.OnResolveResult{}, fmt.Errorf("cannot import %q: tasks import nothing over the network; install the package beside the task", a.Path)
	})
	build.OnResolve(api.OnResolveOptions{Filter: `^(node:)?[a-z_]+(/[a-z0-9_]+)?$`}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
		if !b.external(a.Path) || a.PluginData != nil {
			return api.OnResolveResult{}, nil
		}
		// A package of that name beside the task comes first, as it would without
		// the engine.
		own := build.Resolve(a.Path, api.ResolveOptions{
			Kind: a.Kind, Importer: a.Importer, ResolveDir: a.ResolveDir, Namespace: a.Namespace, PluginData: "again",
		})
		if len(own.Errors) == 0 && !strings.HasPrefix(a.Path, "node:") {
			return api.OnResolveResult{Path: own.Path, Namespace: own.Namespace, Suffix: own.Suffix}, nil
		}
		return api.OnResolveResult{Path: a.Path, External: true}, nil
	})
	build.OnLoad(api.OnLoadOptions{Filter: `.*`, Namespace: "file"}, func(a api.OnLoadArgs) (api.OnLoadResult, error) {
		if err := b.ctx.Err(); err != nil {
			return api.OnLoadResult{}, err
		}
		kind, ok := loaders()[path.Ext(a.Path)]
		if !ok {
			if filepath.Ext(a.Path) == ".node" {
				return api.OnLoadResult{}, fmt.Errorf("%s is a native addon, which no task can load, in Node neither: take a package of JavaScript or WebAssembly instead", b.shown(a.Path))
			}
			return api.OnLoadResult{}, fmt.Errorf("cannot import %q: a task is made of .js, .mjs, .cjs, .ts, .mts, .cts, .json and .txt files", b.shown(a.Path))
		}
		text, err := b.load(a.Path)
		return api.OnLoadResult{Contents: &text, Loader: esbuildLoader(kind.syntax), ResolveDir: filepath.Dir(a.Path)}, err
	})
}

// messages reports what esbuild found wrong.
func (b *builder) messages(messages []api.Message) {
	for _, m := range messages {
		if m.Text == errReported.Error() {
			continue
		}
		reason := ratchet.ReasonSyntax
		if m.PluginName != "" || strings.HasPrefix(m.Text, "Could not resolve") || strings.HasPrefix(m.Text, "No matching export") {
			reason = ratchet.ReasonTaskValidation
		}
		if d := b.detail(m); !slices.Contains(b.problems, d) {
			b.problem(reason, d)
		}
	}
}

// detail translates a message of esbuild: columns in characters from 1, in the
// user's own text.
func (b *builder) detail(m api.Message) ratchet.Detail {
	d := ratchet.Detail{Message: m.Text}
	if quoted, ok := strings.CutPrefix(m.Text, "Could not resolve "); ok {
		d.Message, d.Expected = b.refused(strings.Trim(quoted, `"`))
	}
	if isTopLevelAwait(m) {
		d.Message = "await at the top level, in a task that exports no function"
		d.Expected = `"export default" before the function, which makes the file a module`
	}
	l := m.Location
	if l == nil {
		d.File = b.entry
		return d
	}
	d.File, d.Line = l.File, l.Line
	d.Column = utf8.RuneCountInString(l.LineText[:min(l.Column, len(l.LineText))]) + 1
	d.Text = clip(l.LineText, d.Column)
	if l.File == b.entry && l.Line > 0 {
		lines := strings.SplitN(b.text, "\n", l.Line+1)
		if l.Line <= len(lines) {
			line, column, _ := position([]byte(b.text), b.form.wrapFrom)
			if b.form.bare && line == l.Line && d.Column > column {
				d.Column--
			}
			d.Text = clip(strings.TrimRight(lines[l.Line-1], "\r"), d.Column)
		}
	}
	return d
}
