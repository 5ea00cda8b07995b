package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/problem"
)

// encoding/json takes what it can: of two members with one name the last, any
// case of a name, members that nobody knows, bytes that are no text. Here a body
// is what its sender meant or it is refused, with everything that is wrong at
// once. So it is scanned against the shape of what is wanted before
// encoding/json fills that.

// Bounds of a body.
const (
	maxDepth  = 100
	maxFaults = 50
)

// A scanner reads one JSON text.
type scanner struct {
	data   []byte
	at     int
	depth  int
	path   []string // members and indices down to here
	faults []problem.Fault
	// malformed says that the text is not what a JSON text should be, rather than
	// not what is wanted.
	malformed bool
	nulls     []string // members of the outermost object that are null
}

// scan reports what is wrong with a JSON text that should have the shape.
func scan(data []byte, want *shape) *scanner {
	s := &scanner{data: data}
	if !utf8.Valid(data) {
		s.at = invalidUTF8(data)
		s.broken("the body is not UTF-8", "a JSON text in UTF-8")
		return s
	}
	if !s.value(want) {
		return s
	}
	if s.space(); s.at < len(data) {
		s.broken("the body goes on after its end", "one JSON text")
	}
	return s
}

func invalidUTF8(data []byte) int {
	for at := 0; at < len(data); {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size <= 1 {
			return at
		}
		at += size
	}
	return len(data)
}

