package bundle

import "strings"

// A form is what the tokens of the entry file say about how it must be run.
type form struct {
	tokens []token
	// linked: it imports, exports, requires or sets module.exports, so that it
	// must be bundled.
	linked bool
	// exports: it has an export declaration.
	exports bool
	// commonJS: it sets module.exports, or a property of exports.
	commonJS bool
	// meta: it reads import.meta, which only a module has.
	meta bool
	// awaits: the word await is in it.
	awaits bool
	// newer: it has syntax that the engine may lack and esbuild can lower.
	newer bool
	// callable is the top-level name that would be called, "" if there is none.
	callable string
	// bare: it is an anonymous function declaration, which only parentheses make
	// an expression; wrapFrom and wrapTo are the offsets where they belong.
	bare             bool
	wrapFrom, wrapTo int
}

// callables are the names that the engine looks up, in its order, that can be
// declared ("default" cannot).
func callables() []string { return []string{"main", "execute", "handler"} }

func readForm(code string) form {
	f := form{tokens: scan(code)}
	names := map[string]bool{}
	for i, t := range f.tokens {
		if t.is("@") {
			f.newer = true
		}
		if t.kind != tokenName || f.isMember(i) {
			continue
		}
		switch next := f.at(i + 1); t.text {
		case "import":
			f.meta = f.meta || next.is(".")
			f.linked = f.linked || !next.is(":")
		case "export":
			f.exports = f.exports || t.depth == 0
			f.linked = f.linked || t.depth == 0
		case "require":
			f.linked = f.linked || next.is("(")
		case "module":
			f.commonJS = f.commonJS || next.is(".") && f.at(i+2).named("exports") || next.is("[")
		case "exports":
			f.commonJS = f.commonJS || next.is(".") || next.is("[")
		case "await":
			f.awaits = true
		case "using":
			f.newer = f.newer || next.kind == tokenName && !next.line
		case "function", "const", "let", "var", "class":
			if next.is("*") {
				next = f.at(i + 2)
			}
			if t.depth == 0 && next.kind == tokenName && !f.at(i-1).is("=") {
				names[next.text] = true
			}
		}
	}
	f.linked = f.linked || f.commonJS
	for _, name := range callables() {
		if names[name] {
			f.callable = name
			break
		}
	}
	f.findBare()
	return f
}

func (f *form) at(i int) token {
	if i < 0 || i >= len(f.tokens) {
		return token{kind: tokenSign, mate: -1}
	}
	return f.tokens[i]
}

// isMember reports whether token i is the name of a property: ".x" or "x:".
func (f *form) isMember(i int) bool {
	before := f.at(i - 1)
	return before.is(".") || before.is("?.")
}

// findBare recognises "function (input) {…}" and "async function (input) {…}".
func (f *form) findBare() {
	i := 0
	for f.at(i).kind == tokenString { // "use strict";
		i++
		if f.at(i).is(";") {
			i++
		}
	}
	first := i
	if f.at(i).named("async") {
		i++
	}
	if !f.at(i).named("function") {
		return
	}
	i++
	if f.at(i).is("*") {
		i++
	}
	if !f.at(i).is("(") {
		return
	}
	last := len(f.tokens) - 1
	for last > i && f.tokens[last].is(";") {
		last--
	}
	f.bare, f.wrapFrom, f.wrapTo = true, f.tokens[first].start, f.tokens[last].end
}

// wrapped returns the code with a bare function in parentheses.
func (f *form) wrapped(code string) string {
	if !f.bare {
		return code
	}
	return code[:f.wrapFrom] + "(" + code[f.wrapFrom:f.wrapTo] + ")" + code[f.wrapTo:]
}

// endsInDeclaration reports whether the last statement of code, as esbuild
// prints it (every statement at the start of a line, all else indented), leaves
// no completion value of its own.
func endsInDeclaration(code string) bool {
	tokens := scan(code)
	for i := len(tokens) - 1; i >= 0; i-- {
		t := tokens[i]
		atStart := t.start == 0 || code[t.start-1] == '\n'
		if t.depth > 0 || !atStart || t.is("}") || t.is(")") || t.is("]") || t.is(";") {
			continue
		}
		switch t.text {
		case "function", "class", "const", "let", "var":
			return t.kind == tokenName
		case "async":
			return i+1 < len(tokens) && tokens[i+1].named("function")
		}
		return false
	}
	return true
}

// readsFetchDirectly reports whether a script was written for the fetch of the
// earlier Ratchet, which returned the response itself: it reads .body, .ok or
// .status straight off the result of a call of fetch, and nothing in it is
// asynchronous. A wrong yes would block a worker, a wrong no makes undefined of
// a property, so that every doubt is a no; the metadata can always say it. at is
// the offset of the first such call.
func (f *form) readsFetchDirectly() (at int, direct bool) {
	holders := map[string]int{} // names that hold the result of fetch, and where it is called
	found := func(call int) {
		if !direct || call < at {
			at, direct = call, true
		}
	}
	for i, t := range f.tokens {
		if t.kind != tokenName {
			continue
		}
		switch t.text {
		case "async", "await", "then", "catch", "finally", "Promise":
			if t.text == "catch" || t.text == "finally" {
				if !f.isMember(i) {
					continue // of a try statement
				}
			}
			return 0, false
		case "fetch":
			if f.isMember(i) {
				continue
			}
			open := f.at(i + 1)
			if !open.is("(") || open.mate < 0 || f.at(i-1).named("function") || f.at(open.mate+1).is("{") || f.at(open.mate+1).is("=>") {
				if f.at(i - 1).named("typeof") {
					continue
				}
				return 0, false // a fetch of its own, or one handed on
			}
			if f.readsResponse(open.mate + 1) {
				found(t.start)
			}
			if f.at(i-1).is("=") && f.at(i-2).is("}") && !f.continues(open.mate+1) && f.unpacksResponse(i-2) {
				found(t.start)
			}
			if f.at(i-1).is("=") && f.at(i-2).kind == tokenName && !f.isMember(i-2) && !f.continues(open.mate+1) {
				holders[f.at(i-2).text] = t.start
			}
		}
	}
	for i, t := range f.tokens {
		if call, holds := holders[t.text]; t.kind == tokenName && holds && !f.isMember(i) && f.readsResponse(i+1) {
			found(call)
		}
	}
	return at, direct
}

// readsResponse reports whether token i and the next are ".body", ".ok" or
// ".status", and not a call.
func (f *form) readsResponse(i int) bool {
	if !f.at(i).is(".") && !f.at(i).is("?.") {
		return false
	}
	name := f.at(i + 1)
	return (name.named("body") || name.named("ok") || name.named("status")) && !f.at(i+2).is("(")
}

// unpacksResponse reports whether the pattern that ends at token i takes body,
// ok or status: "const { body } = fetch(…)".
func (f *form) unpacksResponse(i int) bool {
	for j := f.at(i).mate + 1; j > 0 && j < i; j++ {
		if before := f.at(j - 1); before.is("{") || before.is(",") {
			if t := f.at(j); t.named("body") || t.named("ok") || t.named("status") {
				return true
			}
		}
	}
	return false
}

// continues reports whether the expression goes on at token i, so that what
// holds its value does not hold the result of the call before i.
func (f *form) continues(i int) bool {
	t := f.at(i)
	if t.kind != tokenSign || t.line {
		return false
	}
	return t.text != "" && !strings.Contains(";,)}", t.text)
}
