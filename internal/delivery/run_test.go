package delivery_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/delivery"
	"github.com/ratchet-runner/ratchet-go/internal/destination"
	"github.com/ratchet-runner/ratchet-go/internal/resilience"
)

// TestASlowReceiverHoldsUpNobody has many deliveries to a receiver that does not
// answer, and as many to one that does.
func TestASlowReceiverHoldsUpNobody(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var atOnce, most atomic.Int64
	slow, _ := receiver(t, func(_ http.ResponseWriter, q *http.Request) {
		if n := atOnce.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer atOnce.Add(-1)
		select {
		case <-release:
		case <-q.Context().Done():
		}
	})
	r := newRig(t)
	const n = 100
	for range n {
		r.finish(t, hook(slow))
	}
	other, gotOther := receiver(t, nil)
	for range n {
		r.finish(t, hook(other))
	}
	for range n {
		if e := r.end(t); e.State != ratchet.DeliveryDelivered {
			t.Fatalf("got %+v", e)
		}
	}
	if len(gotOther) != n {
		t.Errorf("got %d requests, want %d", len(gotOther), n)
	}
	if most.Load() > 8 {
		t.Errorf("%d attempts at once to one host, want at most 8", most.Load())
	}
	close(release)
	for range n {
		if e := r.end(t); e.State != ratchet.DeliveryDelivered {
			t.Fatalf("got %+v", e)
		}
	}
}

// TestManySlowReceiversLeaveRoom has more receivers that do not answer than places
// for attempts at once.
func TestManySlowReceiversLeaveRoom(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(s *settings) { s.config.Concurrency, s.config.PerTarget = 16, 8 })
	for range 5 {
		slow, asked := receiver(t, hang)
		for range 10 {
			r.finish(t, hook(slow, func(d *ratchet.Destination) { d.Timeout = ratchet.Duration(10 * time.Second) }))
		}
		<-asked
	}
	quick, _ := receiver(t, nil)
	began := time.Now()
	for range 20 {
		r.finish(t, hook(quick))
	}
	for range 20 {
		if e := r.end(t); e.State != ratchet.DeliveryDelivered {
			t.Fatalf("got %+v", e)
		}
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("the quick one had to wait for the slow ones: %s", took)
	}
}

// TestAnOpenBreakerBurnsNoAttempts has a host that fails until its breaker opens.
func TestAnOpenBreakerBurnsNoAttempts(t *testing.T) {
	t.Parallel()
	var healthy atomic.Bool
	var asked atomic.Int64
	url, _ := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if !healthy.Load() {
			w.WriteHeader(500)
		}
	})
	hosts := resilience.NewHosts(resilience.Config{Failures: 3, Open: 300 * time.Millisecond, Successes: 1})
	r := newRig(t, func(s *settings) { s.egress.Hosts = hosts })
	retry := ratchet.Retry{MaxAttempts: 100, Backoff: ratchet.BackoffFixed, InitialDelay: ratchet.Duration(10 * time.Millisecond)}
	const n = 20
	for range n {
		r.finish(t, hook(url, func(d *ratchet.Destination) { d.Retry = retry }))
	}
	burnt, given, rested := 0, 0, false
	for given < 5 {
		if e := r.end(t); e.Free {
			given++
			rested = rested || r.runner.Lanes() == delivery.Lanes{Resting: 1}
		} else {
			burnt++
		}
	}
	if !rested {
		t.Errorf("the lane was never told to be left alone: %+v", r.runner.Lanes())
	}
	if burnt > 40 {
		t.Errorf("%d attempts were burnt while %d were given back", burnt, given)
	}
	healthy.Store(true)
	for delivered := 0; delivered < n; {
		if e := r.end(t); e.State == ratchet.DeliveryDelivered {
			delivered++
		}
	}
	if n := asked.Load(); n > 100 {
		t.Errorf("the host was asked %d times", n)
	}
	if hosts.Opened() == 0 {
		t.Error("the breaker never opened")
	}
}

