package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

// runDeliveries runs the tests of deliveries and hooks.
func runDeliveries(t *testing.T, fresh func(testing.TB) string) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, func(testing.TB) string){
		"each end of a job makes its deliveries":      testOutbox,
		"an end and its deliveries are one":           testOutboxIsOneWithTheEnd,
		"batches and schedules make deliveries":       testOutboxOfBatches,
		"what is to be delivered is not swept":        testSweepKeepsWhatIsToBeDelivered,
		"a delivery's life":                           testDeliveryLife,
		"a delivery without its lease is not written": testStaleDelivery,
		"each lane gets its share":                    testLanes,
		"a destination that is gone gets no more":     testGone,
		"redeliver": testRedeliver,
		"deliveries of a dead server are sent again":    testStranded,
		"deliveries are listed":                         testDeliveryLists,
		"deliveries are claimed once by many":           testDeliveryClaims,
		"hooks":                                         testHooks,
		"the check finds what is wrong with deliveries": testDeliveryCheck,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh)
		})
	}
}

// ended submits a job with destinations and completes it.
func ended(t testing.TB, s *sqlstore.Store, task *ratchet.Task, to ...ratchet.Destination) *ratchet.Job {
	t.Helper()
	j := Submit(t, s, NewJob(task, func(j *ratchet.Job) { j.Destinations = to }))
	c := Claim(t, s, j.ID, 1)
	return finish(t, s, c, Ended(c, `{"sum": 3}`, nil))
}

func getDelivery(t testing.TB, s *sqlstore.Store, id ratchet.DeliveryID) *ratchet.Delivery {
	t.Helper()
	d, err := s.Delivery(t.Context(), id)
	check(t, err)
	return d
}

func testDeliveryLife(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	var said recorder
	s := Open(t, sqlstore.Config{URL: fresh(t), Publish: said.publish})
	task := Task(t, s, "sum")
	if at, err := s.NextDelivery(ctx, nil); !at.IsZero() || err != nil {
		t.Errorf("got the next one at %v, %v, want none", at, err)
	}
	to := webhook("them", "", "https://example.com/a?b=c")
	to.Timeout, to.Headers = ratchet.Duration(time.Second), map[string]string{"X-A": "b"}
	j := ended(t, s, task, to)
	due := claimDeliveries(t, s, 10)
	if len(due) != 1 {
		t.Fatalf("got %d due, want 1", len(due))
	}
	d := due[0]
	if diff := cmp.Diff(to, d.Spec); diff != "" {
		t.Errorf("the destination changed (-want +got):\n%s", diff)
	}
	if d.Delivery.Job != j.ID || d.Job.ID != j.ID || string(d.Job.Output) != `{"sum": 3}` || d.Version != "1.0.0" ||
		d.Lane != "webhook:example.com:443" || d.Target != "https://example.com/a" || d.State != ratchet.DeliverySending {
		t.Errorf("got %+v", d)
	}
	if d.Execution == nil || d.Execution.State != ratchet.ExecutionCompleted || string(d.Execution.Output) != `{"sum": 3}` || string(d.Execution.Input) != `{"n": 1}` {
		t.Errorf("got execution %+v, want the one that completed the job", d.Execution)
	}
	if again := claimDeliveries(t, s, 10); len(again) != 0 {
		t.Errorf("got %+v again", again)
	}
	later := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	check(t, s.EndDeliveries(ctx, []ratchet.DeliveryEnd{failedFor(d, later)}))
	if at, err := s.NextDelivery(ctx, nil); !at.Equal(later) || err != nil {
		t.Errorf("got the next one at %v, %v, want %v", at, err, later)
	}
	if at, err := s.NextDelivery(ctx, []string{d.Lane}); !at.IsZero() || err != nil {
		t.Errorf("got the next one of no lane at %v, %v", at, err)
	}
	if n := claimDeliveries(t, s, 10); len(n) != 0 {
		t.Errorf("got %d before their time", len(n))
	}
	got := getDelivery(t, s, d.ID)
	if got.State != ratchet.DeliveryPending || got.Attempts != 1 || got.Status != 503 || got.Error.Reason != ratchet.ReasonNetwork || !got.NextAttemptAt.Equal(later) {
		t.Errorf("got %+v after a failed attempt", got)
	}
	if events := said.of(j.ID); events != "job queued, job running, job completed" {
		t.Errorf("got events %s: a delivery that goes on is not told", events)
	}
	_, err := s.Redeliver(ctx, d.ID)
	check(t, err)
	due = claimDeliveries(t, s, 10)
	free := ratchet.DeliveryEnd{ID: d.ID, Token: due[0].Token, Free: true}
	check(t, s.EndDeliveries(ctx, []ratchet.DeliveryEnd{free}))
	due = claimDeliveries(t, s, 10)
	if len(due) != 1 || due[0].Attempts != 1 {
		t.Fatalf("got %+v, want one that was given back to count no attempt", due)
	}
	check(t, s.EndDeliveries(ctx, []ratchet.DeliveryEnd{delivered(due[0])}))
	got = getDelivery(t, s, d.ID)
	if got.State != ratchet.DeliveryDelivered || got.Attempts != 2 || got.Status != 204 || got.Error != nil || got.FinishedAt.IsZero() || !got.NextAttemptAt.IsZero() {
		t.Errorf("got %+v after it was taken", got)
	}
	if len(got.Receipts) != 2 || got.Receipts[0].Attempt != 1 || got.Receipts[0].Error == nil || got.Receipts[1].Attempt != 2 ||
		got.Receipts[1].Duration != 12 || got.Receipts[1].Bytes != 3 || got.Receipts[1].Response != "thanks\uFFFD" {
		t.Errorf("got receipts %+v", got.Receipts)
	}
	if events := said.of(j.ID); events != "job queued, job running, job completed, delivery " {
		t.Errorf("got events %s, want the delivery at the end", events)
	}
	_, err = s.Delivery(ctx, ratchet.NewID[ratchet.Delivery]())
	wantReason(t, err, ratchet.ReasonEntityNotFound)
}

