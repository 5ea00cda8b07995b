package typings

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// What a type may be. Beyond it nobody reads it, and editors become slow.
const (
	maxDepth    = 60
	maxLiterals = 500
)

// A generator makes types of a task's schemas. Each schema that a reference leads
// to becomes a type with a name of its own.
type generator struct {
	*library
	side   string           // the type being made: Input or Output
	draft  int              // of its schema
	names  map[*node]string // of types
	taken  map[string]bool
	queue  []*node // that have a name and are not yet written
	within *node   // the named schema being written
}

func newGenerator(b *bundle.Bundle) *generator {
	g := &generator{library: newLibrary(b), names: map[*node]string{}, taken: map[string]bool{}}
	// What is declared beside them, and what their text takes from TypeScript.
	for _, name := range []string{"Input", "Output", "Task", "Context", "Log", "Promise", "Date", "Error", "ErrorOptions"} {
		g.taken[name] = true
	}
	return g
}

// root writes the type of that name for the schema in the file, and all that it
// leads to.
func (g *generator) root(name, file string, schema *bundle.Schema) string {
	none := comment([]string{fmt.Sprintf("There is no %s: any JSON will do.", file)}) + "export type " + name + " = unknown;\n\n"
	if schema == nil {
		return none
	}
	n := g.byURL[taskURL+file]
	if n == nil {
		var err error
		if n, err = g.add(file, schema.Raw()); err != nil {
			return strings.Replace(none, "There is no "+file, file+" cannot be read", 1)
		}
	}
	g.side, g.draft = name, draftOf(n)
	var b strings.Builder
	if other := g.names[n]; other != "" { // the other schema leads here
		fmt.Fprintf(&b, "export type %s = %s;\n\n", name, other)
		return b.String()
	}
	g.names[n], g.queue = name, append(g.queue, n)
	for len(g.queue) > 0 {
		n := g.queue[0]
		g.queue = g.queue[1:]
		b.WriteString(g.declare(n))
	}
	return b.String()
}

// draftOf returns the year or number of the draft, 7 if the schema names none.
func draftOf(n *node) int {
	id := n.str("$schema")
	for word, draft := range map[string]int{"draft-04": 4, "draft-06": 6, "draft-07": 7, "2019-09": 2019, "2020-12": 2020} {
		if strings.Contains(id, word) {
			return draft
		}
	}
	return 7
}

// declare writes the named type of the schema.
func (g *generator) declare(n *node) string {
	g.within = n
	name := g.names[n]
	of := g.schema(n, 0, true)
	head := comment(g.doc(n))
	if of.kind == object {
		return head + "export interface " + name + " " + of.String() + "\n\n"
	}
	if of.kind == union && len(of.parts) > 1 && !strings.HasPrefix(of.String(), "\n") && len(of.String()) > longest && strings.Contains(of.String(), "\n") {
		lines := make([]string, 0, len(of.parts))
		for _, p := range of.parts {
			lines = append(lines, strings.TrimLeft(indent("| "+p.operand()), " "))
		}
		return head + "export type " + name + " =\n  " + strings.Join(lines, "\n  ") + ";\n\n"
	}
	return head + "export type " + name + " = " + strings.TrimLeft(of.String(), " ") + ";\n\n"
}

// name returns the name of the type for a schema that a reference leads to.
func (g *generator) name(n *node) string {
	if name := g.names[n]; name != "" {
		return name
	}
	name := g.freeName(n)
	g.names[n], g.taken[name] = name, true
	g.queue = append(g.queue, n)
	return name
}

func (g *generator) freeName(n *node) string {
	token := strings.TrimSuffix(strings.TrimSuffix(n.file, ".json"), ".schema")
	if len(n.pointer) > 0 {
		token = n.pointer[len(n.pointer)-1]
		if _, err := strconv.Atoi(token); err == nil && len(n.pointer) > 1 {
			token = n.pointer[len(n.pointer)-2] + " " + token
		}
	}
	base := pascal(token)
	if base == "" || base[0] >= '0' && base[0] <= '9' {
		base = g.side + base
	}
	name := base
	for i := 1; g.taken[name]; i++ {
		if name = g.side + base; i > 1 {
			name += strconv.Itoa(i)
		}
	}
	return name
}

