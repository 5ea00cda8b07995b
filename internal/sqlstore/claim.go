package sqlstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A candidate is a job whose ticket came up, and what decides whether it starts.
type candidate struct {
	job        ratchet.Job
	ticket     int
	holds      bool      // a place of its gate
	reservedAt time.Time // when the rate lets it start
	task       bool      // its task is there
	paused     bool      // its task is
	allPaused  bool
	newest     string // the digest of its task's newest version
	purgedAt   time.Time

	version *ratchet.Version // that it would run
	rate    *ratchet.Rate    // of its task
	env     map[string][]byte
}

// candidateSQL reads a candidate by the job's ID.
func candidateSQL() string {
	return "SELECT jobs." + strings.Join(jobColumns(), ", jobs.") + ", jobs.ticket, jobs.holds, jobs.reserved_at, " +
		"tasks.id IS NOT NULL, coalesce(tasks.paused, FALSE), coalesce(tasks.version_digest, ''), coalesce(tasks.purged_at, 0), settings.value " +
		"FROM jobs LEFT JOIN tasks ON tasks.id = jobs.task_id LEFT JOIN settings ON settings.namespace = jobs.namespace AND settings.name = 'paused' " +
		"WHERE jobs.id = ?"
}

// candidate reads the candidate of a ticket; nil if the ticket is stale.
func (s *Store) candidate(ctx context.Context, c conn, ticket ratchet.Ticket, lock string) (*candidate, error) {
	var k candidate
	var allPaused string
	dest := append(jobDest(&k.job), &k.ticket, &k.holds, scanTime{&k.reservedAt}, &k.task, &k.paused, &k.newest, scanTime{&k.purgedAt}, scanText[string]{&allPaused})
	err := c.queryRow(ctx, s.candidateSQL()+lock, ticket.Job).Scan(dest...)
	if errors.Is(err, errNoRows) {
		return nil, nil //nolint:nilnil // there is nothing to do, and that is all right
	}
	if err != nil {
		return nil, err
	}
	if k.ticket != ticket.Number || !waits(k.job.State) {
		return nil, nil //nolint:nilnil // as above
	}
	k.allPaused = allPaused == "true"
	return &k, s.complete(ctx, c, &k)
}

// waits reports whether a job in the state has a ticket.
func waits(state ratchet.JobState) bool {
	return state == ratchet.JobQueued || state == ratchet.JobScheduled || state == ratchet.JobRetrying
}

// complete adds the version that would run, the rate, and the gate that the
// version has for jobs without their own.
func (s *Store) complete(ctx context.Context, c conn, k *candidate) error {
	if !k.task {
		return nil
	}
	newest, err := s.version(ctx, c, k.job.TaskID, k.newest)
	if err != nil {
		return err
	}
	if k.version, k.rate = newest, nil; newest != nil {
		k.rate = newest.Rate
	}
	if !k.job.Latest && k.job.VersionDigest != k.newest {
		if k.version, err = s.version(ctx, c, k.job.TaskID, k.job.VersionDigest); err != nil {
			return err
		}
	}
	if k.job.Concurrency == nil && k.version != nil && k.version.Concurrency != nil {
		gate := *k.version.Concurrency
		k.job.Concurrency = &gate
	}
	return nil
}

// plain reports whether nothing keeps the candidate from starting, and nothing
// but its own row need be written.
func (k *candidate) plain() bool {
	return k.task && !k.paused && !k.allPaused && k.version != nil && k.rate == nil && k.reservedAt.IsZero() && k.job.Concurrency == nil && !k.holds
}

// Claim makes the job of a ticket running and gives the lease for it. Nil: there
// is nothing to do, because the ticket is stale, or because a pause, a gate or a
// rate keeps the job from starting; it comes back then by itself.
func (s *Store) Claim(ctx context.Context, ticket ratchet.Ticket) (*ratchet.Claim, error) {
	claim, err := s.claim(ctx, ticket)
	if err != nil {
		return nil, fmt.Errorf("claim job %s: %w", ticket.Job, err)
	}
	return claim, nil
}

