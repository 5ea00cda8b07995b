package rest_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/rest"
)

// Whatever is wrong with a request is told with what would be right, and nothing
// is kept of it.
func TestBadInputIsRefusedWithARemedy(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.register()
	job := s.submit(sum)
	id := job.ID.String()
	before := s.get("/stats").body
	schedule := func(rest string) string {
		return `{"name":"x","task":"addition","input":{"num1":1,"num2":2}` + rest + `}`
	}
	for _, test := range []struct {
		method, path, body string
		status             int
		says               string // somewhere in the problem
	}{
		// identifiers
		{"GET", "/jobs/abc", "", 400, "job_"},
		{"GET", "/jobs/task_" + job.ID.UUID(), "", 400, `\"job_\"`},
		{"GET", "/jobs/" + ratchet.NewID[ratchet.Job]().String(), "", 404, ""},
		{"GET", "/jobs/%00", "", 400, "printable"},
		{"GET", "/jobs/%ff", "", 400, "printable"},
		{"GET", "/tasks/" + strings.Repeat("a", 400), "", 400, "300"},
		{"GET", "/tasks/" + id, "", 422, `"parameter":"task"`},
		{"PATCH", "/tasks/" + id, `{"enabled":false}`, 422, `"parameter":"task"`},
		{"POST", "/tasks/" + id + "/run", sum, 422, `"parameter":"task"`},
		{"GET", "/tasks/a'%20OR%201=1--", "", 404, ""},
		{"GET", "/tasks/a%0Ab", "", 400, "printable"},
		{"GET", "/executions/" + id, "", 400, "execution_"},
		{"GET", "/schedules/nope", "", 404, ""},
		{"GET", "/tasks/addition/versions/9.9.9", "", 404, ""},
		{"DELETE", "/keys/x", "", 400, "key_"},
		{"DELETE", "/tasks/addition/env/NOPE", "", 0, ""},
		// lists
		{"GET", "/jobs?state=qeued", "", 400, "queued? Allowed"},
		{"GET", "/jobs?stat=queued", "", 400, "state"},
		{"GET", "/jobs?state_like=x", "", 400, "state_ne"},
		{"GET", "/jobs?tags_gt=x", "", 400, "tags_in"},
		{"GET", "/jobs?createdAt=yesterday", "", 400, "2026-08-01T12:30:00Z"},
		{"GET", "/jobs?attempts_gt=many", "", 400, "whole number"},
		{"GET", "/jobs?id=7", "", 400, "job_"},
		{"GET", "/jobs?id=task_" + job.ID.UUID(), "", 422, "job_"},
		{"GET", "/jobs?task=a%00b", "", 400, "control"},
		{"GET", "/jobs?task=%ff", "", 400, "UTF-8"},
		{"GET", "/jobs?task=a&task_ne=b&task_ne=c", "", 400, "once"},
		{"GET", "/tasks?enabled=maybe", "", 400, "true or false"},
		{"GET", "/jobs?_sort=input", "", 400, "createdAt"},
		{"GET", "/jobs?_sort=id,id", "", 400, "twice"},
		{"GET", "/jobs?_sort=id&_order=up", "", 400, "asc or desc"},
		{"GET", "/jobs?_order=asc", "", 400, "_sort"},
		{"GET", "/jobs?_start=5&_end=5", "", 400, "more than _start"},
		{"GET", "/jobs?_start=0&_end=5000", "", 400, "1000"},
		{"GET", "/jobs?_start=-1", "", 400, "0 to"},
		{"GET", "/jobs?limit=0", "", 400, "1 to 1000"},
		{"GET", "/jobs?limit=x", "", 400, "1 to 1000"},
		{"GET", "/jobs?page=0", "", 400, "1 to"},
		{"GET", "/jobs?page=1&offset=3", "", 400, "do not go together"},
		{"GET", "/jobs?cursor=x&_start=0", "", 400, "do not go together"},
		{"GET", "/jobs?cursor=nonsense", "", 422, `"parameter":"cursor"`},
		{"GET", "/jobs?cursor=", "", 400, "meta.next"},
		{"GET", "/jobs?a=%zz", "", 400, "percent-encoded"},
		{"GET", "/jobs?a;b", "", 400, "percent-encoded"},
		{"GET", "/jobs?task=" + strings.Repeat("x", 3000), "", 422, "2000 bytes"},
		{"GET", "/jobs?id_in=" + strings.Repeat(",", 2000), "", 400, "1000 values"},
		// parameters
		{"GET", "/jobs/" + id + "?wait=soon", "", 400, "30s"},
		{"GET", "/jobs/" + id + "?wait=1h", "", 400, "10m"},
		{"GET", "/jobs/" + id + "?wait=-5s", "", 400, "30s"},
		{"GET", "/jobs/" + id + "?wait=NaN", "", 400, "30s"},
		{"GET", "/jobs/" + id + "?wiat=5s", "", 400, "wait?"},
		{"GET", "/jobs/" + id + "?wait=1s&wait=2s", "", 400, "once"},
		{"GET", "/stats?x=1", "", 400, "nothing here"},
		{"GET", "/events?type=logs", "", 400, "progress"},
		{"GET", "/events?level=loud", "", 400, "debug"},
		{"GET", "/events?job=x", "", 400, "job_"},
		{"GET", "/jobs/" + ratchet.NewID[ratchet.Job]().String() + "/events", "", 404, ""},
		{"GET", "/schedules/x/next?count=101", "", 400, "1 to 100"},
		{"POST", "/tasks/addition/run?priority=asap", "{}", 400, "urgent"},
		{"POST", "/tasks/addition/run?timeout=never", "{}", 400, "30s"},
		{"POST", "/tasks/addition/run?maxAttempts=101", "{}", 400, "1 to 100"},
		{"POST", "/tasks/addition/run", "{", 400, "SERIALIZATION_ERROR"},
		// bodies
		{"POST", "/jobs", "", 400, "missing"},
		{"POST", "/jobs", "  ", 400, "missing"},
		{"POST", "/jobs", "{", 400, "SERIALIZATION_ERROR"},
		{"POST", "/jobs", `{"task":"addition","task":"b"}`, 400, "twice"},
		{"POST", "/jobs", strings.Repeat("[", 100_000), 400, "nests too deep"},
		{"POST", "/jobs", `{}`, 422, "/task"},
		{"POST", "/jobs", `{"task":"additon"}`, 404, "addition"},
		{"POST", "/jobs", `{"task":"addition","input":{}}`, 422, "/input"},
		{"POST", "/jobs", `{"task":"addition","input":{"num1":"a","num2":1}}`, 422, "/input/num1"},
		{"POST", "/jobs", `{"task":7,"priorty":1}`, 422, "/priorty"},
		{"POST", "/jobs", `{"task":"addition","input":{"num1":1,"num2":2},"runAt":"2001-01-01T00:00:00Z"}`, 422, "/runAt"},
		{"POST", "/jobs", `{"task":"addition","input":{"num1":1,"num2":2},"priority":"asap"}`, 422, "urgent"},
		{"POST", "/jobs", `{"task":"addition","input":{"num1":1,"num2":2},"maxAttempts":-1}`, 422, "axAttempts"},
		{"POST", "/jobs", `{"task":"addition","input":{"num1":1,"num2":2},"timeout":"25h"}`, 422, "/timeout"},
		{"POST", "/jobs", `{"task":"addition","input":{"num1":1,"num2":2},"tags":["` + strings.Repeat("x", 101) + `"]}`, 422, "/tags/0"},
		{"POST", "/jobs", `{"task":"addition","input":{"num1":1,"num2":2},"tags":["a\u0000"]}`, 422, "/tags/0"},
		{"POST", "/jobs", `{"task":"addition","input":{"num1":1,"num2":2},"concurrency":{"key":"","max":0}}`, 422, "/concurrency"},
		{"POST", "/jobs", `{"task":"addition","input":{"num1":1,"num2":2},"idempotencyKey":"` + strings.Repeat("x", 300) + `"}`, 422, "/idempotencyKey"},
		{"POST", "/jobs", `{"task":"addition","version":"7.0.0","input":{"num1":1,"num2":2}}`, 0, ""},
		{"POST", "/jobs", `{"task":"addition","input":{"num1":1,"num2":2},"runAt":"9999-12-31T23:59:59-10:00"}`, 422, "1970 to 9999"},
		{"POST", "/jobs", `{"task":"addition","input":{"num1":1,"num2":2},"idempotencyKey":"\ud83d"}`, 422, "surrogate"},
		{"POST", "/jobs", `{"task":"addition","input":{"num1":1,"num2":2},"tags":["\ud83d\ud83d\ude00"]}`, 422, "/tags/0"},
		{"POST", "/jobs", `{"task":"addition","input":{"num1":1,"num2":2},"priority":"` + strings.Repeat("x", 100_000) + `"}`, 422, "at most 300 bytes"},
		{"POST", "/jobs", `{"task":"addition","input":{"num1":1,"num2":2},"timeout":"` + strings.Repeat("x", 100_000) + `"}`, 422, "at most 300 bytes"},
		{"POST", "/jobs", `{"task":"addition","input":{"num1":1,"num2":2},"timeout":[` + strings.Repeat(`"x",`, 10_000) + `1]}`, 422, "at most 300 bytes"},
		{"GET", "/events?level=" + strings.Repeat("x", 10_000), "", 400, "at most 300 bytes"},
		{"POST", "/jobs/batch", `{"jobs":[]}`, 422, "/jobs"},
		{"POST", "/jobs/batch", `{"jobs":[null]}`, 422, "/jobs/0"},
		{"POST", "/jobs/batch", `{"jobs":[` + sum + `,{"task":"nope"}]}`, 0, "/jobs/1"},
		{"POST", "/jobs/batch", `{"jobs":[` + strings.Repeat(sum+",", 1000) + sum + `]}`, 422, "1 to 1000"},
		{"POST", "/jobs/cancel?status=nope", "", 400, "queued"},
		{"POST", "/jobs/retry", "", 400, "status=failed"},
		{"POST", "/jobs/retry?status=failed&limit=20000", "", 400, "10000"},
		{"PATCH", "/tasks/addition", `{"enabled":"no"}`, 422, "true or false"},
		{"PATCH", "/tasks/addition", `{"enabled":null}`, 422, "true or false"},
		{"PATCH", "/tasks/addition", `{"name":"x"}`, 422, "enabled"},
		{"PATCH", "/tasks/addition/env", `{"NOPE":"x"}`, 422, "NOPE"},
		{"PATCH", "/tasks/addition/env", `{"A":1}`, 422, "a string"},
		{"PATCH", "/tasks/addition/env", `[]`, 422, "an object"},
		{"POST", "/schedules", schedule(`,"cron":"61 * * * *"`), 422, "/cron"},
		{"POST", "/schedules", schedule(`,"cron":"0 0 31 2 *"`), 422, "/cron"},
		{"POST", "/schedules", schedule(`,"cron":"* * *"`), 422, "/cron"},
		{"POST", "/schedules", schedule(`,"cron":"@daily","timezone":"Mars/Olympus"`), 422, "/timezone"},
		{"POST", "/schedules", schedule(`,"cron":"@daily","start":"2030-01-02T00:00:00Z","end":"2030-01-01T00:00:00Z"`), 422, "/end"},
		{"POST", "/schedules", schedule(`,"cron":"@yearly","start":"9999-12-31T23:59:59Z"`), 422, "/start"},
		{"POST", "/schedules", schedule(`,"every":"1h","start":"9999-12-31T23:59:59-10:00"`), 422, "/start"},
		{"POST", "/schedules", schedule(`,"every":"1h","start":"1500-01-01T00:00:00Z"`), 422, "/start"},
		{"POST", "/schedules", schedule(`,"every":"1h","end":"9999-12-31T23:59:59-10:00"`), 422, "/end"},
		{"POST", "/schedules/preview", `{"cron":"@daily","after":"0000-01-01T00:00:00+10:00"}`, 422, "/after"},
		{"POST", "/schedules", `{"name":"  ","task":"addition","cron":"@daily","input":{"num1":1,"num2":2}}`, 422, "not only spaces"},
		{"POST", "/schedules", schedule(`,"cron":"@daily","every":"5m"`), 422, ""},
		{"POST", "/schedules", schedule(``), 422, ""},
		{"POST", "/schedules", schedule(`,"cron":"@daily","missed":"never"`), 422, "/missed"},
		{"POST", "/schedules", schedule(`,"cron":"@daily","overlap":1`), 422, "/overlap"},
		{"POST", "/schedules", `{"name":"x\u0007","task":"addition","cron":"@daily","input":{"num1":1,"num2":2}}`, 422, "/name"},
		{"POST", "/schedules", `{"name":"x","task":"addition","cron":"@daily","input":{"num1":"1"}}`, 422, "/input"},
		{"POST", "/schedules/preview", `{"cron":"@never"}`, 422, "/cron"},
		{"POST", "/keys", `{"name":"","scopes":[]}`, 422, "/scopes"},
		{"POST", "/keys", `{"name":"a","scopes":["root"]}`, 422, "/scopes/0"},
		{"POST", "/keys", `{"name":"a","scopes":["run"],"expiresIn":"-1s"}`, 422, "/expiresIn"},
	} {
		got := s.do(test.method, "/api/v1"+test.path, test.body)
		name := test.method + " " + test.path + " " + test.body
		if got.status < 400 || got.status >= 500 || test.status != 0 && got.status != test.status {
			t.Errorf("%.150s: got %d, want %d: %s", name, got.status, test.status, got.body)
			continue
		}
		got.problem()
		if len(got.body) > 10_000 {
			t.Errorf("%.150s: got an answer of %d bytes", name, len(got.body))
		}
		if !strings.Contains(string(got.body), test.says) {
			t.Errorf("%.150s: got %s, which does not say %q", name, got.body, test.says)
		}
	}
	for kind, body := range map[string]string{"no zip": "PK nonsense", "an empty zip": "PK\x05\x06" + strings.Repeat("\x00", 18)} {
		got := s.post("/tasks", body, "Content-Type", "application/zip").want(http.StatusUnprocessableEntity)
		if p := got.problem(); p.Detail == "" {
			t.Errorf("%s: got %s", kind, got.body)
		}
	}
	if after := s.get("/stats").body; string(after) != string(before) {
		t.Errorf("something was kept: before %s, after %s", before, after)
	}
}

