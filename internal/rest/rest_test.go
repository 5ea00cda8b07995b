package rest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/rest"
)

func TestATaskIsUploadedAsAZip(t *testing.T) {
	t.Parallel()
	s := serve(t)
	archive := string(addition(t, ""))
	made := s.post("/tasks", archive, "Content-Type", "application/zip").want(http.StatusCreated)
	task := data[ratchet.Registered](made)
	if task.ID.IsZero() || task.Name != "addition" || task.Version != "1.0.0" || !task.Created {
		t.Errorf("got %s", made.body)
	}
	if got := made.header.Get("Location"); got != "/api/v1/tasks/addition" {
		t.Errorf("got Location %q", got)
	}
	again := s.post("/tasks", archive, "Content-Type", "application/zip").want(http.StatusOK)
	if data[ratchet.Registered](again).Created {
		t.Error("the same content was made again")
	}
	for _, ref := range []string{"addition", task.ID.String(), task.ID.UUID()} {
		if got := data[ratchet.TaskDetail](s.get("/tasks/" + ref).want(http.StatusOK)); got.ID != task.ID || got.Latest == nil {
			t.Errorf("by %s got %+v", ref, got)
		}
	}
}

func TestATaskIsUploadedAsAForm(t *testing.T) {
	t.Parallel()
	s := serve(t)
	form := func(parts func(*multipart.Writer)) answered {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		parts(w)
		w.Close()
		return s.post("/tasks", b.String(), "Content-Type", w.FormDataContentType())
	}
	file := func(w *multipart.Writer) {
		p, _ := w.CreateFormFile("file", "addition.zip")
		p.Write(addition(t, ""))
	}
	form(file).want(http.StatusCreated)
	form(func(w *multipart.Writer) { file(w); file(w) }).want(http.StatusBadRequest).problem()
	form(func(w *multipart.Writer) { file(w); w.WriteField("replace", "true") }).want(http.StatusBadRequest).problem()
	form(func(*multipart.Writer) {}).want(http.StatusBadRequest).problem()
	s.post("/tasks", "--x", "Content-Type", "multipart/form-data; boundary=x").want(http.StatusBadRequest).problem()
	s.post("/tasks", "x", "Content-Type", "multipart/form-data").want(http.StatusBadRequest).problem()
}

func TestAJobIsSubmittedAndItsResultWaitedFor(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.register()
	accepted := s.post("/jobs", `{"task":"addition","input":{"num1":1,"num2":2},"priority":"high","maxAttempts":3,"timeout":"30s","tags":["a"],"idempotencyKey":"k"}`).want(http.StatusAccepted)
	job := data[ratchet.Job](accepted)
	if job.Status != ratchet.StatusQueued || job.Priority != ratchet.PriorityHigh {
		t.Errorf("got %s", accepted.body)
	}
	at := "/api/v1/jobs/" + job.ID.String()
	if got := accepted.header.Get("Location"); got != at {
		t.Errorf("got Location %q, want %q", got, at)
	}
	waited := s.get("/jobs/" + job.ID.String() + "?wait=0.05").want(http.StatusAccepted)
	if waited.header.Get("Location") != at || data[ratchet.Job](waited).Status != ratchet.StatusQueued {
		t.Errorf("got %v %s", waited.header, waited.body)
	}
	s.get("/jobs/" + job.ID.String()).want(http.StatusOK)

	claim := s.claim(job.ID)
	done := make(chan answered)
	go func() { done <- s.get("/jobs/" + job.ID.String() + "?wait=20s") }()
	s.finish(claim, `{"sum":3}`)
	finished := (<-done).want(http.StatusOK)
	var got struct {
		Data map[string]json.RawMessage
	}
	if err := json.Unmarshal(finished.body, &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"status": `"completed"`, "output": `{"sum":3}`, "error": `null`, "attempts": `1`} {
		if string(got.Data[name]) != want {
			t.Errorf("got %s %s, want %s", name, got.Data[name], want)
		}
	}
}

