package bundle

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/dlclark/regexp2"
	"github.com/santhosh-tekuri/jsonschema/v6"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// What a pattern that Go's regexp cannot read may cost: it can take for ever.
const (
	maxMatch          = 250 * time.Millisecond // one match
	maxMatches        = time.Second            // all of one document
	maxBacktracking   = 4096                   // bytes of the pattern
	slowCountsAsWrong = "takes too long to match, which counts as no match"
)

// A pattern is one of JavaScript (ECMA-262), read as with the flag "u".
//
// Nearly all can be said in the language of Go's regexp too, which takes time in
// proportion to the text. Lookaround and references back cannot; they go to an
// engine that tries every way, and is stopped.
type pattern struct {
	text string // as it was written
	re   *regexp.Regexp
	slow *regexp2.Regexp // if re is nil
	stop *stopwatch
}

func (p *pattern) String() string { return p.text }

// MatchString reports whether the pattern is somewhere in s.
func (p *pattern) MatchString(s string) bool {
	if p.re != nil {
		return p.re.MatchString(s)
	}
	if p.stop.spent >= maxMatches {
		p.stop.note(p.text, s)
		return false
	}
	start := time.Now()
	ok, err := p.slow.MatchString(s)
	p.stop.spent += time.Since(start)
	if err != nil {
		p.stop.note(p.text, s)
	}
	return ok && err == nil
}

// A stopwatch bounds the time that the patterns of a schema take over one
// document. The library hands nothing of the document on to its patterns, so that
// documents take turns: only where a schema has such a pattern.
type stopwatch struct {
	sync.Mutex
	used  atomic.Bool // a pattern of the schema needs it
	spent time.Duration
	slow  []slowMatch // the first ones
}

type slowMatch struct{ pattern, value string }

func (s *stopwatch) note(pattern, value string) {
	if m := (slowMatch{pattern, value}); len(s.slow) < maxDetails && !slices.Contains(s.slow, m) {
		s.slow = append(s.slow, m)
	}
}

// tooSlow tells of matches that were given up and that details, which the same
// document gave, do not tell. A match that counts as none may be what makes a
// document valid ("not", "patternProperties"), so that it is always told.
func (s *stopwatch) tooSlow(details []ratchet.Detail) []ratchet.Detail {
	told := slices.ContainsFunc(details, func(d ratchet.Detail) bool { return strings.Contains(d.Message, slowCountsAsWrong) })
	if len(s.slow) == 0 || told {
		return details
	}
	return append(details, ratchet.Detail{
		Message:  fmt.Sprintf("the pattern %s %s", shorten(s.slow[0].pattern), slowCountsAsWrong),
		Expected: "a pattern without repeats in repeats", Got: shorten(strconv.Quote(s.slow[0].value)),
	})
}

// compiler returns what the library calls for each pattern.
func (s *stopwatch) compiler() jsonschema.RegexpEngine {
	return func(text string) (jsonschema.Regexp, error) {
		common, err := translatePattern(text)
		if err != nil {
			return nil, err
		}
		if re, err := regexp.Compile(common); err == nil {
			return &pattern{text: text, re: re}, nil
		}
		if len(text) > maxBacktracking {
			return nil, fmt.Errorf("it is too long for a pattern with lookaround, references back or repeats of more than 1000: at most %d bytes", maxBacktracking)
		}
		re, err := regexp2.Compile(common, regexp2.ECMAScript)
		if err != nil {
			message := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
			if i := strings.LastIndex(message, " in `"); i >= 0 { // the translated text
				message = message[:i]
			}
			return nil, errors.New(message)
		}
		re.MatchTimeout = maxMatch
		s.used.Store(true)
		return &pattern{text: text, slow: re, stop: s}, nil
	}
}

// What "\s" stands for, and what not, as the inside of a class; "." and "[]".
const (
	spaces    = "\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
	notSpaces = "\x00-\x08\x0e-\x1f!-\u009f\u00a1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e\u2060-\u2fff\u3001-\ufefe\uff00-\U0010ffff"
	anyOfLine = "[^\n\r\u2028\u2029]"
	nothing   = "[^\x00-\U0010ffff]"
	anything  = "[\x00-\U0010ffff]"
)