func testStaleDelivery(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "stale")
	ended(t, s, task, webhook("a", "", "https://a.example/"), webhook("b", "", "https://b.example/"))
	due := claimDeliveries(t, s, 10)
	wrong := delivered(due[0])
	wrong.Token[3]++
	wrongFree := ratchet.DeliveryEnd{ID: due[0].ID, Token: wrong.Token, Free: true}
	before := s.Stale()
	check(t, s.EndDeliveries(ctx, []ratchet.DeliveryEnd{wrong, wrongFree, delivered(due[1])}))
	if got := s.Stale() - before; got != 2 {
		t.Errorf("got %d stale, want 2", got)
	}
	if got := getDelivery(t, s, due[0].ID); got.State != ratchet.DeliverySending || len(got.Receipts) != 0 {
		t.Errorf("got %+v, want it to be sent still", got)
	}
	if got := getDelivery(t, s, due[1].ID); got.State != ratchet.DeliveryDelivered {
		t.Errorf("got %+v, want the other one delivered", got)
	}
	check(t, s.EndDeliveries(ctx, []ratchet.DeliveryEnd{delivered(due[0])}))
	check(t, s.EndDeliveries(ctx, []ratchet.DeliveryEnd{failedFor(due[0], time.Time{})}))
	if got := getDelivery(t, s, due[0].ID); got.State != ratchet.DeliveryDelivered || len(got.Receipts) != 1 {
		t.Errorf("got %+v, want what ended it first", got)
	}
	strange := delivered(due[0])
	strange.State = ratchet.DeliverySending
	if err := s.EndDeliveries(ctx, []ratchet.DeliveryEnd{strange}); err == nil {
		t.Error("an attempt may end as being sent")
	}
}

