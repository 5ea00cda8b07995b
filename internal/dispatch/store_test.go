package dispatch_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/dispatch"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

// A failing store fails some calls of a real one.
type failing struct {
	*sqlstore.Store
	finishes atomic.Int64 // so many fail
	claims   atomic.Int64
	unheard  atomic.Int64 // so many claims are made, and their answers lost
	refuse   bool         // a Finish with logs, for good
	archives atomic.Int64
}

var errDown = ratchet.Errorf(ratchet.ReasonStorageConnection, "the database cannot be reached")

func (f *failing) Claim(ctx context.Context, t ratchet.Ticket) (*ratchet.Claim, error) {
	if f.claims.Add(-1) >= 0 {
		return nil, errDown
	}
	c, err := f.Store.Claim(ctx, t)
	if err == nil && c != nil && f.unheard.Add(-1) >= 0 {
		return nil, errDown
	}
	return c, err
}

func (f *failing) Finish(ctx context.Context, l ratchet.Lease, out ratchet.Outcome) (*ratchet.Job, error) {
	if f.finishes.Add(-1) >= 0 {
		return nil, errDown
	}
	if f.refuse && len(out.Execution.Logs) > 0 {
		return nil, ratchet.Errorf(ratchet.ReasonStorageQuery, "the database refused: no such text")
	}
	return f.Store.Finish(ctx, l, out)
}

func (f *failing) Archive(ctx context.Context, digest string) ([]byte, error) {
	f.archives.Add(1)
	return f.Store.Archive(ctx, digest)
}

func TestAResultSurvivesAStoreThatIsAwayForAWhile(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	store := &failing{Store: s.store}
	store.finishes.Store(4)
	store.claims.Store(9) // more than a store may refuse
	s.start(store, dispatch.Config{})
	task := s.register("once", `async ({ base }) => (await fetch(base)).text()`, "")
	var asked atomic.Int64
	web := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(web.Close)
	job := s.reach(s.submit(task, `{"base": "`+web.URL+`"}`, nil), ratchet.JobCompleted)
	if job.Attempts != 1 || asked.Load() != 1 || store.finishes.Load() >= 0 {
		t.Errorf("it ran %d times in %d attempts", asked.Load(), job.Attempts)
	}
}

func TestARecordThatTheStoreRefusesStillEndsItsJob(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.start(&failing{Store: s.store, refuse: true}, dispatch.Config{})
	task := s.register("odd", `() => { console.log("what no database takes"); return 1; }`, "")
	job := s.reach(s.submit(task, `null`, nil), ratchet.JobFailed)
	if job.Error.Reason != ratchet.ReasonInternal || !strings.Contains(job.Error.Message, "could not be stored") {
		t.Errorf("got %+v", job.Error)
	}
}

func TestAVersionIsLoadedOnceForAllWhoRunIt(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	store := &failing{Store: s.store}
	task := s.register("many", `(n) => n`, "")
	var ids []ratchet.JobID
	for range 20 {
		ids = append(ids, s.submit(task, `1`, nil))
	}
	s.start(store, dispatch.Config{Slots: 10})
	for _, id := range ids {
		s.reach(id, ratchet.JobCompleted)
	}
	if n := store.archives.Load(); n != 1 {
		t.Errorf("the archive was read %d times", n)
	}
}

func TestAJobWhoseClaimWasNotHeardOfIsRunAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	store := &failing{Store: s.store}
	d, _ := s.start(store, dispatch.Config{})
	gate := newGate(t)
	held := s.submit(s.register("held", visitor, ""), gate.visit(), nil)
	gate.await()
	store.unheard.Store(1)
	adrift := s.submit(s.register("adrift", `(n) => n`, ""), `1`, nil)
	s.reach(adrift, ratchet.JobRunning) // by its row alone
	if err := d.GiveBackAdrift(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	if job := s.reach(adrift, ratchet.JobRunning); job.Losses != 0 {
		t.Errorf("a claim that is young was taken back: %d losses", job.Losses)
	}
	if err := d.GiveBackAdrift(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if job := s.reach(adrift, ratchet.JobCompleted); job.Losses != 1 || job.Attempts != 1 {
		t.Errorf("got %d losses and %d attempts, want 1 and 1", job.Losses, job.Attempts)
	}
	gate.release()
	if job := s.reach(held, ratchet.JobCompleted); job.Losses != 0 {
		t.Errorf("a job that runs was taken back: %d losses", job.Losses)
	}
}
