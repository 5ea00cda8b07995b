package recording_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/recording"
)

const hidden = "{{secret:TOKEN}}"

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
