package stream_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

func TestEachReaderGetsTheEventsThatMatchInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := stream.New(stream.Config{})
		a, b := newJob(), newJob()
		readers := map[string]*stream.Subscription{
			"all":      h.Subscribe(stream.Filter{}),
			"job a":    h.Subscribe(stream.Filter{Job: a}),
			"task":     h.Subscribe(stream.Filter{Task: "t"}),
			"other":    h.Subscribe(stream.Filter{Task: "u"}),
			"both":     h.Subscribe(stream.Filter{Job: a, Task: "u"}),
			"warnings": h.Subscribe(stream.Filter{Level: ratchet.LevelWarn}),
			"states":   h.Subscribe(stream.Filter{Types: []ratchet.EventType{ratchet.EventJob}}),
			"cancels":  h.Subscribe(stream.Filter{Types: []ratchet.EventType{ratchet.EventCancel}}),
		}
		debug, warn := line(a, 3), line(b, 4)
		debug.Log.Level, warn.Log.Level = ratchet.LevelDebug, ratchet.LevelWarn
		h.Publish(
			line(a, 1), line(b, 2), debug, warn,
			ratchet.Event{Type: ratchet.EventJob, Job: a, Task: "t", State: ratchet.JobRunning},
			ratchet.Event{Type: ratchet.EventCancel, Job: a, Task: "t"},
			ratchet.Event{Type: ratchet.EventProgress, Job: b, Task: "u", Progress: &ratchet.Progress{Value: 1}},
		)
		want := map[string][]string{
			"all":      {"1", "2", "4", "job", "progress"},
			"job a":    {"1", "job"},
			"task":     {"1", "2", "4", "job"},
			"other":    {"progress"},
			"both":     nil,
			"warnings": {"4", "job", "progress"},
			"states":   {"job"},
			"cancels":  {"cancel"},
		}
		for name, s := range readers {
			events := collect(s)
			if diff := cmp.Diff(want[name], texts(events)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if !slices.IsSortedFunc(events, func(x, y ratchet.Event) int { return strings.Compare(x.ID, y.ID) }) {
				t.Errorf("%s: the IDs are not in order", name)
			}
			s.Close()
			s.Close()
			if _, open := <-s.Events(); open {
				t.Errorf("%s goes on after Close", name)
			}
		}
		if now, dropped := h.Readers(); now != 0 || dropped != 0 {
			t.Errorf("got %d readers and %d dropped, want none", now, dropped)
		}
	})
}

func TestIDsSortInTheOrderOfPublishingWhateverTheClockDoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // whose clock stands still
		h := stream.New(stream.Config{})
		s := h.Subscribe(stream.Filter{})
		defer s.Close()
		for n := range 900 {
			h.Publish(line(newJob(), n))
		}
		last := ""
		for _, e := range collect(s) {
			if e.ID <= last {
				t.Fatalf("got %s after %s", e.ID, last)
			}
			if _, err := ratchet.ParseID[ratchet.Job](e.ID); err != nil || e.ID[14] != '7' {
				t.Fatalf("%s is not a UUID of version 7: %v", e.ID, err)
			}
			if e.Time.IsZero() {
				t.Fatal("an event has no time")
			}
			last = e.ID
		}
	})
}

func TestASlowReaderLosesNothingBeforeItIsToldThatItIsDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := stream.New(stream.Config{Buffer: 10})
		job := newJob()
		slow, quick := h.Subscribe(stream.Filter{}), h.Subscribe(stream.Filter{Job: job})
		defer slow.Close()
		defer quick.Close()
		read := 0
		for n := range 100 {
			h.Publish(line(job, n))
			read += len(collect(quick))
		}
		if read != 100 {
			t.Errorf("the other reader got %d of 100 events", read)
		}
		events := collect(slow)
		end := events[len(events)-1]
		if end.Type != ratchet.EventEnd || !strings.Contains(end.Reason, "too slow") {
			t.Fatalf("got %+v at the end, want to be told why", end)
		}
		events = events[:len(events)-1]
		for n, text := range texts(events) {
			if text != texts([]ratchet.Event{line(job, n)})[0] {
				t.Fatalf("event %d is %s: the ones before the end have a hole", n, text)
			}
		}
		if _, open := <-slow.Events(); open {
			t.Error("the stream goes on after its end")
		}
		if now, dropped := h.Readers(); now != 1 || dropped != 1 {
			t.Errorf("got %d readers, %d dropped; want 1, 1", now, dropped)
		}
		// It comes back where it was, however much it has missed.
		again := h.Subscribe(stream.Filter{After: events[len(events)-1].ID})
		defer again.Close()
		if got := len(collect(again)) + len(events); got != 100 {
			t.Errorf("got %d events in all, want 100", got)
		}
	})
}

func TestAReaderOfTooManyBytesIsDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := stream.New(stream.Config{KeepBytes: 1 << 20})
		s := h.Subscribe(stream.Filter{})
		defer s.Close()
		long := line(newJob(), 1)
		long.Log.Message = strings.Repeat("x", 100<<10)
		for range 50 {
			h.Publish(long)
		}
		if events := collect(s); events[len(events)-1].Type != ratchet.EventEnd {
			t.Errorf("got %d events and no end", len(events))
		}
	})
}

func TestAReaderThatComesBackGetsWhatWasKeptOrIsToldOfTheGap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := stream.New(stream.Config{Keep: 100})
		a, b := newJob(), newJob()
		s := h.Subscribe(stream.Filter{})
		for n := range 200 {
			h.Publish(line([]ratchet.JobID{a, b}[n%2], n))
		}
		all := collect(s)
		s.Close()
		for _, c := range []struct {
			name, after string
			gap         bool
			want        int // of job a
		}{
			{"the last", all[199].ID, false, 0},
			{"a kept one", all[149].ID, false, 25},
			{"the oldest kept", all[100].ID, false, 49},
			{"one too old", all[99].ID, true, 50},
			{"one of before", "00000000-0000-7000-8000-000000000000", true, 50},
			{"no id at all", "zzz", true, 0},
		} {
			s := h.Subscribe(stream.Filter{Job: a, After: c.after})
			h.Publish(line(a, 1000))
			got := collect(s)
			s.Close()
			if gap := got[0].Type == ratchet.EventGap; gap != c.gap {
				t.Errorf("after %s: got a gap %v, want %v", c.name, gap, c.gap)
			} else if gap {
				if got[0].ID != c.after || got[0].Reason == "" {
					t.Errorf("after %s: got the gap %+v", c.name, got[0])
				}
				got = got[1:]
			}
			if len(got) != c.want+1 || got[len(got)-1].Log.Message != "1000" {
				t.Errorf("after %s: got %d events %v, want %d and a new one", c.name, len(got), texts(got), c.want)
			}
			h = stream.New(stream.Config{Keep: 100}) // the same again
			for _, e := range all {
				h.Publish(e)
			}
		}
	})
}

func TestCloseTellsEveryReaderWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := stream.New(stream.Config{})
		job := newJob()
		before := []*stream.Subscription{h.Subscribe(stream.Filter{}), h.Subscribe(stream.Filter{Job: job}), h.Subscribe(stream.Filter{Task: "t"})}
		for n := range 20 {
			h.Publish(line(job, n))
		}
		h.Close("the server stops")
		h.Close("again")
		for i, s := range append(before, h.Subscribe(stream.Filter{})) {
			got := collect(s)
			if last := got[len(got)-1]; last.Type != ratchet.EventEnd || last.Reason != "the server stops" {
				t.Errorf("reader %d: got %+v at the end", i, last)
			}
			if i < 3 && len(got) != 21 {
				t.Errorf("reader %d: got %d events, want what was published before as well", i, len(got))
			}
			s.Close()
		}
	})
}

// Readers come, read, lag and go while many publish: nobody waits, nothing is
// lost without a word. It is for the race detector.
func TestReadersComeAndGoWhileManyPublish(t *testing.T) {
	t.Parallel()
	h := stream.New(stream.Config{Buffer: 50, Keep: 200})
	jobs := []ratchet.JobID{newJob(), newJob(), newJob()}
	stop := make(chan struct{})
	var publishers, readers sync.WaitGroup
	for i := range 4 {
		publishers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					h.Publish(line(jobs[(n+i)%3], n))
				}
			}
		})
	}
	for i := range 8 {
		readers.Go(func() {
			after := ""
			for round := range 40 {
				f := stream.Filter{After: after}
				if i%2 == 0 {
					f.Job = jobs[round%3]
				}
				s := h.Subscribe(f)
				for n := 0; n < 30*i; n++ {
					e, open := <-s.Events()
					if !open {
						break
					}
					if e.Type == ratchet.EventLog {
						if e.ID <= after {
							t.Errorf("got %s after %s", e.ID, after)
						}
						after = e.ID
					}
				}
				s.Close()
			}
		})
	}
	readers.Wait()
	close(stop)
	publishers.Wait()
	if now, _ := h.Readers(); now != 0 {
		t.Errorf("%d readers are left", now)
	}
}

func BenchmarkPublish(b *testing.B) {
	event := line(newJob(), 1)
	event.Time = time.Now()
	b.Run("no readers", func(b *testing.B) {
		h := stream.New(stream.Config{})
		b.ReportAllocs()
		for b.Loop() {
			h.Publish(event)
		}
	})
	b.Run("5000 readers of other jobs", func(b *testing.B) {
		h := stream.New(stream.Config{})
		for range 5000 {
			defer h.Subscribe(stream.Filter{Job: newJob()}).Close()
		}
		b.ReportAllocs()
		for b.Loop() {
			h.Publish(event)
		}
	})
	b.Run("subscribe and close", func(b *testing.B) {
		h := stream.New(stream.Config{})
		b.ReportAllocs()
		for b.Loop() {
			h.Subscribe(stream.Filter{Job: event.Job}).Close()
		}
	})
}
