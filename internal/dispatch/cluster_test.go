package dispatch_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/dispatch"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

// join has the servers tell each other their events, until the test ends.
func join(t *testing.T, servers ...*server) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, s := range servers {
		all.Go(func() {
			if err := s.hub.Run(ctx, s.store); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		all.Wait()
	})
}

func TestNodesShareTheJobsAndStopThemForEachOther(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	a, b := newServerOn(t, url), newServerOn(t, url)
	join(t, a, b)
	da, stopA := a.start(nil, dispatch.Config{Shared: true, Slots: 2})
	db, _ := b.start(nil, dispatch.Config{Shared: true, Slots: 2})
	task := a.register("pause", `async () => { await new Promise((r) => setTimeout(r, 20)); return 1; }`, "")
	var ids []ratchet.JobID
	for range 30 {
		ids = append(ids, a.submit(task, `null`, nil))
	}
	for _, id := range ids {
		b.reach(id, ratchet.JobCompleted)
	}
	// A job is counted a moment after it is completed.
	eventually(t, "all jobs are counted", func() bool { return da.Stats().Completed+db.Stats().Completed >= 30 })
	x, y := da.Stats(), db.Stats()
	if x.Completed+y.Completed != 30 || x.Completed == 0 || y.Completed == 0 || x.Stale+y.Stale != 0 {
		t.Errorf("got %+v and %+v", x, y)
	}

	stopA() // so that b has what comes next
	endless := a.register("endless", `() => { console.log("on my way"); for (;;); }`, `, "timeout": "1h", "limits": {"cpu": "1h"}`)
	sub := a.hub.Subscribe(stream.Filter{Task: "endless", Types: []ratchet.EventType{ratchet.EventLog}})
	defer sub.Close()
	id := a.submit(endless, `null`, nil)
	if e := next(t, sub); e.Job != id || e.Log == nil {
		t.Fatalf("got %+v, want the log of the job on the other node", e)
	}
	asked := time.Now()
	if _, err := a.store.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	a.reach(id, ratchet.JobCancelled)
	t.Logf("stopped on the other node after %v", time.Since(asked))
}
