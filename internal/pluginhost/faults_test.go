package pluginhost_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/pluginhost"
	"github.com/ratchet-runner/ratchet-go/internal/resilience"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

// quick is a Config in which nothing takes long.
func quick() pluginhost.Config {
	return pluginhost.Config{StartBudget: 2 * time.Second, StopBudget: time.Second, CallBudget: 3 * time.Second, Grace: 500 * time.Millisecond}
}

func TestAPluginThatCannotBeUsedIsRefusedBeforeItIsEnabled(t *testing.T) {
	t.Parallel()
	f := newFolder(t).add("too-new", "impostor", "no-schema", "manifest-garbage", "manifest-huge", "manifest-hangs", "manifest-crashes", "broken", "good")
	f.write("ratchet-plugin-text", "this is no program\n")
	f.write("ratchet-plugin-lost", "#!/no/such/interpreter\n")
	f.write("ratchet-plugin-plain", "#!/bin/sh\n")
	f.write("ratchet-plugin-open", "#!/bin/sh\n")
	for name, mode := range map[string]os.FileMode{"plain": 0o644, "open": 0o777} {
		if err := os.Chmod(filepath.Join(f.dir, "ratchet-plugin-"+name), mode); err != nil {
			t.Fatal(err)
		}
	}
	h, _ := newHost(t, f, quick())
	for name, want := range map[string]struct {
		reason ratchet.Reason
		words  string
	}{
		"missing":          {ratchet.ReasonPluginNotFound, "looked for ratchet-plugin-missing in " + f.dir},
		"too-new":          {ratchet.ReasonPluginAPIVersion, "versions 2 to 3 of the plugin protocol, this server 1 to 1"},
		"impostor":         {ratchet.ReasonPluginLoad, `"somebody-else"`},
		"no-schema":        {ratchet.ReasonPluginLoad, "configSchema in its manifest is no JSON Schema"},
		"manifest-garbage": {ratchet.ReasonPluginLoad, "I am not JSON"},
		"manifest-huge":    {ratchet.ReasonPluginLoad, "larger than 1MB"},
		"manifest-hangs":   {ratchet.ReasonPluginLoad, "did not end within 2s"},
		"manifest-crashes": {ratchet.ReasonPluginLoad, "exit status 9: error: no idea who I am"},
		"broken":           {ratchet.ReasonPluginLoad, "want lower-case letters"},
		"text":             {ratchet.ReasonPluginLoad, "exec format error"},
		"lost":             {ratchet.ReasonPluginLoad, "the interpreter of its first line"},
		"plain":            {ratchet.ReasonPluginLoad, "chmod +x"},
		"open":             {ratchet.ReasonPluginLoad, "everybody may write"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Settled(t.Context(), name, settings(""))
			wantReason(t, err, want.reason, strconv.Quote(name), want.words)
			if err := h.Set(t.Context(), name, settings("")); err == nil {
				t.Error("it could be set")
			}
			if p := one(t, h, name); name != "missing" && (p.Status != ratchet.PluginFailed || !strings.Contains(p.Problem, want.words)) {
				t.Errorf("got status %s, problem %q", p.Status, p.Problem)
			}
		})
	}
	enable(t, h, "good", settings(""))
}

func TestAConfigurationThatBreaksTheSchemaIsRefusedBeforeTheStart(t *testing.T) {
	t.Parallel()
	h, book := newHost(t, newFolder(t).add("good"), quick())
	_, err := h.Settled(t.Context(), "good", settings(`{"greeting":7,"more":1}`))
	wantReason(t, err, ratchet.ReasonValidation, `the configuration of plugin "good" breaks its schema`)
	e, _ := errors.AsType[*ratchet.Error](err)
	if len(e.Details) != 2 {
		t.Errorf("got details %+v, want one for each of two", e.Details)
	}
	if strings.Contains(book.String(), "a plugin runs") {
		t.Error("it was started all the same")
	}
}

