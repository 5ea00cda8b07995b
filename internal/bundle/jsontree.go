package bundle

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// What a JSON text of ours may be. Nothing a person writes comes near.
const (
	maxJSONDepth  = 500
	maxJSONNumber = 1000 // characters of one number
)

type jsonKind uint8

const (
	jsonNull jsonKind = iota
	jsonBool
	jsonNumber
	jsonString
	jsonArray
	jsonObject
)

func (k jsonKind) String() string {
	return [...]string{"null", "boolean", "number", "string", "array", "object"}[k]
}

// A jsonNode is a JSON value that remembers where it stood.
type jsonNode struct {
	off     int    // of its first byte
	text    string // of a string: its value; of a number: its literal; "true" or "false"
	members []jsonMember
	items   []jsonNode
	kind    jsonKind
}

type jsonMember struct {
	key   string
	off   int // of the key
	value jsonNode
}

// get returns the member's value, nil if there is none.
func (n *jsonNode) get(key string) *jsonNode {
	if n == nil {
		return nil
	}
	for i := range n.members {
		if n.members[i].key == key {
			return &n.members[i].value
		}
	}
	return nil
}

// value returns what encoding/json would, with numbers as json.Number.
func (n *jsonNode) value() any {
	switch n.kind {
	case jsonBool:
		return n.text == "true"
	case jsonNumber:
		return exactNumber(n.text)
	case jsonString:
		return n.text
	case jsonArray:
		list := make([]any, len(n.items))
		for i := range n.items {
			list[i] = n.items[i].value()
		}
		return list
	case jsonObject:
		object := make(map[string]any, len(n.members))
		for i := range n.members {
			object[n.members[i].key] = n.members[i].value.value()
		}
		return object
	default:
		return nil
	}
}

// exactNumber keeps the literal, except for numbers so near to zero that a
// double cannot tell: big.Rat would spell out every digit of 1e-999999999.
func exactNumber(literal string) json.Number {
	if f, err := strconv.ParseFloat(literal, 64); err == nil && f == 0 {
		return "0"
	}
	if i := strings.IndexAny(literal, "eE"); i >= 0 {
		if exp, err := strconv.Atoi(literal[i+1:]); err != nil || exp < -1500 {
			return "0"
		}
	}
	return json.Number(literal)
}

