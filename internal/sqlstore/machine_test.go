package sqlstore_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

// TestJobsLiveAsTheirModelDoes does at random whatever may happen to jobs, and
// compares them after each step with a model of a few lines.
func TestJobsLiveAsTheirModelDoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fresh func(testing.TB) string
		runs  int
	}{"sqlite": {storetest.SQLite, 100}, "postgres": {storetest.Postgres, 15}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &machine{t: t, url: c.fresh(t)}
			m.open()
			t.Cleanup(m.close)
			runs, failed := 0, false
			rapid.Check(t, func(rt *rapid.T) {
				if runs++; runs > c.runs && !failed { // once it has failed, rapid looks for the shortest way to that
					return
				}
				done := false
				defer func() { failed = failed || !done || rt.Failed() }()
				m.begin()
				for range 2 {
					rt.Repeat(m.steps())
					m.whole(rt)
				}
				done = true
			})
		})
	}
}

// A modelJob is what is known of a job.
type modelJob struct {
	id        ratchet.JobID
	task      int
	priority  ratchet.Priority
	key       string
	places    int
	state     ratchet.JobState
	parked    string
	attempts  int
	losses    int
	asked     bool // to stop
	holds     bool
	ticket    int
	lease     *ratchet.Claim
	past      []*ratchet.Claim // leases that are gone
	completed int              // times
	to        *ratchet.Destination
	delivery  *modelDelivery
}

func (j *modelJob) waits() bool {
	return j.state == ratchet.JobQueued || j.state == ratchet.JobScheduled || j.state == ratchet.JobRetrying
}

// A machine is a store, and the model of what is in it.
type machine struct {
	t     *testing.T
	url   string
	store *sqlstore.Store

	mu   sync.Mutex
	seen map[ratchet.JobID]ratchet.JobState // the last that was published
	odd  []string                           // changes that no job may make

	tasks     [2]*ratchet.Task
	paused    [2]bool
	allPaused bool
	jobs      []*modelJob // oldest first
}

func (m *machine) ctx() context.Context { return context.WithoutCancel(m.t.Context()) }

func (m *machine) open() {
	m.t.Helper()
	var err error
	m.store, err = sqlstore.Open(m.ctx(), sqlstore.Config{URL: m.url, Synchronous: "OFF", Publish: m.heard})
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) close() {
	if err := m.store.Close(); err != nil {
		m.t.Error(err)
	}
}

// begin makes the store and the model empty.
func (m *machine) begin() {
	for _, table := range []string{"deliveries", "river_job", "executions", "jobs", "gates", "tasks", "settings"} {
		exec(m.t, m.store, "DELETE FROM "+table)
	}
	m.seen, m.odd, m.jobs, m.allPaused, m.paused = map[ratchet.JobID]ratchet.JobState{}, nil, nil, false, [2]bool{}
	for i, name := range []string{"a", "b"} {
		m.tasks[i] = storetest.Task(m.t, m.store, name)
	}
}

// heard follows the jobs by what is published of them.
func (m *machine) heard(events ...ratchet.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range events {
		if e.Type != ratchet.EventJob {
			continue
		}
		if was, known := m.seen[e.Job]; known && !was.CanBecome(e.State) {
			m.odd = append(m.odd, string(was)+" became "+string(e.State))
		}
		m.seen[e.Job] = e.State
	}
}

// inside is how many hold a place of a gate.
func (m *machine) inside(key string) (n int) {
	for _, j := range m.jobs {
		if j.holds && j.key == key {
			n++
		}
	}
	return n
}

// release takes a job's place and gives what is free to those who wait for it.
func (m *machine) release(j *modelJob) {
	if !j.holds {
		return
	}
	j.holds = false
	for {
		var next *modelJob
		for _, w := range m.jobs { // the greater priority first, then the older
			if w.state == ratchet.JobParked && w.parked == "concurrency: "+j.key && (next == nil || w.priority > next.priority) {
				next = w
			}
		}
		if next == nil || m.inside(j.key) >= next.places {
			return
		}
		next.state, next.parked, next.holds = ratchet.JobQueued, "", true
		next.ticket++
	}
}

// resume gives those back to the queue that are parked for a reason.
func (m *machine) resume(reason string, task int) {
	for _, j := range m.jobs {
		if j.parked == reason && (task < 0 || j.task == task) {
			j.state, j.parked = ratchet.JobQueued, ""
			j.ticket++
		}
	}
}