// TestAStopGivesBackWhatIsUnderWay stops while attempts hang, and starts again.
func TestAStopGivesBackWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	var healthy atomic.Bool
	began := make(chan struct{}, 100)
	url, _ := receiver(t, func(_ http.ResponseWriter, q *http.Request) {
		began <- struct{}{}
		if !healthy.Load() {
			<-q.Context().Done()
		}
	})
	r := newRig(t)
	const n = 30
	for range n {
		r.finish(t, hook(url))
	}
	<-began
	r.stop()
	for given := len(r.ends); given > 0; given-- {
		if e := r.end(t); !e.Free || e.State != ratchet.DeliveryPending {
			t.Fatalf("got %+v", e)
		}
	}
	page, err := r.Deliveries(t.Context(), ratchet.Query{Limit: 100})
	if err != nil || len(page.Items) != n {
		t.Fatalf("got %d, %v", len(page.Items), err)
	}
	for _, d := range page.Items {
		if d.State != ratchet.DeliveryPending || d.Attempts != 0 {
			t.Errorf("got %s with %d attempts, want it pending with none", d.State, d.Attempts)
		}
	}
	healthy.Store(true)
	r.start(t)
	for range n {
		if e := r.end(t); e.State != ratchet.DeliveryDelivered || e.Receipt.Attempt != 1 {
			t.Fatalf("got %+v", e)
		}
	}
}

// TestEndsAreTold has OnEnd told of what was taken and of what failed for good,
// and of nothing else.
func TestEndsAreTold(t *testing.T) {
	t.Parallel()
	url, _ := receiver(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/no" {
			w.WriteHeader(404)
		}
	})
	told := make(chan ratchet.Delivery, 10)
	r := newRig(t, func(s *settings) { s.config.OnEnd = func(d ratchet.Delivery) { told <- d } })
	r.finish(t, hook(url+"/yes"), hook(url+"/no"))
	states := map[string]ratchet.DeliveryState{}
	for range 2 {
		d := <-told
		states[d.Target] = d.State
		if d.Attempts != 1 || d.FinishedAt.IsZero() {
			t.Errorf("got %+v", d)
		}
	}
	if states[url+"/yes"] != ratchet.DeliveryDelivered || states[url+"/no"] != ratchet.DeliveryFailed {
		t.Errorf("got %v", states)
	}
}

// A pluginFunc takes results; as a transform, "upper" makes them loud and every
// other plugin fails.
type pluginFunc func(ctx context.Context, plugin string, d *ratchet.DueDelivery, body *destination.Body) error

func (f pluginFunc) Deliver(ctx context.Context, plugin string, d *ratchet.DueDelivery, body *destination.Body) error {
	return f(ctx, plugin, d, body)
}

func (f pluginFunc) Transform(_ context.Context, plugin string, _ *ratchet.DueDelivery, body *destination.Body) ([]byte, error) {
	if plugin != "upper" {
		return nil, errors.New("it was busy")
	}
	return bytes.ToUpper(body.Data), nil
}

func TestPluginsGetTheBody(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	r := newRig(t, func(s *settings) {
		s.plugins = pluginFunc(func(_ context.Context, plugin string, d *ratchet.DueDelivery, body *destination.Body) error {
			if calls.Add(1) == 1 {
				return errors.New("it was busy")
			}
			if plugin != "chat" || string(d.Spec.Config) != `{"a":1}` || string(body.Data) != "3" || body.ContentType != "application/json" {
				t.Errorf("got %s, %s, %s, %s", plugin, d.Spec.Config, body.ContentType, body.Data)
			}
			return nil
		})
	})
	to := ratchet.Destination{Type: "plugin", Plugin: "chat", Config: json.RawMessage(`{"a":1}`), Select: ".output.sum", Retry: ratchet.Retry{InitialDelay: ratchet.Duration(time.Millisecond)}}
	if end := r.deliver(t, to); end.State != ratchet.DeliveryPending || !says(end.Receipt.Error, "plugin chat: it was busy") {
		t.Errorf("got %+v", end)
	}
	if end := r.end(t); end.State != ratchet.DeliveryDelivered || end.Receipt.Attempt != 2 {
		t.Errorf("got %+v", end)
	}
	without := newRig(t)
	if end := without.deliver(t, to); end.State != ratchet.DeliveryFailed && end.State != ratchet.DeliveryPending || !says(end.Receipt.Error, `no plugin "chat"`) {
		t.Errorf("got %+v", end)
	}
}

