package sqlstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A Finding is something in the database that should not be so.
type Finding struct {
	Subject  string `json:"subject"` // "job_…", "execution_…", a gate, a task, or the file
	Message  string `json:"message"`
	Repaired bool   `json:"repaired"`
}

// A checker looks for one kind of finding and, if it may, repairs what it finds.
type checker struct {
	store    *Store
	repair   bool
	findings []Finding
}

// Check looks for what should not be so: damage, jobs that wait without a ticket,
// states that contradict what is beside them, executions without a job, gates that
// are counted wrongly, and results that are not on their way. With repair it also puts right what can be.
func (s *Store) Check(ctx context.Context, repair bool) ([]Finding, error) {
	c := &checker{store: s, repair: repair}
	steps := []func(context.Context) error{c.file, c.states, c.executions, c.tickets, c.gates, c.tasks, c.deliveries}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return c.findings, wrap("check the database", err)
		}
	}
	return c.findings, nil
}

func (c *checker) found(subject, message string, repaired bool) {
	c.findings = append(c.findings, Finding{subject, message, repaired})
}

// file checks a SQLite file itself. Damage is not repaired: a backup is.
func (c *checker) file(ctx context.Context) error {
	if c.store.kind != sqlite {
		return nil
	}
	damage, err := damageOf(ctx, c.store.ro, "integrity_check")
	for _, line := range damage {
		c.found(c.store.file, line+": restore a backup", false)
	}
	if err != nil {
		return err
	}
	broken, err := column1[string](ctx, c.store.reader(), `SELECT "table" || ' refers to a row of ' || parent || ' that is not there' FROM pragma_foreign_key_check`)
	for _, line := range broken {
		c.found(c.store.file, line, false)
	}
	return err
}

// An anomaly is a condition that no job should meet, and what is done about one
// that does.
type anomaly struct {
	where, message string
	set            string // what a repair writes; none: it cannot be repaired
	ticket         bool   // the repair needs a place in the queue too
}

func anomalies() []anomaly {
	known := "'" + strings.Join(stateWords(), "', '") + "'"
	return []anomaly{
		{where: "state NOT IN (" + known + ")", message: "its state is not known"},
		{
			where: "state = 'parked' AND parked = ''", message: "it is parked for no reason: it goes back to the queue",
			set: "state = 'queued', ticket = ticket + 1", ticket: true,
		},
		{where: "state <> 'parked' AND parked <> ''", message: "it has a reason to be parked, but is not", set: "parked = ''"},
		{
			where: "state = 'running' AND (lease IS NULL OR node IS NULL OR execution_id IS NULL)", message: "it runs, but nobody has its lease: it goes back to the queue",
			set: "state = 'queued', lease = NULL, node = NULL, execution_id = NULL, losses = losses + 1, attempts = CASE WHEN attempts > 0 THEN attempts - 1 ELSE 0 END, ticket = ticket + 1", ticket: true,
		},
		{
			where: "state IN (" + finishedStates() + ") AND finished_at IS NULL", message: "it is finished, but not since when",
			set: "finished_at = coalesce(started_at, created_at)",
		},
		{where: "state IN (" + unfinishedStates() + ") AND finished_at IS NOT NULL", message: "it is not finished, but has a time of that", set: "finished_at = NULL"},
		{where: "state = 'completed' AND output IS NULL", message: "it is completed, but its output is not there"},
		{where: "holds AND state NOT IN ('running', 'queued')", message: "it holds a place of a gate, but cannot be inside", set: "holds = (1 = 0)"},
	}
}

func stateWords() (all []string) {
	for _, state := range ratchet.JobStates() {
		all = append(all, string(state))
	}
	return all
}