// broken notes that the text cannot be read beyond this place. It returns false,
// as all methods that read do then.
func (s *scanner) broken(message, expected string) bool {
	before := s.data[:min(s.at, len(s.data))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	s.faults = append(s.faults, problem.Fault{
		Pointer: s.pointer(), Message: message, Expected: expected, Got: s.next(), Line: line, Column: column,
	})
	s.malformed = true
	return false
}

// next is a little of what comes next.
func (s *scanner) next() string {
	if s.at >= len(s.data) {
		return "the end of the body"
	}
	return strings.ToValidUTF8(string(s.data[s.at:min(s.at+20, len(s.data))]), "�")
}

// wrong notes something that does not keep the rest from being read.
func (s *scanner) wrong(message, expected, got string) {
	if len(s.faults) < maxFaults {
		s.faults = append(s.faults, problem.Fault{Pointer: s.pointer(), Message: message, Expected: expected, Got: problem.Shorten(got)})
	}
}

func (s *scanner) pointer() string {
	var b strings.Builder
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	for _, part := range s.path {
		b.WriteByte('/')
		b.WriteString(escape.Replace(part))
	}
	return b.String()
}

func (s *scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// peek is the next byte; 0 at the end.
func (s *scanner) peek() byte {
	if s.at < len(s.data) {
		return s.data[s.at]
	}
	return 0
}

func (s *scanner) value(want *shape) bool {
	s.space()
	start, kind := s.at, byte(0)
	switch c := s.peek(); {
	case c == '{' || c == '[':
		return s.nested(c, want)
	case c == '"':
		kind = '"'
		if !s.text() {
			return false
		}
	case c == '-' || '0' <= c && c <= '9':
		kind = '0'
		if !s.number() {
			return false
		}
	case s.word("true") || s.word("false"):
		kind = 't'
	case s.word("null"):
		kind = 'n'
	default:
		return s.broken("the body is not JSON", "a value")
	}
	want.scalar(s, kind, s.data[start:s.at])
	return true
}

func (s *scanner) word(w string) bool {
	if !bytes.HasPrefix(s.data[s.at:], []byte(w)) {
		return false
	}
	s.at += len(w)
	return true
}

// nested reads an object or an array.
func (s *scanner) nested(open byte, want *shape) bool {
	if s.depth == maxDepth {
		return s.broken("the body nests too deep", fmt.Sprintf("at most %d objects and arrays within each other", maxDepth))
	}
	s.depth++
	defer func() { s.depth-- }()
	if open == '[' {
		return s.array(want)
	}
	return s.object(want)
}

func (s *scanner) array(want *shape) bool {
	start := s.at
	s.at++
	elem := want.element()
	if want.kind != shapeAny && want.kind != shapeArray && want.kind != shapeCustom {
		s.wrong(s.named("has the wrong type"), want.expected(), "an array")
	}
	if s.space(); s.peek() == ']' {
		s.at++
		return want.whole(s, start)
	}
	for i := 0; ; i++ {
		s.path = append(s.path, strconv.Itoa(i))
		if !s.value(elem) {
			return false
		}
		s.path = s.path[:len(s.path)-1]
		switch s.space(); s.peek() {
		case ',':
			s.at++
		case ']':
			s.at++
			return want.whole(s, start)
		default:
			return s.broken("the body is not JSON", "\",\" or \"]\"")
		}
	}
}

func (s *scanner) object(want *shape) bool {
	start := s.at
	s.at++
	if !want.object() {
		s.wrong(s.named("has the wrong type"), want.expected(), "an object")
	}
	var seen names
	if s.space(); s.peek() == '}' {
		s.at++
		return want.whole(s, start)
	}
	for {
		if s.space(); s.peek() != '"' {
			return s.broken("the body is not JSON", "the name of a member")
		}
		name, ok := s.name()
		if !ok {
			return false
		}
		if s.space(); s.peek() != ':' {
			return s.broken("the body is not JSON", "\":\"")
		}
		s.at++
		if !s.member(want, name, seen.add(name)) {
			return false
		}
		switch s.space(); s.peek() {
		case ',':
			s.at++
		case '}':
			s.at++
			return want.whole(s, start)
		default:
			return s.broken("the body is not JSON", "\",\" or \"}\"")
		}
	}
}

// member reads the value of a member.
func (s *scanner) member(want *shape, name string, twice bool) bool {
	s.path = append(s.path, name)
	if twice {
		s.wrong(fmt.Sprintf("%q is there twice", problem.Shorten(name)), "each member once", "")
		s.malformed = true
	}
	of, known := want.member(name)
	if !known {
		s.wrong(fmt.Sprintf("%q is not known here", problem.Shorten(name)), oneOf(name, want.names()), "")
	}
	if s.space(); len(s.path) == 1 && s.peek() == 'n' {
		s.nulls = append(s.nulls, name)
	}
	if !s.value(of) {
		return false
	}
	s.path = s.path[:len(s.path)-1]
	return true
}

// name reads the name of a member.
func (s *scanner) name() (string, bool) {
	start := s.at
	if !s.text() {
		return "", false
	}
	return unquote(s.data[start:s.at]), true
}

// unquote returns what a JSON string stands for.
func unquote(quoted []byte) (text string) {
	if inner := quoted[1 : len(quoted)-1]; !bytes.ContainsRune(inner, '\\') {
		return string(inner)
	}
	_ = json.Unmarshal(quoted, &text) // it was scanned
	return text
}

// text reads a string.
func (s *scanner) text() bool {
	for s.at++; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; {
		case c == '"':
			s.at++
			return true
		case c < 0x20:
			return s.broken("the body is not JSON", "control characters in strings written as escapes such as \\n")
		case c == '\\' && !s.escape():
			return s.broken("the body is not JSON", `one of \" \\ \/ \b \f \n \r \t and \u with four hexadecimal digits`)
		}
	}
	return s.broken("the body is not JSON", "the end of a string")
}

// escape reads an escape up to its last byte.
func (s *scanner) escape() bool {
	s.at++
	c := s.peek()
	if c != 'u' {
		return c != 0 && strings.IndexByte(`"\/bfnrt`, c) >= 0
	}
	for range 4 {
		s.at++
		if c := s.peek() | 0x20; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// number reads a number as JSON has it.
func (s *scanner) number() bool {
	if s.peek() == '-' {
		s.at++
	}
	leading := s.peek()
	if whole := s.digits(); whole == 0 || leading == '0' && whole > 1 {
		return s.broken("the body is not JSON", "a number, without leading zeros")
	}
	if s.peek() == '.' {
		s.at++
		if s.digits() == 0 {
			return s.broken("the body is not JSON", "digits after the point")
		}
	}
	if s.peek()|0x20 == 'e' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		if s.digits() == 0 {
			return s.broken("the body is not JSON", "digits of the exponent")
		}
	}
	return true
}

func (s *scanner) digits() (n int) {
	for '0' <= s.peek() && s.peek() <= '9' {
		s.at++
		n++
	}
	return n
}

// named says something of the member that is being read.
func (s *scanner) named(what string) string {
	if len(s.path) == 0 {
		return "the body " + what
	}
	return problem.Shorten(s.path[len(s.path)-1]) + " " + what
}

// names are those of an object's members so far.
type names struct {
	few  []string
	many map[string]bool
}

// add reports whether the name was there already.
func (n *names) add(name string) bool {
	if n.many == nil {
		for _, s := range n.few {
			if s == name {
				return true
			}
		}
		n.few = append(n.few, name)
		if len(n.few) > 32 {
			n.many = make(map[string]bool, 128)
			for _, s := range n.few {
				n.many[s] = true
			}
		}
		return false
	}
	twice := n.many[name]
	n.many[name] = true
	return twice
}

// oneOf lists what is allowed, the nearest first.
func oneOf(got string, allowed []string) string {
	if len(allowed) == 0 {
		return "nothing here"
	}
	text := "one of " + strings.Join(allowed, ", ")
	if near := ratchet.Nearest(got, allowed); near != "" {
		return near + "? Allowed is " + text
	}
	return text
}