// lose takes the attempts of jobs back, in the order in which the store does.
func (m *machine) lose(jobs ...*modelJob) {
	slices.SortFunc(jobs, func(a, b *modelJob) int {
		return cmp.Or(cmp.Compare(a.key, b.key), slices.Compare(a.id[:], b.id[:]))
	})
	for _, j := range jobs {
		j.past, j.lease = append(j.past, j.lease), nil
		j.attempts--
		j.losses++
		j.ticket++
		switch {
		case j.asked:
			j.state = ratchet.JobCancelled
		case j.losses >= ratchet.MaxLosses:
			j.state = ratchet.JobFailed
		default:
			j.state = ratchet.JobQueued
		}
		m.release(j)
	}
}

// compare checks the store against the model, and what must always hold.
func (m *machine) compare(rt *rapid.T) {
	page, err := m.store.Jobs(m.ctx(), ratchet.Query{Limit: ratchet.MaxLimit, Sort: []ratchet.Sort{{Field: "id"}}})
	if err != nil || len(page.Items) != len(m.jobs) {
		rt.Fatalf("got %d jobs, %v, want %d", len(page.Items), err, len(m.jobs))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.odd) > 0 {
		rt.Errorf("jobs changed as none may: %v", m.odd)
	}
	for i, want := range m.jobs {
		got := page.Items[i]
		if got.ID != want.id || got.State != want.state || got.Parked != want.parked || got.Attempts != want.attempts || got.Losses != want.losses {
			rt.Errorf("got job %d %s, parked %q, with %d attempts and %d losses; want %s, %q, %d, %d",
				i, got.State, got.Parked, got.Attempts, got.Losses, want.state, want.parked, want.attempts, want.losses)
		}
		if m.seen[got.ID] != want.state {
			rt.Errorf("of job %d, %s, it was last said that it is %s", i, want.state, m.seen[got.ID])
		}
		if want.completed > 1 {
			rt.Errorf("job %d was completed %d times", i, want.completed)
		}
		m.number(rt, want.ticket, "SELECT ticket FROM jobs WHERE id = ?", got.ID)
		live := 0
		if want.waits() {
			live = 1
		}
		m.number(rt, live, "SELECT count(*) FROM river_job WHERE state IN ('available', 'scheduled') AND "+m.ticketOf(), got.ID.UUID(), want.ticket)
		running := 0
		if want.lease != nil {
			running = 1
		}
		m.number(rt, running, "SELECT count(*) FROM executions WHERE job_id = ? AND state IN ('running', 'pending')", got.ID)
		m.number(rt, want.attempts+want.losses, "SELECT count(*) FROM executions WHERE job_id = ?", got.ID)
	}
	m.compareDeliveries(rt)
	for key, places := range gates() {
		inside := m.inside(key)
		if inside > places {
			rt.Errorf("%d jobs are inside gate %s, which lets %d in", inside, key, places)
		}
		m.number(rt, inside, "SELECT coalesce(max(running), 0) FROM gates WHERE key = ?", key)
		m.number(rt, inside, "SELECT count(*) FROM jobs WHERE concurrency_key = ? AND holds", key)
	}
}

// whole has the store look for what should not be so.
func (m *machine) whole(rt *rapid.T) {
	if n, err := m.store.Reconcile(m.ctx()); n != 0 || err != nil {
		rt.Errorf("got %d put right, %v, want nothing to put right", n, err)
	}
	if found, err := m.store.Check(m.ctx(), false); err != nil || len(found) != 0 {
		rt.Errorf("got %+v, %v", found, err)
	}
}

// ticketOf is the condition that a ticket has a job and a number.
func (m *machine) ticketOf() string {
	if m.postgres() {
		return "args ->> 'job' = ? AND CAST(args ->> 'number' AS bigint) = ?"
	}
	return "json_extract(args, '$.job') = ? AND json_extract(args, '$.number') = ?"
}

func (m *machine) postgres() bool { return m.url[0] != '/' }

func (m *machine) number(rt *rapid.T, want int, sql string, args ...any) {
	if got, err := m.store.Count(m.ctx(), sql, args...); err != nil || got != want {
		rt.Errorf("%s %v: got %d, %v, want %d", sql, args, got, err, want)
	}
}

// gates are the keys with their places.
func gates() map[string]int { return map[string]int{"x": 1, "y": 2} }

// isStale checks that a write was refused for its lease.
func isStale(rt *rapid.T, err error) {
	if !errors.Is(err, ratchet.ErrStale) {
		rt.Errorf("got %v, want ErrStale", err)
	}
}