// translatePattern writes a pattern of JavaScript so that Go's regexp and
// regexp2 read the same in it, if they can read it: characters for escapes, "\z"
// for "$", classes in full. It allows what JavaScript does for old patterns where
// that is not ambiguous, as "\-" and a brace alone.
func translatePattern(text string) (string, error) {
	t := translator{in: []rune(text)}
	for t.i < len(t.in) {
		if err := t.next(); err != nil {
			return "", err
		}
	}
	return t.out.String(), nil
}

type translator struct {
	in  []rune
	i   int
	out strings.Builder
}

// has reports whether s comes next, and passes it.
func (t *translator) has(s string) bool {
	if rest := t.in[t.i:]; len(rest) < len(s) || string(rest[:len(s)]) != s { // s is ASCII
		return false
	}
	t.i += len(s)
	return true
}

func (t *translator) next() error {
	switch c := t.in[t.i]; {
	case t.has("$"):
		t.out.WriteString(`\z`)
	case t.has("."):
		t.out.WriteString(anyOfLine)
	case t.has("[^]"):
		t.out.WriteString(anything)
	case t.has("[]"):
		t.out.WriteString(nothing)
	case t.has("["):
		return t.class()
	case t.has("(?"):
		return t.group()
	case c == '\\':
		return t.escape()
	default:
		t.out.WriteRune(c)
		t.i++
	}
	return nil
}

func (t *translator) group() error {
	switch {
	case t.has("P<"): // as Python and Go have it
		t.out.WriteString("(?<")
	case t.i < len(t.in) && strings.ContainsRune(":=!<", t.in[t.i]), t.has("i)"), t.has("i:"):
		t.out.WriteString("(?")
		if before := t.in[t.i-1]; before == ')' || before == ':' {
			t.out.WriteString("i" + string(before))
		}
	default:
		return errors.New(`after "(?" comes none of : = ! <= <! <name>`)
	}
	return nil
}

