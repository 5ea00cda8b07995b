package stream_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

// A wire joins nodes as a database's notifications do: what one sends all hear,
// itself included.
type wire struct {
	most int

	mu        sync.Mutex
	listeners map[int]func([]byte)
	sent      [][]byte
	refuse    int           // so many broadcasts fail, after they were heard or before
	cut       chan struct{} // closed to end all listening
	next      int
}

func newWire(most int) *wire {
	return &wire{most: most, listeners: map[int]func([]byte){}, cut: make(chan struct{})}
}

func (w *wire) MaxPayload() int { return w.most }

func (w *wire) Broadcast(_ context.Context, payload []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(payload) > w.most {
		return fmt.Errorf("%d bytes are too many", len(payload))
	}
	if w.refuse > 0 && w.refuse%2 == 0 {
		w.refuse--
		return errors.New("the connection is gone")
	}
	w.sent = append(w.sent, slices.Clone(payload))
	for _, f := range w.listeners {
		f(payload)
	}
	if w.refuse > 0 {
		w.refuse--
		return errors.New("no word whether it was heard")
	}
	return nil
}

func (w *wire) Listen(ctx context.Context, f func([]byte)) error {
	w.mu.Lock()
	n := w.next
	w.next++
	w.listeners[n] = f
	cut := w.cut
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.listeners, n)
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-cut:
		return errors.New("the connection was cut")
	}
}

// nodes runs hubs on a wire until the test ends.
func nodes(t *testing.T, w *wire, n int) (hubs []*stream.Hub) {
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range n {
		h := stream.New(stream.Config{})
		hubs = append(hubs, h)
		all.Go(func() {
			if err := h.Run(ctx, w); err != nil {
				t.Error(err)
			}
		})
	}
	synctest.Wait()
	t.Cleanup(func() {
		cancel()
		all.Wait()
	})
	return hubs
}

func TestEventsReachReadersOfEveryNodeOnceAndInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWire(8000)
		hubs := nodes(t, w, 3)
		w.refuse = 5
		var readers []*stream.Subscription
		for _, h := range hubs {
			s := h.Subscribe(stream.Filter{})
			defer s.Close()
			readers = append(readers, s)
		}
		const events = 500
		job := newJob()
		var want []string
		for n := range events {
			hubs[0].Publish(line(job, n))
			want = append(want, fmt.Sprint(n))
		}
		hubs[1].Publish(ratchet.Event{Type: ratchet.EventCancel, Job: job})
		time.Sleep(time.Minute)
		var ids [][]string
		for i, s := range readers {
			got := collect(s)
			if !slices.Equal(texts(got), want) {
				t.Errorf("node %d: got %d events %v, want each once, in order", i, len(got), texts(got))
			}
			var list []string
			for _, e := range got {
				list = append(list, e.ID)
			}
			ids = append(ids, list)
		}
		if !slices.Equal(ids[0], ids[1]) || !slices.Equal(ids[0], ids[2]) {
			t.Error("an event has another ID on another node")
		}
		if len(w.sent) > events/10 {
			t.Errorf("%d events took %d payloads", events, len(w.sent))
		}
	})
}

func TestAnEventTooLargeToTravelTravelsWithoutItsTexts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hubs := nodes(t, newWire(8000), 2)
		s := hubs[1].Subscribe(stream.Filter{})
		defer s.Close()
		job, huge := newJob(), strings.Repeat("é", 10_000)
		hubs[0].Publish(
			ratchet.Event{Type: ratchet.EventLog, Job: job, Log: &ratchet.LogEntry{Level: ratchet.LevelWarn, Message: huge}},
			ratchet.Event{Type: ratchet.EventJob, Job: job, State: ratchet.JobFailed, Error: &ratchet.Error{Code: ratchet.CodeTaskFailed, Reason: ratchet.ReasonExecutionFailed, Message: huge, Stack: huge}},
			ratchet.Event{Type: ratchet.EventProgress, Job: job, Progress: &ratchet.Progress{Value: 0.5, Message: huge}},
		)
		got := collect(s)
		if len(got) != 3 {
			t.Fatalf("got %v, want three events", texts(got))
		}
		if got[0].Log.Level != ratchet.LevelWarn || !strings.Contains(got[0].Log.Message, "too long") {
			t.Errorf("got the line %+v", got[0].Log)
		}
		if e := got[1].Error; e.Reason != ratchet.ReasonExecutionFailed || !strings.HasPrefix(e.Message, "éé") || len(e.Message) > 250 || got[1].State != ratchet.JobFailed {
			t.Errorf("got the error %+v", e)
		}
		if got[2].Progress.Value != 0.5 {
			t.Errorf("got the progress %+v", got[2].Progress)
		}
	})
}

func TestWhatIsLostBetweenNodesShowsAsAGap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWire(8000)
		hubs := nodes(t, w, 2)
		s := hubs[1].Subscribe(stream.Filter{Job: newJob()}) // even those of one job are told
		defer s.Close()
		w.mu.Lock()
		close(w.cut)
		w.cut = make(chan struct{})
		w.mu.Unlock()
		if got := texts(collect(s)); !slices.Equal(got, []string{"gap"}) {
			t.Errorf("after the connection was cut: got %v, want a gap", got)
		}
		time.Sleep(time.Minute) // connected again
		hubs[0].Publish(line(newJob(), 1))
		synctest.Wait()
		w.mu.Lock()
		lost := w.listeners
		w.listeners = map[int]func([]byte){}
		w.mu.Unlock()
		hubs[0].Publish(line(newJob(), 2))
		synctest.Wait()
		w.mu.Lock()
		w.listeners = lost
		w.mu.Unlock()
		if got := texts(collect(s)); len(got) != 0 {
			t.Errorf("got %v too early", got)
		}
		hubs[0].Publish(line(newJob(), 3))
		if got := texts(collect(s)); !slices.Equal(got, []string{"gap"}) {
			t.Errorf("after a payload was lost: got %v, want a gap", got)
		}
	})
}

func TestAHubWithoutOtherNodesJustWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWire(0)
		hubs := nodes(t, w, 1)
		hubs[0].Publish(line(newJob(), 1))
		synctest.Wait()
		if len(w.sent) != 0 || w.next != 0 {
			t.Error("it talked to nodes that are not there")
		}
	})
}
