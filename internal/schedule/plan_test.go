package schedule_test

import (
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/schedule"
)

func TestPlans(t *testing.T) {
	t.Parallel()
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	minute := func(n int) time.Time { return base.Add(time.Duration(n) * time.Minute) }
	for name, c := range map[string]struct {
		s          ratchet.Schedule
		now        time.Time
		unfinished int
		want       []int // minutes
		skipped    int
		next       int // -1: never
		cancel     bool
	}{
		"on time":                         {ratchet.Schedule{}, minute(1), 0, []int{1}, 0, 2, false},
		"a little late":                   {ratchet.Schedule{Missed: ratchet.MissedSkip}, minute(2), 0, []int{1, 2}, 0, 3, false},
		"too late by a moment":            {ratchet.Schedule{Missed: ratchet.MissedSkip}, minute(2).Add(1), 0, []int{2}, 1, 3, false},
		"one for all, and one on time":    {ratchet.Schedule{}, minute(5), 0, []int{3, 4, 5}, 2, 6, false},
		"the latest of all":               {ratchet.Schedule{Missed: ratchet.MissedAll, MissedMax: 2}, minute(6).Add(time.Second), 0, []int{4, 5, 6}, 3, 7, false},
		"all, up to a hundred":            {ratchet.Schedule{Missed: ratchet.MissedAll}, minute(4), 0, []int{1, 2, 3, 4}, 0, 5, false},
		"the last runs":                   {ratchet.Schedule{Missed: ratchet.MissedAll, MaxRuns: 5, Runs: 3}, minute(4), 0, []int{1, 2}, 2, 5, false},
		"no run left":                     {ratchet.Schedule{MaxRuns: 3, Runs: 3}, minute(4), 0, nil, 0, -1, false},
		"the end":                         {ratchet.Schedule{End: minute(2)}, minute(2), 0, []int{1, 2}, 0, -1, false},
		"overlap: none to skip for":       {ratchet.Schedule{Overlap: ratchet.OverlapSkip}, minute(1), 0, []int{1}, 0, 2, false},
		"overlap: skipped":                {ratchet.Schedule{Overlap: ratchet.OverlapSkip}, minute(1), 1, nil, 1, 2, false},
		"overlap: two at once":            {ratchet.Schedule{Overlap: ratchet.OverlapSkip, Missed: ratchet.MissedAll}, minute(4), 0, []int{4}, 3, 5, false},
		"overlap: cancelled":              {ratchet.Schedule{Overlap: ratchet.OverlapCancel}, minute(1), 2, []int{1}, 0, 2, true},
		"overlap: nothing to cancel":      {ratchet.Schedule{Overlap: ratchet.OverlapCancel}, minute(1), 0, []int{1}, 0, 2, false},
		"overlap: only the latest stays":  {ratchet.Schedule{Overlap: ratchet.OverlapCancel, Missed: ratchet.MissedAll}, minute(4), 1, []int{4}, 3, 5, true},
		"overlap: nothing new, no cancel": {ratchet.Schedule{Overlap: ratchet.OverlapCancel, Missed: ratchet.MissedSkip, Cron: "1 * * * *"}, minute(9), 1, nil, 1, 61, false},
		"overlap: in a queue":             {ratchet.Schedule{Overlap: ratchet.OverlapQueue}, minute(2), 7, []int{1, 2}, 0, 3, false},
		"overlap: the queue is long":      {ratchet.Schedule{Overlap: ratchet.OverlapQueue}, minute(2), 999, []int{1}, 1, 3, false},
		"overlap: the queue is too long":  {ratchet.Schedule{Overlap: ratchet.OverlapQueue}, minute(2), 1000, nil, 2, 3, false},
	} {
		s := c.s
		if s.Cron == "" {
			s.Cron = "* * * * *"
		}
		s.NextRunAt = minute(1)
		got, err := schedule.Decide(&s, c.now, time.Minute, c.unfinished)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		next := -1
		if !got.Next.IsZero() {
			next = int(got.Next.Sub(base) / time.Minute)
		}
		ok := len(got.Fire) == len(c.want) && got.Skipped == c.skipped && next == c.next && got.Cancel == c.cancel
		for i := range got.Fire {
			ok = ok && got.Fire[i].Equal(minute(c.want[min(i, len(c.want)-1)]))
		}
		if !ok {
			t.Errorf("%s: got %v, %d skipped, next %d, cancel %t, want %+v", name, got.Fire, got.Skipped, next, got.Cancel, c)
		}
	}
}

// A year of seconds that nobody saw is no reason to go through all of them, nor to
// submit more than was asked for.
func TestCatchingUpIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, s := range map[string]ratchet.Schedule{
		"every second": {Cron: "* * * * * *"}, "an interval": {Every: ratchet.Duration(time.Second), Start: now.AddDate(-2, 0, 0)},
		"a year of seconds": {Cron: "* * * * * * 2025"},
	} {
		s.Missed, s.MissedMax, s.NextRunAt = ratchet.MissedAll, 10, now.AddDate(-1, 0, 0)
		got, err := schedule.Decide(&s, now, time.Second/2, 0)
		if err != nil {
			t.Fatal(err)
		}
		latest := now
		if name == "a year of seconds" {
			latest = now.Add(-time.Second)
		}
		if n := len(got.Fire); n < 10 || n > 11 || !got.Fire[n-1].Equal(latest) {
			t.Errorf("%s: got %d, the last of %v", name, n, got.Fire)
		}
		if got.Skipped < 100_000 {
			t.Errorf("%s: got %d skipped, want at least those that were counted", name, got.Skipped)
		}
		if !got.Next.IsZero() && !got.Next.After(now) {
			t.Errorf("%s: got the next at %s", name, got.Next)
		}
	}
}
