package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/client"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/problem"
	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
)

func TestAnErrorSaysAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, c := newServer(t)
	_, err := c.SubmitJob(t.Context(), ratchet.JobRequest{Task: "greet", Input: json.RawMessage(`{}`), MaxAttempts: -1})
	var problem *ratchet.Error
	if !errors.As(err, &problem) || problem.Code != ratchet.CodeInvalid || len(problem.Details) == 0 || problem.Details[0].Pointer == "" {
		t.Errorf("got %#v, want an invalid request with its places", problem)
	}
	answered, ok := errors.AsType[*client.Error](err)
	if !ok || answered.Status != http.StatusUnprocessableEntity || answered.RequestID == "" {
		t.Errorf("got %#v, want status 422 and the request's ID", answered)
	}

	_, _, err = c.Job(t.Context(), ratchet.NewID[ratchet.Job](), 0)
	if !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonEntityNotFound}) {
		t.Errorf("an unknown job: got %v, want %s", err, ratchet.ReasonEntityNotFound)
	}

	_, err = c.Jobs(t.Context(), ratchet.Query{Filters: []ratchet.Filter{{Field: "createdAt", Op: ratchet.OpAtLeast, Values: []string{"yesterday"}}, {Field: "stat", Values: []string{"x"}}}})
	if !errors.As(err, &problem) || len(problem.Details) != 2 {
		t.Errorf("two bad filters: got %#v, want both told", problem)
	}
}

func TestAKeyIsShown(t *testing.T) {
	t.Parallel()
	s, c := newServer(t, ratchettest.WithConfig(func(c *config.Config) { c.Auth.RequireKeys = false }))
	key, err := c.CreateKey(t.Context(), ratchet.KeyRequest{Name: "reader", Scopes: []ratchet.Scope{ratchet.ScopeRead}})
	if err != nil {
		t.Fatal(err)
	}
	reader := newClient(t, s.URL, client.Options{Key: key.Text})
	if _, err := reader.Tasks(t.Context(), ratchet.Query{}); err != nil {
		t.Errorf("list tasks with a key that may: %v", err)
	}
	if err := reader.DeleteTask(t.Context(), "greet"); ratchet.AsError(err).Code != ratchet.CodeForbidden {
		t.Errorf("delete a task with a key that may not: got %v", err)
	}
	stranger := newClient(t, s.URL, client.Options{Key: "rk_wrong"})
	if _, err := stranger.Tasks(t.Context(), ratchet.Query{}); ratchet.AsError(err).Code != ratchet.CodeUnauthenticated {
		t.Errorf("list tasks with a wrong key: got %v", err)
	}
}

// refusing refuses the first n requests with the status.
func refusing(status, n int) *transport {
	var refused atomic.Int32
	return &transport{refuse: func(*http.Request) *http.Response {
		if int(refused.Add(1)) > n {
			return nil
		}
		w := httptest.NewRecorder()
		reason := map[int]ratchet.Reason{429: ratchet.ReasonQueueFull, 503: ratchet.ReasonServiceUnavailable, 409: ratchet.ReasonAlreadyExists}[status]
		problem.Write(w, problem.New(status, reason, "not now"))
		return w.Result()
	}}
}

func TestOnlyWhatMayBeRepeatedIsRepeated(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t)
	input := json.RawMessage(`{"name": "Ada"}`)
	read := func(ctx context.Context, c *client.Client) error {
		_, err := c.Tasks(ctx, ratchet.Query{})
		return err
	}
	submit := func(key string) func(context.Context, *client.Client) error {
		return func(ctx context.Context, c *client.Client) error {
			_, err := c.SubmitJob(ctx, ratchet.JobRequest{Task: "greet", Input: input, IdempotencyKey: key})
			return err
		}
	}
	batch := func(keys ...string) func(context.Context, *client.Client) error {
		return func(ctx context.Context, c *client.Client) error {
			var jobs []ratchet.JobRequest
			for _, key := range keys {
				jobs = append(jobs, ratchet.JobRequest{Task: "greet", Input: input, IdempotencyKey: key})
			}
			_, err := c.SubmitJobs(ctx, jobs)
			return err
		}
	}
	run := func(key string) func(context.Context, *client.Client) error {
		return func(ctx context.Context, c *client.Client) error {
			_, _, err := c.RunTask(ctx, "greet", input, client.RunOptions{IdempotencyKey: key})
			return err
		}
	}
	for i, test := range []struct {
		name    string
		status  int
		retries int
		do      func(context.Context, *client.Client) error
		want    int // requests
		ok      bool
	}{
		{"a read that is refused", 503, 0, read, 2, true},
		{"a read of too many", 429, 0, read, 2, true},
		{"a read by a client that never repeats", 503, -1, read, 1, false},
		{"a conflict", 409, 0, read, 1, false},
		{"a job", 503, 0, submit(""), 1, false},
		{"a job with a key", 503, 0, submit("job"), 2, true},
		{"jobs of which one has no key", 503, 0, batch("one", ""), 1, false},
		{"jobs with keys", 503, 0, batch("two", "three"), 2, true},
		{"a run", 429, 0, run(""), 1, false},
		{"a run with a key", 429, 0, run("run"), 2, true},
		{"a deletion", 503, 0, func(ctx context.Context, c *client.Client) error { return c.DeleteTask(ctx, "greet") }, 1, false},
	} {
		t.Run(strconv.Itoa(i)+" "+test.name, func(t *testing.T) {
			t.Parallel()
			tr := refusing(test.status, 1)
			c := newClient(t, s.URL, client.Options{HTTPClient: &http.Client{Transport: tr}, Retries: test.retries})
			began := time.Now()
			err := test.do(t.Context(), c)
			if got := len(tr.exchanges()); got != test.want || (err == nil) != test.ok {
				t.Errorf("got %d requests and %v, want %d", got, err, test.want)
			}
			if test.want > 1 && time.Since(began) < time.Second {
				t.Errorf("tried again after %v, but Retry-After said 1s", time.Since(began))
			}
		})
	}
}

