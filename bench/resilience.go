package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// How many pairs of runs there are with and without, and how many jobs in a run.
const (
	pairs    = 10
	pairJobs = 1000
)

// without is a configuration in which all is off that can be, of what guards
// requests, tells events and counts.
const without = `http:
  allow_private: [127.0.0.0/8]
  cache: 0
  max_per_host: 100000
  max_requests: 100000
  breaker: {enabled: false}
server: {metrics: false}
events: {keep: 0}
cache: {results: 0}
`

// resilient is what resilience, events and metrics cost: jobs that make one request
// each, with all of it and a client that follows the events, and without.
func resilient(b *bench) error {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	defer web.Close()
	code := `async ({ n }) => ({ ok: (await fetch("` + web.URL + `")).ok, n })`
	return in(func(dir string) error {
		on, err := b.configured(filepath.Join(dir, "on"), "http:\n  allow_private: [127.0.0.0/8]\n", code)
		if err != nil {
			return err
		}
		stop := func(s *server) error { return s.stop(os.Interrupt) }
		off, err := b.configured(filepath.Join(dir, "off"), without, code)
		if err != nil {
			return errors.Join(err, stop(on))
		}
		end, err := on.follow()
		if err == nil {
			err = b.compare(on, off)
			end()
		}
		return errors.Join(err, stop(on), stop(off))
	})
}

// compare runs jobs on one and the other by turns.
func (b *bench) compare(on, off *server) error {
	var with, bare, ratios []float64
	for i := range pairs {
		var rates [2]float64
		for turn := range 2 {
			k := (turn + i) % 2 // who begins changes too
			s := []*server{on, off}[k]
			took, err := s.load(pairJobs)
			if err != nil {
				return err
			}
			rates[k] = pairJobs / took.Seconds()
		}
		with, bare = append(with, rates[0]), append(bare, rates[1])
		ratios = append(ratios, 100*(rates[1]-rates[0])/rates[1])
	}
	b.report("jobs with a request each: breaker, bulkheads, caches, metrics and a reader of events, against none of it", "≤ 10 % less",
		"%.1f %% less throughput (median of %d interleaved pairs, %.1f to %.1f); %.0f/s against %.0f/s", median(ratios), pairs, percentile(ratios, 0), percentile(ratios, 100), median(with), median(bare))
	return nil
}

// configured is a server with a configuration of its own, and the task noop of the
// code, which it has run.
func (b *bench) configured(dir, config, code string) (*server, error) {
	err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "ratchet.yaml"), []byte(config), 0o644))
	if err != nil {
		return nil, err
	}
	s, err := b.serve(dir)
	if err != nil {
		return nil, err
	}
	if err = b.register(s, dir, "noop", code); err == nil {
		err = s.warm()
	}
	if err != nil {
		return nil, errors.Join(err, s.stop(os.Interrupt))
	}
	return s, nil
}

// follow reads the server's events until end is called.
func (s *server) follow() (end func(), err error) {
	res, err := s.client.Get(s.url + "/api/v1/events") //nolint:noctx,bodyclose // end closes it
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("events: %s", res.Status), res.Body.Close())
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, res.Body)
	}()
	return func() {
		_ = res.Body.Close()
		<-done
	}, nil
}

// keptResult is a job that is answered with a result that is kept, and ten that want
// the same one at once.
func keptResult(b *bench) error {
	return b.serving(nil, func(s *server, dir string) error {
		task := filepath.Join(dir, "kept")
		err := errors.Join(
			os.MkdirAll(task, 0o755),
			os.WriteFile(filepath.Join(task, "metadata.json"), []byte(`{"name": "kept", "version": "1.0.0", "cache": {"ttl": "1h"}}`), 0o644),
			os.WriteFile(filepath.Join(task, "main.js"), []byte(`async ({ n }) => { await new Promise((r) => setTimeout(r, 50)); return n }`), 0o644),
		)
		if err == nil {
			_, err = b.timed(b.ratchet, "task", "register", task, "--server", s.url)
		}
		if err != nil {
			return err
		}
		runs, err := s.tenAtOnce()
		if err != nil {
			return err
		}
		var took []time.Duration
		for range answers {
			began := time.Now()
			var job ratchet.Job
			if err := s.want(http.StatusAccepted, http.MethodPost, "/api/v1/jobs", `{"task":"kept","input":{"n":1}}`, &job); err != nil {
				return err
			}
			took = append(took, time.Since(began))
			if job.Cache != ratchet.CacheHit {
				return fmt.Errorf("a result was not kept: %s", job.State)
			}
		}
		b.report("a job whose result is kept, durable and answered; ten at once whose result is not", "p50 ≤ 0.5 ms; 1 execution",
			"p50 %v, p99 %v by HTTP; %d execution", round(percentile(took, 50)), round(percentile(took, 99)), runs)
		return nil
	})
}

// tenAtOnce submits ten jobs with the same input and returns how many were run: of
// those whose result was made by another the log says so.
func (s *server) tenAtOnce() (runs int, err error) {
	jobs := make([]ratchet.Job, 10)
	errs := make([]error, len(jobs))
	var all sync.WaitGroup
	for i := range jobs {
		all.Go(func() {
			errs[i] = s.want(http.StatusAccepted, http.MethodPost, "/api/v1/jobs", `{"task":"kept","input":{"n":1}}`, &jobs[i])
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return 0, err
	}
	for i := range jobs {
		if err := s.want(http.StatusOK, http.MethodGet, "/api/v1/jobs/"+jobs[i].ID.String()+"?wait=10s", "", &jobs[i]); err != nil {
			return 0, err
		}
	}
	var caches []ratchet.Cache
	if err := s.want(http.StatusOK, http.MethodGet, "/api/v1/caches", "", &caches); err != nil {
		return 0, err
	}
	for _, c := range caches {
		if c.Name == "results" {
			return int(c.Misses), nil // each of which was made
		}
	}
	return 0, errors.New("there is no cache of results")
}
