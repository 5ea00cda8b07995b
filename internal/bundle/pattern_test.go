package bundle_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// What JavaScript says of each, with the flag "u" unless it refuses it then.
func TestPatternsAreThoseOfJavaScript(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ pattern, match, not string }{
		{`^(?!foo)\w+$`, "bar", "foobar"},
		{`^(?=.*\d)(?=.*[a-z]).{4,}$`, "abc1", "abcd"},
		{`(?<=\$)\d+`, "$42", "42"},
		{`(?<!-)\b\d`, "1", "-1"},
		{`^(?<year>\d{4})-\k<year>$`, "2025-2025", "2025-2026"},
		{`^(?<year>\d{4})$`, "2025", "25"},
		{`^(a|b)\1$`, "aa", "ab"},
		{`^a$`, "a", "a\n"},
		{`^(?!b)a$`, "a", "a\n"},
		{`^.$`, "é", "\r"},
		{`^(?!b).$`, "😀", "\u2028"},
		{`^\s$`, "\u00a0", "\u200b"},
		{`^(?!b)\s$`, "\v", "\u0085"},
		{`^\S+$`, "\u200b", "\ufeff"},
		{`^[\s,]$`, "\ufeff", "x"},
		{`^[^\s,]$`, "x", "\u3000"},
		{`^[\S]$`, "x", "\u2029"},
		{`^(?!b)[^\S]$`, "\u2003", "x"},
		{`^[\s\S]$`, "\n", "ab"},
		{`^[^]$`, "\n", "ab"},
		{`^a[]?$`, "a", "a]"},
		{`^[\w-.]+$`, "a-b.", "a,b"},
		{`^[\s-a]+$`, "- a", "b"},
		{`^[a\-z]+$`, "a-z", "b"},
		{`^[a-]+$`, "a-", "b"},
		{`^[[:a]+$`, "[:a", "b"},
		{`^[\]\\^]+$`, `]\^`, "a"},
		{`^[\b]$`, "\b", "b"},
		{`^\w$`, "a", "é"},
		{`^\d$`, "1", "١"},
		{`^\u0041\x42\cJ\0\u{1F600}\ud83d\ude00$`, "AB\n\x00😀😀", "A"},
		{`^[\u{1F600}-\u{1F64F}]$`, "😂", "a"},
		{`^\p{Lu}\p{Letter}+$`, "Ärger", "ärger"},
		{`^\p{Script=Greek}+$`, "αβγ", "abc"},
		{`^(?!b)\P{L}+$`, "12", "a"},
		{`^[\p{L}_-]+$`, "é_-", "1"},
		{`^\/\-\@\.$`, "/-@.", "x"},
		{`^a{1001}$`, strings.Repeat("a", 1001), "a"},
		{`^(?i:ab)$`, "AB", "AC"},
	} {
		s := schema(t, fmt.Sprintf(`{"pattern": %s}`, quote(t, c.pattern)))
		if got := s.Validate(quote(t, c.match)); got != nil {
			t.Errorf("%s and %q: got %s, want a match", c.pattern, c.match, lines(got))
		}
		if got := s.Validate(quote(t, c.not)); len(got) != 1 || !strings.Contains(got[0].Expected, c.pattern) {
			t.Errorf("%s and %q: got %s, want no match", c.pattern, c.not, lines(got))
		}
	}
}

func quote(t *testing.T, s string) json.RawMessage {
	t.Helper()
	quoted, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return quoted
}

func TestPatternsThatAreNone(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		`[a`:                                     `a "[" without its "]"`,
		`[\]`:                                    `a "[" without its "]"`,
		`[z-a]`:                                  `the range from 'z' to 'a' is the wrong way round`,
		`a\`:                                     `it ends in a "\"`,
		`\A`:                                     `JavaScript has no escape \A`,
		`[\Q]`:                                   `JavaScript has no escape \Q`,
		`\ud83d`:                                 `\ud83d is half of a character`,
		`\u{110000}`:                             `\u{110000} is no character`,
		`\xg0`:                                   `after "\\x" come no 2 hexadecimal digits`,
		`\p{Cheese}`:                             `the property "Cheese" is not known`,
		`\p`:                                     `after "\p" comes no name in braces`,
		`(?s).`:                                  `after "(?" comes none of`,
		`a**`:                                    "invalid nested repetition operator",
		`(?=` + strings.Repeat("a", 5000) + `)`:  "it is too long for a pattern with lookaround",
		`(?:` + strings.Repeat("(", 2000) + `)a`: "missing closing )",
	} {
		_, got := refused(t, files{"main.js": "(i) => 1", "input.schema.json": fmt.Sprintf(`{"pattern": %s}`, quote(t, pattern))}.write(t), bundle.Options{})
		wants(t, got, "input.schema.json:1:13: /pattern: the pattern ", "cannot be used: ", want)
	}
}

// A hostile pattern over many values is given up as a whole, and told whatever it
// stands in.
func TestAHostilePatternIsGivenUp(t *testing.T) {
	t.Parallel()
	const hostile = `^(?!x)(a+)+$`
	bomb := strings.Repeat("a", 40) + "!"
	const want = "takes too long to match, which counts as no match"
	for name, c := range map[string]struct{ schema, doc string }{
		"items":             {`{"items": {"pattern": %q}}`, `["aaa"` + strings.Repeat(`,"`+bomb+`"`, 200) + `]`},
		"not":               {`{"not": {"pattern": %q}}`, `"` + bomb + `"`},
		"patternProperties": {`{"patternProperties": {%q: false}}`, `{"` + bomb + `": 1}`},
	} {
		s := schema(t, fmt.Sprintf(c.schema, hostile))
		start := time.Now()
		wants(t, lines(s.Validate(json.RawMessage(c.doc))), want)
		if took := time.Since(start); took > 20*time.Second { // 200 values would take 50 s
			t.Errorf("%s: took %s", name, took)
		}
		if got := s.Validate(json.RawMessage(`"x"`)); got != nil {
			t.Errorf("%s: the next document: got %s", name, lines(got))
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{`^(?!foo)\w+$`, `[\s-a]`, `[^]`, `\u{1F600}`, `(?<n>a)\k<n>`, `a{2,}?`, `\p{L}`, `[`, `\`, `(?i`} {
		f.Add(seed, "text")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		bundle.MatchPattern(pattern, text)
	})
}