func TestRetriesEnd(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t)
	tr := refusing(503, 100)
	c := newClient(t, s.URL, client.Options{HTTPClient: &http.Client{Transport: tr}, Retries: 1})
	if _, err := c.Tasks(t.Context(), ratchet.Query{}); ratchet.AsError(err).Code != ratchet.CodeUnavailable {
		t.Errorf("got %v, want unavailable", err)
	}
	if got := len(tr.exchanges()); got != 2 {
		t.Errorf("got %d requests, want 2", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := c.Tasks(ctx, ratchet.Query{}); err == nil || time.Since(began) > 900*time.Millisecond {
		t.Errorf("a context that ended: got %v after %v, want an error at once", err, time.Since(began))
	}
}

func TestWhatIsNoRatchetIsSaid(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	c := newClient(t, other.URL, client.Options{})
	if _, err := c.Tasks(t.Context(), ratchet.Query{}); ratchet.AsError(err).Code != ratchet.CodeUnavailable {
		t.Errorf("a list: got %v", err)
	}
	if _, err := c.Health(t.Context()); ratchet.AsError(err).Code != ratchet.CodeUnavailable {
		t.Errorf("health: got %v", err)
	}
	for _, address := range []string{"", "localhost:8080", "ftp://localhost", "http://", "http://[::1"} {
		if _, err := client.New(address, client.Options{}); ratchet.AsError(err).Code != ratchet.CodeInvalid {
			t.Errorf("the address %q: got %v, want it refused", address, err)
		}
	}
}

func TestEachGoesThroughAllPages(t *testing.T) {
	t.Parallel()
	_, c := newServer(t)
	var jobs []ratchet.JobRequest
	for i := range 25 {
		jobs = append(jobs, ratchet.JobRequest{Task: "greet", Input: json.RawMessage(fmt.Sprintf(`{"name": "%d"}`, i)), Delay: ratchet.Duration(time.Hour), Tags: []string{"t, " + strconv.Itoa(i%2)}})
	}
	made, err := c.SubmitJobs(t.Context(), jobs)
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{1, 7, 25, 100} {
		q := ratchet.Query{Limit: limit, Sort: []ratchet.Sort{{Field: "createdAt"}, {Field: "id"}}}
		var got []ratchet.JobID
		for job, err := range client.Each(t.Context(), q, c.Jobs) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, job.ID)
		}
		if len(got) != len(made) || !slices.Equal(got, idsOf(made)) {
			t.Errorf("limit %d: got %d jobs, want each of the %d once, in order", limit, len(got), len(made))
		}
	}
	n := 0
	for range client.Each(t.Context(), ratchet.Query{Limit: 2}, c.Jobs) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("got %d, want to stop at 3", n)
	}
	// A value with a comma is one value.
	q := ratchet.Query{Filters: []ratchet.Filter{{Field: "tags", Op: ratchet.OpIn, Values: []string{"t, 1", "none"}}}}
	if page, err := c.Jobs(t.Context(), q); err != nil || len(page.Items) != 12 {
		t.Errorf("by tag: got %d jobs and %v, want 12", len(page.Items), err)
	}
	for _, err := range client.Each(t.Context(), ratchet.Query{After: "nonsense"}, c.Jobs) {
		if ratchet.AsError(err).Code != ratchet.CodeInvalid {
			t.Errorf("a bad cursor: got %v", err)
		}
	}
}

func idsOf(jobs []ratchet.Job) (ids []ratchet.JobID) {
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	return ids
}

// again starts a server on what another left, and where it was.
func again(t *testing.T, s *ratchettest.Server) *ratchettest.Server {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(u.Host)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	return ratchettest.Start(t, ratchettest.InDir(s.Dir), ratchettest.WithConfig(func(c *config.Config) {
		c.Server.Port, _ = strconv.Atoi(port)
	}))
}

