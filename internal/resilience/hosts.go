// Package resilience keeps what fails from failing everything: it spaces out
// retries, stops asking a host that does not answer, and bounds how much is asked
// of one at once. What a failure is, and what to do when told to wait, is its
// callers' business.
package resilience

import (
	"cmp"
	"container/list"
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"github.com/ratchet-runner/ratchet-go"
)

// A Config says when a host is left alone, and how much is asked of hosts at once.
// The zero Config works; its numbers are those of the earlier Ratchet.
type Config struct {
	Failures  int           // within Window that open a host's breaker, if they are Percent of all too. Default: 5; negative: it never opens
	Percent   int           // of the requests within Window that must have failed. Default: 50; negative: Failures alone count
	Window    time.Duration // in which requests are counted. Default: 60 s
	Open      time.Duration // how long nothing is asked of the host then. Default: 60 s
	Successes int           // that close the breaker again, one after the other. Default: 3
	PerHost   int           // requests to one host at once; others wait. Default: 32
	InAll     int           // requests at once. Default: 512
	Remember  int           // hosts; of more, the one unused longest is forgotten. Default: 1,024
}

// Hosts guards requests to hosts, each by a breaker and a bulkhead of its own. It
// is safe for concurrent use and starts nothing.
type Hosts struct {
	config  Config
	all     bulkhead.Bulkhead[any]
	opened  atomic.Int64
	refused atomic.Int64

	mu     sync.Mutex
	hosts  map[string]*list.Element // of *host
	recent *list.List               // most recently used first
}

// A host is what is known of one.
type host struct {
	name    string
	users   int // requests under way or waiting; guarded by Hosts.mu
	places  bulkhead.Bulkhead[any]
	judging sync.Mutex // held from counting a failure until the breaker is open for it
	breaker circuitbreaker.CircuitBreaker[any]
	opened  atomic.Int64
	since   atomic.Int64 // when it opened last, in Unix microseconds; 0 if never
	refused atomic.Int64
}

// NewHosts returns a guard that has seen no host yet.
func NewHosts(c Config) *Hosts {
	if c.Failures == 0 {
		c.Failures = 5
	}
	c.Percent = max(cmp.Or(c.Percent, 50), 0)
	c.Window = cmp.Or(c.Window, time.Minute)
	c.Open = cmp.Or(c.Open, time.Minute)
	c.Successes = cmp.Or(max(c.Successes, 0), 3)
	c.PerHost = cmp.Or(max(c.PerHost, 0), 32)
	c.InAll = cmp.Or(max(c.InAll, 0), 512)
	c.Remember = cmp.Or(max(c.Remember, 0), 1024)
	return &Hosts{config: c, all: bulkhead.New[any](uint(c.InAll)), hosts: map[string]*list.Element{}, recent: list.New()}
}

// An Outcome is what came of a request, as far as it speaks of the host.
type Outcome int

// The outcomes.
const (
	Unknown Outcome = iota // it was given up, or never sent
	Success                // the host answered
	Failure                // it did not, or with an error of its own
)

// An OpenError says that nothing is asked of a host now.
type OpenError struct {
	Host  string
	After time.Duration // until it is tried again
}

// Error says it.
func (e *OpenError) Error() string { return "the circuit breaker of " + e.Host + " is open" }

// Enter takes a place for a request to a host. It waits for one until ctx ends,
// whose cause comes back then; an OpenError says that the host is not asked now.
// done gives the place back; it is called once, with what came of the request.
func (g *Hosts) Enter(ctx context.Context, name string) (done func(Outcome), err error) {
	h := g.enter(name)
	// Told before any wait, and after it: the host may have failed meanwhile.
	if h.breaker != nil && h.breaker.IsOpen() && h.breaker.RemainingDelay() > 0 {
		return nil, g.refuse(h)
	}
	if h.places.AcquirePermit(ctx) != nil {
		g.leave(h)
		return nil, context.Cause(ctx)
	}
	if g.all.AcquirePermit(ctx) != nil {
		h.places.ReleasePermit()
		g.leave(h)
		return nil, context.Cause(ctx)
	}
	probe := false
	if h.breaker != nil {
		if !h.breaker.TryAcquirePermit() {
			g.all.ReleasePermit()
			h.places.ReleasePermit()
			return nil, g.refuse(h)
		}
		probe = h.breaker.IsHalfOpen()
	}
	return func(o Outcome) {
		h.record(o, probe, &g.config)
		g.all.ReleasePermit()
		h.places.ReleasePermit()
		g.leave(h)
	}, nil
}