func (c *checker) states(ctx context.Context) error {
	for _, a := range anomalies() {
		ids, err := column1[ratchet.JobID](ctx, c.store.reader(), "SELECT id FROM jobs WHERE "+a.where+" ORDER BY id")
		if err != nil {
			return err
		}
		for _, id := range ids {
			repaired, err := c.mend(ctx, id, a)
			if err != nil {
				return err
			}
			c.found(id.String(), a.message, repaired)
		}
	}
	return nil
}

// mend repairs one job, unless it has changed since.
func (c *checker) mend(ctx context.Context, id ratchet.JobID, a anomaly) (repaired bool, err error) {
	if !c.repair || a.set == "" {
		return false, nil
	}
	err = c.store.write(ctx, "repair job", func(tx *tx) error {
		n, err := tx.exec(ctx, "UPDATE jobs SET "+a.set+" WHERE id = ? AND "+a.where, id)
		repaired = n > 0
		if err != nil || n == 0 || !a.ticket {
			return err
		}
		return enqueueAgain(ctx, tx, id)
	})
	return repaired, err
}

// enqueueAgain adds the ticket that a job says is the good one.
func enqueueAgain(ctx context.Context, tx *tx, id ratchet.JobID) error {
	ticket := ratchet.Ticket{Job: id}
	var at time.Time
	var priority ratchet.Priority
	err := tx.queryRow(ctx, "SELECT ticket, CASE WHEN state = 'queued' THEN reserved_at ELSE run_at END, priority FROM jobs WHERE id = ?", id).
		Scan(&ticket.Number, scanTime{&at}, scanInt[ratchet.Priority]{&priority})
	if err != nil {
		return err
	}
	return tx.enqueue(ctx, ticket, at, priority)
}

// executions checks that each belongs to a job, and that those which run are the
// job's attempt.
func (c *checker) executions(ctx context.Context) error {
	kinds := []struct{ where, message, repair string }{
		{
			"NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = executions.job_id)", "its job is not there",
			"DELETE FROM executions",
		},
		{
			"state IN ('pending', 'running') AND EXISTS (SELECT 1 FROM jobs WHERE jobs.id = executions.job_id AND NOT (jobs.state = 'running' AND coalesce(jobs.execution_id = executions.id, 1 = 0)))",
			"it runs, but its job does not: it is lost",
			fmt.Sprintf("UPDATE executions SET state = 'lost', finished_at = %d", now().UnixMicro()),
		},
	}
	for _, k := range kinds {
		ids, err := column1[ratchet.ExecutionID](ctx, c.store.reader(), "SELECT id FROM executions WHERE "+k.where+" ORDER BY id")
		if err != nil {
			return err
		}
		for _, id := range ids {
			var n int64
			if c.repair {
				err := c.store.write(ctx, "repair execution", func(tx *tx) (err error) {
					n, err = tx.exec(ctx, k.repair+" WHERE id = ? AND "+k.where, id)
					return err
				})
				if err != nil {
					return err
				}
			}
			c.found(id.String(), k.message, n > 0)
		}
	}
	return nil
}

// ticketless selects the jobs that wait without the ticket that they say is the
// good one. It is one statement, so that it sees both at one moment.
func ticketless(d dialect) string {
	job, number := "unhex(json_extract(args, '$.job'), '-')", "json_extract(args, '$.number')"
	if d == postgres {
		job, number = "CAST(args->>'job' AS uuid)", "CAST(args->>'number' AS bigint)"
	}
	return "SELECT id, ticket FROM jobs WHERE state IN " + waitingStates + " EXCEPT SELECT " + job + ", " + number +
		" FROM river_job WHERE kind = 'execution' AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')"
}

// tickets checks that each job that waits has its ticket.
func (c *checker) tickets(ctx context.Context) error {
	lost, err := ticketsOf(ctx, c.store.reader(), ticketless(c.store.kind))
	if err != nil {
		return err
	}
	for _, t := range lost {
		repaired, err := c.reissue(ctx, t)
		if err != nil {
			return err
		}
		c.found(t.Job.String(), "it waits, but has no place in the queue: it gets one", repaired)
	}
	return nil
}

