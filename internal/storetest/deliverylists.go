package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

func testDeliveryLists(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t), DeliveriesPerLane: 100})
	one, two := Task(t, s, "one"), Task(t, s, "two")
	var jobs []*ratchet.Job
	for i := range 12 {
		task := one
		if i%3 == 0 {
			task = two
		}
		jobs = append(jobs, ended(t, s, task, webhook("a", "", fmt.Sprintf("https://a.example/%d?secret=x", i)), ratchet.Destination{Type: ratchet.DestinationFile, Path: "out/a.json"}))
	}
	var ends []ratchet.DeliveryEnd
	for i, d := range claimDeliveries(t, s, 100) {
		switch i % 3 {
		case 0:
			ends = append(ends, delivered(d))
		case 1:
			ends = append(ends, failedFor(d, time.Time{}))
		default:
			ends = append(ends, failedFor(d, time.Now().Add(time.Hour)))
		}
	}
	check(t, s.EndDeliveries(ctx, ends))
	for filters, want := range map[string]int{
		"": 24, "state=delivered": 8, "state=failed": 8, "state=pending": 8, "state=sending": 0, "type=file": 12, "task=two": 8,
		"errorReason=NETWORK_ERROR": 16, "status=204": 8, "attempts=1": 24, "destination=a": 12, "destination=file-1": 12,
		"jobId=" + jobs[3].ID.String(): 2, "target=https://a.example/7": 1, "task=one&state=failed&type=webhook": -1,
	} {
		q := ratchet.Query{Limit: 5}
		for _, f := range strings.Split(filters, "&") {
			if name, value, found := strings.Cut(f, "="); found {
				q.Filters = append(q.Filters, ratchet.Filter{Field: name, Values: []string{value}})
			}
		}
		seen := map[ratchet.DeliveryID]bool{}
		for {
			page, err := s.Deliveries(ctx, q)
			check(t, err)
			for _, d := range page.Items {
				if seen[d.ID] {
					t.Errorf("%s: %s is there twice", filters, d.ID)
				}
				seen[d.ID] = true
				if strings.Contains(d.Target, "secret") {
					t.Errorf("got target %s, want no query", d.Target)
				}
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
		if want >= 0 && len(seen) != want {
			t.Errorf("%s: got %d, want %d", filters, len(seen), want)
		}
	}
	for _, f := range ratchet.DeliveryFields() {
		if !f.Sort {
			continue
		}
		for _, desc := range []bool{false, true} {
			q := ratchet.Query{Limit: 7, Sort: []ratchet.Sort{{Field: f.Name, Desc: desc}}}
			n := 0
			for q.After != "" || n == 0 {
				page, err := s.Deliveries(ctx, q)
				check(t, err)
				n += len(page.Items)
				if q.After = page.Next; q.After == "" {
					break
				}
			}
			if n != 24 {
				t.Errorf("sorted by %s: got %d, want 24", f.Name, n)
			}
		}
	}
}

// testDeliveryClaims: claimed by many at once, each delivery is handed out once.
func testDeliveryClaims(t *testing.T, fresh func(testing.TB) string) {
	at := fresh(t)
	stores := []*sqlstore.Store{Open(t, sqlstore.Config{URL: at})}
	if isPostgres(at) {
		stores = append(stores, Open(t, sqlstore.Config{URL: at}), Open(t, sqlstore.Config{URL: at}))
	}
	ctx := t.Context()
	task := Task(t, stores[0], "many")
	const jobs = 60
	for i := range jobs {
		ended(t, stores[0], task, webhook("a", "", fmt.Sprintf("https://h%d.example/", i%7)), webhook("b", "", "https://b.example/"))
	}
	var mu sync.Mutex
	times := map[ratchet.DeliveryID]int{}
	done := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(times) == 2*jobs
	}
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			s := stores[i%len(stores)]
			for n := 0; !done() && n < 1000; n++ {
				due, err := s.ClaimDeliveries(ctx, 5, nil)
				if err != nil {
					t.Error(err)
					return
				}
				var ends []ratchet.DeliveryEnd
				for _, d := range due {
					ends = append(ends, delivered(d))
				}
				if err := s.EndDeliveries(ctx, ends); err != nil {
					t.Error(err)
				}
				mu.Lock()
				for _, d := range due {
					times[d.ID]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(times) != 2*jobs {
		t.Errorf("got %d deliveries, want %d", len(times), 2*jobs)
	}
	for id, n := range times {
		if n != 1 {
			t.Errorf("%s was handed out %d times", id, n)
		}
	}
	if n := raw(t, at, "SELECT count(*) FROM deliveries WHERE state = 'delivered' AND attempts = 1"); n != 2*jobs {
		t.Errorf("got %d delivered at once, want %d", n, 2*jobs)
	}
}

func testHooks(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task, other := Task(t, s, "called"), Task(t, s, "other")
	make := func(task *ratchet.Task, name string) *ratchet.HookKey {
		return &ratchet.HookKey{
			Hook:      ratchet.Hook{Name: name, TaskID: task.ID, Verify: ratchet.HookStandard, Enabled: true, Priority: ratchet.PriorityHigh},
			TokenHash: []byte("hash of " + task.Name + name), Secret: []byte{0, 1, 2},
		}
	}
	k := make(task, "b")
	check(t, s.CreateHook(ctx, k))
	check(t, s.CreateHook(ctx, make(task, "a")))
	check(t, s.CreateHook(ctx, make(other, "b")))
	wantReason(t, s.CreateHook(ctx, make(task, "b")), ratchet.ReasonAlreadyExists)
	wantReason(t, s.CreateHook(ctx, make(&ratchet.Task{ID: ratchet.NewID[ratchet.Task]()}, "x")), ratchet.ReasonTaskNotFound)
	all, err := s.Hooks(ctx, task.ID)
	check(t, err)
	if len(all) != 2 || all[0].Name != "a" || all[1].ID != k.ID || all[1].Task != "called" || all[1].Priority != ratchet.PriorityHigh || !all[1].Enabled || all[1].CreatedAt.IsZero() {
		t.Errorf("got %+v", all)
	}
	got, err := s.HookByToken(ctx, []byte("hash of calledb"))
	if err != nil || got.ID != k.ID || !slices.Equal(got.Secret, k.Secret) || got.OldSecret != nil {
		t.Errorf("got %+v, %v by its token", got, err)
	}
	_, err = s.HookByToken(ctx, []byte("nobody's"))
	wantReason(t, err, ratchet.ReasonEntityNotFound)

	no, low := false, ratchet.PriorityLow
	h, err := s.UpdateHook(ctx, k.ID, ratchet.HookPatch{Enabled: &no})
	if err != nil || h.Enabled || h.Priority != ratchet.PriorityHigh {
		t.Errorf("got %+v, %v disabled", h, err)
	}
	h, err = s.UpdateHook(ctx, k.ID, ratchet.HookPatch{Priority: &low})
	if err != nil || h.Enabled || h.Priority != ratchet.PriorityLow {
		t.Errorf("got %+v, %v with another priority", h, err)
	}
	_, err = s.RotateHook(ctx, k.ID, []byte("new"), time.Now().Add(time.Hour))
	check(t, err)
	got, err = s.HookByToken(ctx, k.TokenHash)
	if err != nil || string(got.Secret) != "new" || !slices.Equal(got.OldSecret, k.Secret) || got.OldUntil.IsZero() {
		t.Errorf("got %+v, %v with a new secret", got, err)
	}
	_, err = s.RotateHook(ctx, k.ID, []byte("newer"), time.Now())
	check(t, err)
	got, err = s.HookByToken(ctx, k.TokenHash)
	if err != nil || string(got.Secret) != "newer" || got.OldSecret != nil {
		t.Errorf("got %+v, %v, want no old secret whose time is over", got, err)
	}
	used := time.Now().UTC().Truncate(time.Microsecond)
	check(t, s.HookUsed(ctx, k.ID, 3, used))
	check(t, s.HookUsed(ctx, k.ID, 2, used))
	h, err = s.Hook(ctx, k.ID)
	if err != nil || h.Calls != 5 || !h.UsedAt.Equal(used) {
		t.Errorf("got %+v, %v after 5 calls", h, err)
	}
	check(t, s.DeleteHook(ctx, k.ID))
	wantReason(t, s.DeleteHook(ctx, k.ID), ratchet.ReasonEntityNotFound)
	wantReason(t, s.HookUsed(ctx, k.ID, 1, used), ratchet.ReasonEntityNotFound)
	_, err = s.HookByToken(ctx, k.TokenHash)
	wantReason(t, err, ratchet.ReasonEntityNotFound)
	check(t, s.DeleteTask(ctx, task.ID))
	if _, err := s.HookByToken(ctx, []byte("hash of calleda")); err == nil {
		t.Error("the hook of a deleted task is there")
	}
}

// testDeliveryCheck: each fault that is planted is found, and put right if it can
// be.
func testDeliveryCheck(t *testing.T, fresh func(testing.TB) string) {
	for name, fault := range map[string]struct {
		plant, want string
		stays       bool
	}{
		"a lost delivery":     {plant: "DELETE FROM deliveries WHERE destination = 'b'", want: `has no delivery to "b"`},
		"no job":              {plant: "DELETE FROM jobs", want: "its job is not there"},
		"an unfinished job":   {plant: "UPDATE jobs SET state = 'queued'", want: "its job is not finished"},
		"nobody sends it":     {plant: "UPDATE deliveries SET state = 'sending'", want: "by nobody"},
		"no time":             {plant: "UPDATE deliveries SET next_at = NULL WHERE state = 'pending'", want: "not for a time"},
		"no end":              {plant: "UPDATE deliveries SET finished_at = NULL WHERE state = 'delivered'", want: "not since when"},
		"an unknown state":    {plant: "UPDATE deliveries SET state = 'lost'", want: "state is not known"},
		"a receipt is lost":   {plant: "DELETE FROM delivery_receipts", want: "receipt of each attempt", stays: true},
		"delivered by no one": {plant: "UPDATE deliveries SET state = 'delivered', finished_at = 1 WHERE attempts = 0", want: "never attempted", stays: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkOneFault(t, fresh(t), fault.plant, fault.want, fault.stays)
		})
	}
}

func checkOneFault(t *testing.T, at, plant, want string, stays bool) {
	t.Helper()
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: at})
	task := Task(t, s, "checked")
	ended(t, s, task, webhook("a", "", "https://a.example/"), webhook("b", "", "https://b.example/"), webhook("c", ratchet.DeliverFailure, "https://c.example/"))
	due := claimDeliveries(t, s, 1)
	check(t, s.EndDeliveries(ctx, []ratchet.DeliveryEnd{delivered(due[0])}))
	findings := func(repair bool) []sqlstore.Finding {
		all, err := s.Check(context.WithoutCancel(ctx), repair)
		check(t, err)
		return all
	}
	if all := findings(false); len(all) > 0 {
		t.Fatalf("got %+v before anything was wrong", all)
	}
	raw(t, at, plant)
	found := func(all []sqlstore.Finding, repaired bool) bool {
		return slices.ContainsFunc(all, func(f sqlstore.Finding) bool {
			return strings.Contains(f.Message, want) && f.Repaired == repaired
		})
	}
	if all := findings(false); !found(all, false) {
		t.Errorf("got %+v, want one with %q", all, want)
	}
	if all := findings(true); !found(all, !stays) {
		t.Errorf("got %+v, want one with %q, repaired: %v", all, want, !stays)
	}
	if all := findings(false); found(all, false) != stays {
		t.Errorf("got %+v after the repair", all)
	}
}
