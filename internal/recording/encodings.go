package recording

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// plain replaces the secrets that stand in text as they are, percent-encoded or
// escaped as in JSON, each character in any of these ways. Placeholders stay.
func (s *secrets) plain(text []byte, escape func(string) string) []byte {
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
			i += max(placeholderLen(text[i:]), 1)
		}
	}
	if last == 0 {
		return text
	}
	return append(out, text[last:]...)
}

// at returns the placeholder of the secret that text begins with, and the length
// of what stands for it.
func (s *secrets) at(text []byte) (placeholder string, n int) {
	for _, x := range s.list {
		switch c := text[0]; {
		case c == x.value[0], c == '%', c == '\\', c == '+' && x.value[0] == ' ':
			if n := matchLen(text, x.value); n > 0 {
				return x.placeholder, n
			}
		}
	}
	return "", 0
}

// matchLen is how many bytes at the start of text stand for the value; 0 if it
// does not begin with it. Where a text can be read in two ways the longer counts.
func matchLen(text []byte, value string) int {
	plain := 0
	if len(text) >= len(value) && string(text[:len(value)]) == value {
		plain = len(value)
	}
	i := 0
	for value != "" {
		if i == len(text) {
			return plain
		}
		n, width := unit(text[i:], value)
		if width == 0 {
			return plain
		}
		i += n
		value = value[width:]
	}
	return max(i, plain)
}

// unit returns how many bytes of text stand for how many bytes of value, at the
// start of both; 0 if they do not agree. Where text can be read as an escape and
// as itself the escape comes first.
func unit(text []byte, value string) (n, width int) {
	switch text[0] {
	case '%':
		if len(text) >= 3 {
			if b, err := strconv.ParseUint(string(text[1:3]), 16, 8); err == nil && byte(b) == value[0] {
				return 3, 1
			}
		}
	case '+':
		if value[0] == ' ' {
			return 1, 1
		}
	case '\\':
		if decoded, n := unescape(text); n > 0 && strings.HasPrefix(value, decoded) {
			return n, len(decoded)
		}
	}
	if text[0] == value[0] {
		return 1, 1
	}
	return 0, 0
}

// unescape reads the JSON escape that text begins with.
func unescape(text []byte) (decoded string, n int) {
	if len(text) < 2 {
		return "", 0
	}
	const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if i := strings.IndexByte(from, text[1]); i >= 0 {
		return to[i : i+1], 2
	}
	r, ok := hex4(text)
	if !ok {
		return "", 0
	}
	if utf16.IsSurrogate(r) {
		if low, ok := hex4(text[6:]); ok {
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				return string(r), 12
			}
		}
		return "", 0
	}
	return string(r), 6
}

// hex4 reads \uXXXX.
func hex4(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(v), err == nil
}

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
func (s *secrets) base64(text []byte) []byte {
	if len(s.pieces) == 0 {
		return text
	}
	longest := longestRun(text)
	if longest < minInText {
		return text
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
				return text
			}
			return append(out, text[done:]...)
		}
		begin, end := run(text, done, first, s.pieces[found])
		hidden, held := s.recoded(text[begin:end])
		out = append(append(out, text[done:begin]...), hidden...)
		for done = end; held && done < len(text) && text[done] == '='; {
			done++ // how much padding there is depends on the secret's length
		}
	}
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
func (s *secrets) recoded(text []byte) (_ []byte, held bool) {
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
		return text, bytes.Contains(plain, []byte(placeholderStart))
	}
	coding := base64.RawStdEncoding
	if standard != string(whole) {
		coding = base64.RawURLEncoding
	}
	return append([]byte(coding.EncodeToString(hidden)), text[len(whole):]...), true
}
