package sqlstore_test

import (
	"errors"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

// steps are what may happen.
func (m *machine) steps() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"":             m.compare,
		"submit":       m.submit,
		"claim":        m.claim,
		"claim too":    m.claim, // most of what happens
		"and claim":    m.claim,
		"submit too":   m.submit,
		"finish":       m.finish,
		"give back":    m.giveBack,
		"write late":   m.writeLate,
		"cancel":       m.cancel,
		"hasten":       m.hasten,
		"pause a task": m.pauseTask,
		"pause all":    m.pauseAll,
		"crash":        m.crash,
		"go adrift":    m.adrift,
		"deliver":      m.claimDeliveries,
		"delivered":    m.endDelivery,
		"deliver late": m.endLate,
		"redeliver":    m.redeliver,
	}
}

// of draws one of the jobs that are in a state.
func (m *machine) of(rt *rapid.T, is func(*modelJob) bool) *modelJob {
	some := slices.DeleteFunc(slices.Clone(m.jobs), func(j *modelJob) bool { return !is(j) })
	if len(some) == 0 {
		rt.Skip("there is none")
	}
	return some[rapid.IntRange(0, len(some)-1).Draw(rt, "job")]
}

func runs(j *modelJob) bool { return j.lease != nil }

func (m *machine) submit(rt *rapid.T) {
	if len(m.jobs) >= 12 {
		rt.Skip("there are enough")
	}
	j := &modelJob{
		task:     rapid.IntRange(0, 1).Draw(rt, "task"),
		priority: rapid.SampledFrom(ratchet.Priorities()).Draw(rt, "priority"),
		key:      rapid.SampledFrom([]string{"", "x", "x", "x", "y"}).Draw(rt, "gate"),
		state:    ratchet.JobQueued, ticket: 1,
	}
	j.places = gates()[j.key]
	accepted := storetest.Submit(m.t, m.store, storetest.NewJob(m.tasks[j.task], func(job *ratchet.Job) {
		job.Priority, job.Destinations = j.priority, destined(rt, j)
		if j.key != "" {
			job.Concurrency = &ratchet.Concurrency{Key: j.key, Max: j.places}
		}
		if rapid.IntRange(0, 3).Draw(rt, "later") == 0 {
			job.RunAt, j.state = time.Now().Add(time.Hour), ratchet.JobScheduled
		}
	}))
	j.id = accepted.ID
	m.jobs = append(m.jobs, j)
}

// claim takes a ticket out of the queue, the good one or one of before.
func (m *machine) claim(rt *rapid.T) {
	j := m.of(rt, func(j *modelJob) bool { return j.waits() || rapid.IntRange(0, 5).Draw(rt, "any") == 0 })
	number := j.ticket - rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(rt, "old")
	exec(m.t, m.store, "DELETE FROM river_job WHERE "+m.ticketOf(), j.id.UUID(), number)
	c, err := m.store.Claim(m.ctx(), ratchet.Ticket{Job: j.id, Number: number})
	if err != nil {
		rt.Fatal(err)
	}
	starts := false
	switch {
	case !j.waits() || number != j.ticket:
	case m.allPaused:
		j.state, j.parked = ratchet.JobParked, "paused: all"
		m.release(j)
	case m.paused[j.task]:
		j.state, j.parked = ratchet.JobParked, "paused: task"
		m.release(j)
	case j.key != "" && !j.holds && m.inside(j.key) >= j.places:
		j.state, j.parked = ratchet.JobParked, "concurrency: "+j.key
	default:
		starts = true
		j.state, j.lease, j.holds = ratchet.JobRunning, c, j.key != ""
		j.attempts++
	}
	if starts != (c != nil) || starts && (c.Lease.Attempt != j.attempts || c.Job.ID != j.id) {
		rt.Fatalf("got claim %+v of a job that is %s now", c, j.state)
	}
}

func (m *machine) finish(rt *rapid.T) {
	j := m.of(rt, runs)
	how := rapid.SampledFrom([]ratchet.JobState{ratchet.JobCompleted, ratchet.JobFailed, ratchet.JobRetrying, ratchet.JobCancelled}).Draw(rt, "how")
	var cause *ratchet.Error
	switch how {
	case ratchet.JobCompleted:
		j.completed++
	case ratchet.JobCancelled:
		cause = ratchet.Errorf(ratchet.ReasonExecutionCancelled, "stopped")
	default:
		cause = ratchet.Errorf(ratchet.ReasonExecutionFailed, "it threw")
	}
	o := storetest.Ended(j.lease, `1`, cause)
	if how == ratchet.JobRetrying {
		o.RetryAt = time.Now().Add(time.Hour)
	}
	got, err := m.store.Finish(m.ctx(), j.lease.Lease, o)
	if j.state = how; j.asked && how != ratchet.JobCompleted {
		j.state = ratchet.JobCancelled
	}
	if err != nil || got.State != j.state {
		rt.Fatalf("got %+v, %v, want it %s", got, err, j.state)
	}
	if j.state == ratchet.JobRetrying {
		j.ticket++
	}
	j.past, j.lease = append(j.past, j.lease), nil
	m.release(j)
}

