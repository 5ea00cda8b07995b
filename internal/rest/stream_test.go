package rest_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/rest"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

func everything() stream.Filter { return stream.Filter{} }

// A reader reads a stream of events as a browser does.
type reader struct {
	t     *testing.T
	lines *bufio.Scanner
	close func() error
}

func (s *server) follow(path string, headers ...string) *reader {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+"/api/v1"+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	if got := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || got != "text/event-stream" {
		s.t.Fatalf("got %d, %s", res.StatusCode, got)
	}
	s.t.Cleanup(func() { res.Body.Close() })
	to := &reader{s.t, bufio.NewScanner(res.Body), res.Body.Close}
	to.lines.Scan() // retry:
	to.lines.Scan()
	return to
}

// next reads an event; ok is false at the end of the stream.
func (r *reader) next() (kind, id string, e ratchet.Event, ok bool) {
	r.t.Helper()
	for r.lines.Scan() {
		line := r.lines.Text()
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "event":
			kind = value
		case "id":
			id = value
		case "data":
			if err := json.Unmarshal([]byte(value), &e); err != nil {
				r.t.Fatalf("%v in %q", err, line)
			}
		case "":
			if kind != "" {
				return kind, id, e, true
			}
		}
	}
	return "", "", e, false
}

// all reads events to the end of the stream, each as a word.
func (r *reader) all() (words []string) {
	for {
		kind, _, e, ok := r.next()
		switch {
		case !ok:
			return words
		case e.Log != nil:
			words = append(words, kind+" "+e.Log.Message)
		default:
			words = append(words, strings.TrimSpace(kind+" "+string(e.State)+e.Reason))
		}
	}
}

func TestAJobIsFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.register()
	job := s.submit(sum)
	other := s.submit(sum)
	to := s.follow("/jobs/" + job.ID.String() + "/events")
	if kind, id, e, _ := to.next(); kind != "job" || id != "" || e.State != ratchet.JobQueued || e.Job != job.ID {
		t.Errorf("first got %s %q %+v", kind, id, e)
	}
	s.claim(other.ID)
	claim := s.claim(job.ID)
	_, running, _, _ := to.next()
	s.finish(claim, `{}`)
	if got, want := to.all(), []string{"job completed", "end the job is completed"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for header, want := range map[string][]string{
		"":      {"job completed", "end the job is completed"},
		running: {"job completed", "end the job is completed"},
	} {
		if got := s.follow("/jobs/"+job.ID.String()+"/events", "Last-Event-ID", header).all(); !slices.Equal(got, want) {
			t.Errorf("after %q got %q, want %q", header, got, want)
		}
	}
}

func TestAReaderThatWasCutOffGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.register()
	to := s.follow("/events?type=job,log&level=warn")
	first := s.submit(sum)
	_, id, e, _ := to.next()
	if e.Job != first.ID || id != e.ID || id == "" {
		t.Errorf("got %q %+v", id, e)
	}
	to.close()
	second := s.submit(sum)
	for _, again := range []*reader{s.follow("/events", "Last-Event-ID", id), s.follow("/events?after=" + id)} {
		if _, _, e, _ := again.next(); e.Job != second.ID {
			t.Errorf("got %+v, want the job submitted meanwhile", e)
		}
	}
	if kind, _, _, _ := s.follow("/events?after=00000000-0000-7000-8000-000000000000").next(); kind != "gap" {
		t.Errorf("got %s, want a gap", kind)
	}
	s.hub.Close("the server stops")
	last := s.follow("/events").all()
	if len(last) != 1 || last[0] != "end the server stops" {
		t.Errorf("got %q", last)
	}
}

func TestAReaderThatDoesNotReadIsDropped(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *rest.Config) { c.ReadWithin = 100 * time.Millisecond })
	s.follow("/events") // and reads no more
	line := strings.Repeat("x", 1<<20)
	for deadline := time.After(30 * time.Second); ; {
		if now, _ := s.hub.Readers(); now == 0 {
			return
		}
		s.hub.Publish(ratchet.Event{Type: ratchet.EventLog, Log: &ratchet.LogEntry{Message: line}})
		select {
		case <-deadline:
			t.Fatal("the reader is still there")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestALogIsFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.register()
	claim := s.claim(s.submit(sum).ID)
	line := func(text string) ratchet.Event {
		return ratchet.Event{
			Type: ratchet.EventLog, Job: claim.Job.ID, Task: "addition", Execution: claim.Lease.Execution, Attempt: 1,
			Log: &ratchet.LogEntry{Time: time.Now().UTC().Truncate(time.Microsecond), Message: text},
		}
	}
	one, two := line("one"), line("two")
	s.hub.Publish(one, two)
	saved := s.execution(claim)
	saved.Logs = []ratchet.LogEntry{*one.Log}
	if err := s.store.Save(t.Context(), []*ratchet.Execution{saved}); err != nil {
		t.Fatal(err)
	}
	path := "/executions/" + claim.Lease.Execution.String() + "/logs"
	to := s.follow(path)
	for _, want := range []string{"one", "two"} {
		if _, _, e, _ := to.next(); e.Log == nil || e.Log.Message != want {
			t.Fatalf("got %+v, want %q", e, want)
		}
	}
	three := line("three")
	s.hub.Publish(three)
	s.end(claim, func(e *ratchet.Execution) {
		e.State, e.Output = ratchet.ExecutionCompleted, json.RawMessage("1")
		e.Logs = []ratchet.LogEntry{*one.Log, *two.Log, *three.Log}
	})
	if got, want := to.all(), []string{"log three", "end the execution has ended"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	want := []string{"log one", "log two", "log three", "end the execution is completed"}
	if got := s.follow(path).all(); !slices.Equal(got, want) {
		t.Errorf("afterwards got %q, want %q", got, want)
	}
	page := s.get(path + "?limit=2").want(http.StatusOK)
	if got := data[[]ratchet.LogEntry](page); len(got) != 2 || page.header.Get("Content-Range") != "logs 0-1/3" {
		t.Errorf("got %v %s", page.header, page.body)
	}
}

func TestADeliveryIsToldOnTheStream(t *testing.T) {
	t.Parallel()
	s := serve(t)
	to := s.follow("/events?type=delivery")
	id := ratchet.NewID[ratchet.Job]()
	s.hub.Publish(
		ratchet.Event{Type: ratchet.EventJob, Job: id, State: ratchet.JobCompleted},
		ratchet.Event{Type: ratchet.EventDelivery, Job: id, Delivery: &ratchet.Delivery{Destination: "shop", State: ratchet.DeliveryDelivered}},
	)
	kind, _, e, ok := to.next()
	if !ok || kind != "delivery" || e.Job != id || e.Delivery == nil || e.Delivery.Destination != "shop" {
		t.Errorf("got %q %+v, want the delivery", kind, e)
	}
}