func (s *Store) claim(ctx context.Context, ticket ratchet.Ticket) (claim *ratchet.Claim, err error) {
	k, err := s.candidate(ctx, s.reader(), ticket, "")
	if err != nil || k == nil {
		return nil, wrap("read job", err)
	}
	if k.plain() {
		if err := k.readEnv(ctx, s.reader()); err != nil {
			return nil, err
		}
		claim, err = s.startPlain(ctx, k)
	} else {
		err = s.write(ctx, "admit", func(t *tx) error {
			claim, err = s.admit(ctx, t, ticket)
			return err
		})
	}
	if err != nil || claim == nil {
		return nil, err
	}
	s.waiting.add(-1)
	return claim, nil
}

// readEnv reads the task's environment, for versions that use any. It is read
// before the job is started: once that is committed nothing may fail, or the job
// would run without anybody who knows of it.
func (k *candidate) readEnv(ctx context.Context, c conn) error {
	if k.env = nil; len(k.version.Permissions.Env) == 0 {
		return nil
	}
	rs, err := c.query(ctx, "SELECT name, sealed FROM task_env WHERE task_id = ?", k.job.TaskID)
	if err != nil {
		return wrap("read environment", err)
	}
	defer rs.Close()
	k.env = map[string][]byte{}
	for rs.Next() {
		var name string
		var sealed []byte
		if err := rs.Scan(&name, &sealed); err != nil {
			return wrap("read environment", err)
		}
		if k.version.Permissions.AllowsEnv(name) {
			k.env[name] = sealed
		}
	}
	return wrap("read environment", rs.Err())
}

// startPlain starts a candidate that nothing stands in the way of, if it is still
// what it was when it was read.
func (s *Store) startPlain(ctx context.Context, k *candidate) (claim *ratchet.Claim, err error) {
	if s.kind == postgres {
		return s.startOne(ctx, k)
	}
	err = s.write(ctx, "start", func(t *tx) error {
		claim, err = s.start(ctx, t, k)
		return err
	})
	return claim, err
}

// start makes the candidate running; nil if it is not waiting with this ticket
// any more.
func (s *Store) start(ctx context.Context, t *tx, k *candidate) (*ratchet.Claim, error) {
	claim := s.newClaim(k)
	n, err := t.exec(ctx, startJob, startArgs(claim, k)...)
	if err != nil || n == 0 {
		return nil, err
	}
	if _, err := t.exec(ctx, insertExecution, executionArgs(claim, k)...); err != nil {
		return nil, err
	}
	t.publish(jobEvent(&claim.Job, claim.Lease.Execution, nil))
	return claim, nil
}

// newClaim is what the claim of the candidate will be.
func (s *Store) newClaim(k *candidate) *ratchet.Claim {
	claim := &ratchet.Claim{Job: k.job, Version: *k.version, Env: k.env, PurgedAt: k.purgedAt}
	j := &claim.Job
	j.State, j.Status, j.Parked = ratchet.JobRunning, ratchet.StatusRunning, ""
	j.VersionDigest = k.version.Digest
	j.Attempts++
	if j.StartedAt.IsZero() {
		j.StartedAt = now()
	}
	claim.Lease = ratchet.Lease{Job: j.ID, Execution: ratchet.NewID[ratchet.Execution](), Attempt: j.Attempts, Node: s.cfg.Node}
	rand.Read(claim.Lease.Token[:])
	return claim
}

// queuedAt is since when the job waits for this attempt.
func queuedAt(j *ratchet.Job) time.Time {
	if j.RunAt.After(j.CreatedAt) {
		return j.RunAt
	}
	return j.CreatedAt
}