// pascal makes a type's name of any text: "line-item" becomes "LineItem".
func pascal(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

// schema returns the type of the values that the schema allows. direct says that
// the type would be part of the named one, not of a property or an item of it,
// where a reference back would never end.
func (g *generator) schema(n *node, depth int, direct bool) expr {
	switch {
	case n.kind == 't':
		return named("unknown")
	case n.kind == 'f':
		return named("never")
	case n.kind != '{':
		return unknown("no schema")
	case depth > maxDepth:
		return unknown("nested too deeply")
	}
	if ref := n.get("$ref"); ref != nil && g.draft <= 7 {
		return g.refer(n, ref.text, direct) // what stands beside it has no effect
	}
	parts := []expr{g.own(n, depth, nil, nil)}
	if ref := n.str("$ref"); ref != "" {
		parts = append(parts, g.refer(n, ref, direct))
	}
	for _, key := range []string{"$dynamicRef", "$recursiveRef"} {
		if ref := n.str(key); ref != "" {
			parts = append(parts, g.referDynamic(n, ref, direct))
		}
	}
	for _, member := range n.list("allOf") {
		parts = append(parts, g.schema(member, depth+1, direct))
	}
	for _, branches := range g.choices(n) {
		if merged, ok := g.merge(n, branches, depth); ok {
			parts[0] = merged
			continue
		}
		var types []expr
		for _, branch := range branches {
			types = append(types, g.schema(branch, depth+1, direct))
		}
		parts = append(parts, anyOf(types))
	}
	made := allOf(parts)
	if made.isWord("unknown") && made.note == "" {
		made.note = untypable(n)
	}
	return made
}

// choices returns the lists of which a value fits one.
func (g *generator) choices(n *node) (all [][]*node) {
	for _, key := range []string{"oneOf", "anyOf"} {
		if l := n.list(key); len(l) > 0 {
			all = append(all, l)
		}
	}
	if n.has("if") && n.has("then") && n.has("else") {
		all = append(all, []*node{n.get("then"), n.get("else")})
	}
	return all
}

// untypable says why a schema that asks for something has no type.
func untypable(n *node) string {
	for _, key := range n.keys {
		switch key {
		case "$schema", "$id", "id", "$comment", "title", "description", "default", "examples", "$defs", "definitions", "deprecated", "readOnly", "writeOnly":
		case "type":
			return "" // told already
		case "$ref", "$dynamicRef", "$recursiveRef":
		default:
			return fmt.Sprintf("the schema gives no type; TypeScript cannot say %q", key)
		}
	}
	return ""
}

// merge makes one type of an object that must have one of several sets of
// properties: {properties, oneOf: [{required: [a]}, {required: [b]}]}.
func (g *generator) merge(n *node, branches []*node, depth int) (expr, bool) {
	if n.str("type") != "object" || !n.has("properties") || len(g.choices(n)) != 1 {
		return expr{}, false
	}
	for _, b := range branches {
		if b.kind != '{' || len(b.keys) != 1 || b.keys[0] != "required" {
			return expr{}, false
		}
	}
	exclusive := n.has("oneOf")
	var types []expr
	for i, b := range branches {
		required := b.words("required")
		var absent []string
		for j, other := range branches {
			if w := other.words("required"); exclusive && i != j && len(w) == 1 && !slices.Contains(required, w[0]) {
				absent = append(absent, w[0])
			}
		}
		types = append(types, g.own(n, depth, required, absent))
	}
	return anyOf(types), true
}

// refer returns the type that a reference leads to.
func (g *generator) refer(n *node, ref string, direct bool) expr {
	found, why := g.find(n, ref)
	if found == nil {
		return unknown(why)
	}
	if direct && g.reaches(found, g.within, map[*node]bool{}) {
		return unknown(fmt.Sprintf("%s leads back here", ref))
	}
	return named(g.name(found))
}

// referDynamic is refer, if there is only one place that can be meant.
func (g *generator) referDynamic(n *node, ref string, direct bool) expr {
	_, name, _ := strings.Cut(ref, "#")
	if g.dynamic[name] > 1 || name == "" && g.dynamic[name] > 0 && g.ids > 1 {
		return unknown(fmt.Sprintf("what %s means depends on where the schema is used from", ref))
	}
	return g.refer(n, ref, direct)
}

// reaches reports whether the type of n is made of the target's itself, by
// references and combinations only.
func (g *generator) reaches(n, target *node, seen map[*node]bool) bool {
	if n == target {
		return true
	}
	if n == nil || n.kind != '{' || seen[n] {
		return false
	}
	seen[n] = true
	for _, key := range []string{"$ref", "$dynamicRef", "$recursiveRef"} {
		if ref := n.str(key); ref != "" {
			if found, _ := g.find(n, ref); found != nil && g.reaches(found, target, seen) {
				return true
			}
		}
	}
	next := n.list("allOf")
	for _, branches := range g.choices(n) {
		next = append(next[:len(next):len(next)], branches...)
	}
	return slices.ContainsFunc(next, func(m *node) bool { return g.reaches(m, target, seen) })
}
