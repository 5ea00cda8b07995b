package js

import (
	"slices"
	"strings"
)

// A mimeType is a media type as the MIME Sniffing standard parses it.
type mimeType struct {
	essence string      // "text/plain"
	params  [][2]string // in the order given, first of a name only
}

// parseMIME parses a Content-Type; ok is false where it is none.
func parseMIME(s string) (m mimeType, ok bool) {
	s = strings.Trim(s, httpSpace)
	full, rest, _ := strings.Cut(s, ";")
	kind, sub, ok := strings.Cut(strings.TrimRight(full, httpSpace), "/")
	if !ok || !isToken(kind) || !isToken(sub) {
		return mimeType{}, false
	}
	m.essence = lowerASCII(kind + "/" + sub)
	for rest != "" {
		var name, value string
		rest = strings.TrimLeft(rest, httpSpace)
		i := strings.IndexAny(rest, ";=")
		if i < 0 {
			break
		}
		name = lowerASCII(rest[:i])
		if rest[i] == ';' {
			rest = rest[i+1:]
			continue
		}
		rest = rest[i+1:]
		quoted := strings.HasPrefix(rest, `"`)
		if quoted {
			value, rest = quotedString(rest[1:])
			_, rest, _ = strings.Cut(rest, ";")
		} else {
			value, rest, _ = strings.Cut(rest, ";")
			value = strings.TrimRight(value, httpSpace)
		}
		if isToken(name) && (quoted || value != "") && isQuotable(value) && !m.has(name) {
			m.params = append(m.params, [2]string{name, value})
		}
	}
	return m, true
}

const httpSpace = "\t\n\r "

func (m mimeType) param(name string) string {
	for _, p := range m.params {
		if p[0] == name {
			return p[1]
		}
	}
	return ""
}

func (m mimeType) has(name string) bool {
	return slices.ContainsFunc(m.params, func(p [2]string) bool { return p[0] == name })
}

// String is the serialisation that the standard gives.
func (m mimeType) String() string {
	b := []byte(m.essence)
	for _, p := range m.params {
		b = append(b, ";"+p[0]+"="...)
		if isToken(p[1]) {
			b = append(b, p[1]...)
			continue
		}
		b = append(b, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p[1])+`"`...)
	}
	return string(b)
}

// quotedString is the value of a string whose opening quote has been read, and
// what follows it.
func quotedString(s string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

func isQuotable(s string) bool {
	for _, r := range s {
		if r != '\t' && (r < ' ' || r == 0x7F || r > 0xFF) {
			return false
		}
	}
	return true
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}