func testLanes(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t), DeliveriesPerLane: 3})
	task := Task(t, s, "lanes")
	for range 5 {
		ended(t, s, task, webhook("dead", "", "https://dead.example/"))
	}
	for i := range 5 {
		ended(t, s, task, webhook("live", "", fmt.Sprintf("https://live%d.example/", i%2)))
	}
	count := func(due []ratchet.DueDelivery) map[string]int {
		lanes := map[string]int{}
		for _, d := range due {
			lanes[d.Lane]++
		}
		return lanes
	}
	dead := "webhook:dead.example:443"
	first := claimDeliveries(t, s, 4)
	if got := count(first); len(first) != 4 || got[dead] != 3 {
		t.Errorf("got %v, want 3 of the lane that waits longest and one of another", got)
	}
	if got := claimDeliveries(t, s, 100, dead, "webhook:live0.example:443", "webhook:live1.example:443"); len(got) != 0 {
		t.Errorf("got %v of no lane", count(got))
	}
	if got := count(claimDeliveries(t, s, 100, dead)); got[dead] != 0 || got["webhook:live0.example:443"]+got["webhook:live1.example:443"] != 4 {
		t.Errorf("got %v, want the other lanes' four", got)
	}
	if at, err := s.NextDelivery(ctx, nil); at.IsZero() || at.After(time.Now()) || err != nil {
		t.Errorf("got the next one at %v, %v, want two due", at, err)
	}
	if got := count(claimDeliveries(t, s, 100)); got[dead] != 2 {
		t.Errorf("got %v, want the rest", got)
	}
}

func testGone(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	var said recorder
	s := Open(t, sqlstore.Config{URL: fresh(t), Publish: said.publish})
	task := Task(t, s, "gone")
	to := webhook("gone", "", "https://example.com/hook?id=1")
	beside := webhook("beside", "", "https://example.com/hook?id=2")
	template := webhook("template", "", "https://example.com/{{job_id}}")
	told := ended(t, s, task, to)
	due := claimDeliveries(t, s, 10)
	waits := ended(t, s, task, to, beside)
	e := failedFor(due[0], time.Time{})
	e.Gone = true
	check(t, s.EndDeliveries(ctx, []ratchet.DeliveryEnd{e}))
	if got := getDelivery(t, s, due[0].ID); got.State != ratchet.DeliveryFailed || got.Error.Reason != ratchet.ReasonNetwork {
		t.Errorf("got %+v", got)
	}
	fails := func(j *ratchet.Job) ratchet.Delivery {
		t.Helper()
		all := deliveriesOf(t, s, j.ID)
		if all[0].State != ratchet.DeliveryFailed || all[0].Error == nil || all[0].Error.Reason != ratchet.ReasonDestinationGone || all[0].Attempts != 0 || all[0].FinishedAt.IsZero() {
			t.Errorf("got %+v, want it failed: its target is gone", all[0])
		}
		for _, other := range all[1:] {
			if other.State != ratchet.DeliveryPending {
				t.Errorf("got %+v, want what is beside to wait", other)
			}
		}
		return all[0]
	}
	fails(waits)
	next := ended(t, s, task, to, beside, template)
	lost := fails(next)
	if events := said.of(next.ID); events != "job queued, job running, job completed, delivery " {
		t.Errorf("got events %s, want the failed delivery told", events)
	}
	_, err := s.Redeliver(ctx, lost.ID)
	check(t, err)
	if all := deliveriesOf(t, s, ended(t, s, task, to).ID); all[0].State != ratchet.DeliveryPending {
		t.Errorf("got %+v, want it to wait: one to the same target was redelivered", all[0])
	}
	fails(waits)
	_ = told
	for _, d := range claimDeliveries(t, s, 100) {
		if d.Spec.Name == "template" {
			e := failedFor(d, time.Time{})
			e.Gone = true
			check(t, s.EndDeliveries(ctx, []ratchet.DeliveryEnd{e}))
		}
	}
	if all := deliveriesOf(t, s, ended(t, s, task, template).ID); all[0].State != ratchet.DeliveryPending {
		t.Errorf("got %+v: one page that is gone says nothing of the others", all[0])
	}
}

