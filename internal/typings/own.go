package typings

import (
	"fmt"
	"slices"
	"strings"
)

// own returns the type of what the schema itself says, without references and
// combinations; of an object with these properties required too, and those
// absent.
func (g *generator) own(n *node, depth int, required, absent []string) expr {
	if value := n.get("const"); value != nil {
		return literal(value)
	}
	if values := n.list("enum"); len(values) > 0 {
		if len(values) <= maxLiterals {
			return enumerated(n, values)
		}
		if !n.has("type") {
			return unknown(fmt.Sprintf("one of %d values", len(values)))
		}
	}
	kinds := n.words("type")
	if len(kinds) == 0 {
		kinds = implied(n)
	}
	var types []expr
	for _, kind := range kinds {
		switch kind {
		case "integer", "number":
			types = append(types, named("number"))
		case "string", "boolean", "null":
			types = append(types, named(kind))
		case "array":
			types = append(types, g.array(n, depth))
		case "object":
			types = append(types, g.object(n, depth, required, absent))
		}
	}
	if len(kinds) == 0 {
		return named("unknown")
	}
	return anyOf(types)
}

// implied returns what a schema without "type" is about, if that is plain.
func implied(n *node) []string {
	switch {
	case n.has("properties", "required", "additionalProperties", "patternProperties"):
		return []string{"object"}
	case n.has("items", "prefixItems", "additionalItems"):
		return []string{"array"}
	}
	return nil
}

// enumerated returns the union of those values that the schema's type allows.
func enumerated(n *node, values []*node) expr {
	kinds := n.words("type")
	var types []expr
	for _, value := range values {
		if len(kinds) == 0 || slices.Contains(kinds, kindOf(value)) || kindOf(value) == "number" && slices.Contains(kinds, "integer") {
			types = append(types, literal(value))
		}
	}
	return anyOf(types)
}

func kindOf(n *node) string {
	switch n.kind {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case '0':
		return "number"
	case 'n':
		return "null"
	}
	return "boolean"
}

// literal returns the type that has this one value.
func literal(n *node) expr {
	switch n.kind {
	case '[':
		e := expr{kind: tuple, least: len(n.items)}
		for _, item := range n.items {
			e.parts = append(e.parts, literal(item))
		}
		return e
	case '{':
		e := expr{kind: object}
		for i, key := range n.keys {
			e.fields = append(e.fields, field{name: key, of: literal(n.items[i])})
		}
		if len(e.fields) == 0 {
			e.fields = []field{{of: named("never")}}
		}
		return e
	}
	return named(n.json())
}

func (g *generator) array(n *node, depth int) expr {
	places, rest := n.list("prefixItems"), n.get("items")
	if g.draft < 2020 {
		places = n.list("items")
		if places != nil {
			rest = n.get("additionalItems")
		}
	}
	after := named("unknown")
	if rest != nil {
		after = g.schema(rest, depth+1, false)
	}
	if len(places) == 0 {
		if after.isWord("never") {
			return expr{kind: tuple}
		}
		return expr{kind: list, parts: []expr{after}}
	}
	least, _ := n.count("minItems")
	e := expr{kind: tuple, least: min(least, len(places)), rest: &after}
	for _, place := range places {
		e.parts = append(e.parts, g.schema(place, depth+1, false))
	}
	if most, ok := n.count("maxItems"); ok && most <= len(places) {
		e.parts, e.least, e.rest = e.parts[:most], min(e.least, most), nil
	}
	if after.isWord("never") {
		e.rest = nil
	}
	return e
}