// escape translates an escape outside a class.
func (t *translator) escape() error {
	if t.i+1 == len(t.in) {
		return errors.New(`it ends in a "\"`)
	}
	switch c := t.in[t.i+1]; {
	case c == 's':
		t.out.WriteString("[" + spaces + "]")
	case c == 'S':
		t.out.WriteString("[^" + spaces + "]")
	case strings.ContainsRune("dDwWbB", c), c >= '1' && c <= '9':
		t.out.WriteString(`\` + string(c))
	case c == 'k' && slices.Contains(t.in[t.i:], '>'):
		t.out.WriteString(`\k`)
	case c == 'p' || c == 'P':
		return t.property()
	default:
		r, err := t.character()
		if err == nil {
			t.out.WriteString(regexp.QuoteMeta(string(r)))
		}
		return err
	}
	t.i += 2
	return nil
}

// property translates \p{…} to what Go calls it.
func (t *translator) property() error {
	end := slices.Index(t.in[t.i:], '}')
	if end < 0 || t.in[t.i+2] != '{' {
		return fmt.Errorf(`after "\%c" comes no name in braces`, t.in[t.i+1])
	}
	name := string(t.in[t.i+3 : t.i+end])
	if key, value, ok := strings.Cut(name, "="); ok && slices.Contains([]string{"General_Category", "gc", "Script", "sc"}, key) {
		name = value
	}
	if short := unicode.CategoryAliases[name]; short != "" {
		name = short
	}
	if unicode.Categories[name] == nil && unicode.Scripts[name] == nil {
		return fmt.Errorf("the property %q is not known here: categories and scripts are", name)
	}
	t.out.WriteString(`\` + string(t.in[t.i+1]) + "{" + name + "}")
	t.i += end + 1
	return nil
}

// class translates what follows "[".
func (t *translator) class() error {
	t.out.WriteByte('[')
	if t.has("^") {
		t.out.WriteByte('^')
	}
	for t.i < len(t.in) {
		if t.has("]") {
			t.out.WriteByte(']')
			return nil
		}
		from, set, err := t.member()
		if err != nil {
			return err
		}
		if set {
			continue
		}
		t.out.WriteString(inClass(from))
		if !t.inRange() {
			continue
		}
		to, _, err := t.member()
		if err != nil {
			return err
		}
		if to < from {
			return fmt.Errorf("the range from %q to %q is the wrong way round", from, to)
		}
		t.out.WriteString("-" + inClass(to))
	}
	return errors.New(`a "[" without its "]"`)
}

// inRange passes a "-" that makes a range of what is before and after it: one
// that is not the last of its class, nor beside another class.
func (t *translator) inRange() bool {
	if !t.has("-") {
		return false
	}
	if t.i < len(t.in) && t.in[t.i] != ']' && !t.startsSet() {
		return true
	}
	t.i--
	return false
}

// startsSet reports whether the next member of a class is a class itself.
func (t *translator) startsSet() bool {
	return t.in[t.i] == '\\' && t.i+1 < len(t.in) && strings.ContainsRune("dDwWsSpP", t.in[t.i+1])
}

// member reads one member of a class. One that is a set is written already.
func (t *translator) member() (r rune, set bool, err error) {
	if t.in[t.i] != '\\' {
		t.i++
		return t.in[t.i-1], false, nil
	}
	if !t.startsSet() {
		if t.has(`\b`) {
			return '\b', false, nil
		}
		r, err = t.character()
		return r, false, err
	}
	switch c := t.in[t.i+1]; c {
	case 'p', 'P':
		return 0, true, t.property()
	case 's':
		t.out.WriteString(spaces)
	case 'S':
		t.out.WriteString(notSpaces)
	default:
		t.out.WriteString(`\` + string(c))
	}
	t.i += 2
	return 0, true, nil
}

func inClass(r rune) string {
	if strings.ContainsRune(`\[]^-`, r) {
		return `\` + string(r)
	}
	return string(r)
}

// character reads an escape that stands for one character.
func (t *translator) character() (rune, error) {
	if t.i+1 == len(t.in) {
		return 0, errors.New(`it ends in a "\"`)
	}
	c := t.in[t.i+1]
	t.i += 2
	if i := strings.IndexRune("tnvfr", c); i >= 0 {
		return rune("\t\n\v\f\r"[i]), nil
	}
	switch {
	case c == '0' && (t.i == len(t.in) || t.in[t.i] < '0' || t.in[t.i] > '9'):
		return 0, nil
	case c == 'c' && t.i < len(t.in) && t.in[t.i] < 0x80 && unicode.IsLetter(t.in[t.i]):
		t.i++
		return t.in[t.i-1] % 32, nil
	case c == 'x':
		return t.hex(2, `\x`)
	case c == 'u':
		return t.codePoint()
	case c < 0x80 && (unicode.IsLetter(c) || unicode.IsDigit(c)):
		return 0, fmt.Errorf(`JavaScript has no escape \%c`, c)
	}
	return c, nil
}

// codePoint reads what follows "\u".
func (t *translator) codePoint() (rune, error) {
	if t.has("{") {
		end := slices.Index(t.in[t.i:], '}')
		if end < 1 {
			return 0, errors.New(`after "\u{" come no digits and "}"`)
		}
		n, err := strconv.ParseUint(string(t.in[t.i:t.i+end]), 16, 32)
		if err != nil || n > unicode.MaxRune || utf16.IsSurrogate(rune(n)) {
			return 0, fmt.Errorf(`\u{%s} is no character`, string(t.in[t.i:t.i+end]))
		}
		t.i += end + 1
		return rune(n), nil
	}
	r, err := t.hex(4, `\u`)
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if t.has(`\u`) {
		if low, err := t.hex(4, `\u`); err == nil && utf16.DecodeRune(r, low) != unicode.ReplacementChar {
			return utf16.DecodeRune(r, low), nil
		}
	}
	return 0, fmt.Errorf(`\u%04x is half of a character: write both halves, or \u{…}`, r)
}

func (t *translator) hex(digits int, after string) (rune, error) {
	if t.i+digits <= len(t.in) {
		if n, err := strconv.ParseUint(string(t.in[t.i:t.i+digits]), 16, 32); err == nil {
			t.i += digits
			return rune(n), nil
		}
	}
	return 0, fmt.Errorf("after %q come no %d hexadecimal digits", after, digits)
}