func TestAnIdempotencyKeyInTheHeaderGivesTheSameJob(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.register()
	first := data[ratchet.Job](s.post("/jobs", sum, "Idempotency-Key", "a").want(http.StatusAccepted))
	second := data[ratchet.Job](s.post("/jobs", sum, "Idempotency-Key", "a").want(http.StatusAccepted))
	if first.ID != second.ID {
		t.Error("the same request made two jobs")
	}
	s.post("/jobs", `{"task":"addition","input":{"num1":5,"num2":2}}`, "Idempotency-Key", "a").want(http.StatusConflict).problem()
	s.post("/jobs", `{"task":"addition","input":{"num1":1,"num2":2},"idempotencyKey":"b"}`, "Idempotency-Key", "a").want(http.StatusBadRequest).problem()
}

func TestRunTakesTheInputAsTheBody(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.register()
	waited := s.post("/tasks/addition/run?wait=0&priority=urgent&timeout=5s&tags=a,b&max_attempts=2", `{"num1":1,"num2":2}`).want(http.StatusAccepted)
	job := data[ratchet.Job](waited)
	if job.Priority != ratchet.PriorityUrgent || job.Retry.MaxAttempts != 2 || !slices.Equal(job.Tags, []string{"a", "b"}) || time.Duration(job.Limits.Wall) != 5*time.Second {
		t.Errorf("got %s", waited.body)
	}
	if got := waited.header.Get("Location"); got != "/api/v1/jobs/"+job.ID.String() {
		t.Errorf("got Location %q", got)
	}

	done := make(chan answered)
	go func() { done <- s.post("/tasks/addition/run?wait", `{"num1":1,"num2":2}`, "Idempotency-Key", "x") }()
	queued := s.until("/jobs?idempotencyKey=x")
	s.end(s.claim(queued.ID), func(e *ratchet.Execution) {
		e.State, e.Error = ratchet.ExecutionFailed, ratchet.Errorf(ratchet.ReasonExecutionFailed, "no")
	})
	if failed := data[ratchet.Job]((<-done).want(http.StatusOK)); failed.Status != ratchet.StatusFailed || failed.Error.Message != "no" {
		t.Errorf("got %+v", failed)
	}

	p := s.post("/tasks/addition/run?wait=0", `{"num1":"x"}`).want(http.StatusUnprocessableEntity).problem()
	if len(p.Errors) != 2 || !slices.ContainsFunc(p.Errors, func(e struct{ Parameter, Pointer, Message, Expected, Got string }) bool { return e.Pointer == "/num1" }) {
		t.Errorf("got %+v, want both things that are wrong with the input, from the body's root", p.Errors)
	}
	s.post("/tasks/addition/run?runAt=2030-01-01T00:00:00Z", `{}`).want(http.StatusBadRequest).problem()
	s.post("/tasks/addition/run?wait=0", "").want(http.StatusUnprocessableEntity).problem() // {} breaks the schema
	s.post("/tasks/nope/run", "{}").want(http.StatusNotFound).problem()
}

// until asks until the list has an item.
func (s *server) until(path string) ratchet.Job {
	s.t.Helper()
	sub, err := s.svc.WatchEvents.Call(auth.With(s.t.Context(), s.as), everything())
	if err != nil {
		s.t.Fatal(err)
	}
	defer sub.Close()
	for {
		if jobs := data[[]ratchet.Job](s.get(path).want(http.StatusOK)); len(jobs) > 0 {
			return jobs[0]
		}
		<-sub.Events()
	}
}

