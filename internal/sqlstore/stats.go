package sqlstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// Counting is as slow as there are rows. Above manyRows the counts of what is
// finished are kept for a while, so that those who watch a large Ratchet do not
// slow it down.
const (
	manyRows    = 100_000
	keepCounts  = 10 * time.Second
	lookForDue  = 1000  // queued jobs, the oldest first
	lookForLate = 10000 // scheduled and retrying jobs, the oldest first
)

// counts are what is counted seldom where there is much.
type counts struct {
	mu         sync.Mutex
	at         time.Time
	finished   map[ratchet.JobState]int
	executions int
}

// Stats returns the numbers of this Ratchet.
func (s *Store) Stats(ctx context.Context) (*ratchet.Stats, error) {
	st := &ratchet.Stats{Jobs: map[ratchet.JobStatus]int{}, States: map[ratchet.JobState]int{}, Stale: s.Stale()}
	c := s.reader()
	if err := s.finishedCounts(ctx, c, st); err != nil {
		return nil, wrap("count jobs", err)
	}
	if err := countStates(ctx, c, "state IN ("+unfinishedStates()+")", st.States); err != nil {
		return nil, wrap("count jobs", err)
	}
	for _, status := range ratchet.JobStatuses() {
		st.Jobs[status] = 0
	}
	for _, state := range ratchet.JobStates() {
		st.States[state] += 0
		st.Jobs[state.Status()] += st.States[state]
	}
	st.Waiting = st.States[ratchet.JobScheduled] + st.States[ratchet.JobQueued] + st.States[ratchet.JobRetrying]
	err := c.queryRow(ctx, "SELECT (SELECT count(*) FROM tasks), (SELECT count(*) FROM schedules)").Scan(&st.Tasks, &st.Schedules)
	if err != nil {
		return nil, wrap("count tasks and schedules", err)
	}
	if st.OldestDue, err = oldestDue(ctx, c); err != nil {
		return nil, wrap("find the oldest due job", err)
	}
	st.Paused, err = allPaused(ctx, c)
	return st, wrap("read settings", err)
}

// finishedCounts counts what is finished, or says what it was a moment ago.
func (s *Store) finishedCounts(ctx context.Context, c conn, st *ratchet.Stats) error {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	if time.Since(s.counts.at) > keepCounts {
		finished := map[ratchet.JobState]int{}
		if err := countStates(ctx, c, "state IN ("+finishedStates()+")", finished); err != nil {
			return err
		}
		var executions int
		if err := c.queryRow(ctx, "SELECT count(*) FROM executions").Scan(&executions); err != nil {
			return err
		}
		s.counts.finished, s.counts.executions = finished, executions
		rows := executions
		for _, n := range finished {
			rows += n
		}
		if rows > manyRows {
			s.counts.at = time.Now()
		}
	}
	for state, n := range s.counts.finished {
		st.States[state] = n
	}
	st.Executions = s.counts.executions
	return nil
}

// countStates adds how many jobs there are in each state.
func countStates(ctx context.Context, c conn, condition string, into map[ratchet.JobState]int) error {
	rs, err := c.query(ctx, "SELECT state, count(*) FROM jobs WHERE "+condition+" GROUP BY state")
	if err != nil {
		return err
	}
	defer rs.Close()
	for rs.Next() {
		var state string
		var n int
		if err := rs.Scan(&state, &n); err != nil {
			return err
		}
		into[ratchet.JobState(state)] = n
	}
	return rs.Err()
}

// oldestDue is since when the oldest due job waits, among those made first.
func oldestDue(ctx context.Context, c conn) (time.Time, error) {
	var queued, late time.Time
	err := c.queryRow(ctx, `SELECT
		(SELECT min(coalesce(run_at, created_at)) FROM (SELECT run_at, created_at FROM jobs WHERE state = 'queued' ORDER BY id LIMIT ?) AS oldest),
		(SELECT min(run_at) FROM (SELECT run_at FROM jobs WHERE state IN ('scheduled', 'retrying') LIMIT ?) AS later WHERE run_at <= ?)`,
		lookForDue, lookForLate, now().UnixMicro()).Scan(scanTime{&queued}, scanTime{&late})
	if queued.IsZero() || !late.IsZero() && late.Before(queued) {
		return late, err
	}
	return queued, err
}

// allPaused reports whether nothing is started.
func allPaused(ctx context.Context, c conn) (bool, error) {
	var value string
	err := c.queryRow(ctx, "SELECT value FROM settings WHERE namespace = ? AND name = 'paused'", namespace).Scan(&value)
	if errors.Is(err, errNoRows) {
		return false, nil
	}
	return value == "true", err
}