func TestLinesAreWhole(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const n = 50
	for range n {
		r.finish(t, ratchet.Destination{Type: "stdout", Prefix: "[{{task_name}}] ", Select: ".output.sum"}, ratchet.Destination{Type: "stderr", Template: "a\x1b[2J\n{{output}}"})
	}
	for range 2 * n {
		if e := r.end(t); e.State != ratchet.DeliveryDelivered {
			t.Fatalf("got %+v", e)
		}
	}
	counts := map[string]int{}
	for line := range strings.Lines(r.out.String()) {
		counts[line]++
	}
	if counts["[report] 3\n"] != n || counts["a\uFFFD[2J\n"] != n || len(counts) != 3 {
		t.Errorf("got %v", counts)
	}
}

// TestAStreamThatNobodyReads blocks, and holds up neither others nor the stop.
func TestAStreamThatNobodyReads(t *testing.T) {
	t.Parallel()
	reader, writer := io.Pipe()
	r := newRig(t, func(s *settings) { s.config.Stdout = writer })
	url, _ := receiver(t, nil)
	to := ratchet.Destination{Type: "stdout", Timeout: ratchet.Duration(50 * time.Millisecond), Retry: ratchet.Retry{InitialDelay: ratchet.Duration(time.Hour), MaxDelay: ratchet.Duration(time.Hour)}}
	r.finish(t, to, to, hook(url))
	var states []string
	for range 3 {
		e := r.end(t)
		states = append(states, string(e.State))
		if e.State == ratchet.DeliveryPending && !says(e.Receipt.Error, "nobody reads standard output") {
			t.Errorf("got %+v", e.Receipt.Error)
		}
	}
	slices.Sort(states)
	if want := []string{"delivered", "pending", "pending"}; !slices.Equal(states, want) {
		t.Errorf("got %v, want %v", states, want)
	}
	r.stop()
	if err := reader.Close(); err != nil { // which ends the write
		t.Error(err)
	}
}

func TestTheScheduleOfStandardWebhooks(t *testing.T) {
	t.Parallel()
	want := []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
	for made := range 12 {
		d := &ratchet.DueDelivery{Spec: ratchet.Destination{Type: "webhook"}}
		d.Attempts, d.Round = made+3, 3 // it was redelivered after three
		wait, more := delivery.Delay(d, func() float64 { return 0.5 })
		if more != (made < 9) {
			t.Errorf("after %d attempts: more is %t", made+1, more)
		}
		if more && wait != want[made] {
			t.Errorf("after %d attempts: got %s, want %s", made+1, wait, want[made])
		}
		least, _ := delivery.Delay(d, func() float64 { return 0 })
		if most, _ := delivery.Delay(d, func() float64 { return 0.999 }); more && (least >= wait || most <= wait) {
			t.Errorf("no jitter: %s to %s", least, most)
		}
	}
	d := &ratchet.DueDelivery{Spec: ratchet.Destination{Type: "webhook", Retry: ratchet.Retry{MaxAttempts: 2}}}
	if wait, more := delivery.Delay(d, func() float64 { return 0.5 }); wait != 5*time.Second || !more {
		t.Errorf("got %s, %t", wait, more)
	}
	d.Attempts = 1
	if _, more := delivery.Delay(d, func() float64 { return 0.5 }); more {
		t.Error("a third of two attempts")
	}
}

