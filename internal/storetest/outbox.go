package storetest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

// webhook is a destination that is told of the ends that on says.
func webhook(name string, on ratchet.DeliverWhen, url string) ratchet.Destination {
	return ratchet.Destination{Type: ratchet.DestinationWebhook, Name: name, On: on, URL: url, Secrets: []ratchet.Secret{"sealed:abc"}}
}

// everyWhen has one destination for each end.
func everyWhen(j *ratchet.Job) {
	j.Destinations = []ratchet.Destination{
		webhook("ok", "", "https://example.com/ok"),
		webhook("no", ratchet.DeliverFailure, "https://example.com/no"),
		webhook("any", ratchet.DeliverAlways, "https://example.org/any"),
	}
}

// operator has destinations for jobs of tasks that are called watched.
func operator(task string) []ratchet.Destination {
	if task != "watched" {
		return nil
	}
	return []ratchet.Destination{
		{Type: ratchet.DestinationStdout, Name: "operator", On: ratchet.DeliverAlways},
		webhook("alarm", ratchet.DeliverFailure, "https://alarm.example/"),
	}
}

// deliveriesOf returns the deliveries of a job, in the order of their making.
func deliveriesOf(t testing.TB, s *sqlstore.Store, id ratchet.JobID) []ratchet.Delivery {
	t.Helper()
	page, err := s.Deliveries(t.Context(), ratchet.Query{Filters: []ratchet.Filter{{Field: "jobId", Values: []string{id.String()}}}, Sort: []ratchet.Sort{{Field: "id"}}})
	check(t, err)
	return page.Items
}

// wantDeliveries fails the test unless the job has deliveries to the destinations
// with these names and no others, all waiting.
func wantDeliveries(t testing.TB, s *sqlstore.Store, how string, id ratchet.JobID, want string) {
	t.Helper()
	var names []string
	for _, d := range deliveriesOf(t, s, id) {
		names = append(names, d.Destination)
		if d.State != ratchet.DeliveryPending || d.Attempts != 0 || d.NextAttemptAt.IsZero() || d.CreatedAt.IsZero() || !d.FinishedAt.IsZero() {
			t.Errorf("%s: got %+v, want it to wait", how, d)
		}
	}
	slices.Sort(names)
	if got := strings.Join(names, " "); got != want {
		t.Errorf("%s: got deliveries %q, want %q", how, got, want)
	}
}

// ends are the ways in which a job comes to its end, each with the name of its
// state. It gets the job that it ends.
func ends() map[string]func(testing.TB, *sqlstore.Store, *ratchet.Job) ratchet.JobState {
	submit := func(t testing.TB, s *sqlstore.Store, j *ratchet.Job) *ratchet.Claim {
		return Claim(t, s, Submit(t, s, j).ID, 1)
	}
	return map[string]func(testing.TB, *sqlstore.Store, *ratchet.Job) ratchet.JobState{
		"completed": func(t testing.TB, s *sqlstore.Store, j *ratchet.Job) ratchet.JobState {
			c := submit(t, s, j)
			finish(t, s, c, Ended(c, `{"a": 1}`, nil))
			return ratchet.JobCompleted
		},
		"completed at a gate": func(t testing.TB, s *sqlstore.Store, j *ratchet.Job) ratchet.JobState {
			j.Concurrency = &ratchet.Concurrency{Key: j.ID.String(), Max: 1}
			c := submit(t, s, j)
			finish(t, s, c, Ended(c, `1`, nil))
			return ratchet.JobCompleted
		},
		"completed by a result that was kept": func(t testing.TB, s *sqlstore.Store, j *ratchet.Job) ratchet.JobState {
			j.Cache, j.Output = ratchet.CacheHit, json.RawMessage(`1`)
			Submit(t, s, j)
			return ratchet.JobCompleted
		},
		"failed": func(t testing.TB, s *sqlstore.Store, j *ratchet.Job) ratchet.JobState {
			c := submit(t, s, j)
			finish(t, s, c, Ended(c, "", threw()))
			return ratchet.JobFailed
		},
		"failed after another attempt": func(t testing.TB, s *sqlstore.Store, j *ratchet.Job) ratchet.JobState {
			c := submit(t, s, j)
			o := Ended(c, "", threw())
			o.RetryAt = time.Now()
			finish(t, s, c, o)
			wantDeliveries(t, s, "retrying", j.ID, "")
			c = Claim(t, s, j.ID, 2)
			finish(t, s, c, Ended(c, "", threw()))
			return ratchet.JobFailed
		},
		"failed by being lost": func(t testing.TB, s *sqlstore.Store, j *ratchet.Job) ratchet.JobState {
			c := submit(t, s, j)
			for n := 2; n <= ratchet.MaxLosses; n++ {
				check(t, s.GiveBack(t.Context(), c.Lease, nil))
				c = Claim(t, s, j.ID, n)
			}
			wantDeliveries(t, s, "not lost often enough", j.ID, "")
			check(t, s.GiveBack(t.Context(), c.Lease, nil))
			return ratchet.JobFailed
		},
		"cancelled while it waits": func(t testing.TB, s *sqlstore.Store, j *ratchet.Job) ratchet.JobState {
			Submit(t, s, j)
			_, err := s.Cancel(t.Context(), j.ID)
			check(t, err)
			_, err = s.Cancel(t.Context(), j.ID)
			check(t, err)
			return ratchet.JobCancelled
		},
		"cancelled while it runs": func(t testing.TB, s *sqlstore.Store, j *ratchet.Job) ratchet.JobState {
			c := submit(t, s, j)
			_, err := s.Cancel(t.Context(), j.ID)
			check(t, err)
			wantDeliveries(t, s, "still running", j.ID, "")
			finish(t, s, c, Ended(c, "", ratchet.Errorf(ratchet.ReasonExecutionCancelled, "cancelled")))
			return ratchet.JobCancelled
		},
		"cancelled and then lost": func(t testing.TB, s *sqlstore.Store, j *ratchet.Job) ratchet.JobState {
			c := submit(t, s, j)
			_, err := s.Cancel(t.Context(), j.ID)
			check(t, err)
			check(t, s.GiveBack(t.Context(), c.Lease, nil))
			return ratchet.JobCancelled
		},
		"cancelled with its version": func(t testing.TB, s *sqlstore.Store, j *ratchet.Job) ratchet.JobState {
			j.VersionDigest = Digest("nowhere")
			if submit(t, s, j) != nil {
				t.Errorf("a job without a version was started")
			}
			return ratchet.JobCancelled
		},
	}
}