func TestAnExchangedFileIsNotStarted(t *testing.T) {
	t.Parallel()
	f := newFolder(t).add("good")
	h, _ := newHost(t, f, quick())
	s := settings("")
	s.Pin = strings.Repeat("ab", 32)
	_, err := h.Settled(t.Context(), "good", s)
	wantReason(t, err, ratchet.ReasonPluginChecksum, s.Pin, "somebody exchanged it")

	enable(t, h, "good", settings(""))
	if err := os.Remove(filepath.Join(f.dir, "ratchet-plugin-good")); err != nil {
		t.Fatal(err)
	}
	f.write("ratchet-plugin-good", "#!/bin/sh\necho '{}'\n")
	wantReason(t, h.Reload(t.Context(), "good"), ratchet.ReasonPluginChecksum)
	if got, err := function(t, h, "good", "echo", "1"); err != nil || got != "1" {
		t.Errorf("the plugin that runs is not what it was: got %s, %v", got, err)
	}
}

func TestAllFilesOfAPluginsFolderArePinned(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.write("many/ratchet-plugin-many", "#!/bin/sh\ncat \"$(dirname \"$0\")/lib/manifest.json\"\n")
	f.write("many/lib/manifest.json", `{"name":"many","version":"1.0.0","protocol":[1,1],"needs":{}}`)
	h, _ := newHost(t, f, quick())
	s, err := h.Settled(t.Context(), "many", settings(""))
	if err != nil {
		t.Fatal(err)
	}
	f.write("many/lib/manifest.json", `{"name":"many","version":"1.0.1","protocol":[1,1],"needs":{}}`)
	_, err = h.Settled(t.Context(), "many", s)
	wantReason(t, err, ratchet.ReasonPluginChecksum)
}

func TestAPluginThatBreaksTheProtocolIsKilledAndNamed(t *testing.T) {
	t.Parallel()
	f := newFolder(t).add("garbage", "silent", "start-hangs", "wrong-version", "two-faced", "fails-to-start", "good")
	h, _ := newHost(t, f, quick())
	enable(t, h, "good", settings(""))
	for name, want := range map[string]struct {
		reason ratchet.Reason
		words  string
	}{
		"garbage":        {ratchet.ReasonPluginLoad, "belongs to its standard error"},
		"silent":         {ratchet.ReasonPluginLoad, "did not answer the hello within 2s"},
		"start-hangs":    {ratchet.ReasonPluginLoad, "did not answer the start within 2s"},
		"wrong-version":  {ratchet.ReasonPluginAPIVersion, "it chose version 9, of 1 to 1"},
		"two-faced":      {ratchet.ReasonPluginLoad, "says another manifest"},
		"fails-to-start": {ratchet.ReasonPluginLoad, "its start failed: no luck today"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := h.Set(t.Context(), name, settings(""))
			wantReason(t, err, want.reason, name, want.words)
			if p := one(t, h, name); p.Status != ratchet.PluginFailed || p.PID != 0 {
				t.Errorf("got status %s of process %d", p.Status, p.PID)
			}
			if got, err := function(t, h, "good", "echo", "1"); err != nil || got != "1" {
				t.Errorf("another plugin is harmed: got %s, %v", got, err)
			}
		})
	}
}

func TestAPluginThatBreaksTheProtocolInACallIsKilledAndNamed(t *testing.T) {
	t.Parallel()
	f := newFolder(t).add("garbage-later", "huge-frame", "unasked", "worker-talk", "closes")
	h, _ := newHost(t, f, quick())
	for name, words := range map[string]string{
		"garbage-later": "belongs to its standard error",
		"huge-frame":    "larger than a frame may be",
		"unasked":       "answered call 4711",
		"worker-talk":   "sent *ipc.Done",
		"closes":        "closed its standard output",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			enable(t, h, name, settings(""))
			_, err := function(t, h, name, "any", "1")
			wantReason(t, err, ratchet.ReasonPluginFailed, name, words)
			eventually(t, "its end", func() bool { return one(t, h, name).Status == ratchet.PluginFailed })
			if p := one(t, h, name); p.Restarts != 1 || !strings.Contains(p.Problem, words) {
				t.Errorf("got %d restarts, problem %q", p.Restarts, p.Problem)
			}
		})
	}
}