// A memory is an outbox with nothing but deliveries in it, for tests in whose
// time no database could take part.
type memory struct {
	mu    sync.Mutex
	all   []*ratchet.DueDelivery
	ends  []ratchet.DeliveryEnd
	looks int
	fail  error
}

func (m *memory) ClaimDeliveries(_ context.Context, most int, except []string) (due []ratchet.DueDelivery, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looks++
	for _, d := range m.all {
		if d.State == ratchet.DeliveryPending && len(due) < most && !d.NextAttemptAt.After(time.Now()) && !slices.Contains(except, d.Lane) {
			d.State = ratchet.DeliverySending
			due = append(due, *d)
		}
	}
	return due, m.fail
}

func (m *memory) EndDeliveries(_ context.Context, ends []ratchet.DeliveryEnd) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	for _, e := range ends {
		for _, d := range m.all {
			if d.ID == e.ID {
				d.State, d.NextAttemptAt = e.State, e.NextAt
				if !e.Free {
					d.Attempts++
				}
			}
		}
	}
	m.ends = append(m.ends, ends...)
	return nil
}

func (m *memory) NextDelivery(context.Context, []string) (next time.Time, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.all {
		if d.State == ratchet.DeliveryPending && (next.IsZero() || d.NextAttemptAt.Before(next)) {
			next = d.NextAttemptAt
		}
	}
	return next, nil
}

func (m *memory) RecoverDeliveries(context.Context, time.Duration) (int, error) { return 0, nil }

// TestAttemptsAreMadeWhenTheyAreDue lets a plugin fail in a time that passes as
// fast as nothing happens in it.
func TestAttemptsAreMadeWhenTheyAreDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		start := time.Now()
		plugins := pluginFunc(func(context.Context, string, *ratchet.DueDelivery, *destination.Body) error {
			at = append(at, time.Since(start).Round(time.Second))
			return errors.New("no")
		})
		d := &ratchet.DueDelivery{Lane: "plugin:x", Job: ratchet.Job{State: ratchet.JobCompleted}}
		d.ID, d.State = ratchet.NewID[ratchet.Delivery](), ratchet.DeliveryPending
		d.Spec = ratchet.Destination{Type: "plugin", Plugin: "x", Retry: ratchet.Retry{
			MaxAttempts: 4, Backoff: ratchet.BackoffExponential, InitialDelay: ratchet.Duration(time.Minute), MaxDelay: ratchet.Duration(time.Hour), Factor: 10, Jitter: 0.001,
		}}
		m := &memory{all: []*ratchet.DueDelivery{d}}
		r := delivery.New(m, nil, nil, plugins, delivery.Config{Poll: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.Run(ctx) }()
		time.Sleep(24 * time.Hour)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if want := []time.Duration{0, time.Minute, 11 * time.Minute, 71 * time.Minute}; len(at) != 4 || !near(at, want) {
			t.Errorf("got attempts at %v, want about %v", at, want)
		}
		if d.State != ratchet.DeliveryFailed || d.Attempts != 4 {
			t.Errorf("got %s after %d", d.State, d.Attempts)
		}
		if m.looks > 60 {
			t.Errorf("the outbox was looked at %d times in a day, with an hour between", m.looks)
		}
	})
}

// TestAPluginThatIsLeftAloneCostsNoAttempt has a plugin that is not asked for a
// while, as one whose breaker is open.
func TestAPluginThatIsLeftAloneCostsNoAttempt(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	r := newRig(t, func(s *settings) {
		s.plugins = pluginFunc(func(context.Context, string, *ratchet.DueDelivery, *destination.Body) error {
			if calls.Add(1) <= 5 {
				return ratchet.Errorf(ratchet.ReasonPluginUnavailable, "it is left alone: %w", &resilience.OpenError{Host: "chat", After: 10 * time.Millisecond})
			}
			return nil
		})
	})
	end := r.deliver(t, ratchet.Destination{Type: "plugin", Plugin: "chat"})
	for end.Free {
		end = r.end(t)
	}
	if end.State != ratchet.DeliveryDelivered || end.Receipt.Attempt != 1 || calls.Load() != 6 {
		t.Errorf("got %+v, %+v", end, end.Receipt.Error)
	}
}

