package redact

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
)

// A piece is the part of a base64 text that a secret in it always gives, whatever
// stands around it.
type piece struct {
	text []byte
	skip int // characters between the start of the group of four and the piece
}

// piecesOf returns the pieces of the value and of its escaped forms, for each of
// the three places in a group that it can begin at.
func piecesOf(value string) (pieces []piece) {
	seen := map[string]bool{}
	forms := []string{
		value, escapeJSON(value), escapeMore(value, "<>&", false), escapeMore(value, "", true), escapeMore(value, "<>&", true),
		url.QueryEscape(value), url.PathEscape(value),
	}
	if latin, ok := latin1(value); ok {
		forms = append(forms, latin)
	}
	if lines := strings.ReplaceAll(strings.ReplaceAll(value, "\r\n", "\n"), "\n", "\r\n"); lines != value {
		forms = append(forms, lines)
	}
	for _, form := range forms {
		for shift := range 3 {
			skip := []int{0, 2, 3}[shift]
			whole := (shift + len(form)) * 8 / 6
			for _, coding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				text := coding.EncodeToString(append(make([]byte, shift), form...))[skip:whole]
				if !seen[text] && len(text) >= minInText {
					seen[text] = true
					pieces = append(pieces, piece{[]byte(text), skip})
				}
			}
		}
	}
	return pieces
}

// escapeMore is escapeJSON with what some encoders escape besides: characters of
// HTML, or all that are not ASCII.
func escapeMore(s, also string, ascii bool) string {
	var b strings.Builder
	for _, r := range escapeJSON(s) {
		if strings.ContainsRune(also, r) || ascii && r >= 0x80 {
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// latin1 is the value with a byte for each character, if it has others than those
// of ASCII and all have such a byte.
func latin1(value string) (string, bool) {
	b := make([]byte, 0, len(value))
	for _, r := range value {
		if r > 0xff {
			return "", false
		}
		b = append(b, byte(r))
	}
	return string(b), len(b) < len(value)
}

// base64 replaces the secrets inside base64 texts, by encoding what they encode
// with placeholders in it: whoever does the same with a placeholder for a secret
// gets the same text.
func (s *Secrets) base64(text []byte) []byte {
	if len(s.pieces) == 0 {
		return text
	}
	original := text
	text, edits := bare(original)
	longest := longestRun(text)
	if longest < minInText {
		return original
	}
	next := make([]int, len(s.pieces)) // where each piece comes next, len(text) if nowhere
	for i, p := range s.pieces {
		if next[i] = -1; len(p.text) > longest {
			next[i] = len(text)
		}
	}
	var out []byte
	for done := 0; ; {
		first, found := len(text), -1
		for i, p := range s.pieces {
			if next[i] < done {
				if next[i] = bytes.Index(text[done:], p.text) + done; next[i] < done {
					next[i] = len(text)
				}
			}
			if next[i] < first {
				first, found = next[i], i
			}
		}
		if found < 0 {
			if done == 0 {
				return original
			}
			return append(out, original[edits.original(done):]...)
		}
		begin, end := run(text, done, first, s.pieces[found])
		hidden, held := s.recoded(text[begin:end])
		if !held {
			hidden = original[edits.original(begin):edits.original(end)]
		}
		out = append(append(out, original[edits.original(done):edits.original(begin)]...), hidden...)
		for done = end; held && done < len(text) && text[done] == '='; {
			done++ // how much padding there is depends on the secret's length
		}
	}
}

// edits are the places of a text where it is shorter than its original.
type edits []edit

type edit struct{ at, removed int } // from there on, so many bytes in all

// original is where byte i of the text stands in its original.
func (e edits) original(i int) int {
	n, _ := slices.BinarySearchFunc(e, i, func(x edit, i int) int {
		if x.at <= i {
			return -1
		}
		return 1
	})
	if n == 0 {
		return i
	}
	return i + e[n-1].removed
}

// minLine is how long a line of base64 is, at least, for the next one to be taken
// for its continuation.
const minLine = 16

// bare is the text with the marks of base64 as they are where they were escaped,
// and without the ends of lines that were wrapped.
func bare(text []byte) ([]byte, edits) {
	if !bytes.ContainsAny(text, "%\\\n") {
		return text, nil
	}
	var out []byte
	var list edits
	last, line := 0, 0 // line: how many bytes could be base64 up to here
	for i := 0; i < len(text); {
		c := text[i]
		if c != '%' && c != '\\' && c != '\r' && c != '\n' {
			if line++; !base64Byte(c) {
				line = 0
			}
			i++
			continue
		}
		mark, n := mark(text[i:])
		if n < 2 && mark != "" || mark == "" && (n == 0 || line < minLine || line%4 != 0) {
			i, line = i+1, 0
			continue
		}
		out = append(append(out, text[last:i]...), mark...)
		i += n
		last = i
		list = append(list, edit{len(out), i - len(out)})
		switch mark {
		case "+", "/":
			line++
		default:
			line = 0
		}
	}
	if list == nil {
		return text, nil
	}
	return append(out, text[last:]...), list
}

// mark reads a mark of base64 that is escaped, or the end of a line, for which it
// returns no mark.
func mark(text []byte) (mark string, n int) {
	for level := range levels {
		c, n := decode(text, level)
		switch c {
		case "+", "/", "=":
			return c, n
		case "\n":
			return "", n
		case "\r":
			if c, more := decode(text[n:], level); c == "\n" {
				return "", n + more
			}
		}
	}
	return "", 0
}

// run returns the longest base64 text around the piece found at, in whole groups
// from its begin on.
func run(text []byte, from, at int, p piece) (begin, end int) {
	begin = at
	for begin > from && base64Byte(text[begin-1]) {
		begin--
	}
	if group := at - p.skip; group >= begin {
		begin = group - (group-begin)/4*4
	} else {
		begin = at
	}
	for end = at + len(p.text); end < len(text) && base64Byte(text[end]); {
		end++
	}
	return begin, end
}

// longestRun is how many bytes of text in a row could be of a base64 text, at most.
func longestRun(text []byte) (longest int) {
	n := 0
	for _, c := range text {
		if n++; !base64Byte(c) {
			n = 0
		}
		longest = max(longest, n)
	}
	return longest
}

func base64Byte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_'
}

// recoded is the base64 text, if it holds a secret or a placeholder, with only
// placeholders in what it encodes, and without padding.
func (s *Secrets) recoded(text []byte) (_ []byte, held bool) {
	whole := text
	if len(text)%4 == 1 {
		whole = text[:len(text)-1]
	}
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(string(whole))
	plain, err := base64.RawStdEncoding.DecodeString(standard)
	if err != nil {
		return text, false
	}
	hidden := s.plain(plain, asIs)
	if bytes.Equal(hidden, plain) {
		return text, bytes.Contains(plain, []byte(PlaceholderStart))
	}
	coding := base64.RawStdEncoding
	if standard != string(whole) {
		coding = base64.RawURLEncoding
	}
	return append([]byte(coding.EncodeToString(hidden)), text[len(whole):]...), true
}
