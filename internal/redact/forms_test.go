package redact_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// The forms are made with the secret and with its placeholder: what a recording
// holds must be what a replay without the secret does.
func TestASecretIsHiddenInTheFormsThatTasksMakeOfIt(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	quote := func(s string) string {
		text, _ := json.Marshal(s)
		return string(text)
	}
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	wrap := func(width int, end string) func(string) string {
		return func(s string) string { return strings.Join(slices.Collect(chunks(b64(s), width)), end) }
	}
	object := func(s string) string { return `{"k":` + quote(s) + `}` }
	secrets := []string{
		"-----BEGIN KEY-----\nMIIE>>??+/" + strings.Repeat("abc?/>", 20) + "\nlast \"line\"\n-----END KEY-----\n",
		" p\"ä/+ \\&=>?>?~~ ", "a\\nb\\\\\"c%41+d", ">?>?>?>?>?>?>?",
	}
	for name, tt := range map[string]struct {
		kind string
		make func(string) string
	}{
		"multipart": {"multipart/form-data; boundary=x", func(s string) string {
			return "--x\r\n\r\n" + strings.ReplaceAll(s, "\n", "\r\n") + "\r\n--x--\r\n"
		}},
		"trimmed":                  {"", func(s string) string { return "<" + strings.TrimSpace(s) + ">" }},
		"trimmed, in base64":       {"", func(s string) string { return b64("u:" + strings.TrimSpace(s)) }},
		"JSON in a form":           {form, func(s string) string { return "payload=" + url.QueryEscape(object(s)) }},
		"JSON in JSON in a form":   {form, func(s string) string { return "payload=" + url.QueryEscape(object(object(s))) }},
		"text before JSON in JSON": {"", func(s string) string { return "sent: " + object(object(s)) }},
		"base64 in a form":         {form, func(s string) string { return "k=" + url.QueryEscape(b64(s)) }},
		"base64 in a form, lower case": {form, func(s string) string {
			return "k=" + strings.NewReplacer("+", "%2b", "/", "%2f", "=", "%3d").Replace(b64(s))
		}},
		"base64 of PHP's JSON":          {"", func(s string) string { return `x {"k":"` + strings.ReplaceAll(b64(s), "/", `\/`) + `"}` }},
		"encoded twice":                 {"", func(s string) string { return "https://h/?u=" + url.QueryEscape("https://i/?k="+url.QueryEscape(s)) }},
		"base64 in lines":               {"", wrap(76, "\r\n")},
		"base64 in lines of 64":         {"", wrap(64, "\n")},
		"base64 in lines, in a log":     {"", func(s string) string { return "x " + quote(wrap(64, "\r\n")(s)) }},
		"base64 in lines, in a query":   {form, func(s string) string { return "k=" + url.QueryEscape(wrap(76, "\r\n")(s)) }},
		"base64 in base64-free company": {"", func(s string) string { return "a/b\nc%2Fd\\n " + b64(s) + " e%2Ff\n" }},
	} {
		for _, secret := range secrets {
			text, body, u, _ := hide(map[string]string{"TOKEN": secret})
			ctext, cbody, cu, _ := hide(map[string]string{"TOKEN": hidden})
			recorded, replayed := tt.make(secret), tt.make(hidden)
			for how, pair := range map[string][2]string{
				"body": {body(tt.kind, recorded), cbody(tt.kind, replayed)},
				"text": {text(recorded), ctext(replayed)},
				"URL":  {u(recorded), cu(replayed)},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s, as %s: %q became\n%q, want\n%q", name, how, recorded, pair[0], pair[1])
				}
			}
		}
	}
}

func chunks(s string, width int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for ; s != ""; s = s[min(width, len(s)):] {
			if !yield(s[:min(width, len(s))]) {
				return
			}
		}
	}
}
