package dispatch_test

import (
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/dispatch"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

func TestAStoppingServerHandsBackWhatDoesNotEndInTime(t *testing.T) {
	t.Parallel()
	s, g := newServer(t), newGate(t)
	d, stop := s.start(nil, dispatch.Config{SoftStop: 300 * time.Millisecond})
	long := s.register("long", visitor, `, "timeout": "5m"`)
	short := s.register("short", `async () => { console.log("here"); await new Promise((r) => setTimeout(r, 100)); return "done"; }`, "")
	sub := s.hub.Subscribe(stream.Filter{Types: []ratchet.EventType{ratchet.EventLog}})
	defer sub.Close()
	slow, quick := s.submit(long, g.visit(), nil), s.submit(short, `null`, nil)
	next(t, sub)
	next(t, sub)
	g.await()
	stop()
	job := s.reach(slow, ratchet.JobQueued)
	if job.Attempts != 0 || job.Losses != 1 {
		t.Errorf("got %d attempts, %d losses; want 0, 1: a stop burns no attempt", job.Attempts, job.Losses)
	}
	if list := s.executions(slow); list[0].State != ratchet.ExecutionLost || len(list[0].Logs) != 1 {
		t.Errorf("got an execution %s with the log %v, want it lost and its log kept", list[0].State, list[0].Logs)
	}
	s.reach(quick, ratchet.JobCompleted)
	if got := d.Stats(); got.HandedBack != 1 || got.Completed != 1 || got.Running != 0 {
		t.Errorf("got %+v", got)
	}
	waiting := s.submit(short, `null`, nil)
	s.start(nil, dispatch.Config{})
	s.reach(slow, ratchet.JobCompleted)
	s.reach(waiting, ratchet.JobCompleted)
}

func TestWhatAKilledServerRanIsRecoveredByTheNextStart(t *testing.T) {
	t.Parallel()
	s, g := newServer(t), newGate(t)
	d, stop := s.start(nil, dispatch.Config{})
	task := s.register("long", visitor, `, "timeout": "5m"`)
	id := s.submit(task, g.visit(), nil)
	g.await()
	d.Kill()
	stop()
	if job, err := s.store.Job(t.Context(), id); err != nil || job.State != ratchet.JobRunning {
		t.Fatalf("got %+v, %v; want nothing written", job, err)
	}
	again, _ := s.start(nil, dispatch.Config{})
	if job := s.reach(id, ratchet.JobCompleted); job.Losses != 1 || job.Attempts != 1 {
		t.Errorf("got %d attempts, %d losses; want 1, 1", job.Attempts, job.Losses)
	}
	if got := again.Stats().Rescued; got != 1 {
		t.Errorf("got %d rescued, want 1", got)
	}
}

func TestAnOutcomeWhoseLeaseIsLostIsRefusedAndCounted(t *testing.T) {
	t.Parallel()
	s, g := newServer(t), newGate(t)
	task := s.register("visitor", visitor, "")
	d, _ := s.start(nil, dispatch.Config{})
	id := s.submit(task, g.visit(), nil)
	g.await()
	// Another node takes it away, as from one that was thought dead.
	if n, err := s.store.Recover(t.Context()); err != nil || n != 1 {
		t.Fatalf("recovered %d, %v", n, err)
	}
	job := s.reach(id, ratchet.JobCompleted)
	if string(job.Output) != `"visitor 2"` {
		t.Errorf("got %s, want the second attempt's", job.Output)
	}
	g.release()
	eventually(t, "the first outcome is refused", func() bool { return d.Stats().Stale == 1 })
	if job := s.reach(id, ratchet.JobCompleted); string(job.Output) != `"visitor 2"` || d.Stats().Completed != 1 {
		t.Errorf("got %s, %+v", job.Output, d.Stats())
	}
}