// A body that is announced as too large need not be sent before that is said.
func TestABodyThatWillBeTooLargeIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for path, kind := range map[string]string{"/jobs": "application/json", "/tasks": "application/zip", "/tasks?replace": "multipart/form-data; boundary=x"} {
		sent, never := io.Pipe()
		defer never.Close()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/api/v1"+path, sent)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = 1 << 40
		r.Header.Set("Content-Type", kind)
		if p := s.send(r).want(http.StatusRequestEntityTooLarge).problem(); !strings.Contains(p.Detail, "MB are taken here") {
			t.Errorf("%s: got %q", path, p.Detail)
		}
	}
}

// The log is where an operator finds what a client is not told.
func TestWhatGoesWrongInsideIsInTheLogOnly(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := serve(t, func(c *rest.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	s.register()
	made := data[ratchet.Schedule](s.post("/schedules", `{"name":"x","task":"addition","cron":"@daily","input":{"num1":1,"num2":2}}`).want(http.StatusCreated))
	made.ID, made.Name, made.NextRunAt = ratchet.NewID[ratchet.Schedule](), "y", time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := s.store.CreateSchedule(t.Context(), &made); err != nil {
		t.Fatal(err)
	}
	got := s.get("/schedules").want(http.StatusInternalServerError)
	if strings.Contains(string(got.body), "year") || !strings.Contains(log.String(), "year outside of range") {
		t.Errorf("answered %s, logged %s", got.body, log.String())
	}
}

// Names that look like something else are just names.
func TestFiltersAreValuesAndNothingElse(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.register()
	s.submit(sum)
	for _, value := range []string{"'; DROP TABLE jobs; --", `" OR ""="`, "%", "_", `\`, "💥", strings.Repeat("x", 500)} {
		for _, suffix := range []string{"", "_ne", "_like", "_starts_with", "_ends_with", "_in", "_not_in"} {
			s.get("/jobs?task" + suffix + "=" + url.QueryEscape(value)).want(http.StatusOK)
		}
	}
	if got := data[[]ratchet.Job](s.get("/jobs").want(http.StatusOK)); len(got) != 1 {
		t.Errorf("got %d jobs, want 1", len(got))
	}
}
