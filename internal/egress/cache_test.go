package egress_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/httpcache"
	"github.com/ratchet-runner/ratchet-go/internal/resilience"
)

// caching is a client that keeps responses, and a clock to put forward.
func caching(t *testing.T, cfg egress.Config) (c *egress.Client, later *atomic.Int64) {
	t.Helper()
	later = new(atomic.Int64)
	kept, err := httpcache.New(t.Context(), httpcache.Config{Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kept.Close)
	cfg.AllowCIDR = append(cfg.AllowCIDR, netip.MustParsePrefix("127.0.0.0/8"))
	cfg.Cache = kept
	return client(t, cfg), later
}

func kept(url string) egress.Request {
	return egress.Request{URL: url, Task: "prices", Version: "v1"}
}

func TestWhatIsKeptIsNoWayAroundPermissions(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "http://127.0.0.2"+r.Host[len("127.0.0.1"):]+"/there", http.StatusMovedPermanently)
			return
		}
		_, _ = fmt.Fprint(w, asked.Add(1))
	})
	c, _ := caching(t, egress.Config{})
	for i, cached := range []bool{false, true} {
		res, err := c.Do(t.Context(), kept(url))
		if err != nil || string(res.Body) != "1" || res.Cached != cached || res.Exception == cached {
			t.Fatalf("%d: got %+v, %v", i, res, err)
		}
	}
	r := kept(url)
	r.Hosts = hosts(t, "example.com")
	_, err := c.Do(t.Context(), r)
	wantError(t, err, ratchet.ReasonEgressRefused, egress.KindHost)

	// Nor is a redirect that is kept, which is followed as one that comes.
	away := kept(url + "/away")
	away.Hosts = hosts(t, "127.0.0.1")
	for range 2 {
		_, err = c.Do(t.Context(), away)
		wantError(t, err, ratchet.ReasonEgressRefused, egress.KindHost)
	}
	away.Redirect = egress.RedirectManual
	if res, err := c.Do(t.Context(), away); err != nil || res.Status != http.StatusMovedPermanently || !res.Cached || len(res.Body) == 0 {
		t.Errorf("got %+v, %v", res, err)
	}
	// Without a task there is no cache.
	if res, err := c.Do(t.Context(), egress.Request{URL: url}); err != nil || res.Cached || string(res.Body) != "2" {
		t.Errorf("got %+v, %v", res, err)
	}
}

func TestEachHopIsAnsweredByWhatIsKeptOfIt(t *testing.T) {
	t.Parallel()
	var first, second atomic.Int64
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/first" {
			first.Add(1)
			w.Header().Set("Cache-Control", "max-age=600")
			http.Redirect(w, r, "/second", http.StatusFound)
			return
		}
		_, _ = fmt.Fprint(w, second.Add(1))
	})
	c, _ := caching(t, egress.Config{})
	for i := range 2 {
		res, err := c.Do(t.Context(), kept(url+"/first"))
		if err != nil || string(res.Body) != fmt.Sprint(i+1) || res.Cached || !res.Redirected || res.URL != url+"/second" {
			t.Fatalf("got %+v, %v", res, err)
		}
	}
	if first.Load() != 1 || second.Load() != 2 {
		t.Errorf("got %d and %d requests", first.Load(), second.Load())
	}
}

func TestAnOpenBreakerIsAnsweredByWhatMayStandInForAnError(t *testing.T) {
	t.Parallel()
	broken := atomic.Bool{}
	var asked atomic.Int64
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if broken.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if r.URL.Path == "/kept" {
			w.Header().Set("Cache-Control", "max-age=60, stale-if-error=600")
		}
		_, _ = fmt.Fprint(w, "good")
	})
	c, later := caching(t, egress.Config{Hosts: resilience.NewHosts(resilience.Config{Failures: 2})})
	for _, path := range []string{"/kept", "/other"} {
		if res, err := c.Do(t.Context(), kept(url+path)); err != nil || string(res.Body) != "good" {
			t.Fatal(res, err)
		}
	}
	broken.Store(true)
	later.Store(int64(2 * time.Minute))
	for range 10 {
		res, err := c.Do(t.Context(), kept(url+"/kept"))
		if err != nil || string(res.Body) != "good" || !res.Cached {
			t.Fatalf("got %+v, %v", res, err)
		}
	}
	if n := asked.Load(); n != 4 {
		t.Errorf("the host was asked %d times, want 4: the breaker opens after two failures", n)
	}
	_, err := c.Do(t.Context(), kept(url+"/other"))
	wantError(t, err, ratchet.ReasonCircuitOpen, "")
	later.Store(int64(time.Hour))
	_, err = c.Do(t.Context(), kept(url+"/kept"))
	wantError(t, err, ratchet.ReasonCircuitOpen, "")
}

func TestAStaleAnswerIsRenewedWhenItsTaskHasGone(t *testing.T) {
	t.Parallel()
	began, end := make(chan struct{}, 1), make(chan struct{})
	var asked atomic.Int64
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60, stale-while-revalidate=600")
		if asked.Add(1) == 2 {
			began <- struct{}{}
			<-end
		}
		_, _ = fmt.Fprint(w, asked.Load())
	})
	c, later := caching(t, egress.Config{})
	if _, err := c.Do(t.Context(), kept(url)); err != nil {
		t.Fatal(err)
	}
	later.Store(int64(2 * time.Minute))
	ctx, cancel := context.WithCancel(t.Context())
	if res, err := c.Do(ctx, kept(url)); err != nil || !res.Cached || string(res.Body) != "1" {
		t.Fatalf("got %+v, %v", res, err)
	}
	<-began
	cancel()
	close(end)
	for {
		res, err := c.Do(t.Context(), kept(url))
		if err != nil {
			t.Fatal(err)
		}
		if string(res.Body) == "2" {
			break
		}
	}
}

func TestTheModesOfTheFetchStandardAreTold(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Header.Get("Cache-Control"), "|", r.Header.Get("Pragma"))
	})
	c := client(t, egress.Config{AllowCIDR: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}) // without a cache
	for mode, want := range map[httpcache.Mode]string{"": "|", "default": "|", "no-store": "no-cache|no-cache", "reload": "no-cache|no-cache", "no-cache": "max-age=0|", "force-cache": "|"} {
		r := kept(url)
		r.Cache = mode
		if res, err := c.Do(t.Context(), r); err != nil || string(res.Body) != want {
			t.Errorf("%s: got %v, %v", mode, res, err)
		}
	}
	r := kept(url)
	r.Cache = httpcache.ModeOnlyIfCached
	_, err := c.Do(t.Context(), r)
	wantError(t, err, ratchet.ReasonNetwork, egress.KindCache)
	r.Cache = "always"
	_, err = c.Do(t.Context(), r)
	wantError(t, err, ratchet.ReasonValidation, "")
}
