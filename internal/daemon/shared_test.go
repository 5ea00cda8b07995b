package daemon_test

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

// What one server made, the next one finds that has nothing in its memory.
func TestServersFindEachOthersResults(t *testing.T) {
	t.Parallel()
	for _, tier := range []string{"postgres", "redis"} {
		t.Run(tier, func(t *testing.T) {
			t.Parallel()
			archive, runs := counting(t)
			database, where := storetest.Postgres(t), "postgres"
			if tier == "redis" {
				where = storetest.Redis(t).URL
			}
			dir := t.TempDir()
			start := func() *ratchettest.Server {
				return ratchettest.Start(t, ratchettest.WithDatabase(database), ratchettest.InDir(dir), ratchettest.WithConfig(func(c *config.Config) {
					c.Cache.Shared, c.Cache.SharedTimeout = where, 5*time.Second
				}))
			}
			request := ratchet.JobRequest{Task: "slow", Input: json.RawMessage(`{}`)}
			a := start()
			register(t, a, archive("1.0.0", ""))
			want := func(s *ratchettest.Server, what string, n int64) {
				t.Helper()
				if j := s.Wait(s.Submit(request).ID); j.State != ratchet.JobCompleted || runs.Load() != n || !strings.Contains(string(j.Output), `"n":"`) {
					t.Fatalf("%s: got %s, %s after %d runs, want %d: %v", what, j.State, j.Output, runs.Load(), n, j.Error)
				}
			}
			want(a, "the first", 1)
			stopped(t, a)

			// Another one, which has nothing in its memory.
			b := start()
			want(b, "on another server", 1)
			if j := b.Submit(request); j.Cache != ratchet.CacheHit {
				t.Error("what was shared is not kept in memory too")
			}
			for n, change := range []func() error{
				func() error {
					_, err := b.Service().PurgeTask.Call(b.Context(), service.TaskRef{Task: "slow"})
					return err
				},
				func() error {
					_, err := b.Service().SetEnv.Call(b.Context(), service.SetEnv{Task: "slow", Values: map[string]string{"KEY": "abcdefgh-1"}})
					return err
				},
				func() error {
					_, err := b.Service().UnsetEnv.Call(b.Context(), service.EnvRef{Task: "slow", Name: "KEY"})
					return err
				},
				func() error {
					_, err := b.Service().PurgeCache.Call(b.Context(), service.CacheRef{Name: "results"})
					return err
				},
				func() error { register(t, b, archive("1.0.1", "more: 1")); return nil },
			} {
				if err := change(); err != nil {
					t.Fatal(err)
				}
				want(b, "after a change", int64(n+2))
			}
			stopped(t, b)
			want(start(), "on a third one", 6)
		})
	}
}

func stopped(t *testing.T, s *ratchettest.Server) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
}

func TestJobsGoOnWithoutTheRedisTheyShare(t *testing.T) {
	t.Parallel()
	archive, runs := counting(t)
	redis := storetest.Redis(t)
	s := ratchettest.Start(t, ratchettest.WithConfig(func(c *config.Config) { c.Cache.Shared = redis.URL }))
	register(t, s, archive("1.0.0", ""))
	n := atomic.Int64{}
	run := func() {
		t.Helper()
		input := json.RawMessage(`{"n": ` + string(rune('0'+n.Add(1))) + `}`)
		if j := s.Wait(s.Submit(ratchet.JobRequest{Task: "slow", Input: input}).ID); j.State != ratchet.JobCompleted || runs.Load() != n.Load() {
			t.Fatalf("got %s after %d runs, want %d: %v", j.State, runs.Load(), n.Load(), j.Error)
		}
	}
	run()
	redis.Kill()
	for range 5 {
		run()
	}
	if _, body := get(t, s.URL+"/api/v1/caches", ""); !strings.Contains(body, `"away":true`) {
		t.Errorf("it is not said that the shared cache is away: %s", body)
	}
	if _, body := get(t, s.URL+"/metrics", ""); !strings.Contains(body, "ratchet_shared_cache_away 1") {
		t.Error("nor in metrics")
	}
}

func TestAPlaceToShareThatIsNoneStopsTheServer(t *testing.T) {
	t.Parallel()
	for where, want := range map[string]string{"postgres": "database.url is no PostgreSQL", "memcached://x": "cache.shared must be none, postgres or where a Redis is"} {
		_, err := ratchettest.TryStart(t, ratchettest.WithConfig(func(c *config.Config) { c.Cache.Shared = where }))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", where, err, want)
		}
	}
}
