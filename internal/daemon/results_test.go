package daemon_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

// counting is a task that keeps its results and calls a web server whenever it
// really runs.
func counting(t *testing.T) (archive func(version, code string) []byte, runs *atomic.Int64) {
	t.Helper()
	runs = new(atomic.Int64)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, runs.Add(1)) }))
	t.Cleanup(web.Close)
	return func(version, more string) []byte {
		return ratchettest.Zip(t, "slow", map[string]string{
			"metadata.json": `{"name": "slow", "version": "` + version + `", "cache": {"ttl": "10m"}, "permissions": {"env": ["KEY"]}, "retry": {"maxAttempts": 1}}`,
			"main.js": `async (input, { env }) => {
				const n = await (await fetch("` + web.URL + `")).text();
				if (input.fail) throw new Error("no");
				return { n, key: env("KEY"), ` + more + ` };
			}`,
		})
	}, runs
}

func register(t *testing.T, s *ratchettest.Server, archive []byte) {
	t.Helper()
	if _, err := s.Service().RegisterTask.Call(s.Context(), service.RegisterTask{Archive: archive}); err != nil {
		t.Fatal(err)
	}
}

func TestAResultThatIsKeptCompletesAJobAtOnce(t *testing.T) {
	t.Parallel()
	archive, runs := counting(t)
	s := ratchettest.Start(t)
	register(t, s, archive("1.0.0", ""))
	submit := func(input string, change ...func(*ratchet.JobRequest)) *ratchet.Job {
		t.Helper()
		r := ratchet.JobRequest{Task: "slow", Input: json.RawMessage(input)}
		for _, c := range change {
			c(&r)
		}
		return s.Submit(r)
	}
	want := func(what string, j *ratchet.Job, n int64) *ratchet.Job {
		t.Helper()
		j = s.Wait(j.ID)
		if j.State != ratchet.JobCompleted || runs.Load() != n || !strings.Contains(string(j.Output), fmt.Sprintf(`"n":"%d"`, n)) {
			t.Errorf("%s: got %s, %s after %d runs, want %d; %v", what, j.State, j.Output, runs.Load(), n, j.Error)
		}
		return j
	}

	// Ten at once run it once, whoever comes first.
	var ten []*ratchet.Job
	for range 10 {
		ten = append(ten, submit(`{"a": 1, "b": 2}`))
	}
	for _, j := range ten {
		want("ten at once", j, 1)
	}
	j := submit(`{"b":2,"a":1}`, func(r *ratchet.JobRequest) { r.IdempotencyKey = "once" })
	if j.State != ratchet.JobCompleted || j.Cache != ratchet.CacheHit || j.Attempts != 0 {
		t.Errorf("a kept result: got %s, %q after %d attempts", j.State, j.Cache, j.Attempts)
	}
	want("a kept result", j, 1)
	if again := submit(`{"b":2,"a":1}`, func(r *ratchet.JobRequest) { r.IdempotencyKey = "once" }); again.ID != j.ID {
		t.Errorf("the same idempotency key gave another job")
	}
	e, err := s.Service().ExplainJob.Call(s.Context(), service.JobRef{ID: j.ID})
	if err != nil || !strings.Contains(e.Summary, "kept") {
		t.Errorf("the explanation does not say it: %+v, %v", e, err)
	}
	no := false
	bypass := want("cache: false", submit(`{"a":1,"b":2}`, func(r *ratchet.JobRequest) { r.Cache = &no }), 2)
	if bypass.Cache != ratchet.CacheBypass {
		t.Errorf("got %q", bypass.Cache)
	}
	// An output that another execution gave is not changed by one that passed by.
	if j := s.Wait(submit(`{"a":1,"b":2}`).ID); !strings.Contains(string(j.Output), `"n":"1"`) {
		t.Errorf("got %s", j.Output)
	}
	for n := range int64(2) {
		if j := s.Wait(submit(`{"fail": true}`).ID); j.State != ratchet.JobFailed || runs.Load() != 3+n {
			t.Errorf("a failure was kept: %s after %d runs", j.State, runs.Load())
		}
	}

	// Whatever a result rests on makes a new one.
	if _, err := s.Service().SetEnv.Call(s.Context(), service.SetEnv{Task: "slow", Values: map[string]string{"KEY": "abcdefgh-1"}}); err != nil {
		t.Fatal(err)
	}
	want("another environment", submit(`{"a":1,"b":2}`), 5)
	register(t, s, archive("1.0.1", "more: 1"))
	if j := want("another version", submit(`{"a":1,"b":2}`), 6); !strings.Contains(string(j.Output), "more") {
		t.Errorf("got %s", j.Output)
	}
	want("the version before", submit(`{"a":1,"b":2}`, func(r *ratchet.JobRequest) { r.Version = "1.0.1" }), 6)
	if _, err := s.Service().PurgeTask.Call(s.Context(), service.TaskRef{Task: "slow"}); err != nil {
		t.Fatal(err)
	}
	want("after a purge", submit(`{"a":1,"b":2}`), 7)
	if status, body := get(t, s.URL+"/api/v1/caches", ""); status != http.StatusOK || !strings.Contains(body, `"entries":1`) {
		t.Errorf("got %d, %s", status, body)
	}
}

func TestAPurgeReachesOtherNodes(t *testing.T) {
	t.Parallel()
	archive, _ := counting(t)
	url := storetest.Postgres(t)
	dir := t.TempDir()
	a := ratchettest.Start(t, ratchettest.WithDatabase(url), ratchettest.InDir(dir))
	b := ratchettest.Start(t, ratchettest.WithDatabase(url), ratchettest.InDir(dir))
	register(t, a, archive("1.0.0", ""))
	request := ratchet.JobRequest{Task: "slow", Input: json.RawMessage(`{}`)}
	kept := func(s *ratchettest.Server) bool { return s.Submit(request).Cache == ratchet.CacheHit }
	for i := 0; !kept(a) || !kept(b); i++ { // each keeps what it ran itself
		if i == 1000 {
			t.Fatal("one of the nodes got nothing to run")
		}
		a.Wait(a.Submit(request).ID)
		b.Wait(b.Submit(request).ID)
	}
	before := b.Submit(request).Output
	if _, err := a.Service().PurgeTask.Call(a.Context(), service.TaskRef{Task: "slow"}); err != nil {
		t.Fatal(err)
	}
	purged, limit := time.Now(), 30*time.Second
	for {
		if j := b.Submit(request); j.Cache != ratchet.CacheHit || string(j.Output) != string(before) {
			break
		}
		if time.Since(purged) > limit {
			t.Fatal("the other node still answers with what was purged")
		}
	}
	t.Logf("the other node had heard of the purge after %v", time.Since(purged))
}

// BenchmarkAKeptResult is a job that is answered at once, from the operation to
// what is durable of it.
func BenchmarkAKeptResult(b *testing.B) {
	s := ratchettest.Start(b)
	archive := ratchettest.Zip(b, "kept", map[string]string{
		"metadata.json": `{"name": "kept", "version": "1.0.0", "cache": {"ttl": "1h"}}`, "main.js": "(n) => n",
	})
	if _, err := s.Service().RegisterTask.Call(s.Context(), service.RegisterTask{Archive: archive}); err != nil {
		b.Fatal(err)
	}
	request := ratchet.JobRequest{Task: "kept", Input: json.RawMessage(`1`)}
	s.Wait(s.Submit(request).ID)
	for b.Loop() {
		if j := s.Submit(request); j.Cache != ratchet.CacheHit {
			b.Fatalf("the result was not kept: %s", j.State)
		}
	}
}