func testRedeliver(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	told := make(chan bool, 100)
	s := Open(t, sqlstore.Config{URL: fresh(t), OnDelivery: func() { told <- true }})
	task := Task(t, s, "again")
	ended(t, s, task, webhook("a", "", "https://a.example/"))
	due := claimDeliveries(t, s, 1)
	_, err := s.Redeliver(ctx, due[0].ID)
	wantReason(t, err, ratchet.ReasonExecutionInvalidState, "is being sent")
	check(t, s.EndDeliveries(ctx, []ratchet.DeliveryEnd{failedFor(due[0], time.Now())}))
	due = claimDeliveries(t, s, 1)
	check(t, s.EndDeliveries(ctx, []ratchet.DeliveryEnd{delivered(due[0])}))
	for len(told) > 0 {
		<-told
	}
	d, err := s.Redeliver(ctx, due[0].ID)
	if err != nil || d.State != ratchet.DeliveryPending || d.Attempts != 2 || !d.FinishedAt.IsZero() || d.NextAttemptAt.IsZero() {
		t.Errorf("got %+v, %v, want it to wait", d, err)
	}
	if len(told) != 1 {
		t.Errorf("got told %d times, want once", len(told))
	}
	due = claimDeliveries(t, s, 1)
	if len(due) != 1 || due[0].Attempts != 2 || due[0].Round != 2 {
		t.Fatalf("got %+v, want its retries to begin anew after 2 attempts", due)
	}
	check(t, s.EndDeliveries(ctx, []ratchet.DeliveryEnd{failedFor(due[0], time.Time{})}))
	if got := getDelivery(t, s, due[0].ID); got.Attempts != 3 || len(got.Receipts) != 3 {
		t.Errorf("got %d attempts and %d receipts, want all 3", got.Attempts, len(got.Receipts))
	}
	_, err = s.Redeliver(ctx, ratchet.NewID[ratchet.Delivery]())
	wantReason(t, err, ratchet.ReasonEntityNotFound)
}

// testStranded: what a server was sending when it died is sent again, and what
// one sends that lives is left alone.
func testStranded(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	at := fresh(t)
	s := Open(t, sqlstore.Config{URL: at})
	check(t, s.Beat(ctx, ratchet.Node{ID: s.Node(), Host: "h", StartedAt: time.Now()}))
	task := Task(t, s, "stranded")
	for range 4 {
		ended(t, s, task, webhook("a", "", "https://a.example/"))
	}
	due := claimDeliveries(t, s, 4)
	recovers := func(want int, how string) {
		t.Helper()
		if n, err := s.RecoverDeliveries(ctx, ratchet.NodeDead); n != want || err != nil {
			t.Errorf("%s: got %d put back, %v, want %d", how, n, err, want)
		}
	}
	recovers(0, "all is well")
	raw(t, at, "UPDATE deliveries SET leased_at = leased_at - 3600000000")
	recovers(0, "an attempt that takes an hour")
	other := ratchet.NewID[ratchet.Node]()
	raw(t, at, "UPDATE deliveries SET node = "+quoted(at, other)+" WHERE id = "+quoted(at, due[0].ID))
	recovers(1, "a node that is not known")
	got := getDelivery(t, s, due[0].ID)
	if got.State != ratchet.DeliveryPending || got.Attempts != 0 || got.NextAttemptAt.IsZero() {
		t.Errorf("got %+v, want it to wait again", got)
	}
	check(t, s.EndDeliveries(ctx, []ratchet.DeliveryEnd{delivered(due[0])}))
	if got := getDelivery(t, s, due[0].ID); got.State != ratchet.DeliveryPending {
		t.Errorf("got %+v, want what a dead server says of it left out", got)
	}
	if isPostgres(at) {
		check(t, s.Beat(ctx, ratchet.Node{ID: other, Host: "h", StartedAt: time.Now()}))
		raw(t, at, "UPDATE deliveries SET node = "+quoted(at, other)+" WHERE id = "+quoted(at, due[1].ID))
		recovers(0, "a node that beats")
		raw(t, at, "UPDATE nodes SET beat_at = beat_at - 60000000 WHERE id = "+quoted(at, other))
		recovers(1, "a silent node")
	}
	// An end that was not written leaves it to nobody.
	stray := delivered(due[2])
	stray.State = ""
	if err := s.EndDeliveries(ctx, []ratchet.DeliveryEnd{stray}); err == nil {
		t.Error("an attempt may end without a state")
	}
	recovers(1, "one that nobody knows of")
	raw(t, at, "UPDATE deliveries SET losses = 99, node = "+quoted(at, ratchet.NewID[ratchet.Node]())+" WHERE id = "+quoted(at, due[3].ID))
	recovers(1, "one that was lost too often")
	if got := getDelivery(t, s, due[3].ID); got.State != ratchet.DeliveryFailed || got.Error == nil || got.FinishedAt.IsZero() || !got.NextAttemptAt.IsZero() {
		t.Errorf("got %+v, want it failed", got)
	}
	recovers(0, "in the end")
	if _, err := s.Delivery(ctx, due[3].ID); errors.Is(err, ratchet.ErrStale) {
		t.Error(err)
	}
}
