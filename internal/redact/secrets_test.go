package redact_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/redact"
)

// hide returns what replaces the values of env: in a text, in a body of a type, in
// a URL, and back again.
func hide(env map[string]string) (text func(string) string, body func(kind, text string) string, url, restore func(string) string) {
	s, back := redact.New(), redact.New()
	shown := redact.Placeholders(env)
	s.AddEnv(env, shown)
	for name, p := range shown {
		if p != "" {
			back.Add(p, env[name], true)
		}
	}
	return s.Text, func(kind, text string) string { return string(s.Body(kind, []byte(text))) }, s.URL,
		func(text string) string { return string(back.Body("", []byte(text))) }
}

const hidden = "{{secret:TOKEN}}"

func TestASecretIsHiddenInEveryEncoding(t *testing.T) {
	t.Parallel()
	const secret = `p"ä/+ \&=`
	text, body, _, _ := hide(map[string]string{"TOKEN": secret})
	quoted, _ := json.Marshal(secret)
	twice, _ := json.Marshal(map[string]string{"inner": `{"token":` + string(quoted) + `}`})
	b64 := func(s string) string {
		text := base64.StdEncoding.EncodeToString([]byte(s))
		if strings.Contains(s, hidden) {
			text = strings.TrimRight(text, "=") // of which there may be more or less than before
		}
		return text
	}
	for name, tt := range map[string]struct{ kind, text, want string }{
		"as it is":         {"", secret, hidden},
		"inside":           {"", "a" + secret + "b" + secret, "a" + hidden + "b" + hidden},
		"query":            {"", "k=" + url.QueryEscape(secret), "k=" + hidden},
		"path":             {"", "/" + url.PathEscape(secret), "/" + hidden},
		"lower-case hex":   {"", strings.ToLower(url.QueryEscape(secret)), hidden},
		"all of it in hex": {"", hexed(secret), hidden},
		"form":             {"application/x-www-form-urlencoded", "a=1&k=" + url.QueryEscape(secret), "a=1&k=" + hidden},
		"JSON":             {"application/json", `{"a": ` + string(quoted) + `}`, `{"a": "` + hidden + `"}`},
		"JSON of PHP":      {"application/json", `{"a":"p\"\u00e4\/+ \\&="}`, `{"a":"` + hidden + `"}`},
		"JSON of Go":       {"", `{"a":"p\"ä/+ \\\u0026="}`, `{"a":"` + hidden + `"}`},
		"JSON key":         {"", `{` + string(quoted) + `: 1}`, `{"` + hidden + `": 1}`},
		"JSON in JSON":     {"", string(twice), `{"inner":"{\"token\":\"` + hidden + `\"}"}`},
		"JSON, cut off":    {"application/json", `{"a": ` + string(quoted), `{"a": "` + hidden + `"`},
		"base64":           {"", b64(secret), b64(hidden)},
		"base64, place 1":  {"", "Basic " + b64("x"+secret+"!"), "Basic " + b64("x"+hidden+"!")},
		"base64, place 2":  {"", b64("xy" + secret), b64("xy" + hidden)},
		"base64, long":     {"", b64(strings.Repeat("abc", 100) + secret + strings.Repeat("z", 100)), b64(strings.Repeat("abc", 100) + hidden + strings.Repeat("z", 100))},
		"base64, bare":     {"", base64.RawURLEncoding.EncodeToString([]byte("a" + secret)), base64.RawURLEncoding.EncodeToString([]byte("a" + hidden))},
		"base64 of a URL":  {"", b64("k=" + url.QueryEscape(secret)), b64("k=" + hidden)},
		"base64 of JSON":   {"", b64(`{"a":` + string(quoted) + `}`), b64(`{"a":"` + hidden + `"}`)},
		"btoa":             {"", b64("u:p\"\xe4/+ \\&="), b64("u:" + hidden)},
		"a data: URL":      {"", "data:x/y;base64," + b64("\xff\x00"+secret), "data:x/y;base64," + b64("\xff\x00"+hidden)},
		"binary":           {"application/octet-stream", "\xff\x00" + secret + "\x80", "\xff\x00" + hidden + "\x80"},
		"something else":   {"", "p ä/+ & =", "p ä/+ & ="},
	} {
		if got := body(tt.kind, tt.text); got != tt.want {
			t.Errorf("%s: %q became\n%q, want\n%q", name, tt.text, got, tt.want)
		}
		if tt.kind == "" && !json.Valid([]byte(tt.text)) {
			if got := text(tt.text); got != tt.want {
				t.Errorf("%s, as text: %q became\n%q, want\n%q", name, tt.text, got, tt.want)
			}
		}
	}
}