func TestACrashFailsTheCallsThatItHadAndTheNextStartsItAgain(t *testing.T) {
	t.Parallel()
	h, book := newHost(t, newFolder(t).add("good"), quick())
	enable(t, h, "good", settings(""))
	var waiting sync.WaitGroup
	waiting.Go(func() {
		_, err := function(t, h, "good", "sleep", "2000")
		if !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonPluginFailed}) {
			t.Errorf("a call under way: got %v", err)
		}
	})
	eventually(t, "the call", func() bool { _, err := function(t, h, "good", "echo", "1"); return err == nil })
	_, err := function(t, h, "good", "crash", "null")
	// What it printed last may be of another job: it is for the operator.
	wantReason(t, err, ratchet.ReasonPluginFailed, "exit status 5")
	if strings.Contains(err.Error(), "it crashes") {
		t.Errorf("who called is told %v", err)
	}
	eventually(t, "the line of the log", func() bool { return strings.Contains(book.String(), "exit status 5: fatal error: it crashes") })
	waiting.Wait()
	eventually(t, "a new start", func() bool { _, err := function(t, h, "good", "echo", "1"); return err == nil })
}

func TestAPluginThatDiesAgainAndAgainIsStartedLaterEachTime(t *testing.T) {
	t.Parallel()
	c := quick()
	c.Restart = ratchet.Retry{InitialDelay: ratchet.Duration(time.Hour), MaxDelay: ratchet.Duration(time.Hour)}
	h, _ := newHost(t, newFolder(t).add("good"), c)
	enable(t, h, "good", settings(""))
	crash := func() error { _, err := function(t, h, "good", "crash", "null"); return err }
	wantReason(t, crash(), ratchet.ReasonPluginFailed)
	eventually(t, "the second life", func() bool { return one(t, h, "good").Status == ratchet.PluginActive })
	wantReason(t, crash(), ratchet.ReasonPluginFailed)
	eventually(t, "its end", func() bool { return one(t, h, "good").Status == ratchet.PluginFailed })
	wantReason(t, crash(), ratchet.ReasonPluginUnavailable, "is started again in", "exit status 5")
	// The operator need not wait.
	enable(t, h, "good", settings(""))
}

func TestAPluginThatFailsOftenIsLeftAlone(t *testing.T) {
	t.Parallel()
	c := quick()
	c.Breaker = resilience.Config{Failures: 3, Open: time.Hour}
	c.Restart = ratchet.Retry{InitialDelay: ratchet.Duration(time.Millisecond), MaxDelay: ratchet.Duration(time.Millisecond)}
	h, _ := newHost(t, newFolder(t).add("good", "base"), c)
	enable(t, h, "good", settings(""))
	enable(t, h, "base", settings(""))
	eventually(t, "the open breaker", func() bool {
		_, err := function(t, h, "good", "crash", "null")
		return err != nil && strings.Contains(err.Error(), "left alone")
	})
	all := h.Breakers()
	if len(all) != 1 || all[0].Host != "good" || all[0].Kind != ratchet.BreakerPlugin || all[0].State != ratchet.BreakerOpen {
		t.Errorf("got breakers %+v", all)
	}
	if _, err := function(t, h, "base", "one", "null"); err != nil {
		t.Errorf("another plugin: %v", err)
	}

	// What waits for it is told until when.
	_, err := function(t, h, "good", "crash", "null")
	if open, ok := errors.AsType[*resilience.OpenError](err); !ok || open.After < 50*time.Minute {
		t.Errorf("got %v", err)
	}

	// Whoever enables it again, or loads it anew, need not wait.
	for name, mend := range map[string]func(){
		"enabled again": func() { enable(t, h, "good", settings(`{"greeting": "Moin"}`)) },
		"loaded anew": func() {
			if err := h.Reload(t.Context(), "good"); err != nil {
				t.Error(err)
			}
		},
	} {
		eventually(t, "the open breaker", func() bool { return len(h.Breakers()) == 1 || crashed(t, h) })
		mend()
		if _, err := function(t, h, "good", "told", "null"); err != nil || len(h.Breakers()) > 0 {
			t.Errorf("%s: got %v, breakers %+v", name, err, h.Breakers())
		}
	}
}

