package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/resilience"
)

func TestDelaysHaveTheFormOfTheirBackoff(t *testing.T) {
	t.Parallel()
	middle := func() float64 { return 0.5 } // no jitter
	for backoff, want := range map[ratchet.Backoff][]int{
		"":                          {1, 3, 9, 27, 30, 30},
		ratchet.BackoffExponential:  {1, 3, 9, 27, 30, 30},
		ratchet.BackoffLinear:       {1, 2, 3, 4, 5, 6},
		ratchet.BackoffFibonacci:    {1, 1, 2, 3, 5, 8, 13, 21, 30, 30},
		ratchet.BackoffFixed:        {1, 1, 1, 1},
		ratchet.BackoffDecorrelated: {1, 2}, // then 3.5
	} {
		policy := ratchet.Retry{Backoff: backoff, Factor: 3}
		for i, seconds := range want {
			if got := resilience.Delay(policy, i+1, middle); got != time.Duration(seconds)*time.Second {
				t.Errorf("%q, retry %d: got %v, want %ds", backoff, i+1, got, seconds)
			}
		}
	}
}

func TestDelaysAreCappedBeforeTheyAreSpreadAndNeverNegative(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		policy := ratchet.Retry{
			Backoff:      rapid.SampledFrom(ratchet.Backoffs()).Draw(t, "backoff"),
			InitialDelay: ratchet.Duration(rapid.Int64Range(1, int64(ratchet.MaxRetryDelay)).Draw(t, "initial")),
			Factor:       rapid.Float64Range(1, ratchet.MaxFactor).Draw(t, "factor"),
			Jitter:       rapid.Float64Range(0.01, 1).Draw(t, "jitter"),
		}
		policy.MaxDelay = max(policy.InitialDelay, ratchet.Duration(rapid.Int64Range(1, int64(ratchet.MaxRetryDelay)).Draw(t, "max")))
		chance := rapid.Float64Range(0, 0.999)
		n := rapid.IntRange(1, ratchet.MaxAttempts).Draw(t, "n")
		got := resilience.Delay(policy, n, func() float64 { return chance.Draw(t, "chance") })
		low, high := 0.0, float64(policy.MaxDelay)*(1+policy.Jitter)
		if policy.Backoff == ratchet.BackoffDecorrelated {
			low, high = float64(policy.InitialDelay)-1, float64(policy.MaxDelay)+1
		}
		if float64(got) < low || float64(got) > high {
			t.Fatalf("got %v, want %v to %v", got, time.Duration(low), time.Duration(high))
		}
	})
}

// ask makes a request that ends so.
func ask(t *testing.T, g *resilience.Hosts, host string, o resilience.Outcome) error {
	t.Helper()
	done, err := g.Enter(t.Context(), host)
	if err == nil {
		done(o)
	}
	return err
}

func state(g *resilience.Hosts) ratchet.BreakerState {
	if all := g.Breakers(); len(all) == 1 {
		return all[0].State
	}
	return ""
}

func TestAHostThatFailsIsLeftAloneAndThenTried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := resilience.NewHosts(resilience.Config{})
		for range 4 {
			_ = ask(t, g, "a:80", resilience.Failure)
		}
		time.Sleep(2 * time.Minute) // they are forgotten
		for i := range 5 {
			if err := ask(t, g, "a:80", resilience.Failure); err != nil || state(g) != "" && i < 4 {
				t.Fatalf("failure %d: got %v, state %q", i, err, state(g))
			}
		}
		time.Sleep(18 * time.Second)
		open, ok := errors.AsType[*resilience.OpenError](ask(t, g, "a:80", resilience.Success))
		if !ok || open.Host != "a:80" || open.After != 42*time.Second {
			t.Fatalf("got %+v, want to be told to wait 42s", open)
		}
		b := g.Breakers()[0]
		if b.State != ratchet.BreakerOpen || !b.RetryAt.Equal(time.Now().Add(42*time.Second)) || b.Refused != 1 || b.Opened != 1 {
			t.Errorf("got %+v", b)
		}
		if err := ask(t, g, "b:80", resilience.Success); err != nil {
			t.Errorf("another host: %v", err)
		}

		time.Sleep(42 * time.Second)
		_ = ask(t, g, "a:80", resilience.Success)
		if state(g) != ratchet.BreakerHalfOpen {
			t.Fatalf("after one success: %q", state(g))
		}
		_ = ask(t, g, "a:80", resilience.Failure)
		if state(g) != ratchet.BreakerOpen {
			t.Fatalf("a probe failed: %q", state(g))
		}
		time.Sleep(time.Minute)
		for range 3 {
			if err := ask(t, g, "a:80", resilience.Success); err != nil {
				t.Fatal(err)
			}
		}
		if state(g) != ratchet.BreakerClosed || g.Opened() != 2 || g.Refused() != 1 {
			t.Errorf("got %q after %d opened, %d refused", state(g), g.Opened(), g.Refused())
		}
	})
}