func (g *generator) object(n *node, depth int, required, absent []string) expr {
	required = append(n.words("required"), required...)
	e := expr{kind: object}
	properties := n.get("properties")
	if properties != nil && properties.kind == '{' {
		for i, name := range properties.keys {
			of := properties.items[i]
			f := field{name: name, optional: !slices.Contains(required, name), doc: g.doc(of), of: g.schema(of, depth+1, false)}
			if slices.Contains(absent, name) {
				f.doc, f.of = nil, named("never")
			}
			e.fields = append(e.fields, f)
		}
	}
	open, others := g.others(n, depth)
	for _, name := range required {
		if slices.ContainsFunc(e.fields, func(f field) bool { return f.name == name }) {
			continue
		}
		e.fields = append(e.fields, field{name: name, of: others})
	}
	if !open {
		if len(e.fields) == 0 {
			e.fields = []field{{of: named("never")}}
		}
		return e
	}
	if len(e.fields) > 0 && !n.has("patternProperties", "additionalProperties") {
		return e // a type of TypeScript leaves room for more by itself
	}
	index := []expr{others}
	for _, f := range e.fields {
		index = append(index, f.of)
		if f.optional {
			index = append(index, named("undefined"))
		}
	}
	var doc []string
	if patterns := n.get("patternProperties"); patterns != nil && patterns.kind == '{' {
		doc = append(doc, "Names: "+strings.Join(patterns.keys, ", "))
	}
	e.fields = append(e.fields, field{doc: doc, of: anyOf(index)})
	return e
}

// others returns the type of the properties that the schema does not name, and
// whether there may be any.
func (g *generator) others(n *node, depth int) (open bool, of expr) {
	var types []expr
	if patterns := n.get("patternProperties"); patterns != nil && patterns.kind == '{' {
		for _, pattern := range patterns.items {
			types = append(types, g.schema(pattern, depth+1, false))
		}
	}
	if more := n.get("additionalProperties"); more != nil {
		types = append(types, g.schema(more, depth+1, false))
	} else {
		types = append(types, named("unknown"))
	}
	made := anyOf(types)
	return !made.isWord("never"), made
}

// doc returns what a person should read about the values: the description, and
// what the type cannot say.
func (g *generator) doc(n *node) []string {
	if n.kind != '{' || g.draft <= 7 && n.has("$ref") {
		return nil
	}
	var lines []string
	if text := strings.TrimSpace(n.str("description")); text != "" {
		lines = append(lines, text)
	} else if text := strings.TrimSpace(n.str("title")); text != "" {
		lines = append(lines, text)
	}
	rules := rules(n)
	if kinds := implied(n); len(kinds) > 0 && !n.has("type", "enum", "const", "$ref", "allOf", "anyOf", "oneOf") {
		rules = append(rules, "an "+kinds[0]+", it seems: the schema gives no \"type\"")
	}
	if len(rules) > 0 {
		if len(lines) > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, "Must be: "+strings.Join(rules, "; "))
	}
	if d := n.get("deprecated"); d != nil && d.kind == 't' {
		lines = append(lines, "@deprecated")
	}
	if value := n.get("default"); value != nil {
		lines = append(lines, "@default "+value.json())
	}
	for _, value := range n.list("examples") {
		lines = append(lines, "@example "+value.json())
	}
	return lines
}

// rules lists what the schema asks for and TypeScript cannot check.
func rules(n *node) (all []string) {
	if slices.Contains(n.words("type"), "integer") {
		all = append(all, "a whole number")
	}
	for _, rule := range []struct{ key, form string }{
		{"format", "of the format %s"},
		{"pattern", "a match of %s"},
		{"minLength", "of at least %s characters"},
		{"maxLength", "of at most %s characters"},
		{"minimum", "%s or more"},
		{"exclusiveMinimum", "more than %s"},
		{"maximum", "%s or less"},
		{"exclusiveMaximum", "less than %s"},
		{"multipleOf", "a multiple of %s"},
		{"minItems", "of at least %s items"},
		{"maxItems", "of at most %s items"},
		{"minProperties", "of at least %s keys"},
		{"maxProperties", "of at most %s keys"},
		{"contentEncoding", "in %s"},
	} {
		if v := n.get(rule.key); v != nil && (v.kind == '0' || v.kind == '"') {
			text := fmt.Sprintf(rule.form, v.plain())
			if v.json() == "1" {
				text = strings.TrimSuffix(text, "s") // 1 item
			}
			all = append(all, text)
		}
	}
	if u := n.get("uniqueItems"); u != nil && u.kind == 't' {
		all = append(all, "no item twice")
	}
	if items := n.get("items"); items != nil && items.kind == '{' && !items.has("$ref") {
		for _, rule := range rules(items) {
			all = append(all, "each item "+rule)
		}
	}
	return all
}

func (n *node) plain() string {
	if n.kind == '"' {
		return n.text
	}
	return n.json()
}
