package recording_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/recording"
)

const hidden = "{{secret:TOKEN}}"

func TestASecretIsHiddenInEveryEncoding(t *testing.T) {
	t.Parallel()
	const secret = `p"ä/+ \&=`
	text, body, _, _ := recording.Hide(map[string]string{"TOKEN": secret})
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
	text, body, u, _ := recording.Hide(map[string]string{"TOKEN": "abc", "EMPTY": ""})
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
	text, body, _, _ := recording.Hide(map[string]string{"B": "same-value", "A": "same-value", "LONG": "same-value-longer", "WORD": "secret", "PIN": "12345678", "odd name": "odd-value"})
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
		text, _, _, _ := recording.Hide(map[string]string{"TOKEN": secret})      // in the recording
		canonical, _, _, _ := recording.Hide(map[string]string{"TOKEN": hidden}) // in the replay
		got, want := text(encode(before+secret+after)), canonical(encode(before+hidden+after))
		if got != want {
			t.Fatalf("%q became %q, want %q", encode(before+secret+after), got, want)
		}
	})
}

func TestValuesComeBack(t *testing.T) {
	t.Parallel()
	const secret = `p"ä/+ \&=`
	_, body, _, restore := recording.Hide(map[string]string{"TOKEN": secret})
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
		if !recording.SecretHeader(name) {
			wrong = append(wrong, name)
		}
	}
	for _, name := range []string{"accept", "content-type", "x-request-id", "x-ratelimit-remaining-tokens", "etag", "author", "monkey", "x-author", "idempotency-key", "x-signature-version"} {
		if recording.SecretHeader(name) {
			wrong = append(wrong, name)
		}
	}
	if wrong != nil {
		t.Errorf("judged wrongly: %q", wrong)
	}
}

// What the server of this test says, and the task with it, is full of secrets.
func TestARecordingHoldsNoSecret(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "cookie-of-the-server", Path: "/", HttpOnly: true})
		http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark"})
		w.Header().Set("X-CSRF-Token", "csrf-of-the-server")
		w.Header().Set("Content-Type", "application/json")
		text, _ := json.Marshal(map[string]any{"url": r.URL.String(), "header": r.Header, "body": string(body), "access": "granted-by-login", "theme": "dark"})
		_, _ = w.Write(text)
	})
	const secret = `tök"en of the environment`
	source := `async ({ base, given }, context) => {
		const token = context.env("TOKEN");
		const login = await fetch(base + "/login/" + encodeURIComponent(token) + "?k=" + encodeURIComponent(token) + "&pin=" + context.env("PIN"), {
			method: "POST", headers: { authorization: "Basic " + btoa("user:" + token.replace("ö", "o") + token), "x-api-key": "key-in-the-code" },
			body: JSON.stringify({ token, twice: JSON.stringify({ token }), b: btoa(token) }),
		});
		const { access } = await login.json();
		const cookie = login.headers.getSetCookie().map((c) => c.split(";")[0]).join("; ");
		const next = await fetch(base + "/next", { headers: { Authorization: "Bearer " + access, cookie, "x-csrf-token": login.headers.get("x-csrf-token") } });
		console.log("token", token, { token });
		ratchet.log("fields", { token, access });
		await fetch("http://no-such-host.invalid/" + encodeURIComponent(token)).catch((e) => console.error(e.message));
		const e = new Error("failed with " + token + " and " + access);
		e.token = token;
		if (given.fail) throw e;
		return { token, echoed: (await next.json()).header.Authorization, message: e.message };
	}`
	secrets := []string{
		"environment", "en of", "cookie-of-the-server", "csrf-of-the-server", "granted-by-login", "key-in-the-code",
		strings.Trim(base64.StdEncoding.EncodeToString([]byte(secret)), "=")[4:20],
	}
	for _, fail := range []bool{false, true} {
		env := map[string]string{"TOKEN": secret, "PIN": "742"}
		r, x := l.record(t, executor.Request{Bundle: script(t, source), Env: env}, map[string]any{"base": s.URL, "given": map[string]any{"fail": fail, "token": secret}})
		if (x.Error != nil) != fail {
			t.Fatalf("got %+v", x.Error)
		}
		for name, text := range files(t, r.Dir) {
			for _, secret := range secrets {
				if strings.Contains(text, secret) && name != "task/test/main.js" {
					at := strings.Index(text, secret)
					t.Errorf("%s holds %q: …%s…", name, secret, text[max(at-60, 0):min(at+60, len(text))])
				}
			}
		}
		second := r.Exchanges()[1].Request.Header
		want := [][2]string{
			{"authorization", "Bearer {{secret:header-authorization-2}}"},
			{"cookie", "sid={{secret:cookie-sid-1}}; theme={{secret:cookie-theme-1}}"},
			{"x-csrf-token", "{{secret:header-x-csrf-token-1}}"},
			{"accept", "*/*"},
		}
		if !slices.Equal(second, want) {
			t.Errorf("got headers %q, want %q", second, want)
		}
		for _, values := range []map[string]string{nil, env, {"TOKEN": "another one"}} {
			c, _ := l.replay(t, r, nil, values)
			wantEqual(t, c)
		}
	}
}

func TestValuesGivenToAReplayReachTheTask(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Query().Get("k")) })
	b := script(t, `async ({ base }, c) => {
		const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(c.env("TOKEN")), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
		const signed = new Uint8Array(await crypto.subtle.sign("HMAC", key, new Uint8Array(3)));
		const said = await (await fetch(base + "?k=" + c.env("TOKEN"), { headers: { "x-signed": signed.join() } })).text();
		return [said === c.env("TOKEN"), said.length];
	}`)
	r, x := l.record(t, executor.Request{Bundle: b, Env: map[string]string{"TOKEN": "the-value"}}, map[string]any{"base": s.URL})
	if string(x.Output) != "[true,9]" {
		t.Fatalf("got %s %v", x.Output, x.Error)
	}
	c, y := l.replay(t, r, nil, map[string]string{"TOKEN": "the-value"})
	wantEqual(t, c)
	if string(y.Output) != "[true,9]" {
		t.Errorf("got %s", y.Output)
	}
	// What is computed of a placeholder is not what is computed of the value.
	if c, y := l.replay(t, r, nil, nil); c.Equal() || string(y.Output) != "[true,16]" || len(c.Requests) != 1 || c.Requests[0].Kind != recording.Changed {
		t.Errorf("got %s, %s", y.Output, jsonOf(c))
	}
}