func TestAListSaysWhichPartItIs(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.register()
	for range 5 {
		s.submit(sum)
	}
	type list struct {
		Data []ratchet.Job
		Meta struct {
			Total, Offset *int
			Limit         int
			Next          *string
		}
	}
	read := func(query, wantRange string) (l list) {
		t.Helper()
		got := s.get("/jobs" + query).want(http.StatusOK)
		if err := json.Unmarshal(got.body, &l); err != nil {
			t.Fatal(err)
		}
		if r := got.header.Get("Content-Range"); r != wantRange {
			t.Errorf("%s: got Content-Range %q, want %q", query, r, wantRange)
		}
		if n := got.header.Get("X-Total-Count"); n != "5" || l.Meta.Total == nil || *l.Meta.Total != 5 {
			t.Errorf("%s: got X-Total-Count %q, %s", query, n, got.body)
		}
		if link := got.header.Get("Link"); (link != "") != (l.Meta.Next != nil) {
			t.Errorf("%s: got Link %q and %s", query, link, got.body)
		}
		return l
	}
	all := read("", "jobs 0-4/5")
	ids := func(jobs []ratchet.Job) (ids []string) {
		for _, j := range jobs {
			ids = append(ids, j.ID.String())
		}
		return ids
	}
	for _, query := range []string{"?_start=1&_end=3", "?offset=1&limit=2", "?_start=1&limit=2"} {
		if got := read(query, "jobs 1-2/5"); !slices.Equal(ids(got.Data), ids(all.Data[1:3])) || *got.Meta.Offset != 1 || got.Meta.Limit != 2 {
			t.Errorf("%s: got %v", query, ids(got.Data))
		}
	}
	if got := read("?page=2&limit=2", "jobs 2-3/5"); !slices.Equal(ids(got.Data), ids(all.Data[2:4])) {
		t.Errorf("got %v", ids(got.Data))
	}
	read("?offset=10", "jobs */5")

	var seen []string
	next := "?limit=2&_sort=id"
	for next != "" {
		got := s.get("/jobs" + next).want(http.StatusOK)
		seen = append(seen, ids(data[[]ratchet.Job](got))...)
		link := got.header.Get("Link")
		next = strings.TrimSuffix(strings.TrimPrefix(link, "</api/v1/jobs"), `>; rel="next"`)
	}
	want := ids(all.Data)
	slices.Sort(want)
	if !slices.Equal(seen, want) {
		t.Errorf("by Link got %v, want %v", seen, want)
	}
}

