//go:build notypescript

package bundle

import (
	"path"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/feature"
)

// build takes what runs as it was written: a script, or a module that imports
// nothing. What is wrong with its syntax the engine finds.
func (b *builder) build() *built {
	if at, what := b.needsBundler(); what != "" {
		d := ratchet.Detail{File: b.entry, Message: what + ": " + feature.TypeScript().Missing(), Expected: "a script, or a module that imports nothing, in JavaScript"}
		if at >= 0 {
			d.Line, d.Column, d.Text = position([]byte(b.text), at)
		}
		b.problem(ratchet.ReasonTaskValidation, d)
		return nil
	}
	if b.form.exports || b.form.meta {
		return &built{code: []byte(b.text), kind: Module}
	}
	return &built{code: []byte(b.form.wrapped(b.text)), kind: Script}
}

// needsBundler says what in the entry file only the bundler can handle, and where
// it stands; an offset of -1: in its name. Nothing is said of what the engine runs.
func (b *builder) needsBundler() (at int, what string) {
	if loaders()[path.Ext(b.entry)].syntax == typescript {
		return -1, "TypeScript cannot be run"
	}
	f := &b.form
	arrow := false // since the last statement began
	for i, t := range f.tokens {
		next := f.at(i + 1)
		switch {
		case t.is("@"):
			return t.start, "decorators cannot be run"
		case t.is(";") && t.depth == 0:
			arrow = false
		case t.is("=>") && t.depth == 0:
			arrow = true
		}
		if t.kind != tokenName || f.isMember(i) || next.is(":") {
			continue
		}
		switch {
		case t.text == "import" && !next.is("."), t.text == "from" && next.kind == tokenString:
			return t.start, "nothing can be imported"
		case t.text == "require" && next.is("("):
			return t.start, "nothing can be imported with require"
		case (t.text == "module" || t.text == "exports") && f.commonJS && (next.is(".") || next.is("[")):
			return t.start, "a module must use export, not " + t.text
		case t.text == "using" && next.kind == tokenName && !next.line:
			return t.start, `declarations with "using" cannot be run`
		case t.text == "await" && t.depth == 0 && !arrow && !f.exports && !f.meta:
			return t.start, "a script cannot await at its top level"
		}
	}
	return 0, ""
}
