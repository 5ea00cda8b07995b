package cli

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// paint writes text for a terminal, or plainly.
type paint struct{ colour bool }

func (p paint) wrap(code, s string) string {
	if !p.colour || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p paint) bold(s string) string   { return p.wrap("1", s) }
func (p paint) dim(s string) string    { return p.wrap("2", s) }
func (p paint) red(s string) string    { return p.wrap("1;31", s) }
func (p paint) green(s string) string  { return p.wrap("32", s) }
func (p paint) yellow(s string) string { return p.wrap("33", s) }
func (p paint) blue(s string) string   { return p.wrap("34", s) }
func (p paint) cyan(s string) string   { return p.wrap("36", s) }

// json colours an indented JSON text without changing a byte of what it says,
// but for characters that a terminal could take for commands.
func (p paint) json(text []byte) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		j := i + 1
		switch c := text[i]; {
		case c == '"':
			for j < len(text) && text[j] != '"' {
				if text[j] == '\\' {
					j++
				}
				j++
			}
			j = min(j+1, len(text))
			s := harmlessJSON(string(text[i:j]))
			if j < len(text) && text[j] == ':' {
				b.WriteString(p.blue(s))
			} else {
				b.WriteString(p.green(s))
			}
		case c == '-' || c >= '0' && c <= '9':
			for j < len(text) && strings.IndexByte("0123456789.eE+-", text[j]) >= 0 {
				j++
			}
			b.WriteString(p.cyan(string(text[i:j])))
		case c >= 'a' && c <= 'z':
			for j < len(text) && text[j] >= 'a' && text[j] <= 'z' {
				j++
			}
			b.WriteString(p.yellow(string(text[i:j])))
		default:
			b.WriteByte(c)
		}
		i = j
	}
	return b.String()
}

// commands reports whether a terminal could take r for a command, or show the
// text in another order than it has.
func commands(r rune) bool {
	return r < 0x20 && r != '\n' && r != '\t' || r >= 0x7f && r <= 0x9f ||
		r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// harmlessJSON escapes in a JSON string what a terminal could take for commands.
func harmlessJSON(s string) string {
	if strings.IndexFunc(s, commands) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if commands(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// harmless replaces in a text that a task wrote what a terminal could take for
// commands.
func harmless(s string) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, commands) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if commands(r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
}

// snippet shows a line of a file with a caret under the column, in at most width
// columns.
func (p paint) snippet(text string, line, column, width int) string {
	const tab = "    "
	at := -1 // where the caret goes; nowhere if the text is cut before it
	var shown []rune
	for i, r := range []rune(strings.TrimRight(harmless(text), " \t\r\n")) {
		if i == column-1 {
			at = len(shown)
		}
		if r == '\t' {
			shown = append(shown, []rune(tab)...)
		} else {
			shown = append(shown, r)
		}
	}
	if len([]rune(text)) == column-1 {
		at = len(shown)
	}
	margin := fmt.Sprintf("%5d | ", line)
	room := max(width-len(margin)-1, 20)
	if cut := at - room*3/4; cut > 0 {
		shown = append([]rune("…"), shown[min(cut+1, len(shown)):]...)
		at -= cut
	}
	if len(shown) > room {
		shown = append(shown[:room-1], '…')
	}
	out := p.dim(margin) + string(shown) + "\n"
	if at >= 0 && column > 0 {
		out += p.dim(strings.Repeat(" ", len(margin)-2)+"| ") + strings.Repeat(" ", at) + p.red("^") + "\n"
	}
	return out
}