// crashed has the plugin crash once, and reports false.
func crashed(t *testing.T, h *pluginhost.Host) bool {
	t.Helper()
	_, err := function(t, h, "good", "crash", "null")
	return err == nil
}

func TestACallOverItsBudgetIsCancelled(t *testing.T) {
	t.Parallel()
	c := quick()
	c.CallBudget = 100 * time.Millisecond
	h, _ := newHost(t, newFolder(t).add("good"), c)
	enable(t, h, "good", settings(""))
	pid := one(t, h, "good").PID
	_, err := function(t, h, "good", "wait", "null")
	wantReason(t, err, ratchet.ReasonPluginTimeout, "did not answer within 100ms")
	eventually(t, "the cancel", func() bool {
		told, _ := function(t, h, "good", "told", "null")
		return strings.Contains(told, "cancelled")
	})
	if got := one(t, h, "good").PID; got != pid {
		t.Errorf("process %d became %d: a plugin that gives up when it is told to is no reason to kill it", pid, got)
	}
}

func TestACallThatNobodyWaitsForIsCancelled(t *testing.T) {
	t.Parallel()
	h, _ := newHost(t, newFolder(t).add("good"), quick())
	enable(t, h, "good", settings(""))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := h.Function(ctx, "good", "wait", plugin.Call{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	eventually(t, "the cancel", func() bool {
		told, _ := function(t, h, "good", "told", "null")
		return strings.Contains(told, "cancelled")
	})
}

func TestAPluginThatHangsIsKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	c := quick()
	c.CallBudget = 100 * time.Millisecond
	h, book := newHost(t, newFolder(t).add("good"), c)
	enable(t, h, "good", settings(""))
	pid := one(t, h, "good").PID
	_, err := function(t, h, "good", "hang", "null")
	wantReason(t, err, ratchet.ReasonPluginTimeout)
	eventually(t, "another process", func() bool {
		p := one(t, h, "good")
		return p.Status == ratchet.PluginActive && p.PID != pid
	})
	if !strings.Contains(book.String(), "it hangs") {
		t.Error("nothing says that it hung")
	}
}

func TestAPluginThatDoesNotReadIsKilled(t *testing.T) {
	t.Parallel()
	c := quick()
	c.CallBudget = 200 * time.Millisecond
	h, book := newHost(t, newFolder(t).add("deaf"), c)
	enable(t, h, "deaf", settings(""))
	large := plugin.Call{Argument: json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`)}
	_, err := h.Function(t.Context(), "deaf", "any", large)
	wantReason(t, err, ratchet.ReasonPluginTimeout)
	eventually(t, "its end", func() bool {
		return strings.Contains(book.String(), "does not read") || strings.Contains(book.String(), "it hangs")
	})
}

func TestAFloodEndsThePluginThatMakesIt(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"flood", "scream"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			c := quick()
			c.Flood = 1 << 20
			h, book := newHost(t, newFolder(t).add("good"), c)
			enable(t, h, "good", settings(""))
			_, err := function(t, h, "good", way, "null")
			wantReason(t, err, ratchet.ReasonPluginFailed, "floods the server", "1MB")
			if got := len(book.String()); got > 4<<20 {
				t.Errorf("%d bytes of it were logged", got)
			}
		})
	}
}

func TestAFunctionsErrorsReachWhoeverCallsIt(t *testing.T) {
	t.Parallel()
	h, _ := newHost(t, newFolder(t).add("good"), quick())
	enable(t, h, "good", settings(""))
	_, err := function(t, h, "good", "fail", "null")
	wantReason(t, err, ratchet.ReasonPluginFailed, "out of luck")
	if e, _ := errors.AsType[*ratchet.Error](err); string(e.Data) != `{"code":7}` {
		t.Errorf("got data %s", e.Data)
	}
	_, err = function(t, h, "good", "panic", "null")
	wantReason(t, err, ratchet.ReasonPluginFailed, "panic: oh no")
	_, err = function(t, h, "good", "nothing", "null")
	wantReason(t, err, ratchet.ReasonPluginNotCapable, `no function "nothing"`, "echo")
	_, err = function(t, h, "good", "typed", "1")
	wantReason(t, err, ratchet.ReasonInputInvalid, "plugins.good.typed")
	_, err = function(t, h, "good", "typed", `"liar"`)
	wantReason(t, err, ratchet.ReasonPluginFailed, "returned what its schema forbids")
	if _, err := function(t, h, "good", "typed", `"honest"`); err != nil {
		t.Error(err)
	}
}

func TestWhatAFailingHookDoesIsTheOperatorsChoice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		input  string // of the hook "late"
		reason ratchet.Reason
	}{
		{`"no number"`, ratchet.ReasonPluginFailed},
		{`60000`, ratchet.ReasonPluginTimeout},
		{`-7`, ratchet.ReasonPluginFailed}, // it exits
	} {
		for _, choice := range ratchet.PluginOnErrors() {
			t.Run(fmt.Sprint(c.input, choice), func(t *testing.T) {
				t.Parallel()
				h, book := newHost(t, newFolder(t).add("late"), quick())
				s := settings("")
				s.OnError, s.Budget = choice, ratchet.Duration(200*time.Millisecond)
				enable(t, h, "late", s)
				err := h.Hook(t.Context(), &ratchet.PluginEvent{Hook: ratchet.HookBeforeExecution, Task: "a-task", Input: json.RawMessage(c.input)})
				if choice == ratchet.PluginFail {
					wantReason(t, err, c.reason, `plugin "late"`)
				} else if err != nil || !strings.Contains(book.String(), "a plugin failed and is ignored") {
					t.Errorf("got %v", err)
				}
				calls := one(t, h, "late").Calls
				if len(calls) != 1 || calls[0].Failed != 1 || calls[0].Operation != "beforeExecution" || calls[0].LastError == "" {
					t.Errorf("got counts %+v", calls)
				}
			})
		}
	}
}

func TestNoJobPassesAPluginThatMustNotFailAndCannotBeFound(t *testing.T) {
	t.Parallel()
	h, _ := newHost(t, newFolder(t), quick())
	s := settings("")
	s.OnError = ratchet.PluginFail
	h.SetAll(t.Context(), map[string]ratchet.PluginSettings{"gone": s})
	if !h.Submits() {
		t.Fatal("submits pass it by")
	}
	_, err := h.Submit(t.Context(), &ratchet.PluginEvent{Task: "a-task", Input: json.RawMessage("1")})
	if err == nil || !strings.Contains(err.Error(), `"gone"`) {
		t.Errorf("got %v", err)
	}
	if p := one(t, h, "gone"); p.Status != ratchet.PluginFailed || !strings.Contains(p.Problem, "was not found") {
		t.Errorf("got %s: %s", p.Status, p.Problem)
	}
}

func TestNobodyWaitsForEventsOfADeadPlugin(t *testing.T) {
	t.Parallel()
	f := newFolder(t).add("good")
	h, _ := newHost(t, f, quick())
	enable(t, h, "good", settings(""))
	if err := os.Remove(filepath.Join(f.dir, "ratchet-plugin-good")); err != nil {
		t.Fatal(err)
	}
	process, err := os.FindProcess(one(t, h, "good").PID)
	if err == nil {
		err = process.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "it fails", func() bool { return one(t, h, "good").Status == ratchet.PluginFailed })
	h.Publish(ratchet.Event{ID: "e1", Type: ratchet.EventJob})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	h.Flush(ctx)
	if ctx.Err() != nil {
		t.Error("it waited for a process that is gone")
	}
}
