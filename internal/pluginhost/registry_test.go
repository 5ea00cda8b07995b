package pluginhost_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/pluginhost"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

func TestPluginsThatRequireEachOtherInACircleAreRefused(t *testing.T) {
	t.Parallel()
	h, _ := newHost(t, newFolder(t).add("circle-a", "circle-b", "circle-c"), quick())
	_, err := h.Settled(t.Context(), "circle-a", settings(""))
	wantReason(t, err, ratchet.ReasonPluginDependency, "in a circle: circle-a → circle-b → circle-c → circle-a")
	// Not even if it is set all the same.
	h.SetAll(t.Context(), map[string]ratchet.PluginSettings{"circle-a": settings(""), "circle-b": settings(""), "circle-c": settings("")})
	for _, name := range []string{"circle-a", "circle-b", "circle-c"} {
		if p := one(t, h, name); p.Status != ratchet.PluginFailed || !strings.Contains(p.Problem, "circle") {
			t.Errorf("%s: got %s: %s", name, p.Status, p.Problem)
		}
	}
}

func TestAPluginWaitsForThoseThatItRequiresAndHoldsThem(t *testing.T) {
	t.Parallel()
	h, _ := newHost(t, newFolder(t).add("base", "user", "modern"), quick())
	_, err := h.Settled(t.Context(), "user", settings(""))
	wantReason(t, err, ratchet.ReasonPluginDependency, `requires "base", which is not enabled`, "ratchet plugin enable base")
	enable(t, h, "base", settings(""))
	enable(t, h, "user", settings(""))
	_, err = h.Settled(t.Context(), "modern", settings(""))
	wantReason(t, err, ratchet.ReasonPluginDependency, "in version >=2, but it is 1.5.0")
	wantReason(t, h.Removable("base"), ratchet.ReasonPluginDependency, `plugin "base" is required by user: disable that first`)
	if err := h.Set(t.Context(), "user", ratchet.PluginSettings{}); err != nil {
		t.Fatal(err)
	}
	if err := h.Removable("base"); err != nil {
		t.Errorf("nobody requires it any more: %v", err)
	}
}

func TestAPluginThatNeedsMoreThanItWasAllowedIsRefused(t *testing.T) {
	t.Parallel()
	h, _ := newHost(t, newFolder(t).add("greedy"), quick())
	s := settings("")
	s.Allowed = ratchet.PluginNeeds{Network: true}
	_, err := h.Settled(t.Context(), "greedy", s)
	wantReason(t, err, ratchet.ReasonPluginDenied, "to read /etc/hostname", "300MB of memory", "--allow all")
	s.Allowed = one(t, h, "greedy").Needs
	enable(t, h, "greedy", s)
}

func TestThePrioritiesOfHooksAreTheOrderOfTheirCalls(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var order []string
	made := func(name string, priority int) plugin.Plugin {
		return plugin.Plugin{Name: name, Version: "1.0.0", OnSuccess: &plugin.Hook{Priority: priority, Call: func(context.Context, *plugin.Event) error {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, name)
			return nil
		}}}
	}
	h, _ := newHost(t, folder{t, ""}, pluginhost.Config{BuiltIn: []plugin.Plugin{made("third", 900), made("first", 1), made("second", 0), made("moved", 1)}})
	for _, name := range []string{"third", "first", "second", "moved"} {
		s := settings("")
		if last := ratchet.HookLast; name == "moved" {
			s.Priority = &last
		}
		enable(t, h, name, s)
	}
	if err := h.Hook(t.Context(), &ratchet.PluginEvent{Hook: ratchet.HookOnSuccess}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, " "); got != "first second third moved" {
		t.Errorf("got order %s", got)
	}
}

func TestAPluginBuiltInIsHeldToTheSameRules(t *testing.T) {
	t.Parallel()
	p := plugin.Plugin{
		Name: "inside", Version: "1.0.0", Config: json.RawMessage(`{"required":["key"]}`),
		Functions: map[string]plugin.Function{
			"panic": plugin.Func(func(context.Context, any) (any, error) { panic("inside") }),
			"wait":  plugin.Func(func(ctx context.Context, _ any) (any, error) { <-ctx.Done(); return nil, ctx.Err() }),
			"one":   plugin.Func(func(context.Context, any) (int, error) { return 1, nil }),
		},
	}
	c := quick()
	c.BuiltIn, c.CallBudget = []plugin.Plugin{p}, 50*time.Millisecond
	h, _ := newHost(t, folder{t, ""}, c)
	_, err := h.Settled(t.Context(), "inside", settings("{}"))
	wantReason(t, err, ratchet.ReasonValidation, "breaks its schema")
	enable(t, h, "inside", settings(`{"key":1}`))
	_, err = function(t, h, "inside", "panic", "null")
	wantReason(t, err, ratchet.ReasonPluginFailed, "panic: inside")
	_, err = function(t, h, "inside", "wait", "null")
	wantReason(t, err, ratchet.ReasonPluginTimeout)
	if got, err := function(t, h, "inside", "one", "null"); err != nil || got != "1" {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestAReloadLosesNoCall(t *testing.T) {
	t.Parallel()
	h, _ := newHost(t, newFolder(t).add("good"), pluginhost.Config{})
	enable(t, h, "good", settings(""))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var calls, hooks atomic.Int64
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for ctx.Err() == nil {
				if _, err := function(t, h, "good", "sleep", "20"); err != nil {
					t.Errorf("a call was lost: %v", err)
					return
				}
				calls.Add(1)
				if _, err := h.Submit(t.Context(), &ratchet.PluginEvent{Input: json.RawMessage(`"rewrite"`)}); err != nil {
					t.Errorf("a submit was lost: %v", err)
					return
				}
				hooks.Add(1)
			}
		})
	}
	pids := map[int]bool{}
	for range 3 {
		before := calls.Load()
		eventually(t, "calls", func() bool { return calls.Load() > before+8 })
		if err := h.Reload(t.Context(), "good"); err != nil {
			t.Errorf("reload: %v", err)
		}
		pids[one(t, h, "good").PID] = true
	}
	cancel()
	callers.Wait()
	if len(pids) != 3 || hooks.Load() < 24 {
		t.Errorf("got %d processes and %d hooks", len(pids), hooks.Load())
	}
}

