package dispatch_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/dispatch"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

// seal gives a task the values of an environment.
func (s *server) seal(task *ratchet.Task, env map[string]string) {
	s.t.Helper()
	sealed := map[string][]byte{}
	for name, value := range env {
		var err error
		if sealed[name], err = s.box.Seal([]byte(value), ratchet.EnvContext(task.ID, name)); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := s.store.SetEnv(s.t.Context(), task.ID, sealed); err != nil {
		s.t.Fatal(err)
	}
}

func TestTheEnvironmentIsReleasedToTheTaskAndSeenNowhereElse(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.start(nil, dispatch.Config{})
	const token, password = "tok-3f9a77c1d2", "p&ss \"wörd\" 9"
	var got string
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("x-token") }))
	t.Cleanup(web.Close)
	task := s.register("secretive", `async ({ base, fail }, { env }) => {
		if (env("OTHER") !== undefined) throw new Error("OTHER was not declared");
		const token = env("TOKEN"), password = env("PASSWORD");
		console.log("it is", token, { password, url: encodeURIComponent(password) });
		ratchet.progress(0.5, "with " + token);
		await fetch(base + "/?t=" + token, { headers: { "x-token": token } });
		try { await fetch("http://" + token + ".invalid/"); } catch (e) { console.warn(e.message); }
		if (fail) throw Object.assign(new Error("cannot use " + token), { password, basic: btoa("me:" + token) });
		return { token, password, encoded: btoa("me:" + token), query: encodeURIComponent(password) };
	}`, `, "permissions": {"env": ["TOKEN", "PASSWORD"]}`)
	s.seal(task, map[string]string{"TOKEN": token, "PASSWORD": password, "OTHER": "not declared"})
	all := s.hub.Subscribe(stream.Filter{})
	defer all.Close()
	for _, fail := range []string{"false", "true"} {
		id := s.submit(task, `{"base": "`+web.URL+`", "fail": `+fail+`}`, func(j *ratchet.Job) { j.Retry = quickly(1) })
		job := s.reach(id, ratchet.JobCompleted, ratchet.JobFailed)
		if (job.State == ratchet.JobFailed) != (fail == "true") || got != token {
			t.Fatalf("the job %s: %+v; the server got %q", job.State, job.Error, got)
		}
		list := s.executions(id)
		if len(list) != 1 || len(list[0].Fetches) != 2 || len(list[0].Logs) < 2 {
			t.Fatalf("got %+v", list)
		}
		if _, err := s.store.Job(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		unseen(t, "the job", job, token, password)
		unseen(t, "the execution", list, token, password)
		text, _ := json.Marshal(list)
		if !strings.Contains(string(text), "{{secret:TOKEN}}") {
			t.Errorf("nothing stands for the token in %s", text)
		}
		for events := 0; ; events++ {
			e := next(t, all)
			unseen(t, "an event", e, token, password)
			if e.State.Terminal() {
				if events < 5 {
					t.Errorf("got %d events only", events)
				}
				break
			}
		}
	}
}

// unseen fails the test if a secret is in what v says, in any usual form.
func unseen(t *testing.T, what string, v any, secrets ...string) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets {
		quoted, _ := json.Marshal(secret)
		twice, _ := json.Marshal(string(quoted))
		for _, form := range []string{
			secret, strings.Trim(string(quoted), `"`), strings.Trim(string(twice), `\"`), url.QueryEscape(secret), url.PathEscape(secret),
			base64.StdEncoding.EncodeToString([]byte("me:" + secret)), base64.StdEncoding.EncodeToString([]byte(secret)),
		} {
			if strings.Contains(string(text), form) {
				t.Errorf("%s shows %q: %s", what, form, text)
			}
		}
	}
}

func TestAValueMovedToAnotherTaskDoesNotOpen(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.start(nil, dispatch.Config{})
	const source, permissions = `(_, { env }) => env("KEY").length`, `, "permissions": {"env": ["KEY"]}`
	mine, other := s.register("mine", source, permissions), s.register("other", source+" + 1", permissions)
	sealed, err := s.box.Seal([]byte("value"), ratchet.EnvContext(mine.ID, "KEY"))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range []*ratchet.Task{mine, other} {
		if err := s.store.SetEnv(t.Context(), task.ID, map[string][]byte{"KEY": sealed}); err != nil {
			t.Fatal(err)
		}
	}
	s.reach(s.submit(mine, `null`, nil), ratchet.JobCompleted)
	job := s.reach(s.submit(other, `null`, nil), ratchet.JobFailed)
	if job.Error.Reason != ratchet.ReasonConfig || !strings.Contains(job.Error.Message, "KEY") || job.Attempts != 1 {
		t.Errorf("got %+v after %d attempts", job.Error, job.Attempts)
	}
}