// record tells the breaker. One that tries the host again must hear of every
// probe, or it would wait for it forever: no answer is no good sign.
func (h *host) record(o Outcome, probe bool, c *Config) {
	switch {
	case h.breaker == nil:
	case o == Success:
		h.breaker.RecordSuccess()
	case o == Failure || probe:
		h.judging.Lock()
		defer h.judging.Unlock()
		h.breaker.RecordFailure()
		if h.breaker.IsClosed() && tooMany(h.breaker.Metrics(), c) {
			h.breaker.Open()
		}
	}
}

// tooMany reports whether a host failed so often that it is left alone: a busy one
// that fails now and then is not, nor one of which little is known.
func tooMany(m circuitbreaker.Metrics, c *Config) bool {
	failures := m.Failures()
	return failures >= uint(c.Failures) && 100*failures >= uint(c.Percent)*m.Executions()
}

func (g *Hosts) refuse(h *host) error {
	after := h.breaker.RemainingDelay()
	if after == 0 { // its probes are under way
		after = time.Second
	}
	h.refused.Add(1)
	g.refused.Add(1)
	g.leave(h)
	return &OpenError{Host: h.name, After: after}
}

func (g *Hosts) enter(name string) *host {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.hosts[name]
	if e == nil {
		e = g.recent.PushFront(g.host(name))
		g.hosts[name] = e
		g.forget()
	}
	g.recent.MoveToFront(e)
	h := e.Value.(*host)
	h.users++
	return h
}

func (g *Hosts) leave(h *host) {
	g.mu.Lock()
	defer g.mu.Unlock()
	h.users--
}

// forget drops hosts beyond those to remember, except where requests are under way.
func (g *Hosts) forget() {
	for e := g.recent.Back(); e != nil && g.recent.Len() > g.config.Remember; {
		h, before := e.Value.(*host), e.Prev()
		if h.users == 0 && e != g.recent.Front() {
			g.recent.Remove(e)
			delete(g.hosts, h.name)
		}
		e = before
	}
}

func (g *Hosts) host(name string) *host {
	h := &host{name: name, places: bulkhead.New[any](uint(g.config.PerHost))}
	if g.config.Failures < 0 {
		return h
	}
	// It counts and never opens by itself: it knows a number of failures or a rate
	// of them, and both are wanted. See record.
	h.breaker = circuitbreaker.NewBuilder[any]().
		WithFailureThresholdPeriod(math.MaxUint32, g.config.Window).
		WithDelay(g.config.Open).
		WithSuccessThreshold(uint(g.config.Successes)).
		OnOpen(func(circuitbreaker.StateChangedEvent) {
			h.since.Store(time.Now().UnixMicro())
			h.opened.Add(1)
			g.opened.Add(1)
		}).
		Build()
	return h
}

// Close closes a host's breaker and forgets that it was open: what was wrong has
// been mended, somebody says.
func (g *Hosts) Close(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.hosts[name]
	if e == nil {
		return
	}
	h := e.Value.(*host)
	if h.breaker == nil {
		return
	}
	h.judging.Lock()
	defer h.judging.Unlock()
	h.breaker.Close()
	h.since.Store(0)
}

// Breakers lists the hosts that failed so much that their breaker opened, and are
// not forgotten, by name.
func (g *Hosts) Breakers() []ratchet.Breaker {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := []ratchet.Breaker{}
	for e := g.recent.Front(); e != nil; e = e.Next() {
		if h := e.Value.(*host); h.since.Load() != 0 {
			all = append(all, h.describe())
		}
	}
	slices.SortFunc(all, func(a, b ratchet.Breaker) int { return strings.Compare(a.Host, b.Host) })
	return all
}

func (h *host) describe() ratchet.Breaker {
	b := ratchet.Breaker{
		Kind: ratchet.BreakerHost, Host: h.name, State: ratchet.BreakerClosed, OpenedAt: time.UnixMicro(h.since.Load()).UTC(),
		Opened: h.opened.Load(), Refused: h.refused.Load(),
	}
	switch h.breaker.State() {
	case circuitbreaker.OpenState:
		if left := h.breaker.RemainingDelay(); left > 0 {
			b.State, b.RetryAt = ratchet.BreakerOpen, time.Now().Add(left).UTC().Truncate(time.Microsecond)
			return b
		}
		b.State = ratchet.BreakerHalfOpen // whoever comes next is let through
	case circuitbreaker.HalfOpenState:
		b.State = ratchet.BreakerHalfOpen
	}
	return b
}

// Opened is how often a breaker opened so far.
func (g *Hosts) Opened() int64 { return g.opened.Load() }

// Refused is how many requests an open breaker refused so far.
func (g *Hosts) Refused() int64 { return g.refused.Load() }