// at returns the node that the pointer's tokens lead to, or the nearest above.
func (n *jsonNode) at(tokens []string) *jsonNode {
	for _, token := range tokens {
		next := n.get(token)
		if i, err := strconv.Atoi(token); n.kind == jsonArray && err == nil && i >= 0 && i < len(n.items) {
			next = &n.items[i]
		}
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

// A jsonError is one thing wrong with a JSON text.
type jsonError struct {
	off     int
	pointer string
	detail  ratchet.Detail // Message, Expected, Got
}

// parseJSON reads one JSON text (RFC 8259). What makes it unreadable ends the
// reading and is the last error; keys given twice, numbers beyond a double and
// halves of surrogate pairs are reported and read over.
func parseJSON(data []byte) (*jsonNode, []jsonError) {
	p := jsonParser{data: data}
	p.space()
	var root jsonNode
	if !p.value(&root, 0) {
		return nil, p.errs
	}
	p.space()
	if p.off < len(p.data) {
		p.fail(p.off, "unexpected "+p.here()+" after the end of the JSON value", "nothing more")
		return nil, p.errs
	}
	return &root, p.errs
}

type jsonParser struct {
	data []byte
	off  int
	path []pathStep
	errs []jsonError
}

type pathStep struct {
	key   string
	index int // when key is not used
	isKey bool
}

func (p *jsonParser) pointer() string {
	var b strings.Builder
	for _, step := range p.path {
		b.WriteByte('/')
		if step.isKey {
			b.WriteString(escapePointer(step.key))
		} else {
			b.WriteString(strconv.Itoa(step.index))
		}
	}
	return b.String()
}

// fail reports what makes the text unreadable.
func (p *jsonParser) fail(off int, message, expected string) bool {
	p.errs = append(p.errs, jsonError{off: off, detail: ratchet.Detail{Message: message, Expected: expected}})
	return false
}

// flag reports what can be read but not kept.
func (p *jsonParser) flag(off int, message, expected, got string) {
	if len(p.errs) < maxDetails {
		p.errs = append(p.errs, jsonError{
			off: off, pointer: p.pointer(),
			detail: ratchet.Detail{Message: message, Expected: expected, Got: got},
		})
	}
}

// here describes the character at the parser's place.
func (p *jsonParser) here() string {
	if p.off >= len(p.data) {
		return "end of file"
	}
	r, _ := utf8.DecodeRune(p.data[p.off:])
	return strconv.QuoteRune(r)
}

// before returns the last character that is not a space.
func (p *jsonParser) before() byte {
	for i := p.off - 1; i >= 0; i-- {
		if !strings.ContainsRune(" \t\n\r", rune(p.data[i])) {
			return p.data[i]
		}
	}
	return 0
}

func (p *jsonParser) space() {
	for p.off < len(p.data) {
		switch p.data[p.off] {
		case ' ', '\t', '\n', '\r':
			p.off++
		default:
			return
		}
	}
}

func (p *jsonParser) value(n *jsonNode, depth int) bool {
	n.off = p.off
	if depth > maxJSONDepth {
		return p.fail(p.off, "nested too deep", fmt.Sprintf("at most %d levels", maxJSONDepth))
	}
	if p.off >= len(p.data) {
		return p.fail(p.off, "unexpected end of file", "a JSON value")
	}
	switch c := p.data[p.off]; {
	case c == '{':
		return p.object(n, depth)
	case c == '[':
		return p.array(n, depth)
	case c == '"':
		n.kind = jsonString
		return p.str(&n.text)
	case c == '-' || c >= '0' && c <= '9':
		return p.number(n)
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(string(p.data[p.off:min(len(p.data), p.off+5)]), word) {
			p.off += len(word)
			n.text = word
			n.kind = jsonBool
			if word == "null" {
				n.kind = jsonNull
			}
			return true
		}
	}
	message := "unexpected " + p.here()
	switch p.data[p.off] {
	case '/', '#':
		message = "JSON has no comments"
	case '\'':
		return p.fail(p.off, "a single quote: JSON wants double quotes", `"…"`)
	case ']', '}':
		switch p.before() {
		case ',':
			message = "a comma too many before " + p.here()
		case ':':
			message = "the value is missing before " + p.here()
		}
	}
	return p.fail(p.off, message, "a JSON value")
}

func (p *jsonParser) object(n *jsonNode, depth int) bool {
	n.kind = jsonObject
	p.off++
	p.space()
	if p.off < len(p.data) && p.data[p.off] == '}' {
		p.off++
		return true
	}
	var seen map[string]bool
	for {
		p.space()
		if p.off >= len(p.data) || p.data[p.off] != '"' {
			message := "unexpected " + p.here()
			if p.off < len(p.data) {
				switch p.data[p.off] {
				case '}':
					message = "a comma too many before '}'"
				case '\'':
					return p.fail(p.off, "a single quote: JSON wants double quotes", `"…"`)
				}
			}
			return p.fail(p.off, message, "a key in double quotes")
		}
		m := jsonMember{off: p.off}
		if !p.str(&m.key) {
			return false
		}
		p.path = append(p.path, pathStep{key: m.key, isKey: true})
		if len(n.members) < 8 {
			if n.get(m.key) != nil {
				p.flag(m.off, "the key "+strconv.Quote(m.key)+" is there twice", "each key once", "")
			}
		} else {
			if seen == nil {
				seen = make(map[string]bool, 2*len(n.members))
				for i := range n.members {
					seen[n.members[i].key] = true
				}
			}
			if seen[m.key] {
				p.flag(m.off, "the key "+strconv.Quote(m.key)+" is there twice", "each key once", "")
			}
			seen[m.key] = true
		}
		p.space()
		if p.off >= len(p.data) || p.data[p.off] != ':' {
			return p.fail(p.off, "unexpected "+p.here()+" after the key "+strconv.Quote(m.key), "':'")
		}
		p.off++
		p.space()
		if !p.value(&m.value, depth+1) {
			return false
		}
		p.path = p.path[:len(p.path)-1]
		n.members = append(n.members, m)
		p.space()
		if done, ok := p.next('}'); done || !ok {
			return ok
		}
	}
}

func (p *jsonParser) array(n *jsonNode, depth int) bool {
	n.kind = jsonArray
	p.off++
	p.space()
	if p.off < len(p.data) && p.data[p.off] == ']' {
		p.off++
		return true
	}
	for {
		p.space()
		p.path = append(p.path, pathStep{index: len(n.items)})
		var item jsonNode
		if !p.value(&item, depth+1) {
			return false
		}
		p.path = p.path[:len(p.path)-1]
		n.items = append(n.items, item)
		p.space()
		if done, ok := p.next(']'); done || !ok {
			return ok
		}
	}
}

// next reads a comma or the closing character.
func (p *jsonParser) next(closing byte) (done, ok bool) {
	if p.off < len(p.data) {
		switch p.data[p.off] {
		case ',':
			p.off++
			return false, true
		case closing:
			p.off++
			return true, true
		}
	}
	return true, p.fail(p.off, "unexpected "+p.here(), fmt.Sprintf("',' or %q", closing))
}

func escapePointer(token string) string {
	if !strings.ContainsAny(token, "~/") {
		return token
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
}

func joinPointer(tokens []string) string {
	var b strings.Builder
	for _, token := range tokens {
		b.WriteByte('/')
		b.WriteString(escapePointer(token))
	}
	return b.String()
}

func splitPointer(pointer string) []string {
	if pointer == "" {
		return nil
	}
	tokens := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, token := range tokens {
		tokens[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
	}
	return tokens
}

// position returns line and column, both from 1, the column in characters, and
// the text of that line.
func position(data []byte, off int) (line, column int, text string) {
	off = min(max(off, 0), len(data))
	start := 0
	line = 1
	for i, c := range data[:off] {
		if c == '\n' {
			line++
			start = i + 1
		}
	}
	end := len(data)
	for i, c := range data[off:] {
		if c == '\n' {
			end = off + i
			break
		}
	}
	column = utf8.RuneCount(data[start:off]) + 1
	return line, column, clip(strings.TrimRight(string(data[start:end]), "\r"), column)
}

// maxLine bounds a source line that a detail holds, in bytes.
const maxLine = 16 << 10

// firstOf bounds a source line of which no column is known.
func firstOf(text string) string {
	if len(text) <= maxLine {
		return text
	}
	return strings.ToValidUTF8(text[:maxLine], "") + "…"
}

// clip bounds a source line around the column, counted in characters from 1. What
// is before the column stays, so that the column says where in the text it is;
// only if that is too much (a minified file) does the text begin shortly before
// it, with "…".
func clip(text string, column int) string {
	const after = 400
	if len(text) <= after {
		return text
	}
	at := 0 // offset of the column
	for i := 1; i < column && at < len(text); i++ {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	if rest := text[at:]; len(rest) > after {
		text = text[:at] + strings.ToValidUTF8(rest[:after], "") + "…"
	}
	if at > maxLine {
		text = "…" + strings.ToValidUTF8(text[at-after/10:], "")
	}
	return text
}
