package bundle

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

func (p *jsonParser) number(n *jsonNode) bool {
	n.kind = jsonNumber
	start := p.off
	digits := func() bool {
		from := p.off
		for p.off < len(p.data) && p.data[p.off] >= '0' && p.data[p.off] <= '9' {
			p.off++
		}
		return p.off > from
	}
	if p.data[p.off] == '-' {
		p.off++
	}
	leading := p.off
	if !digits() {
		return p.fail(p.off, "unexpected "+p.here()+" in a number", "a digit")
	}
	if p.data[leading] == '0' && p.off > leading+1 {
		return p.fail(leading, "a number does not begin with 0", "the number without the leading 0")
	}
	if p.off < len(p.data) && p.data[p.off] == '.' {
		p.off++
		if !digits() {
			return p.fail(p.off, "unexpected "+p.here()+" in a number", "a digit after the point")
		}
	}
	if p.off < len(p.data) && (p.data[p.off] == 'e' || p.data[p.off] == 'E') {
		p.off++
		if p.off < len(p.data) && (p.data[p.off] == '+' || p.data[p.off] == '-') {
			p.off++
		}
		if !digits() {
			return p.fail(p.off, "unexpected "+p.here()+" in a number", "a digit of the exponent")
		}
	}
	n.text = string(p.data[start:p.off])
	switch {
	case len(n.text) > maxJSONNumber:
		p.flag(start, "a number of too many digits", fmt.Sprintf("at most %d characters", maxJSONNumber),
			fmt.Sprintf("%s… (%d characters)", n.text[:20], len(n.text)))
		n.text = "0"
	case len(n.text) > 300 || strings.ContainsAny(n.text, "eE"):
		if f, _ := strconv.ParseFloat(n.text, 64); math.IsInf(f, 0) {
			p.flag(start, "a number too large for JavaScript, where it would become Infinity",
				"a number between -1.7976931348623157e308 and 1.7976931348623157e308", n.text)
			n.text = "0"
		}
	}
	return true
}

func (p *jsonParser) str(into *string) bool {
	start := p.off
	p.off++
	for i := p.off; i < len(p.data); i++ { // the common string: plain ASCII
		c := p.data[i]
		if c == '"' {
			*into = string(p.data[p.off:i])
			p.off = i + 1
			return true
		}
		if c == '\\' || c < 0x20 || c >= utf8.RuneSelf {
			break
		}
	}
	var b strings.Builder
	for p.off < len(p.data) {
		switch c := p.data[p.off]; {
		case c == '"':
			p.off++
			*into = b.String()
			return true
		case c == '\\':
			if !p.escape(&b) {
				return false
			}
		case c == '\n' || c == '\r':
			return p.fail(start, "a string without its closing quote on the same line", "'\"'")
		case c < 0x20:
			return p.fail(p.off, fmt.Sprintf("the control character %q in a string", c), fmt.Sprintf("\\u%04x", c))
		case c < utf8.RuneSelf:
			b.WriteByte(c)
			p.off++
		default:
			r, size := utf8.DecodeRune(p.data[p.off:])
			if r == utf8.RuneError && size == 1 {
				return p.fail(p.off, fmt.Sprintf("the byte %#02x is not UTF-8", c), "text in UTF-8")
			}
			b.WriteRune(r)
			p.off += size
		}
	}
	return p.fail(start, "a string without its closing quote", "'\"'")
}

func (p *jsonParser) escape(b *strings.Builder) bool {
	start := p.off
	p.off += 2
	if p.off > len(p.data) {
		return p.fail(start, "a string without its closing quote", "'\"'")
	}
	switch c := p.data[p.off-1]; c {
	case '"', '\\', '/':
		b.WriteByte(c)
	case 'b':
		b.WriteByte('\b')
	case 'f':
		b.WriteByte('\f')
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'u':
		r, ok := p.hex4()
		if !ok {
			return p.fail(start, "an escape that is not one", "\\u and four hexadecimal digits")
		}
		if utf16.IsSurrogate(r) {
			whole := rune(utf8.RuneError)
			if p.off+1 < len(p.data) && p.data[p.off] == '\\' && p.data[p.off+1] == 'u' {
				mark := p.off
				p.off += 2
				low, ok := p.hex4()
				if whole = utf16.DecodeRune(r, low); !ok || whole == utf8.RuneError {
					p.off = mark
				}
			}
			if whole == utf8.RuneError {
				p.flag(start, "half of a surrogate pair, which is no character", "both halves, or the character itself",
					string(p.data[start:min(start+6, len(p.data))]))
			}
			r = whole
		}
		b.WriteRune(r)
	default:
		return p.fail(start, "an escape that JSON does not have", `one of \" \\ \/ \b \f \n \r \t \u`)
	}
	return true
}

func (p *jsonParser) hex4() (rune, bool) {
	if p.off+4 > len(p.data) {
		return 0, false
	}
	var r rune
	for _, c := range p.data[p.off : p.off+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	p.off += 4
	return r, true
}
