package redact

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// plain replaces the secrets that stand in text as they are, percent-encoded or
// escaped as in JSON, each character in any of these ways. Placeholders stay.
func (s *Secrets) plain(text []byte, escape func(string) string) []byte {
	if len(s.list) == 0 {
		return text
	}
	var out []byte
	last := 0
	for i := 0; i < len(text); {
		if !s.starts[text[i]] {
			i++
			continue
		}
		if p, n := s.at(text[i:]); n > 0 {
			out = append(append(out, text[last:i]...), escape(p)...)
			i += n
			last = i
		} else {
			i += max(PlaceholderLen(text[i:]), 1)
		}
	}
	if last == 0 {
		return text
	}
	return append(out, text[last:]...)
}

// at returns the placeholder of the secret that text begins with, and the length
// of what stands for it.
func (s *Secrets) at(text []byte) (placeholder string, n int) {
	for _, x := range s.list {
		switch c := text[0]; {
		case c == x.value[0], c == '%', c == '\\', c == '+' && x.value[0] == ' ', c == '\r' && x.value[0] == '\n', c == '\n' && x.value[0] == '\r':
			if n := matchLen(text, x.value); n > 0 {
				return x.placeholder, n
			}
		}
	}
	return "", 0
}

// matchLen is how many bytes at the start of text stand for the value; 0 if it
// does not begin with it. Where a text can be read in several ways the longest
// counts.
func matchLen(text []byte, value string) int {
	m := matcher{text: text, value: value}
	m.from(0, 0)
	return m.longest
}

// A matcher tries all ways to read the text's start as the value.
type matcher struct {
	text    []byte
	value   string
	longest int
	seen    map[[2]int]bool // places in both where ways part that were tried
}

// levels is how often in a row a text may have been escaped: JSON in a string of
// JSON in a query are three.
const levels = 3

// from goes on from byte i of the text and byte j of the value.
func (m *matcher) from(i, j int) {
	for ; j < len(m.value); i, j = i+1, j+1 {
		if i == len(m.text) {
			return
		}
		c, v := m.text[i], m.value[j]
		switch {
		case c == '%' || c == '\\' || v == '\r':
			m.part(i, j)
			return
		case c == v, c == '+' && v == ' ':
		case c == '\r' && v == '\n': // as multipart bodies have it
			j--
		default:
			return
		}
	}
	m.longest = max(m.longest, i)
}

// part goes on in each of the ways to read what stands at i.
func (m *matcher) part(i, j int) {
	if m.seen[[2]int{i, j}] {
		return
	}
	if j > 0 { // few get beyond the first byte
		if m.seen == nil {
			m.seen = map[[2]int]bool{}
		}
		m.seen[[2]int{i, j}] = true
	}
	last, value := 0, m.value[j:]
	if strings.HasPrefix(value, "\r\n") {
		m.from(i, j+1)
	}
	for level := 0; level <= levels; level++ {
		c, n := decode(m.text[i:], level)
		if n == last && level > 1 {
			return // there is no more to decode
		}
		switch last = n; {
		case strings.HasPrefix(value, c):
			m.from(i+n, j+len(c))
		case c == "+" && value[0] == ' ':
			m.from(i+n, j+1)
		case c == "\r" && value[0] == '\n':
			m.from(i+n, j)
		}
	}
}

// decode reads the character, or byte of one, that text begins with, after taking
// back that many levels of percent-encoding and escapes as in JSON. What is no
// escape is itself.
func decode(text []byte, level int) (c string, n int) {
	if len(text) == 0 {
		return "", 0
	}
	if level == 0 || text[0] != '%' && text[0] != '\\' {
		return string(text[:1]), 1
	}
	c, n = decode(text, level-1)
	switch c {
	case "%":
		if v, end, ok := hexOf(text, n, level-1, 2); ok {
			return string([]byte{byte(v)}), end
		}
	case "\\":
		if decoded, end := unescape(text, n, level-1); end > 0 {
			return decoded, end
		}
	}
	return c, n
}

// hexOf reads so many digits from byte i on.
func hexOf(text []byte, i, level, digits int) (v rune, end int, ok bool) {
	for range digits {
		c, n := decode(text[i:], level)
		if len(c) != 1 {
			return 0, 0, false
		}
		d, err := strconv.ParseUint(c, 16, 8)
		if err != nil {
			return 0, 0, false
		}
		v, i = v<<4|rune(d), i+n
	}
	return v, i, true
}

// unescape reads what follows the backslash of a JSON escape, from byte i on.
func unescape(text []byte, i, level int) (decoded string, end int) {
	c, n := decode(text[i:], level)
	if len(c) != 1 {
		return "", 0
	}
	const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if at := strings.Index(from, c); at >= 0 {
		return to[at : at+1], i + n
	}
	if c != "u" {
		return "", 0
	}
	r, end, ok := hexOf(text, i+n, level, 4)
	switch {
	case !ok:
		return "", 0
	case !utf16.IsSurrogate(r):
		return string(r), end
	}
	for _, want := range []string{"\\", "u"} {
		c, n := decode(text[end:], level)
		if c != want {
			return "", 0
		}
		end += n
	}
	low, end, ok := hexOf(text, end, level, 4)
	if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
		return "", 0
	}
	return string(r), end
}