// testOutbox: whatever ends a job makes its deliveries, those that the end wants
// and no others, once.
func testOutbox(t *testing.T, fresh func(testing.TB) string) {
	told := make(chan bool, 1000)
	s := Open(t, sqlstore.Config{URL: fresh(t), Destinations: operator, OnDelivery: func() { told <- true }})
	quiet, watched := Task(t, s, "quiet"), Task(t, s, "watched")
	want := map[ratchet.JobState][2]string{
		ratchet.JobCompleted: {"any ok", "operator"},
		ratchet.JobFailed:    {"any no", "alarm operator"},
		ratchet.JobCancelled: {"any", "operator"},
	}
	for name, end := range ends() {
		j := NewJob(quiet)
		state := end(t, s, j)
		wantDeliveries(t, s, name+" without destinations", j.ID, "")
		if len(told) > 0 {
			t.Errorf("%s: a delivery was told of where none was made", name)
		}
		j = NewJob(quiet, everyWhen)
		end(t, s, j)
		wantDeliveries(t, s, name, j.ID, want[state][0])
		if got := wantState(t, s, j.ID, state); len(got.Destinations) != 3 || got.Destinations[0].Secrets[0] != "sealed:abc" {
			t.Errorf("%s: got destinations %+v, want those of the request", name, got.Destinations)
		}
		j = NewJob(watched)
		end(t, s, j)
		wantDeliveries(t, s, name+" under the operator's eyes", j.ID, want[state][1])
		if len(told) == 0 {
			t.Errorf("%s: nobody was told of the deliveries", name)
		}
		for len(told) > 0 {
			<-told
		}
	}
}

// testOutboxIsOneWithTheEnd: a job that does not end makes no delivery, and what
// ends it twice makes none again.
func testOutboxIsOneWithTheEnd(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	at := fresh(t)
	s := Open(t, sqlstore.Config{URL: at})
	task := Task(t, s, "once")
	j := Submit(t, s, NewJob(task, everyWhen))
	c := Claim(t, s, j.ID, 1)
	stale := *c
	stale.Lease.Token[0]++
	_, err := s.Finish(ctx, stale.Lease, Ended(&stale, `1`, nil))
	if err == nil {
		t.Error("a stale lease has finished a job")
	}
	wantDeliveries(t, s, "a stale end", j.ID, "")
	if isPostgres(at) {
		raw(t, at, "ALTER TABLE deliveries ADD CONSTRAINT refused CHECK (destination <> 'any')")
	} else {
		raw(t, at, "CREATE TRIGGER refused BEFORE INSERT ON deliveries WHEN new.destination = 'any' BEGIN SELECT raise(ABORT, 'refused'); END")
	}
	if _, err := s.Finish(ctx, c.Lease, Ended(c, `1`, nil)); err == nil {
		t.Error("a job has ended without its deliveries")
	}
	if got := get(t, s, j.ID); got.State != ratchet.JobRunning {
		t.Errorf("got a job that is %s, want it to run: its deliveries were refused", got.State)
	}
	wantDeliveries(t, s, "a refused end", j.ID, "")
	if isPostgres(at) {
		raw(t, at, "ALTER TABLE deliveries DROP CONSTRAINT refused")
	} else {
		raw(t, at, "DROP TRIGGER refused")
	}
	finish(t, s, c, Ended(c, `1`, nil))
	if _, err := s.Finish(ctx, c.Lease, Ended(c, `1`, nil)); err == nil {
		t.Error("a job was finished twice")
	}
	wantDeliveries(t, s, "the end", j.ID, "any ok")
}

