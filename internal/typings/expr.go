package typings

import (
	"slices"
	"strings"
)

type exprKind uint8

const (
	word   exprKind = iota // a name, a keyword or a literal
	union                  // one of the parts
	both                   // all of the parts
	list                   // an array of its one part
	tuple                  // an array of the parts, each in its place
	object                 // its fields
)

// An expr is a type of TypeScript.
type expr struct {
	kind   exprKind
	text   string // of a word
	note   string // a comment after a word
	parts  []expr
	least  int   // of a tuple: the parts that must be there
	rest   *expr // of a tuple: what may follow its parts
	fields []field
}

// A field is a property of an object, or its index signature.
type field struct {
	name     string // "" for the index signature
	optional bool
	doc      []string // lines of its comment
	of       expr
}

func named(text string) expr { return expr{text: text} }

// unknown is the type of which nothing can be told, and why.
func unknown(why string) expr { return expr{text: "unknown", note: why} }

func (e expr) isWord(text string) bool { return e.kind == word && e.text == text }

// anyOf returns the union of the types.
func anyOf(parts []expr) expr {
	flat := flatten(union, parts)
	for _, p := range flat {
		if p.isWord("unknown") || p.isWord("any") {
			return p
		}
	}
	flat = slices.DeleteFunc(flat, func(e expr) bool { return e.isWord("never") })
	return joined(union, flat, named("never"))
}

// allOf returns the intersection of the types.
func allOf(parts []expr) expr {
	flat := flatten(both, parts)
	noted := named("unknown")
	for _, p := range flat {
		if p.isWord("never") {
			return p
		}
		if p.isWord("unknown") && noted.note == "" {
			noted = p
		}
	}
	flat = slices.DeleteFunc(flat, func(e expr) bool { return e.isWord("unknown") })
	return joined(both, flat, noted)
}

func flatten(kind exprKind, parts []expr) (flat []expr) {
	seen := map[string]bool{}
	for _, p := range parts {
		inner := []expr{p}
		if p.kind == kind {
			inner = p.parts
		}
		for _, q := range inner {
			if text := q.String(); !seen[text] {
				seen[text] = true
				flat = append(flat, q)
			}
		}
	}
	return flat
}

func joined(kind exprKind, parts []expr, none expr) expr {
	switch len(parts) {
	case 0:
		return none
	case 1:
		return parts[0]
	}
	return expr{kind: kind, parts: parts}
}

// String writes the type as it stands at the start of a line.
func (e expr) String() string {
	switch e.kind {
	case union:
		return e.join(" | ")
	case both:
		return e.join(" & ")
	case list:
		return e.parts[0].operand() + "[]"
	case tuple:
		return e.tuple()
	case object:
		return e.braces()
	}
	if e.note != "" {
		return e.text + " /* " + strings.Join(strings.Fields(strings.ReplaceAll(e.note, "*/", `*\/`)), " ") + " */"
	}
	return e.text
}

// operand is the type in parentheses, where it needs them beside an operator.
func (e expr) operand() string {
	if e.kind == union || e.kind == both {
		return "(" + e.String() + ")"
	}
	return e.String()
}

// longest is how long a union may be on one line.
const longest = 100

func (e expr) join(operator string) string {
	var texts []string
	length := 0
	for _, p := range e.parts {
		text := p.operand()
		texts = append(texts, text)
		length += len(text) + len(operator)
	}
	if length > longest && !strings.Contains(strings.Join(texts, ""), "\n") {
		lead := "\n " + operator[:2] + " "
		return lead + strings.Join(texts, lead)
	}
	return strings.Join(texts, operator)
}

func (e expr) tuple() string {
	var parts []string
	for i, p := range e.parts {
		text := p.String()
		if i >= e.least {
			text = p.operand() + "?"
		}
		parts = append(parts, text)
	}
	if e.rest != nil {
		parts = append(parts, "..."+e.rest.operand()+"[]")
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// braces writes an object; it is "{}" only in an interface.
func (e expr) braces() string {
	if len(e.fields) == 0 {
		return "{}"
	}
	var b strings.Builder
	b.WriteString("{\n")
	for _, f := range e.fields {
		text := comment(f.doc)
		switch {
		case f.name == "":
			text += "[key: string]"
		case identifier(f.name):
			text += f.name
		default:
			text += quote(f.name)
		}
		if f.optional {
			text += "?"
		}
		b.WriteString(indent(text + ": " + f.of.String() + ";\n"))
	}
	b.WriteString("}")
	return b.String()
}

// identifier reports whether a property's name needs no quotes.
func identifier(name string) bool {
	for i, r := range name {
		letter := r == '_' || r == '$' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// comment writes lines for an editor to show; none for no lines.
func comment(lines []string) string {
	var clean []string
	for _, line := range lines {
		for part := range strings.SplitSeq(line, "\n") {
			part = strings.Map(func(r rune) rune {
				if r < ' ' && r != '\t' || r == 0x7f || r == 0x2028 || r == 0x2029 {
					return -1
				}
				return r
			}, part)
			clean = append(clean, strings.TrimRight(strings.ReplaceAll(part, "*/", `*\/`), " \t"))
		}
	}
	for len(clean) > 0 && clean[len(clean)-1] == "" {
		clean = clean[:len(clean)-1]
	}
	switch len(clean) {
	case 0:
		return ""
	case 1:
		return "/** " + clean[0] + " */\n"
	}
	var b strings.Builder
	b.WriteString("/**\n")
	for _, line := range clean {
		b.WriteString(strings.TrimRight(" * "+line, " ") + "\n")
	}
	b.WriteString(" */\n")
	return b.String()
}