// admit starts the job of a ticket unless a pause, a rate or a gate is against it.
func (s *Store) admit(ctx context.Context, t *tx, ticket ratchet.Ticket) (*ratchet.Claim, error) {
	lock := t.dialect().forUpdate()
	if lock != "" {
		lock += " OF jobs"
	}
	k, err := s.candidate(ctx, t, ticket, lock)
	if err != nil || k == nil {
		return nil, err
	}
	switch {
	case !k.task || k.version == nil:
		return nil, s.drop(ctx, t, k, ratchet.Errorf(ratchet.ReasonTaskNotFound, "task %q, or its version %s, was deleted before the job could start", k.job.Task, k.job.VersionDigest))
	case k.allPaused || k.paused:
		reason, err := pauseOf(ctx, t, &k.job)
		if err != nil {
			return nil, err
		}
		if reason != "" {
			return nil, s.park(ctx, t, k, reason)
		}
	}
	if later, err := s.rated(ctx, t, k); later || err != nil {
		return nil, err
	}
	if full, err := s.gated(ctx, t, k); full || err != nil {
		return nil, err
	}
	if err := k.readEnv(ctx, t); err != nil {
		return nil, err
	}
	return s.start(ctx, t, k)
}

// Why jobs are parked; the key of a gate follows its reason.
const (
	parkedAll  = "paused: all"
	parkedTask = "paused: task"
	parkedGate = "concurrency: "
)

// pauseOf returns which pause the job is under; "" if none. On PostgreSQL it keeps
// the pause from being ended until the transaction ends, so that who ends it sees
// the job parked.
func pauseOf(ctx context.Context, t *tx, j *ratchet.Job) (reason string, err error) {
	share := ""
	if t.dialect() == postgres {
		share = " FOR SHARE"
	}
	var all string
	err = t.queryRow(ctx, "SELECT value FROM settings WHERE namespace = ? AND name = 'paused'"+share, namespace).Scan(&all)
	if err != nil && !errors.Is(err, errNoRows) {
		return "", err
	}
	if all == "true" {
		return parkedAll, nil
	}
	var paused bool
	err = t.queryRow(ctx, "SELECT paused FROM tasks WHERE id = ?"+share, j.TaskID).Scan(&paused)
	if errors.Is(err, errNoRows) {
		return "", nil
	}
	if paused {
		reason = parkedTask
	}
	return reason, err
}

// park takes the candidate's place in the queue away. Who ends the reason gives
// it another.
func (s *Store) park(ctx context.Context, t *tx, k *candidate, reason string) error {
	j := &k.job
	_, err := t.exec(ctx, "UPDATE jobs SET state = 'parked', parked = ?, concurrency_key = ?, concurrency_max = ?, holds = ? WHERE id = ?",
		reason, gateKey(j), gateMax(j), false, j.ID)
	if err != nil {
		return err
	}
	j.State, j.Status, j.Parked = ratchet.JobParked, ratchet.JobParked.Status(), reason
	t.publish(jobEvent(j, ratchet.ExecutionID{}, nil))
	if k.holds {
		return leaveGate(ctx, t, gateKey(j))
	}
	return nil
}

// drop ends a job that cannot be run.
func (s *Store) drop(ctx context.Context, t *tx, k *candidate, cause *ratchet.Error) error {
	j := &k.job
	errs, err := errorColumns(cause)
	if err != nil {
		return err
	}
	args := append(errs, nowStamp(), false, j.ID) //nolint:gocritic // a new slice each time
	if _, err := t.exec(ctx, "UPDATE jobs SET state = 'cancelled', error = ?, error_reason = ?, error_message = ?, finished_at = ?, holds = ? WHERE id = ?", args...); err != nil {
		return err
	}
	j.State, j.Status, j.Error = ratchet.JobCancelled, ratchet.StatusCancelled, cause
	t.publish(jobEvent(j, ratchet.ExecutionID{}, cause))
	if err := s.outbox(ctx, t, j); err != nil {
		return err
	}
	if k.holds {
		return leaveGate(ctx, t, gateKey(j))
	}
	return nil
}