func TestABusyHostThatFailsNowAndThenIsNotLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := resilience.NewHosts(resilience.Config{})
		alone := resilience.NewHosts(resilience.Config{Percent: -1})
		for i := range 2000 {
			o := resilience.Success
			if i%200 == 199 { // one of 200
				o = resilience.Failure
			}
			if err := ask(t, g, "busy:80", o); err != nil {
				t.Fatalf("request %d: %v", i, err)
			}
			_ = ask(t, alone, "busy:80", o)
		}
		if state(alone) != ratchet.BreakerOpen {
			t.Errorf("where failures alone count: %q", state(alone))
		}

		// Then it dies: what went well before holds the breaker back no longer than
		// the window.
		began := time.Now()
		for ask(t, g, "busy:80", resilience.Failure) == nil {
			if time.Sleep(time.Second); time.Since(began) > 2*time.Minute {
				t.Fatal("a dead host is asked on and on")
			}
		}
		if took := time.Since(began); took > 61*time.Second {
			t.Errorf("a dead host was asked for %v", took)
		}
	})
}

func TestHalfOfTheRequestsMustFail(t *testing.T) {
	t.Parallel()
	for successes, want := range map[int]ratchet.BreakerState{5: ratchet.BreakerOpen, 6: ""} {
		g := resilience.NewHosts(resilience.Config{})
		for range successes {
			_ = ask(t, g, "a:80", resilience.Success)
		}
		for range 5 {
			_ = ask(t, g, "a:80", resilience.Failure)
		}
		if got := state(g); got != want {
			t.Errorf("5 failures after %d successes: got %q, want %q", successes, got, want)
		}
	}
}

func TestAProbeThatIsGivenUpDoesNotHoldTheBreakerHalfOpenForever(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := resilience.NewHosts(resilience.Config{Failures: 1})
		_ = ask(t, g, "a:80", resilience.Failure)
		time.Sleep(time.Minute)
		var probes []func(resilience.Outcome)
		for range 3 {
			done, err := g.Enter(t.Context(), "a:80")
			if err != nil {
				t.Fatal(err)
			}
			probes = append(probes, done)
		}
		if err := ask(t, g, "a:80", resilience.Success); err == nil {
			t.Fatal("a fourth probe was let through")
		}
		for _, done := range probes {
			done(resilience.Unknown)
		}
		if state(g) != ratchet.BreakerOpen {
			t.Fatalf("got %q", state(g))
		}
		time.Sleep(time.Minute)
		if err := ask(t, g, "a:80", resilience.Success); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWhatIsGivenUpOrAnsweredOpensNoBreaker(t *testing.T) {
	t.Parallel()
	g := resilience.NewHosts(resilience.Config{})
	off := resilience.NewHosts(resilience.Config{Failures: -1})
	for i := range 100 {
		if err := ask(t, g, "a:80", resilience.Outcome(i%2)); err != nil {
			t.Fatal(err)
		}
		if err := ask(t, off, "a:80", resilience.Failure); err != nil {
			t.Fatal(err)
		}
	}
	if len(g.Breakers())+len(off.Breakers()) != 0 {
		t.Error("a breaker opened")
	}
}

func TestRequestsBeyondTheBoundsWaitForAPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := resilience.NewHosts(resilience.Config{PerHost: 2, InAll: 3})
		var mu sync.Mutex
		now, most, in := map[string]int{}, map[string]int{}, 0
		var all sync.WaitGroup
		for i := range 40 {
			host := fmt.Sprintf("h%d:80", i%4)
			all.Go(func() {
				done, err := g.Enter(t.Context(), host)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				in++
				now[host]++
				most[host], most["all"] = max(most[host], now[host]), max(most["all"], in)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				in--
				now[host]--
				mu.Unlock()
				done(resilience.Success)
			})
		}
		all.Wait()
		if most["all"] != 3 || most["h0:80"] > 2 {
			t.Errorf("at once: %v", most)
		}

		for range 2 {
			if _, err := g.Enter(t.Context(), "a:80"); err != nil {
				t.Fatal(err)
			}
		}
		enough := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, enough)
		defer cancel()
		if _, err := g.Enter(ctx, "a:80"); !errors.Is(err, enough) {
			t.Errorf("got %v, want the cause of the wait's end", err)
		}
		if err := ask(t, g, "b:80", resilience.Success); err != nil {
			t.Errorf("whoever gave up kept a place: %v", err)
		}
	})
}

func TestOnlySoManyHostsAreRememberedAndNoneInUseForgotten(t *testing.T) {
	t.Parallel()
	g := resilience.NewHosts(resilience.Config{Failures: 1, Remember: 3, PerHost: 1})
	busy, err := g.Enter(t.Context(), "busy:80")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		_ = ask(t, g, fmt.Sprintf("h%d:80", i), resilience.Failure)
	}
	if n := len(g.Breakers()); n != 2 {
		t.Errorf("%d breakers are remembered, want 2 beside the host in use", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Enter(ctx, "busy:80"); err == nil {
		t.Error("the host in use was forgotten: it has another place")
	}
	busy(resilience.Success)
}