func TestEventsGoOnAfterARestartOfTheServer(t *testing.T) {
	t.Parallel()
	s, c := newServer(t)
	first, err := c.SubmitJob(t.Context(), ratchet.JobRequest{Task: "greet", Input: json.RawMessage(`{"name": "before"}`)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var seen []string
	filter := client.EventFilter{Types: []ratchet.EventType{ratchet.EventLog}, After: "00000000-0000-7000-8000-000000000000"}
	for e, err := range c.Events(ctx, filter) {
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case e.Type == ratchet.EventGap && len(seen) == 2: // the new server knows no event of the old one
			if _, err := c.SubmitJob(ctx, ratchet.JobRequest{Task: "greet", Input: json.RawMessage(`{"name": "after"}`)}); err != nil {
				t.Fatal(err)
			}
			seen = append(seen, "gap")
		case e.Type == ratchet.EventGap:
			seen = append(seen, "gap")
		case e.Job == first.ID:
			seen = append(seen, e.Log.Message)
			s = again(t, s)
		default:
			seen = append(seen, e.Log.Message)
		}
		if len(seen) == 4 {
			break
		}
	}
	if want := []string{"gap", "greeting before", "gap", "greeting after"}; !slices.Equal(seen, want) {
		t.Errorf("got %q, want %q", seen, want)
	}
}

func TestAJobIsFollowedAndWaitedForThroughARestart(t *testing.T) {
	t.Parallel()
	s, c := newServer(t, ratchettest.WithConfig(func(c *config.Config) { c.Server.StopTimeout = 0 }))
	job, err := c.SubmitJob(t.Context(), ratchet.JobRequest{Task: "greet", Input: json.RawMessage(`{"name": "Ada", "wait": 1500}`)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	waited := make(chan error, 1)
	go func() {
		done, err := c.Wait(ctx, job.ID)
		if err == nil && done.State != ratchet.JobCompleted {
			err = fmt.Errorf("it is %s", done.State)
		}
		waited <- err
	}()
	var states []ratchet.JobState
	var last ratchet.Event
	restarted := false
	for e, err := range c.Follow(ctx, job.ID) {
		if err != nil {
			t.Fatalf("after %v: %v", states, err)
		}
		last = e
		if e.Type == ratchet.EventJob {
			states = append(states, e.State)
		}
		if e.Log != nil && !restarted {
			restarted = true
			s = again(t, s)
		}
	}
	if last.Type != ratchet.EventEnd || !restarted {
		t.Errorf("the last event is %+v, want the end after a restart (%v)", last, restarted)
	}
	if n := len(states); n == 0 || states[n-1] != ratchet.JobCompleted {
		t.Errorf("got the states %v, want completed at last", states)
	}
	if err := <-waited; err != nil {
		t.Errorf("wait: %v", err)
	}
	if done, _, err := c.Job(t.Context(), job.ID, 0); err != nil || done.Attempts != 1 || done.Losses != 1 {
		t.Errorf("got %+v and %v, want one attempt, and one that was lost", done, err)
	}
}

func TestAStreamEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s, c := newServer(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	enough := errors.New("enough")
	var got error
	for _, err := range c.Events(ctx, client.EventFilter{After: "00000000-0000-7000-8000-000000000000"}) {
		if got = err; err == nil {
			cancel(enough)
		}
	}
	if !errors.Is(got, enough) {
		t.Errorf("got %v, want the context's cause", got)
	}
	once := newClient(t, s.URL, client.Options{Retries: -1})
	for e, err := range once.Events(t.Context(), client.EventFilter{After: "00000000-0000-7000-8000-000000000000"}) {
		if err != nil {
			return
		}
		if e.Type == ratchet.EventGap {
			s.Begin()
		}
	}
	t.Error("want an error where nothing is tried again")
}

// A reader may leave at any event, and one that comes late learns the end.
func TestAFinishedJobIsFollowedFromWhatIsLeft(t *testing.T) {
	t.Parallel()
	s, c := newServer(t)
	job, _, err := c.RunTask(t.Context(), "greet", json.RawMessage(`{"name": "Ada"}`), client.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for most := 1; most <= 5; most++ {
		n := 0
		for _, err := range c.Follow(t.Context(), job.ID) {
			if n++; err != nil || n == most {
				break
			}
		}
		if n != most {
			t.Errorf("got %d events, want to stop after %d", n, most)
		}
	}
	again(t, s) // which knows nothing of what happened before
	var seen []string
	for e, err := range c.Follow(t.Context(), job.ID) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, string(e.Type)+" "+string(e.State))
	}
	if want := []string{"job completed", "end "}; !slices.Equal(seen, want) {
		t.Errorf("got %q, want %q", seen, want)
	}
}