func TestFiltersAndSortsAreApplied(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.register()
	a := s.submit(`{"task":"addition","input":{"num1":1,"num2":2},"priority":"low","tags":["x"]}`)
	b := s.submit(`{"task":"addition","input":{"num1":1,"num2":2},"priority":"urgent","tags":["y"]}`)
	name := map[string]string{a.ID.String(): "a", b.ID.String(): "b"}
	for query, want := range map[string]string{
		"?priority=low": "a", "?priority_ne=low": "b", "?priority=critical": "b", "?priority_in=low,urgent&_sort=id": "ab",
		"?priority_not_in=low": "b", "?tags=x": "a", "?tags=x&tags=y&_sort=id": "ab", "?status=queued&_sort=-id": "ba", "?status_ne=queued": "",
		"?_sort=priority": "ab", "?_sort=priority&_order=DESC": "ba", "?_sort=priority,id&_order=desc,asc": "ba",
		"?created_at_gte=" + b.CreatedAt.Format(time.RFC3339Nano): "b", "?createdAt_lt=" + b.CreatedAt.Format(time.RFC3339Nano): "a",
		"?id=" + a.ID.UUID(): "a", "?id_in=" + a.ID.String() + "," + b.ID.String() + "&_sort=id": "ab",
		"?task_like=ADD&_sort=id": "ab", "?task_contains=ADD&_sort=id": "ab", "?task_starts_with=add&task_ends_with=ion&_sort=id": "ab", "?task=addition&tags=x": "a", "?attempts=0&attempts_lte=0&_sort=id": "ab",
		"?task='%20OR%201%3D1--": "", "?task_like=%25": "", "?task_like=_": "",
	} {
		got := ""
		for _, j := range data[[]ratchet.Job](s.get("/jobs" + query).want(http.StatusOK)) {
			got += name[j.ID.String()]
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
}

func TestAnETagTellsWhatIsKnown(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.register()
	job := s.submit(sum)
	got := s.get("/jobs/" + job.ID.String()).want(http.StatusOK)
	tag := got.header.Get("ETag")
	same := s.get("/jobs/"+job.ID.String(), "If-None-Match", `"other", W/`+tag).want(http.StatusNotModified)
	if len(same.body) > 0 || same.header.Get("ETag") != tag {
		t.Errorf("got %v %s", same.header, same.body)
	}
	s.claim(job.ID)
	s.get("/jobs/"+job.ID.String(), "If-None-Match", tag).want(http.StatusOK)
}

func TestASchedulesChangeIsRefusedIfSomebodyWasFaster(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.register()
	made := s.post("/schedules", `{"name":"nightly","task":"addition","cron":"30 2 * * *","timezone":"Europe/Berlin","input":{"num1":1,"num2":2},"end":"2100-01-01T00:00:00Z"}`).want(http.StatusCreated)
	at := made.header.Get("Location")
	patch := func(body, tag string) answered { return s.do(http.MethodPatch, at, body, "If-Match", tag) }
	seen := s.do(http.MethodGet, at, "").want(http.StatusOK).header.Get("ETag")
	if made.header.Get("ETag") != seen {
		t.Errorf("got ETag %s when it was made and %s after", made.header.Get("ETag"), seen)
	}
	changed := patch(`{"description":"a"}`, seen).want(http.StatusOK)
	if p := patch(`{"description":"b"}`, seen).want(http.StatusPreconditionFailed).problem(); p.Reason != "CHANGED" {
		t.Errorf("got %+v", p)
	}
	patch(`{"description":"b"}`, `"x", `+changed.header.Get("ETag")).want(http.StatusOK)
	patch(`{"description":"c"}`, "*").want(http.StatusOK)
	got := data[ratchet.Schedule](s.do(http.MethodPatch, at, `{"end":null}`).want(http.StatusOK))
	if got.Description != "c" || !got.End.IsZero() || got.Cron == "" {
		t.Errorf("got %+v, want the end taken away and the rest left", got)
	}
	s.do(http.MethodPatch, at, `{"enabled":null}`).want(http.StatusUnprocessableEntity).problem()
}

func TestWhatIsNotThereNamesWhatIsNear(t *testing.T) {
	t.Parallel()
	s := serve(t)
	p := s.get("/job").want(http.StatusNotFound).problem()
	if p.Reason != "ROUTE_NOT_FOUND" || !strings.Contains(p.Detail, "/api/v1/jobs") {
		t.Errorf("got %+v", p)
	}
	if p := s.get("/jobs/abc/explian").want(http.StatusNotFound).problem(); !strings.Contains(p.Detail, "/api/v1/jobs/{id}/explain") {
		t.Errorf("got %+v", p)
	}
	s.do(http.MethodGet, "/nothing/like/it", "").want(http.StatusNotFound).problem()

	wrong := s.do(http.MethodDelete, "/api/v1/jobs", "").want(http.StatusMethodNotAllowed)
	wrong.problem()
	if got := wrong.header.Get("Allow"); got != "GET, HEAD, POST" {
		t.Errorf("got Allow %q", got)
	}
	if got := s.do(http.MethodOptions, "/api/v1/jobs", "").want(http.StatusNoContent).header.Get("Allow"); got != "GET, HEAD, POST" {
		t.Errorf("got Allow %q", got)
	}
	if got := s.do(http.MethodHead, "/api/v1/jobs", "").want(http.StatusOK); len(got.body) > 0 {
		t.Errorf("got a body for HEAD")
	}
}

func TestABodyOfTheWrongTypeOrSizeIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *rest.Config) { c.MaxBody = 1000 })
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "nonsense;;"} {
		got := s.post("/jobs", "{}", "Content-Type", kind).want(http.StatusUnsupportedMediaType)
		got.problem()
		if got.header.Get("Accept") != "application/json" {
			t.Errorf("got Accept %q", got.header.Get("Accept"))
		}
	}
	s.post("/jobs", "{}", "Content-Encoding", "gzip").want(http.StatusUnsupportedMediaType).problem()
	s.post("/tasks", "{}").want(http.StatusUnsupportedMediaType).problem()
	for path, kind := range map[string]string{"/jobs": "application/json", "/tasks": "application/zip", "/tasks/x/run": "application/json"} {
		p := s.post(path, strings.Repeat(" ", 4001), "Content-Type", kind).want(http.StatusRequestEntityTooLarge).problem()
		if p.Reason != "REQUEST_TOO_LARGE" {
			t.Errorf("got %+v", p)
		}
	}
}

func TestAKeyWithoutTheScopeIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.as = auth.Principal{Name: "reader", Scopes: []ratchet.Scope{ratchet.ScopeRead}}
	s.get("/jobs").want(http.StatusOK)
	s.post("/pause", "").want(http.StatusForbidden).problem()
	s.as = auth.Principal{}
	s.get("/jobs").want(http.StatusForbidden).problem()
}

func TestManyJobsAreCancelledByFilter(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.register()
	for i := range 3 {
		s.submit(fmt.Sprintf(`{"task":"addition","input":{"num1":%d,"num2":2},"tags":["t%d"]}`, i, i))
	}
	s.post("/jobs/cancel", "").want(http.StatusBadRequest).problem()
	if got := data[ratchet.BulkResult](s.post("/jobs/cancel?tags=t1&dry_run=true", "").want(http.StatusOK)); got.Matched != 1 || got.Changed != 0 {
		t.Errorf("got %+v", got)
	}
	if got := data[ratchet.BulkResult](s.post("/jobs/cancel?tags=t1", "").want(http.StatusOK)); got.Changed != 1 {
		t.Errorf("got %+v", got)
	}
	if got := data[ratchet.BulkResult](s.post("/jobs/cancel?task=addition", "").want(http.StatusOK)); got.Matched != 3 || got.Changed != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestTheRestOfTheOperationsAnswer(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.register()
	job := s.submit(sum)
	claim := s.claim(job.ID)
	s.finish(claim, `{"sum":3}`)
	s.get("/executions/" + claim.Lease.Execution.String()).want(http.StatusOK)
	s.get("/executions/" + claim.Lease.Execution.String() + "/logs?level=debug&offset=0&limit=10").want(http.StatusOK)
	s.get("/jobs/" + job.ID.String() + "/explain").want(http.StatusOK)
	batch := s.post("/jobs/batch", `{"jobs":[`+sum+`,`+sum+`]}`).want(http.StatusAccepted)
	if got := data[[]ratchet.Job](batch); len(got) != 2 {
		t.Errorf("got %s", batch.body)
	}
	for _, path := range []string{
		"/tasks", "/executions", "/schedules", "/keys", "/workers", "/nodes", "/stats", "/tasks/addition/versions", "/tasks/addition/versions/1.0.0", "/tasks/addition/env",
	} {
		if got := s.get(path).want(http.StatusOK); !bytes.HasPrefix(got.body, []byte(`{"data":`)) {
			t.Errorf("%s: got %s", path, got.body)
		}
	}
	for _, verb := range []string{"disable", "enable", "pause", "resume"} {
		s.post("/tasks/addition/"+verb, "").want(http.StatusOK)
	}
	if got := data[ratchet.Task](s.do(http.MethodPatch, "/api/v1/tasks/addition", `{"enabled":false}`).want(http.StatusOK)); got.Enabled {
		t.Errorf("got %+v", got)
	}
	s.post("/jobs", sum).want(http.StatusForbidden).problem()
	s.post("/pause", "").want(http.StatusOK)
	s.post("/resume", "").want(http.StatusOK)
	key := s.post("/keys", `{"name":"ci","scopes":["run"],"expiresIn":"90d"}`).want(http.StatusCreated)
	if got := data[ratchet.CreatedKey](key); !strings.HasPrefix(got.Text, "rk_") {
		t.Errorf("got %s", key.body)
	}
	s.do(http.MethodDelete, key.header.Get("Location"), "").want(http.StatusOK)
	if got := data[[]time.Time](s.post("/schedules/preview", `{"cron":"@daily","count":3}`).want(http.StatusOK)); len(got) != 3 {
		t.Errorf("got %v", got)
	}
	s.do(http.MethodDelete, "/api/v1/tasks/nope", "").want(http.StatusNotFound).problem()
}
