package recording_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/recording"
)

func TestACredentialThatAHeaderShowsOnlyLaterIsNoDifference(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	const credential = "literal-token-in-the-code"
	b := script(t, `async ({ base }) => {
		const token = "`+credential+`";
		await fetch(base + "/login", { method: "POST", body: JSON.stringify({ token }) });
		await fetch(base + "/byQuery?token=" + token + "&x=1");
		await fetch(base + "/next", { headers: { authorization: "Bearer " + token } });
		return 1;
	}`)
	r, x := l.record(t, executor.Request{Bundle: b}, map[string]any{"base": s.URL})
	if x.Error != nil {
		t.Fatal(x.Error)
	}
	c, _ := l.replay(t, r, nil, nil)
	wantEqual(t, c)

	changed := script(t, `async ({ base }) => {
		const token = "`+credential+`";
		await fetch(base + "/login", { method: "POST", body: JSON.stringify({ token, more: 1 }) });
		await fetch(base + "/other?token=" + token).catch((e) => console.log(e.message));
		await fetch(base + "/next", { headers: { authorization: "Bearer " + token } });
		return 1;
	}`)
	c, _ = l.replay(t, r, changed, nil)
	if len(c.Requests) != 3 || c.Requests[0].Kind != recording.Changed || c.Requests[1].Kind != recording.Unrecorded {
		t.Errorf("got %s", jsonOf(c))
	}
	if strings.Contains(jsonOf(c), credential) {
		t.Errorf("the comparison shows the credential: %s", jsonOf(c))
	}
}

func TestThePasswordOfBasicIsHiddenWhereItStandsAlone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	const password = "pass-of-the-code"
	b := script(t, `async ({ base }) => {
		const password = "`+password+`";
		const said = await (await fetch(base, { method: "POST", headers: { authorization: "Basic " + btoa("user:" + password) }, body: "p=" + password })).text();
		console.log(password);
		return { password, said };
	}`)
	r, x := l.record(t, executor.Request{Bundle: b}, map[string]any{"base": s.URL})
	if x.Error != nil {
		t.Fatal(x.Error)
	}
	for name, text := range files(t, r.Dir) {
		if strings.Contains(text, password) && name != "task/test/main.js" {
			t.Errorf("%s holds the password: %s", name, text)
		}
	}
	c, _ := l.replay(t, r, nil, nil)
	wantEqual(t, c)
}

func TestDecodedParametersOfTheHARAreHiddenAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := newServer(t, func(http.ResponseWriter, *http.Request) {})
	const secret = `s p"é/`
	r, x := l.record(t, executor.Request{Bundle: script(t, `async ({ base }, c) => {
		let token = c.env("TOKEN"), pin = encodeURIComponent("=" + c.env("PIN"));
		for (let i = 0; i < 4; i++) token = encodeURIComponent(token);
		await fetch(base + "?k=" + token);
		return 1;
	}`), Env: map[string]string{"TOKEN": secret, "PIN": "742"}}, map[string]any{"base": s.URL})
	if x.Error != nil {
		t.Fatal(x.Error)
	}
	var doc struct {
		Log struct {
			Entries []struct {
				Request struct {
					QueryString []struct{ Name, Value string }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(files(t, r.Dir)["requests.har"]), &doc); err != nil {
		t.Fatal(err)
	}
	if got := doc.Log.Entries[0].Request.QueryString[0].Value; got != hidden {
		t.Errorf("got %q, want %q", got, hidden)
	}
}

// baseTask builds URLs on one that the environment gives.
const baseTask = `async (_, c) => {
	const base = c.env("API_BASE");
	const seen = [];
	for (const url of [base + "/users?x=1", new URL("users", base), new URL("/root", base).href, new URL("../up", base)]) {
		seen.push(await (await fetch(url)).text());
	}
	return { seen, ours: seen.every((url) => url.startsWith(new URL(base).origin)), host: new URL(base).host.length > 3, error: base };
}`

func baseBundle(t *testing.T) *bundle.Bundle {
	return load(t, folder{
		"metadata.json": `{"name": "test", "version": "1.2.3", "permissions": {"env": ["API_BASE", "TOKEN"]}}`,
		"main.js":       baseTask,
	})
}

func TestAURLOfTheEnvironmentHasAURLInItsPlace(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "http://"+r.Host+r.URL.Path) })
	for path, want := range map[string][]string{
		"":              {"/users?x=1", "/users", "/root", "/up"},
		"/v1/private":   {"/secret-api-base-1/secret-api-base-2/users?x=1", "/secret-api-base-1/users", "/root", "/up"},
		"/v1/private/":  {"/secret-api-base-1/secret-api-base-2//users?x=1", "/secret-api-base-1/secret-api-base-2/users", "/root", "/secret-api-base-1/up"},
		"/v1/x/private": {"/secret-api-base-1/secret-api-base-2/secret-api-base-3/users?x=1", "/secret-api-base-1/secret-api-base-2/users", "/root", "/secret-api-base-1/up"},
	} {
		env := map[string]string{"API_BASE": s.URL + path, "TOKEN": "the-value"}
		r, x := l.record(t, executor.Request{Bundle: baseBundle(t), Env: env}, nil)
		if x.Error != nil {
			t.Fatal(x.Error)
		}
		for i, e := range r.Exchanges() {
			if w := "http://secret-api-base.invalid" + want[i]; want[i] != "" && e.Request.URL != w {
				t.Errorf("%q: got the URL %s, want %s", path, e.Request.URL, w)
			}
			if strings.Contains(e.Request.URL, "127.0.0.1") {
				t.Errorf("%q: the HAR shows %s", path, e.Request.URL)
			}
		}
		for _, values := range []map[string]string{nil, env, {"API_BASE": "https://elsewhere.example:99" + path}} {
			c, _ := l.replay(t, r, nil, values)
			wantEqual(t, c)
		}
		p := recording.NewReplay(r, map[string]string{"TOKEN": "x"})
		if got := p.Placeholders(baseBundle(t)); !slices.Equal(got, []string{"API_BASE"}) {
			t.Errorf("got %q", got)
		}
	}
}
