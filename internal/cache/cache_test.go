package cache_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/cache"
)

func results(t *testing.T, most ratchet.Size) *cache.Results {
	t.Helper()
	r, err := cache.NewResults(most)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func key(t *testing.T, task ratchet.TaskID, digest, input string) cache.ResultKey {
	t.Helper()
	k, err := cache.KeyOf(task, digest, json.RawMessage(input))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestAResultIsFoundForTheSameVersionAndInputOnly(t *testing.T) {
	t.Parallel()
	r, task := results(t, ratchet.MB), ratchet.NewID[ratchet.Task]()
	r.Keep(key(t, task, "v1", `{"a": 1, "b": [2]}`), "sum", "v1", json.RawMessage(`3`), time.Hour, r.Mark())
	for _, c := range []struct {
		task          ratchet.TaskID
		digest, input string
		want          bool
	}{
		{task, "v1", `{"a":1,"b":[2]}`, true},
		{task, "v1", ` { "b" : [ 2 ], "a" : 1 } `, true},
		{task, "v1", `{"a":1,"b":[3]}`, false},
		{task, "v2", `{"a":1,"b":[2]}`, false},
		{ratchet.NewID[ratchet.Task](), "v1", `{"a":1,"b":[2]}`, false},
		{task, "v1", `{`, false},
	} {
		if got, ok := r.Find(c.task, c.digest, json.RawMessage(c.input)); ok != c.want || ok && string(got) != "3" {
			t.Errorf("%s %s: got %s, %v", c.digest, c.input, got, ok)
		}
	}
}

func TestAResultIsKeptForItsTime(t *testing.T) {
	t.Parallel()
	r, task := results(t, ratchet.MB), ratchet.NewID[ratchet.Task]()
	r.Keep(key(t, task, "v", `1`), "sum", "v", json.RawMessage(`1`), time.Nanosecond, r.Mark())
	if _, ok := r.Find(task, "v", json.RawMessage(`1`)); ok {
		t.Error("a result was found whose time is over")
	}
}

func TestAPurgeAlsoStopsWhatIsBeingMade(t *testing.T) {
	t.Parallel()
	r, a, b := results(t, ratchet.MB), ratchet.NewID[ratchet.Task](), ratchet.NewID[ratchet.Task]()
	one := json.RawMessage(`1`)
	r.Keep(key(t, a, "va", `1`), "a", "va", one, time.Hour, r.Mark())
	r.Keep(key(t, b, "vb", `1`), "b", "vb", one, time.Hour, r.Mark())
	mark := r.Mark() // an attempt at a begins
	r.Purge("a")
	r.Keep(key(t, a, "va", `1`), "a", "va", one, time.Hour, mark)
	if _, ok := r.Find(a, "va", one); ok {
		t.Error("a result of before the purge is kept")
	}
	if _, ok := r.Find(b, "vb", one); !ok {
		t.Error("the result of another task was purged")
	}
	if r.Purge(""); r.Describe().Entries != 0 {
		t.Error("not all was purged")
	}
}

func TestWhoWantsTheSameResultWaitsForTheFirstOne(t *testing.T) {
	t.Parallel()
	r, k := results(t, ratchet.MB), key(t, ratchet.NewID[ratchet.Task](), "v", `1`)
	var made atomic.Int64
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			output, done, err := r.Join(t.Context(), k)
			if done != nil {
				// The first fails, and keeps nothing: the next one tries.
				if output = json.RawMessage(`1`); made.Add(1) == 2 {
					r.Keep(k, "sum", "v", output, time.Hour, r.Mark())
				}
				done()
			}
			if err != nil || string(output) != `1` {
				t.Errorf("got %s, %v", output, err)
			}
		})
	}
	all.Wait()
	if n := made.Load(); n != 2 {
		t.Errorf("it was made %d times, want 2", n)
	}
	if d := r.Describe(); d.Hits != 8 || d.Misses != 2 {
		t.Errorf("got %+v", d)
	}
}

func TestAWaitForAResultEndsWithWhoeverWaits(t *testing.T) {
	t.Parallel()
	r, k := results(t, ratchet.MB), key(t, ratchet.NewID[ratchet.Task](), "v", `1`)
	_, done, err := r.Join(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(enough)
	if _, _, err := r.Join(ctx, k); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}

func TestNoMoreBytesAreKeptThanAllowed(t *testing.T) {
	t.Parallel()
	r, task := results(t, 100*ratchet.KB), ratchet.NewID[ratchet.Task]()
	big := json.RawMessage(fmt.Sprintf("%q", make([]byte, 1000)))
	for i := range 1000 {
		r.Keep(key(t, task, "v", fmt.Sprint(i)), "sum", "v", big, time.Hour, r.Mark())
	}
	d := r.Describe()
	if d.Size > d.MaxSize || d.Entries == 0 || d.Evicted == 0 {
		t.Errorf("got %+v", d)
	}
	huge := make(json.RawMessage, 30*ratchet.KB)
	r.Keep(key(t, task, "v", `"huge"`), "sum", "v", huge, time.Hour, r.Mark())
	if _, ok := r.Find(task, "v", json.RawMessage(`"huge"`)); ok {
		t.Error("one result took more than a quarter of the cache")
	}
}