// TestAPluginTransformsWhatIsDelivered has a plugin between the format and a
// destination of another type; while it fails, the attempt fails and is made again.
func TestAPluginTransformsWhatIsDelivered(t *testing.T) {
	t.Parallel()
	url, got := receiver(t, nil)
	r := newRig(t, func(s *settings) {
		s.plugins = pluginFunc(func(context.Context, string, *ratchet.DueDelivery, *destination.Body) error { return nil })
	})
	to := hook(url, func(d *ratchet.Destination) {
		d.Transform, d.Template, d.ContentType = "upper", "it is {{task_name}}", "text/x-loud"
	})
	if tests := r.runner.Test(t.Context(), delivery.TestRequest{Destinations: []ratchet.Destination{to}, Job: ratchet.Job{Task: "sum"}}); !tests[0].OK || tests[0].Body != "IT IS SUM" {
		t.Errorf("a test shows %+v", tests[0])
	}
	if end := r.deliver(t, to); end.State != ratchet.DeliveryDelivered {
		t.Errorf("got %+v, %+v", end, end.Receipt.Error)
	}
	if q := <-got; !strings.HasPrefix(q.body, "IT IS ") || q.header.Get("Content-Type") != "text/x-loud" {
		t.Errorf("got %s, %v", q.body, q.header)
	}
	to.Transform = "lazy"
	if tests := r.runner.Test(t.Context(), delivery.TestRequest{Destinations: []ratchet.Destination{to}}); tests[0].OK || !says(tests[0].Error, "it was busy") {
		t.Errorf("a test shows %+v", tests[0])
	}
	if end := r.deliver(t, to); end.State != ratchet.DeliveryPending || !says(end.Receipt.Error, "plugin lazy: it was busy") {
		t.Errorf("got %+v", end)
	}
	without := newRig(t)
	if end := without.deliver(t, to); end.State == ratchet.DeliveryDelivered || !says(end.Receipt.Error, `no plugin "lazy"`) {
		t.Errorf("got %+v", end)
	}
	if len(got) != 0 {
		t.Error("what was not transformed was delivered")
	}
}

func near(got, want []time.Duration) bool {
	for i := range want {
		if (got[i] - want[i]).Abs() > 30*time.Second {
			return false
		}
	}
	return true
}

// TestAStoreThatFailsIsAskedAgain has a store that is away for a while: nothing is
// lost, and it is not asked without a pause.
func TestAStoreThatFailsIsAskedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &ratchet.DueDelivery{Lane: "plugin:x", Job: ratchet.Job{State: ratchet.JobCompleted}}
		d.ID, d.State, d.Spec = ratchet.NewID[ratchet.Delivery](), ratchet.DeliveryPending, ratchet.Destination{Type: "plugin", Plugin: "x"}
		m := &memory{all: []*ratchet.DueDelivery{d}}
		calls := 0
		plugins := pluginFunc(func(context.Context, string, *ratchet.DueDelivery, *destination.Body) error {
			calls++
			m.mu.Lock()
			defer m.mu.Unlock()
			m.fail = errors.New("the disk is full")
			return nil
		})
		r := delivery.New(m, nil, nil, plugins, delivery.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.Run(ctx) }()
		time.Sleep(5 * time.Minute)
		m.mu.Lock()
		if m.looks > 50 || len(m.ends) > 0 {
			t.Errorf("got %d looks, %d ends", m.looks, len(m.ends))
		}
		m.fail = nil
		m.mu.Unlock()
		time.Sleep(time.Minute)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if calls != 1 || d.State != ratchet.DeliveryDelivered {
			t.Errorf("got %d calls, %s", calls, d.State)
		}
	})
}
