package sqlstore_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

func exec(t *testing.T, s *sqlstore.Store, sql string, args ...any) {
	t.Helper()
	if err := s.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// Each kind of damage is found, repaired if it can be, and then not found again.
func TestCheckFindsAndRepairs(t *testing.T) {
	t.Parallel()
	gated := func(j *ratchet.Job) { j.Concurrency = &ratchet.Concurrency{Key: "k", Max: 1} }
	type planted struct {
		plant   func(t *testing.T, s *sqlstore.Store, task *ratchet.Task) (subject string)
		message string
		lasting bool // no repair
		state   ratchet.JobState
	}
	damage := map[string]planted{
		"ticket gone": {
			plant: func(t *testing.T, s *sqlstore.Store, task *ratchet.Task) string {
				j := storetest.Submit(t, s, storetest.NewJob(task))
				exec(t, s, "DELETE FROM river_job")
				return j.ID.String()
			}, message: "no place in the queue", state: ratchet.JobQueued,
		},
		"ticket of another number": {
			plant: func(t *testing.T, s *sqlstore.Store, task *ratchet.Task) string {
				j := storetest.Submit(t, s, storetest.NewJob(task))
				exec(t, s, "UPDATE jobs SET ticket = 7 WHERE id = ?", j.ID)
				return j.ID.String()
			}, message: "no place in the queue", state: ratchet.JobQueued,
		},
		"scheduled ticket gone": {
			plant: func(t *testing.T, s *sqlstore.Store, task *ratchet.Task) string {
				j := storetest.Submit(t, s, storetest.NewJob(task, func(j *ratchet.Job) { j.RunAt = time.Now().Add(time.Hour) }))
				exec(t, s, "DELETE FROM river_job")
				return j.ID.String()
			}, message: "no place in the queue", state: ratchet.JobScheduled,
		},
		"parked for no reason": {
			plant: func(t *testing.T, s *sqlstore.Store, task *ratchet.Task) string {
				j := storetest.Submit(t, s, storetest.NewJob(task))
				exec(t, s, "UPDATE jobs SET state = 'parked' WHERE id = ?", j.ID)
				return j.ID.String()
			}, message: "for no reason", state: ratchet.JobQueued,
		},
		"reason without being parked": {
			plant: func(t *testing.T, s *sqlstore.Store, task *ratchet.Task) string {
				j := storetest.Submit(t, s, storetest.NewJob(task))
				exec(t, s, "UPDATE jobs SET parked = 'paused: all' WHERE id = ?", j.ID)
				return j.ID.String()
			}, message: "reason to be parked", state: ratchet.JobQueued,
		},
		"running without a lease": {
			plant: func(t *testing.T, s *sqlstore.Store, task *ratchet.Task) string {
				j := storetest.Submit(t, s, storetest.NewJob(task))
				exec(t, s, "UPDATE jobs SET state = 'running' WHERE id = ?", j.ID)
				return j.ID.String()
			}, message: "nobody has its lease", state: ratchet.JobQueued,
		},
		"unknown state": {
			plant: func(t *testing.T, s *sqlstore.Store, task *ratchet.Task) string {
				j := storetest.Submit(t, s, storetest.NewJob(task))
				exec(t, s, "UPDATE jobs SET state = 'dreaming' WHERE id = ?", j.ID)
				return j.ID.String()
			}, message: "not known", state: "dreaming", lasting: true,
		},
		"finished without a time": {
			plant: func(t *testing.T, s *sqlstore.Store, task *ratchet.Task) string {
				j := storetest.Submit(t, s, storetest.NewJob(task))
				exec(t, s, "UPDATE jobs SET state = 'failed' WHERE id = ?", j.ID)
				return j.ID.String()
			}, message: "not since when", state: ratchet.JobFailed,
		},
		"execution without a job": {
			plant: func(t *testing.T, s *sqlstore.Store, task *ratchet.Task) string {
				j := storetest.Submit(t, s, storetest.NewJob(task))
				c := storetest.Claim(t, s, j.ID, 1)
				exec(t, s, "DELETE FROM jobs WHERE id = ?", j.ID)
				return c.Lease.Execution.String()
			}, message: "its job is not there",
		},
		"execution that runs beside its job": {
			plant: func(t *testing.T, s *sqlstore.Store, task *ratchet.Task) string {
				j := storetest.Submit(t, s, storetest.NewJob(task))
				c := storetest.Claim(t, s, j.ID, 1)
				if _, err := s.Finish(t.Context(), c.Lease, storetest.Ended(c, "1", nil)); err != nil {
					t.Fatal(err)
				}
				exec(t, s, "UPDATE executions SET state = 'running', finished_at = NULL")
				return c.Lease.Execution.String()
			}, message: "it is lost",
		},
		"gate that counts too many": {
			plant: func(t *testing.T, s *sqlstore.Store, task *ratchet.Task) string {
				j := storetest.Submit(t, s, storetest.NewJob(task, gated))
				storetest.Claim(t, s, j.ID, 1)
				exec(t, s, "UPDATE gates SET running = 5")
				return "gate k"
			}, message: "it counts 5 jobs inside, there are 1",
		},
		"gate that nobody opened": {
			plant: func(t *testing.T, s *sqlstore.Store, task *ratchet.Task) string {
				first := storetest.Submit(t, s, storetest.NewJob(task, gated))
				storetest.Claim(t, s, first.ID, 1)
				second := storetest.Submit(t, s, storetest.NewJob(task, gated))
				storetest.Claim(t, s, second.ID, 1) // parks it
				exec(t, s, "UPDATE jobs SET state = 'completed', output = '1', holds = (1 = 0), finished_at = 1 WHERE id = ?", first.ID)
				exec(t, s, "UPDATE executions SET state = 'completed', finished_at = 1")
				exec(t, s, "UPDATE gates SET running = 0")
				return "gate k"
			}, message: "others wait",
		},
		"archive gone": {
			plant: func(t *testing.T, s *sqlstore.Store, task *ratchet.Task) string {
				exec(t, s, "DELETE FROM blobs")
				return "task " + task.Name
			}, message: "archive", lasting: true,
		},
		"newest version gone": {
			plant: func(t *testing.T, s *sqlstore.Store, task *ratchet.Task) string {
				exec(t, s, "DELETE FROM versions")
				return "task " + task.Name
			}, message: "newest version", lasting: true,
		},
	}
	onEach(t, func(t *testing.T, s *sqlstore.Store) {
		for name, c := range damage {
			t.Run(name, func(t *testing.T) {
				for _, table := range []string{"river_job", "executions", "jobs", "gates", "tasks", "blobs"} {
					exec(t, s, "DELETE FROM "+table)
				}
				subject := c.plant(t, s, storetest.Task(t, s, "a"))
				for _, step := range []struct{ repair, found, repaired bool }{{false, true, false}, {true, true, !c.lasting}, {true, c.lasting, false}} {
					all, err := s.Check(t.Context(), step.repair)
					if err != nil {
						t.Fatal(err)
					}
					if !step.found {
						if len(all) != 0 {
							t.Errorf("after the repair: got %+v, want nothing", all)
						}
						continue
					}
					i := slices.IndexFunc(all, func(f sqlstore.Finding) bool {
						return f.Subject == subject && strings.Contains(f.Message, c.message)
					})
					if i < 0 || all[i].Repaired != step.repaired || len(all) != 1 {
						t.Errorf("repair %v: got %+v, want one of %s, %q, repaired: %v", step.repair, all, subject, c.message, step.repaired)
					}
				}
				if c.state != "" {
					wantState(t, s, subject, c.state)
				}
			})
		}
	})
}

func wantState(t *testing.T, s *sqlstore.Store, job string, want ratchet.JobState) {
	t.Helper()
	id, err := ratchet.ParseID[ratchet.Job](job)
	if err != nil {
		t.Fatal(err)
	}
	if j, err := s.Job(t.Context(), id); err != nil || j.State != want {
		t.Errorf("got %+v, %v, want it %s", j, err, want)
	}
}

// What a repair puts back into the queue runs.
func TestRepairedJobRuns(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *sqlstore.Store) {
		j := storetest.Submit(t, s, storetest.NewJob(storetest.Task(t, s, "a")))
		exec(t, s, "DELETE FROM river_job")
		if _, err := s.Check(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if c := storetest.Claim(t, s, j.ID, 1); c != nil {
			t.Error("the lost ticket is still good")
		}
		if c := storetest.Claim(t, s, j.ID, 2); c == nil {
			t.Error("the new ticket is not good")
		}
	})
}
