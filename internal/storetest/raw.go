package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // for statements behind the store's back

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

// isPostgres reports whether a test is on PostgreSQL.
func isPostgres(at string) bool { return strings.HasPrefix(at, "postgres") }

// raw runs statements behind the store's back, and returns the number that the
// last of them gives, if it gives one.
func raw(t testing.TB, at string, statements ...string) (n int) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	var err error
	if isPostgres(at) {
		n, err = rawPostgres(ctx, at, statements)
	} else {
		n, err = rawSQLite(ctx, at, statements)
	}
	if err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
	return n
}

func rawPostgres(ctx context.Context, at string, statements []string) (n int, err error) {
	c, err := pgx.Connect(ctx, at)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.Close(ctx)) }()
	for _, statement := range statements {
		if !strings.HasPrefix(statement, "SELECT") {
			_, err = c.Exec(ctx, statement)
		} else {
			err = c.QueryRow(ctx, statement).Scan(&n)
		}
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}

func rawSQLite(ctx context.Context, at string, statements []string) (n int, err error) {
	file := url.URL{Scheme: "file", Path: at, OmitHost: true, RawQuery: "_pragma=busy_timeout(10000)&_txlock=immediate"}
	db, err := sql.Open("sqlite", file.String())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, statement := range statements {
		if !strings.HasPrefix(statement, "SELECT") {
			_, err = db.ExecContext(ctx, statement)
		} else {
			err = db.QueryRowContext(ctx, statement).Scan(&n)
		}
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}

// quoted is an ID in SQL.
func quoted[I interface{ UUID() string }](at string, id I) string {
	if isPostgres(at) {
		return "'" + id.UUID() + "'"
	}
	return "x'" + strings.ReplaceAll(id.UUID(), "-", "") + "'"
}

// ticket is the number of a job's ticket.
func ticket(t testing.TB, at string, id ratchet.JobID) int {
	t.Helper()
	return raw(t, at, "SELECT ticket FROM jobs WHERE id = "+quoted(at, id))
}

// A recorder keeps the events that a store publishes.
type recorder struct {
	mu     sync.Mutex
	events []ratchet.Event
}

func (r *recorder) publish(events ...ratchet.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, events...)
}

// of returns what was said of a job, in words such as "job running".
func (r *recorder) of(id ratchet.JobID) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var said []string
	for _, e := range r.events {
		if e.Job == id {
			said = append(said, fmt.Sprintf("%s %s", e.Type, e.State))
		}
	}
	return strings.Join(said, ", ")
}

// get returns a job.
func get(t testing.TB, s *sqlstore.Store, id ratchet.JobID) *ratchet.Job {
	t.Helper()
	j, err := s.Job(t.Context(), id)
	if err != nil {
		t.Fatalf("job %s: %v", id, err)
	}
	return j
}

// wantState fails the test unless the job is in the state.
func wantState(t testing.TB, s *sqlstore.Store, id ratchet.JobID, want ratchet.JobState) *ratchet.Job {
	t.Helper()
	j := get(t, s, id)
	if j.State != want || j.Status != want.Status() || (j.Parked != "") != (want == ratchet.JobParked) {
		t.Errorf("got job %s in state %s (%s, parked %q), want %s", id, j.State, j.Status, j.Parked, want)
	}
	if want.Terminal() == j.FinishedAt.IsZero() {
		t.Errorf("got job in state %s, finished at %v", j.State, j.FinishedAt)
	}
	return j
}

// finish finishes a claim.
func finish(t testing.TB, s *sqlstore.Store, c *ratchet.Claim, o ratchet.Outcome) *ratchet.Job {
	t.Helper()
	j, err := s.Finish(t.Context(), c.Lease, o)
	if err != nil {
		t.Fatalf("finish: %v", err)
	}
	return j
}

// threw is the error of a task that threw.
func threw() *ratchet.Error { return ratchet.Errorf(ratchet.ReasonExecutionFailed, "it threw") }

// all waits until as many signals have come, and fails the test if they do not.
func all[T any](t testing.TB, n int, signals <-chan T) (got []T) {
	t.Helper()
	timeout := time.After(60 * time.Second)
	for len(got) < n {
		select {
		case s := <-signals:
			got = append(got, s)
		case <-timeout:
			t.Fatalf("got %d of %d: %v", len(got), n, got)
		}
	}
	return got
}

// completing returns a handler that completes each job it can claim, and says so.
func completing(t testing.TB, s *sqlstore.Store, done chan<- ratchet.JobID, during ...func(*ratchet.Claim)) func(context.Context, ratchet.Ticket) {
	return func(ctx context.Context, ticket ratchet.Ticket) {
		c, err := s.Claim(ctx, ticket)
		if err != nil {
			t.Errorf("claim: %v", err)
		}
		if c == nil {
			return
		}
		for _, f := range during {
			f(c)
		}
		if _, err := s.Finish(ctx, c.Lease, Ended(c, `null`, nil)); err != nil {
			t.Errorf("finish: %v", err)
		}
		done <- c.Job.ID
	}
}