func ticketsOf(ctx context.Context, c conn, sql string) (all []ratchet.Ticket, err error) {
	rs, err := c.query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	for rs.Next() {
		var t ratchet.Ticket
		if err := rs.Scan(&t.Job, &t.Number); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, rs.Err()
}

// reissue gives a job another ticket, if it still waits for the one that is gone.
func (c *checker) reissue(ctx context.Context, t ratchet.Ticket) (done bool, err error) {
	if !c.repair {
		return false, nil
	}
	err = c.store.write(ctx, "reissue ticket", func(tx *tx) error {
		n, err := tx.exec(ctx, "UPDATE jobs SET ticket = ticket + 1 WHERE id = ? AND ticket = ? AND state IN "+waitingStates, t.Job, t.Number)
		done = n > 0
		if err != nil || !done {
			return err
		}
		return enqueueAgain(ctx, tx, t.Job)
	})
	return done, err
}

// gates checks that as many jobs are inside each gate as it says.
func (c *checker) gates(ctx context.Context) error {
	keys, err := column1[string](ctx, c.store.reader(), `SELECT key FROM gates WHERE running <> (SELECT count(*) FROM jobs WHERE concurrency_key = gates.key AND concurrency_key <> '' AND holds)
		UNION SELECT concurrency_key FROM jobs WHERE concurrency_key <> '' AND holds AND NOT EXISTS (SELECT 1 FROM gates WHERE key = concurrency_key)
		UNION SELECT concurrency_key FROM jobs WHERE concurrency_key <> '' AND state = 'parked' AND parked = 'concurrency: ' || concurrency_key
			AND concurrency_max > coalesce((SELECT running FROM gates WHERE key = concurrency_key), 0)`)
	if err != nil {
		return err
	}
	for _, key := range keys {
		message, err := c.recount(ctx, key)
		if err != nil {
			return err
		}
		if message != "" {
			c.found("gate "+key, message, c.repair)
		}
	}
	return nil
}

// recount counts who is inside a gate while nobody enters or leaves. What is
// wrong is empty if nothing is.
func (c *checker) recount(ctx context.Context, key string) (wrong string, err error) {
	err = c.store.write(ctx, "recount gate", func(tx *tx) error {
		said, err := lockGate(ctx, tx, key)
		if err != nil {
			return err
		}
		var inside int
		if err := tx.queryRow(ctx, "SELECT count(*) FROM jobs WHERE concurrency_key = ? AND concurrency_key <> '' AND holds", key).Scan(&inside); err != nil {
			return err
		}
		next, places, err := firstParked(ctx, tx, key)
		switch {
		case err != nil:
			return err
		case said != inside:
			wrong = fmt.Sprintf("it counts %d jobs inside, there are %d", said, inside)
		case next != nil && inside < places:
			wrong = fmt.Sprintf("it has places for %d jobs and %d inside, but others wait", places, inside)
		default:
			wrong = ""
		}
		if wrong == "" || !c.repair {
			return nil
		}
		return handOn(ctx, tx, key, said, inside)
	})
	return wrong, err
}

// tasks checks that each task has its newest version, and each version its
// archive.
func (c *checker) tasks(ctx context.Context) error {
	checks := []struct{ sql, message string }{
		{"SELECT name FROM tasks WHERE NOT EXISTS (SELECT 1 FROM versions WHERE versions.task_id = tasks.id AND versions.digest = tasks.version_digest) ORDER BY name", "its newest version is not there: register it again"},
		{"SELECT DISTINCT name FROM tasks JOIN versions ON versions.task_id = tasks.id WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.digest = versions.digest) ORDER BY name", "the archive of one of its versions is not there: register it again"},
	}
	for _, check := range checks {
		names, err := column1[string](ctx, c.store.reader(), check.sql)
		if err != nil {
			return err
		}
		for _, name := range names {
			c.found("task "+name, check.message, false)
		}
	}
	return nil
}
