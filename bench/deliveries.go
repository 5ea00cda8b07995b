package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// How many deliveries a run has to receivers that answer at once, and how many
// jobs they are of.
const (
	deliveredJobs    = 2000
	healthyReceivers = 5
	deliveryRuns     = 3
	slowAnswer       = 2 * time.Second
)

// receivers take what the server delivers, each on a port of its own.
type receivers struct {
	healthy []string // their URLs
	slow    string
	dead    string // nobody listens there
	servers []*http.Server
	serving sync.WaitGroup
	all     chan struct{} // closed when every healthy delivery has come

	mu      sync.Mutex
	seen    map[string]bool // webhook-ids
	repeats int
	delays  []time.Duration // from the end of the job
	last    time.Time

	slowCalls atomic.Int64
}

// receive starts the receivers. Ended is what they do at their end.
func receive() (r *receivers, ended func() error, err error) {
	r = &receivers{seen: map[string]bool{}, all: make(chan struct{})}
	ended = func() error {
		var errs []error
		for _, s := range r.servers {
			errs = append(errs, s.Close())
		}
		r.serving.Wait()
		return errors.Join(errs...)
	}
	for range healthyReceivers {
		url, err := r.listen(r.take)
		if err != nil {
			return nil, nil, errors.Join(err, ended())
		}
		r.healthy = append(r.healthy, url)
	}
	if r.slow, err = r.listen(r.dawdle); err != nil {
		return nil, nil, errors.Join(err, ended())
	}
	port, err := freePort()
	r.dead = fmt.Sprintf("http://127.0.0.1:%d/", port)
	return r, ended, err
}

func (r *receivers) listen(handle http.HandlerFunc) (url string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // ends with its server
	if err != nil {
		return "", err
	}
	s := &http.Server{Handler: handle, ReadHeaderTimeout: time.Minute}
	r.servers = append(r.servers, s)
	r.serving.Go(func() { _ = s.Serve(l) }) // it ends when it is closed
	return "http://" + l.Addr().String() + "/", nil
}

// take answers at once, and notes what came when.
func (r *receivers) take(w http.ResponseWriter, req *http.Request) {
	at := time.Now()
	var envelope struct {
		Completed time.Time `json:"completed_at"`
	}
	body, err := io.ReadAll(req.Body)
	if err == nil {
		err = json.Unmarshal(body, &envelope)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
	r.mu.Lock()
	defer r.mu.Unlock()
	id := req.Header.Get("webhook-id")
	if r.seen[id] {
		r.repeats++
		return
	}
	r.seen[id] = true
	r.delays, r.last = append(r.delays, at.Sub(envelope.Completed)), at
	if len(r.seen) == deliveredJobs*healthyReceivers {
		close(r.all)
	}
}

// dawdle answers late.
func (r *receivers) dawdle(w http.ResponseWriter, req *http.Request) {
	r.slowCalls.Add(1)
	select {
	case <-time.After(slowAnswer):
	case <-req.Context().Done():
	}
	w.WriteHeader(http.StatusNoContent)
}

// deliveries is the outbox, from the request that submits a job to the receivers:
// with five that answer at once, and with the same beside one that is slow and one
// that is dead, in turn.
func deliveries(b *bench) error { return b.deliveries("SQLite, synchronous FULL", nil) }

// deliveriesPostgres is deliveries with another database.
func deliveriesPostgres(b *bench) error {
	return withPostgres(b.ctx, func(url string) error {
		return b.deliveries("PostgreSQL, fsync on", []string{"--database", url})
	})
}

func (b *bench) deliveries(database string, flags []string) error {
	var alone, beside deliveryFigures
	for range deliveryRuns {
		for _, f := range []*deliveryFigures{&alone, &beside} {
			if err := b.deliver(f, f == &beside, flags); err != nil {
				return err
			}
		}
	}
	b.report(fmt.Sprintf("%d deliveries of %d jobs to %d receivers, from the first request to the last arrival; %s", deliveredJobs*healthyReceivers, deliveredJobs, healthyReceivers, database), "≥ 1,000/s",
		"%.0f/s (%s); from a job's end to its arrival p50 %v, p99 %v; %d repeated", median(alone.rates), spread(alone.rates), median(alone.p50), median(alone.p99), alone.repeats)
	b.report(fmt.Sprintf("the same, beside as many more to one receiver that answers in %v and to one that is dead (%d each)", slowAnswer, deliveredJobs), "≥ 1,000/s, the others unharmed",
		"%.0f/s (%s), %.2f of the former; p50 %v, p99 %v; %d repeated; the slow one was asked %d times meanwhile", median(beside.rates), spread(beside.rates), median(beside.rates)/median(alone.rates),
		median(beside.p50), median(beside.p99), beside.repeats, beside.slowCalls)
	b.report("CPU of the server a delivery, its share of the job included", "", "%.2f ms alone, %.2f ms beside", median(alone.cpu), median(beside.cpu))
	return nil
}

// deliveryFigures are what runs came to.
type deliveryFigures struct {
	rates, cpu []float64
	p50, p99   []time.Duration
	repeats    int
	slowCalls  int64
}

// deliver makes one run with a server of its own.
func (b *bench) deliver(f *deliveryFigures, harmed bool, flags []string) error {
	r, ended, err := receive()
	if err != nil {
		return err
	}
	err = b.serving(append([]string{"--allow-private", "127.0.0.1"}, flags...), func(s *server, _ string) error {
		before, err := s.used()
		if err != nil {
			return err
		}
		begun := time.Now()
		if s.body, err = r.job(harmed); err != nil {
			return err
		}
		if err := s.submitAll(deliveredJobs); err != nil {
			return err
		}
		select {
		case <-r.all:
		case <-b.ctx.Done():
			return b.ctx.Err()
		case <-time.After(2 * time.Minute):
			r.mu.Lock()
			defer r.mu.Unlock()
			return fmt.Errorf("%d of %d deliveries have come after two minutes", len(r.seen), deliveredJobs*healthyReceivers)
		}
		after, err := s.used()
		if err != nil {
			return err
		}
		f.add(r, begun, after.server-before.server)
		return nil
	})
	return errors.Join(err, ended())
}

// add notes a run that is over.
func (f *deliveryFigures) add(r *receivers, begun time.Time, used time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.Sort(r.delays)
	f.rates = append(f.rates, float64(len(r.seen))/r.last.Sub(begun).Seconds())
	f.cpu = append(f.cpu, perJob(used, deliveredJobs*healthyReceivers))
	f.p50 = append(f.p50, percentile(r.delays, 50).Round(time.Millisecond))
	f.p99 = append(f.p99, percentile(r.delays, 99).Round(time.Millisecond))
	f.repeats += r.repeats
	f.slowCalls += r.slowCalls.Load()
}

// job returns the request of a job whose result goes to the healthy receivers, and
// to the others too.
func (r *receivers) job(harmed bool) (body func(int64) string, err error) {
	to := slices.Clone(r.healthy)
	if harmed {
		to = append(to, r.slow, r.dead)
	}
	all := make([]ratchet.Destination, len(to))
	for i, url := range to {
		all[i] = ratchet.Destination{Type: ratchet.DestinationWebhook, URL: url, Secrets: []ratchet.Secret{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"}}
	}
	text, err := json.Marshal(all)
	return func(n int64) string {
		return fmt.Sprintf(`{"task":"noop","input":{"n":%d},"destinations":%s}`, n, text)
	}, err
}
