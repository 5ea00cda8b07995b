package rediscache_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/cache"
	"github.com/ratchet-runner/ratchet-go/internal/rediscache"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

const timeout = 200 * time.Millisecond

func shared(t *testing.T, url string, log *bytes.Buffer) *cache.Shared {
	t.Helper()
	tier, err := rediscache.New(url, timeout)
	if err != nil {
		t.Fatal(err)
	}
	s := cache.NewShared(t.Context(), tier, cache.SharedConfig{Timeout: timeout, Log: slog.New(slog.NewTextHandler(log, nil))})
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func key(t *testing.T, input string) cache.ResultKey {
	t.Helper()
	k, err := cache.KeyOf(ratchet.NewID[ratchet.Task](), "v", json.RawMessage(input))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestWhatOneNodePutsAnotherFindsUntilItsTaskIsPurged(t *testing.T) {
	t.Parallel()
	redis := storetest.Redis(t)
	var log bytes.Buffer
	a, b := shared(t, redis.URL, &log), shared(t, redis.URL, &log)
	k, before, after := key(t, "1"), time.UnixMicro(1000), time.UnixMicro(1001)
	if _, _, ok := b.Get(t.Context(), k, before); ok {
		t.Error("something was found that nobody put")
	}
	a.Put(k, before, json.RawMessage(`{"n":1}`), time.Hour)
	a.Wait()
	output, left, ok := b.Get(t.Context(), k, before)
	if !ok || string(output) != `{"n":1}` || left > time.Hour || left < 59*time.Minute {
		t.Errorf("got %s, %s, %t", output, left, ok)
	}
	for _, purged := range []time.Time{after, {}} {
		if _, _, ok := b.Get(t.Context(), k, purged); ok {
			t.Error("what was purged is found")
		}
	}
	a.Put(k, after, json.RawMessage(`2`), time.Millisecond)
	a.Wait()
	for deadline := time.Now().Add(10 * time.Second); ; {
		if _, _, ok := b.Get(t.Context(), k, after); !ok {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("what is over is found")
		}
	}
	a.Put(k, after, json.RawMessage(`"`+strings.Repeat("x", 5<<20)+`"`), time.Hour)
	a.Wait()
	if _, _, ok := b.Get(t.Context(), k, after); ok {
		t.Error("what is too large was put")
	}
	if d := b.Describe(); d.Name != "shared" || d.Hits < 1 || d.Misses < 4 || d.Errors != 0 || d.Away {
		t.Errorf("got %+v", d)
	}
}

func TestARedisThatIsGoneOrHangsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	redis := storetest.Redis(t)
	var log bytes.Buffer
	s := shared(t, redis.URL, &log)
	k := key(t, "1")
	put := func() {
		s.Put(k, time.Time{}, json.RawMessage(`1`), time.Hour)
		s.Wait()
	}
	found := func() bool {
		_, _, ok := s.Get(t.Context(), k, time.Time{})
		return ok
	}
	if put(); !found() {
		t.Fatal("nothing was found")
	}
	redis.Freeze()
	began := time.Now()
	for range 100 {
		if found() {
			t.Fatal("a server that hangs answered")
		}
	}
	if took := time.Since(began); took > 3*timeout+time.Second {
		t.Errorf("100 misses took %s: it is not left alone", took)
	}
	if d := s.Describe(); !d.Away || d.Errors != 100 {
		t.Errorf("got %+v", d)
	}
	redis.Thaw()
	back := func() {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); s.Describe().Away; found() {
			<-time.After(20 * time.Millisecond)
			if time.Now().After(deadline) {
				t.Fatal("it is not used again")
			}
		}
	}
	back()
	if !found() {
		t.Error("what it held is gone")
	}
	redis.Kill()
	for range 100 {
		found()
		put()
	}
	if !s.Describe().Away {
		t.Error("it is killed, and not away")
	}
	redis.Start()
	back()
	if put(); !found() {
		t.Error("a Redis that was started again is not used")
	}
	if n := strings.Count(log.String(), "cannot be used"); n != 2 {
		t.Errorf("it was said %d times, want 2: %s", n, log.String())
	}
}

func TestAnAddressThatIsNoneIsToldAtOnce(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"localhost:6379": "begins with none", "http://a": "begins with none", "redis://": "no host", "unix:": "no socket",
		"redis://a/b": "number of a database", "redis://a\x7f": "no URL",
	} {
		if _, err := rediscache.New(address, timeout); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", address, err, want)
		}
	}
	for _, address := range []string{"redis://user:pass@host:6379/3", "rediss://host", "unix:///tmp/socket"} {
		tier, err := rediscache.New(address, timeout)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if err := tier.Close(); err != nil {
			t.Error(err)
		}
	}
}
