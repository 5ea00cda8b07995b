package testfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// columns is how wide a value may be on one line.
const columns = 120

// SetExpected returns the file with another expected output. All else stays as
// it is; the output is laid out as the file is: on one line where it fits and
// the old one was, else with the file's own indentation.
func SetExpected(data []byte, output json.RawMessage) ([]byte, error) {
	const bom = "\xef\xbb\xbf"
	data, marked := bytes.CutPrefix(data, []byte(bom))
	if !json.Valid(data) || !json.Valid(output) {
		return nil, fmt.Errorf("the test, or the output, is not JSON")
	}
	root := parse(data)
	old, key := expectation(root)
	if key == "" {
		return nil, fmt.Errorf("the test has no expected output")
	}
	l := layout{
		text: output, unit: indentation(data), break1: bytes.ContainsRune(data[old.start:old.end], '\n'),
		spaced: bytes.Contains(data, []byte("{ \"")) || !bytes.Contains(data, []byte(`{"`)),
	}
	lineStart := bytes.LastIndexByte(data[:old.start], '\n') + 1
	line := string(data[lineStart:old.start])
	prefix := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	made := l.lay(parse(output), prefix, utf8.RuneCountInString(line), true)
	if bytes.Contains(data, []byte("\r\n")) {
		made = strings.ReplaceAll(made, "\n", "\r\n")
	}
	var b bytes.Buffer
	if marked {
		b.WriteString(bom)
	}
	b.Write(data[:old.start])
	b.WriteString(made)
	b.Write(data[old.end:])
	return b.Bytes(), nil
}

// indentation returns one step of the text's indentation; two spaces if it has
// none.
func indentation(data []byte) string {
	for line := range bytes.Lines(data) {
		text := bytes.TrimLeft(line, " \t")
		if unit := line[:len(line)-len(text)]; len(unit) > 0 && len(bytes.TrimSpace(text)) > 0 {
			return string(unit)
		}
	}
	return "  "
}

// layout says how a value is written.
type layout struct {
	text   []byte
	unit   string
	spaced bool // { "a": 1 }, not {"a": 1}
	break1 bool // the outermost value never stands on one line
}

// lay writes a value that begins in a column of a line with the prefix.
func (l layout) lay(n node, prefix string, column int, outermost bool) string {
	if one := l.line(n); utf8.RuneCountInString(one)+column <= columns && !(outermost && l.break1) || len(n.members)+len(n.items) == 0 {
		return one
	}
	var parts []string
	inner := prefix + l.unit
	for _, m := range n.members {
		key := quote(m.key) + ": "
		parts = append(parts, key+l.lay(m.value, inner, utf8.RuneCountInString(inner+key), false))
	}
	for _, item := range n.items {
		parts = append(parts, l.lay(item, inner, utf8.RuneCountInString(inner), false))
	}
	opening, closing := "{", "}"
	if n.kind == '[' {
		opening, closing = "[", "]"
	}
	return opening + "\n" + inner + strings.Join(parts, ",\n"+inner) + "\n" + prefix + closing
}

// line writes a value on one line.
func (l layout) line(n node) string {
	var parts []string
	switch n.kind {
	case '{':
		for _, m := range n.members {
			parts = append(parts, quote(m.key)+": "+l.line(m.value))
		}
		if l.spaced && len(parts) > 0 {
			return "{ " + strings.Join(parts, ", ") + " }"
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case '[':
		for _, item := range n.items {
			parts = append(parts, l.line(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		return string(l.text[n.start:n.end])
	}
}

// quote writes a string as JSON, with < and > as they are.
func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always can be
	return strings.TrimRight(b.String(), "\n")
}
