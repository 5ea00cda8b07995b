package egress_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/resilience"
)

func TestAHostThatFailsIsNotAskedAnyMore(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	status := func(code int) string {
		return serve(t, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			w.WriteHeader(code)
		})
	}
	gone := serve(t, nil)
	slow := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for name, c := range map[string]struct {
		url   string
		opens bool
	}{
		"errors of its own": {status(503), true}, "too much asked of it": {status(429), false}, "not found": {status(404), false},
		"nobody there": {strings.Replace(gone, gone[strings.LastIndexByte(gone, ':'):], ":1", 1), true}, "no answer": {slow, true},
		"a refusal of ours": {strings.Replace(gone, "127.0.0.1", "10.0.0.1", 1), false},
	} {
		cl := client(t, egress.Config{Hosts: resilience.NewHosts(resilience.Config{}), Timeout: 50 * time.Millisecond})
		for range 5 {
			_, _ = cl.Do(t.Context(), egress.Request{URL: c.url})
		}
		before := asked.Load()
		_, err := cl.Do(t.Context(), egress.Request{URL: c.url})
		switch got := reason(err) == ratchet.ReasonCircuitOpen; {
		case got != c.opens:
			t.Errorf("%s: got %v, want open: %v", name, err, c.opens)
		case got && (!strings.Contains(err.Error(), "1m") || asked.Load() != before):
			t.Errorf("%s: got %v, and the host was asked %d times more", name, err, asked.Load()-before)
		}
	}
}

func TestAWaitForAPlaceEndsWithTheRequestsTime(t *testing.T) {
	t.Parallel()
	here, release := make(chan struct{}), make(chan struct{})
	url := serve(t, func(http.ResponseWriter, *http.Request) { here <- struct{}{}; <-release })
	c := client(t, egress.Config{Hosts: resilience.NewHosts(resilience.Config{PerHost: 1})})
	first := make(chan error, 1)
	go func() {
		_, err := c.Do(context.WithoutCancel(t.Context()), egress.Request{URL: url})
		first <- err
	}()
	<-here
	_, err := c.Do(t.Context(), egress.Request{URL: url, Timeout: 20 * time.Millisecond})
	if reason(err) != ratchet.ReasonTimeout || !strings.Contains(err.Error(), "place") {
		t.Errorf("got %v, want that it waited for a place", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func reason(err error) ratchet.Reason {
	e, ok := errors.AsType[*ratchet.Error](err)
	if !ok {
		return ""
	}
	return e.Reason
}