// testOutboxOfBatches: the kept results of a batch, and what a schedule cancels,
// make their deliveries too.
func testOutboxOfBatches(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "batch")
	var list []ratchet.Submission
	for range 70 {
		list = append(list, ratchet.Submission{Job: NewJob(task, everyWhen, func(j *ratchet.Job) { j.Cache, j.Output = ratchet.CacheHit, json.RawMessage(`1`) })})
	}
	list = append(list, ratchet.Submission{Job: NewJob(task, everyWhen)})
	accepted, err := s.Submit(ctx, list)
	check(t, err)
	for i, j := range accepted {
		if i < 70 {
			wantDeliveries(t, s, "a kept result", j.ID, "any ok")
		} else {
			wantDeliveries(t, s, "a job that waits", j.ID, "")
		}
	}
	schedule := newSchedule(task, "nightly")
	schedule.Destinations = []ratchet.Destination{webhook("its", ratchet.DeliverAlways, "https://example.com/")}
	check(t, s.CreateSchedule(ctx, schedule))
	there, err := s.Schedule(ctx, "nightly")
	check(t, err)
	if len(there.Destinations) != 1 || there.Destinations[0].Name != "its" || there.Destinations[0].Secrets[0] != "sealed:abc" {
		t.Errorf("got destinations %+v of a schedule", there.Destinations)
	}
	f := firing(there, task, 0)
	f.Cancel = []ratchet.JobID{accepted[70].ID}
	if fired, err := s.Fire(ctx, f); !fired || err != nil {
		t.Errorf("got %v, %v when a schedule is fired", fired, err)
	}
	wantDeliveries(t, s, "a job that a schedule cancels", accepted[70].ID, "any")
}

// testSweepKeepsWhatIsToBeDelivered: a job is there for as long as its result is
// not delivered.
func testSweepKeepsWhatIsToBeDelivered(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	at := fresh(t)
	s := Open(t, sqlstore.Config{URL: at})
	task := Task(t, s, "swept")
	j := Submit(t, s, NewJob(task, old, everyWhen))
	c := Claim(t, s, j.ID, 1)
	finish(t, s, c, Ended(c, `1`, nil))
	plain := finished(t, s, task, nil)
	keep := ratchet.Retention{Completed: time.Nanosecond, Failed: time.Nanosecond}
	sweep := func(want int, how string) {
		t.Helper()
		if n, err := s.Sweep(ctx, keep, 100); n != want || err != nil {
			t.Errorf("%s: got %d swept, %v, want %d", how, n, err, want)
		}
	}
	sweep(1, "nothing delivered")
	if _, err := s.Job(ctx, plain.ID); err == nil {
		t.Error("the job without destinations was kept")
	}
	due := claimDeliveries(t, s, 10)
	if len(due) != 2 {
		t.Fatalf("got %d deliveries, want 2", len(due))
	}
	sweep(0, "being sent")
	check(t, s.EndDeliveries(ctx, []ratchet.DeliveryEnd{delivered(due[0]), failedFor(due[1], time.Now().Add(time.Hour))}))
	sweep(0, "one waits")
	_, err := s.Redeliver(ctx, due[1].ID)
	check(t, err)
	again := claimDeliveries(t, s, 10)
	check(t, s.EndDeliveries(ctx, []ratchet.DeliveryEnd{failedFor(again[0], time.Time{})}))
	sweep(1, "all at their end")
	for _, rows := range []string{"jobs", "executions", "deliveries", "delivery_receipts"} {
		if n := raw(t, at, "SELECT count(*) FROM "+rows); n != 0 {
			t.Errorf("got %d rows of %s, want none", n, rows)
		}
	}
}

// claimDeliveries claims so many deliveries.
func claimDeliveries(t testing.TB, s *sqlstore.Store, most int, except ...string) []ratchet.DueDelivery {
	t.Helper()
	due, err := s.ClaimDeliveries(context.WithoutCancel(t.Context()), most, except)
	check(t, err)
	return due
}

// delivered is the end of an attempt that was taken.
func delivered(d ratchet.DueDelivery) ratchet.DeliveryEnd {
	return ratchet.DeliveryEnd{ID: d.ID, Token: d.Token, State: ratchet.DeliveryDelivered, Receipt: ratchet.Receipt{At: time.Now(), Duration: 12, Status: 204, Bytes: 3, Response: "thanks\x00"}}
}

// failedFor is the end of an attempt that is repeated at a time, or never.
func failedFor(d ratchet.DueDelivery, until time.Time) ratchet.DeliveryEnd {
	e := delivered(d)
	e.State, e.NextAt = ratchet.DeliveryPending, until
	if until.IsZero() {
		e.State = ratchet.DeliveryFailed
	}
	e.Receipt.Status, e.Receipt.Error = 503, ratchet.Errorf(ratchet.ReasonNetwork, "it does not want to")
	return e
}