func TestAReloadThatFailsLeavesThePluginAsItWas(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.write("good/ratchet-plugin-good", "")
	if err := os.Remove(filepath.Join(f.dir, "good/ratchet-plugin-good")); err != nil {
		t.Fatal(err)
	}
	f.add("good")
	h, _ := newHost(t, f, quick())
	enable(t, h, "good", settings(""))
	pid := one(t, h, "good").PID
	if err := os.Remove(filepath.Join(f.dir, "ratchet-plugin-good")); err != nil {
		t.Fatal(err)
	}
	wantReason(t, h.Reload(t.Context(), "good"), ratchet.ReasonPluginNotFound)
	if got, err := function(t, h, "good", "echo", "1"); err != nil || got != "1" || one(t, h, "good").PID != pid {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestAChangedConfigurationReachesThePluginThatRuns(t *testing.T) {
	t.Parallel()
	h, _ := newHost(t, newFolder(t).add("good", "late"), quick())
	enable(t, h, "good", settings(`{"greeting":"hi"}`))
	pid := one(t, h, "good").PID
	enable(t, h, "good", settings(`{"greeting":"ho"}`))
	if got, err := function(t, h, "good", "config", "null"); err != nil || got != `{"greeting":"ho"}` || one(t, h, "good").PID != pid {
		t.Errorf("got %s, %v", got, err)
	}
	// One that cannot take it is started anew.
	enable(t, h, "late", settings(`{}`))
	pid = one(t, h, "late").PID
	enable(t, h, "late", settings(`{"a":1}`))
	if p := one(t, h, "late"); p.PID == pid || p.Status != ratchet.PluginActive {
		t.Errorf("got %s of process %d, before %d", p.Status, p.PID, pid)
	}
}

func TestAPluginIsStartedOnDemandAndRestsWhenNobodyCalls(t *testing.T) {
	t.Parallel()
	c := quick()
	c.Idle, c.Check = time.Millisecond, 10*time.Millisecond
	h, _ := newHost(t, newFolder(t).add("base", "late"), c)
	h.SetAll(t.Context(), map[string]ratchet.PluginSettings{"base": settings(""), "late": settings("")})
	if got := one(t, h, "base").Status; got != ratchet.PluginUnloaded {
		t.Errorf("before the first call: got %s", got)
	}
	if got := one(t, h, "late").Status; got != ratchet.PluginActive {
		t.Errorf("one with hooks: got %s", got)
	}
	if got, err := function(t, h, "base", "one", "null"); err != nil || got != "1" {
		t.Errorf("got %s, %v", got, err)
	}
	eventually(t, "its rest", func() bool { return one(t, h, "base").Status == ratchet.PluginUnloaded })
	if got, err := function(t, h, "base", "one", "null"); err != nil || got != "1" {
		t.Errorf("after its rest: got %s, %v", got, err)
	}
}

func TestASlowSubscriberLosesEventsAndIsToldHowMany(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var got atomic.Int64
	var dropped atomic.Int64
	p := plugin.Plugin{Name: "slow", Version: "1.0.0", Events: &plugin.Subscriber{Handle: func(_ context.Context, b plugin.Batch) error {
		<-release
		got.Add(int64(len(b.Events)))
		dropped.Add(b.Dropped)
		return nil
	}}}
	c := quick()
	c.BuiltIn, c.Events, c.CallBudget = []plugin.Plugin{p}, 50, time.Minute
	h, _ := newHost(t, folder{t, ""}, c)
	enable(t, h, "slow", settings(""))
	for range 1000 {
		h.Publish(ratchet.Event{Type: ratchet.EventJob})
	}
	eventually(t, "drops", func() bool { return one(t, h, "slow").Dropped > 800 })
	close(release)
	eventually(t, "the rest", func() bool {
		h.Publish(ratchet.Event{Type: ratchet.EventJob})
		return dropped.Load() == one(t, h, "slow").Dropped && got.Load() > 50
	})
}

func TestListingShowsWhatIsThereWithoutStartingIt(t *testing.T) {
	t.Parallel()
	f := newFolder(t).add("good", "too-new")
	f.write("not-a-plugin", "")
	h, _ := newHost(t, f, quick())
	all := h.Plugins(t.Context())
	if len(all) != 2 || all[0].Name != "good" || all[0].Status != ratchet.PluginDisabled || all[0].PID != 0 ||
		all[1].Status != ratchet.PluginFailed || !strings.Contains(all[1].Problem, "protocol") {
		t.Errorf("got %+v", all)
	}
}