func hexed(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02x", c)
	}
	return b.String()
}

func TestAShortSecretIsHiddenOnlyAsAWholeValue(t *testing.T) {
	t.Parallel()
	text, body, u, _ := hide(map[string]string{"TOKEN": "abc", "EMPTY": ""})
	for got, want := range map[string]string{
		text("abc"):  hidden,
		text("abcd"): "abcd",
		body("application/json", `["abc","abcd"]`):             `["` + hidden + `","abcd"]`,
		body("", `{"abc":"abc"}`):                              `{"abc":"` + hidden + `"}`,
		body("text/plain", "abc"):                              hidden,
		u("http://abc/abc?abc=abc&d=abcd#abc"):                 "http://abc/abc?abc=" + hidden + "&d=abcd#abc",
		body("application/x-www-form-urlencoded", "abc=abc&x"): "abc=" + hidden + "&x",
		text(""): "",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestOneSecretHasOnePlaceholderAndOverlappingOnesAreTold(t *testing.T) {
	t.Parallel()
	text, body, _, _ := hide(map[string]string{"B": "same-value", "A": "same-value", "LONG": "same-value-longer", "WORD": "secret", "PIN": "12345678", "odd name": "odd-value"})
	for got, want := range map[string]string{
		text("same-value"):                   "{{secret:A}}",
		text("same-value-longer same-value"): "{{secret:LONG}} {{secret:A}}",
		text("{{secret:A}} secret"):          "{{secret:A}} {{secret:WORD}}", // what is hidden stays
		body("", `{"pin":12345678,"n":1.5}`): `{"pin":"{{secret:PIN}}","n":1.5}`,
		body("", `[-12345678e2]`):            `["-{{secret:PIN}}e2"]`,
		text("odd-value"):                    "{{secret:odd_name}}",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Whatever is done with a secret, doing it with the placeholder comes to what is
// written down: that is what makes a replay without secrets equal.
func TestHidingGoesWithEncoding(t *testing.T) {
	t.Parallel()
	quote := func(s string) string {
		text, _ := json.Marshal(s)
		return string(text[1 : len(text)-1])
	}
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[a-zé"\\/+%& ]{1,3}[A-Z0-9]{6,12}[a-zé"\\/+%& ]{0,3}`).Draw(t, "secret")
		before, after := rapid.StringMatching(`[a-z :]{0,9}`).Draw(t, "before"), rapid.StringMatching(`[a-z :]{0,9}`).Draw(t, "after")
		how := rapid.SampledFrom([]func(string) string{
			func(s string) string { return s }, url.QueryEscape, quote,
			func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
			func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
			func(s string) string { return base64.StdEncoding.EncodeToString([]byte(quote(s))) },
			func(s string) string { return quote(quote(s)) }, func(s string) string { return url.QueryEscape(quote(s)) },
			func(s string) string { return quote(url.QueryEscape(s)) }, func(s string) string { return url.PathEscape(url.QueryEscape(s)) },
			func(s string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(s))) },
		})
		encode := how.Draw(t, "encoding")
		text, _, _, _ := hide(map[string]string{"TOKEN": secret})      // in the recording
		canonical, _, _, _ := hide(map[string]string{"TOKEN": hidden}) // in the replay
		got, want := text(encode(before+secret+after)), canonical(encode(before+hidden+after))
		if got != want {
			t.Fatalf("%q became %q, want %q", encode(before+secret+after), got, want)
		}
	})
}

func TestValuesComeBack(t *testing.T) {
	t.Parallel()
	const secret = `p"ä/+ \&=`
	_, body, _, restore := hide(map[string]string{"TOKEN": secret})
	quoted, _ := json.Marshal(secret)
	for _, text := range []string{
		"a" + secret, `{"a":` + string(quoted) + `}`, base64.RawStdEncoding.EncodeToString([]byte("x" + secret)),
	} {
		got := restore(body("", text))
		var a, b any
		if got != text && (json.Unmarshal([]byte(got), &a) != nil || json.Unmarshal([]byte(text), &b) != nil || fmt.Sprint(a) != fmt.Sprint(b)) {
			t.Errorf("%q came back as %q", text, got)
		}
	}
}

func TestHeadersWithSecretsAreKnownByTheirNames(t *testing.T) {
	t.Parallel()
	var wrong []string
	for _, name := range []string{
		"x-api-key", "api_key", "apikey", "x-auth-token", "x-goog-api-key", "ocp-apim-subscription-key", "x-amz-security-token", "x-csrf-token", "x-vault-token", "x-session-id",
		"x-auth-key", "x-functions-key", "authentication", "x-signature", "x-hub-signature-256", "x-csrf", "x-csrftoken", "x-xsrf-token", "xsrf",
	} {
		if !redact.SecretHeader(name) {
			wrong = append(wrong, name)
		}
	}
	for _, name := range []string{"accept", "content-type", "x-request-id", "x-ratelimit-remaining-tokens", "etag", "author", "monkey", "x-author", "idempotency-key", "x-signature-version"} {
		if redact.SecretHeader(name) {
			wrong = append(wrong, name)
		}
	}
	if wrong != nil {
		t.Errorf("judged wrongly: %q", wrong)
	}
}

func TestURLsOfOneHostShareItsStandIn(t *testing.T) {
	t.Parallel()
	text, _, u, restore := hide(map[string]string{"A": "https://api.example.com/a", "B": "https://api.example.com/b?k=1"})
	for got, want := range map[string]string{
		u("https://api.example.com/b?k=1&x"):             "https://secret-a.invalid/secret-b-1?secret-b&x",
		u("https://api.example.com/a/x"):                 "https://secret-a.invalid/secret-a-1/x",
		u("https://api.example.com/c"):                   "https://secret-a.invalid/c",
		text("no such host: api.example.com"):            "no such host: secret-a.invalid",
		restore("https://secret-a.invalid/secret-a-1/x"): "https://api.example.com/a/x",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestARedactorHidesValuesInAllThatCameOfAnExecution(t *testing.T) {
	t.Parallel()
	const token = "tok-3f9a77c1d2"
	failure := func() *ratchet.Error {
		return &ratchet.Error{
			Reason: ratchet.ReasonExecutionFailed, Message: "no " + token, Stack: "at " + token, Data: json.RawMessage(`{"t":"` + token + `"}`),
			Details: []ratchet.Detail{{File: token, Pointer: token, Message: token, Expected: token, Got: token, Text: token}},
			Cause:   fmt.Errorf("a cause with %s", token),
		}
	}
	entry := ratchet.LogEntry{Message: token, Fields: json.RawMessage(`{"a":"` + token + `"}`)}
	x := ratchet.Execution{
		Input: json.RawMessage(`"mine"`), Output: json.RawMessage(`["` + base64.StdEncoding.EncodeToString([]byte(token)) + `"]`),
		Error: failure(), Progress: ratchet.Progress{Message: token}, Logs: []ratchet.LogEntry{entry},
		Fetches: []ratchet.Fetch{{Host: token + ".example", Error: failure()}},
	}
	r := redact.NewRedactor(map[string]string{"TOKEN": token, "EMPTY": ""})
	logs, fetches, before := x.Logs, x.Fetches, x.Error
	r.Outcome(&x)
	text, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), token) || strings.Contains(string(text), "dG9rLTNmOWE3N2MxZDI") || x.Error.Cause != nil {
		t.Errorf("it shows the token: %s", text)
	}
	if n := strings.Count(string(text), hidden); n < 20 || string(x.Input) != `"mine"` {
		t.Errorf("got %d placeholders in %s", n, text)
	}
	if logs[0].Message != token || fetches[0].Host == x.Fetches[0].Host || before.Message != "no "+token {
		t.Error("it changed what others hold")
	}
	var none *redact.Redactor
	if got := none.Log(entry); got.Message != token || redact.NewRedactor(nil) != nil || none.Error(before) != before {
		t.Error("where there is nothing to hide, something was")
	}
}