func (m *machine) giveBack(rt *rapid.T) {
	j := m.of(rt, runs)
	if err := m.store.GiveBack(m.ctx(), j.lease.Lease, nil); err != nil {
		rt.Fatal(err)
	}
	m.lose(j)
}

// writeLate writes the outcome of an attempt whose lease is gone.
func (m *machine) writeLate(rt *rapid.T) {
	j := m.of(rt, func(j *modelJob) bool { return len(j.past) > 0 })
	c := j.past[rapid.IntRange(0, len(j.past)-1).Draw(rt, "lease")]
	before := m.store.Stale()
	if rapid.Bool().Draw(rt, "give back") {
		isStale(rt, m.store.GiveBack(m.ctx(), c.Lease, nil))
	} else {
		_, err := m.store.Finish(m.ctx(), c.Lease, storetest.Ended(c, `"late"`, nil))
		isStale(rt, err)
	}
	if n := m.store.Stale() - before; n != 1 {
		rt.Errorf("it was counted %d times", n)
	}
}

func (m *machine) cancel(rt *rapid.T) {
	j := m.of(rt, func(*modelJob) bool { return true })
	_, err := m.store.Cancel(m.ctx(), j.id)
	ended := j.state == ratchet.JobCompleted || j.state == ratchet.JobFailed
	if ended != errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonExecutionInvalidState}) || !ended && err != nil {
		rt.Errorf("got %v when a job is cancelled that is %s", err, j.state)
	}
	switch {
	case j.state.Terminal():
	case runs(j):
		j.asked = true
	default:
		j.state, j.parked, j.asked = ratchet.JobCancelled, "", true
		j.ticket++
		m.release(j)
	}
}

func (m *machine) hasten(rt *rapid.T) {
	j := m.of(rt, func(j *modelJob) bool { return j.state != ratchet.JobQueued })
	may := j.state == ratchet.JobScheduled || j.state == ratchet.JobRetrying
	if _, err := m.store.Hasten(m.ctx(), j.id); may != (err == nil) {
		rt.Errorf("got %v when a job is hastened that is %s", err, j.state)
	}
	if may {
		j.state = ratchet.JobQueued
		j.ticket++
	}
}

func (m *machine) pauseTask(rt *rapid.T) {
	i, paused := rapid.IntRange(0, 1).Draw(rt, "task"), rapid.IntRange(0, 3).Draw(rt, "paused") == 0
	if _, err := m.store.ChangeTask(m.ctx(), m.tasks[i].ID, ratchet.TaskChange{Paused: &paused}); err != nil {
		rt.Fatal(err)
	}
	if m.paused[i] = paused; !paused {
		m.resume("paused: task", i)
	}
}

func (m *machine) pauseAll(rt *rapid.T) {
	m.allPaused = rapid.IntRange(0, 3).Draw(rt, "paused") == 0
	if err := m.store.SetPaused(m.ctx(), m.allPaused); err != nil {
		rt.Fatal(err)
	}
	if !m.allPaused {
		m.resume("paused: all", -1)
	}
}

// running are the jobs that are at work.
func (m *machine) running() []*modelJob {
	return slices.DeleteFunc(slices.Clone(m.jobs), func(j *modelJob) bool { return !runs(j) })
}

// crash ends the process, as far as the store can tell, and starts the next. With
// PostgreSQL another node finds this one silent.
func (m *machine) crash(rt *rapid.T) {
	lost := m.running()
	if m.postgres() {
		if err := m.store.Beat(m.ctx(), ratchet.Node{ID: m.store.Node(), StartedAt: time.Now()}); err != nil {
			rt.Fatal(err)
		}
		exec(m.t, m.store, "UPDATE nodes SET beat_at = beat_at - 60000000")
	}
	m.close()
	m.open()
	n, err := m.store.Recover(m.ctx())
	if m.postgres() {
		n, err = m.store.Rescue(m.ctx(), ratchet.NodeDead)
	}
	if n != len(lost) || err != nil {
		rt.Fatalf("got %d recovered, %v, want %d", n, err, len(lost))
	}
	m.lose(lost...)
	m.recoverDeliveries(rt)
}

// adrift forgets some of what runs.
func (m *machine) adrift(rt *rapid.T) {
	var held []ratchet.ExecutionID
	var lost []*modelJob
	for _, j := range m.running() {
		if rapid.Bool().Draw(rt, "held") {
			held = append(held, j.lease.Lease.Execution)
		} else {
			lost = append(lost, j)
		}
	}
	if n, err := m.store.Adrift(m.ctx(), held, 0); n != len(lost) || err != nil {
		rt.Fatalf("got %d given back, %v, want %d", n, err, len(lost))
	}
	m.lose(lost...)
}
