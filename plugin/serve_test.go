package plugin_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/ipc"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

// serve serves a plugin and returns the server's end, which has had its hello.
func serve(t *testing.T, p plugin.Plugin) (conn *ipc.Conn, ended <-chan error) {
	t.Helper()
	ours, theirs := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- plugin.Serve(t.Context(), theirs, p) }()
	conn, err := ipc.NewConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, done
}

// say sends a message and returns the next one that comes.
func say(t *testing.T, conn *ipc.Conn, m ipc.Message) ipc.Message {
	t.Helper()
	if err := conn.Send(m); err != nil {
		t.Fatal(err)
	}
	answer, err := conn.Receive()
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// begun is serve, up to where calls are taken.
func begun(t *testing.T, p plugin.Plugin) (*ipc.Conn, <-chan error) {
	t.Helper()
	conn, ended := serve(t, p)
	if r, ok := say(t, conn, &ipc.PluginHello{Min: 1, Max: 7}).(*ipc.PluginReady); !ok || r.Version != 1 || r.Error != "" {
		t.Fatalf("got %+v", r)
	}
	if r, ok := say(t, conn, &ipc.PluginStart{Config: []byte(`{}`)}).(*ipc.PluginStarted); !ok || r.Failure != nil {
		t.Fatalf("got %+v", r)
	}
	return conn, ended
}

func TestAVersionThatIsNotSpokenIsRefused(t *testing.T) {
	t.Parallel()
	conn, ended := serve(t, plugin.Plugin{Name: "a", Version: "1.0.0"})
	r, ok := say(t, conn, &ipc.PluginHello{Min: 2, Max: 3}).(*ipc.PluginReady)
	if !ok || !strings.Contains(r.Error, "versions 2 to 3") {
		t.Errorf("got %+v", r)
	}
	if err := <-ended; err == nil {
		t.Error("it goes on")
	}
}

func TestEachErrorHasItsKind(t *testing.T) {
	t.Parallel()
	hook := func(err error) *plugin.Hook {
		return &plugin.Hook{Call: func(context.Context, *plugin.Event) error { return err }}
	}
	conn, _ := begun(t, plugin.Plugin{
		Name: "a", Version: "1.0.0",
		BeforeValidation: hook(plugin.Reject("no")),
		AfterValidation:  hook(errors.New("plain")),
		BeforeExecution:  hook(plugin.Retry(errors.New("later"))),
		AfterExecution:   &plugin.Hook{Call: func(context.Context, *plugin.Event) error { panic("oh") }},
		OnFailure:        &plugin.Hook{Call: func(ctx context.Context, _ *plugin.Event) error { <-ctx.Done(); return ctx.Err() }},
	})
	for id, c := range []struct {
		hook          ratchet.HookPoint
		kind, message string
		retry         bool
	}{
		{ratchet.HookBeforeValidation, "rejected", "no", false},
		{ratchet.HookAfterValidation, "error", "plain", false},
		{ratchet.HookBeforeExecution, "error", "later", true},
		{ratchet.HookAfterExecution, "panic", "panic: oh", false},
		{ratchet.HookOnSuccess, "unsupported", "", false},
		{ratchet.HookOnFailure, "timeout", "", false},
	} {
		head, _ := json.Marshal(map[string]any{"hook": c.hook, "task": "t"})
		r, ok := say(t, conn, &ipc.PluginCall{ID: uint32(id), Op: ipc.PluginOpHook, Head: head, Deadline: 20}).(*ipc.PluginReturn)
		switch {
		case !ok || r.ID != uint32(id) || r.Failure == nil:
			t.Errorf("%s: got %+v", c.hook, r)
		case r.Failure.Kind != c.kind || !strings.HasPrefix(r.Failure.Message, c.message) || r.Failure.Retry != c.retry:
			t.Errorf("%s: got %+v", c.hook, *r.Failure)
		}
	}
}

func TestABrokenCallIsAnsweredWithAnError(t *testing.T) {
	t.Parallel()
	conn, _ := begun(t, plugin.Plugin{
		Name: "a", Version: "1.0.0", Submit: &plugin.Middleware{Call: func(_ context.Context, e *plugin.Event) error {
			e.Input = json.RawMessage("not JSON")
			return nil
		}},
		OnFailure: &plugin.Hook{Call: func(context.Context, *plugin.Event) error { return nil }},
	})
	for _, call := range []*ipc.PluginCall{
		{Op: "nonsense"},
		{Op: ipc.PluginOpHook, Head: []byte("{")},
		{Op: ipc.PluginOpHook, Head: []byte(`{"hook":"onFailure","inputSize":9}`), Body: []byte("1")},
		{Op: ipc.PluginOpHook, Head: []byte(`{"hook":"onFailure","inputSize":-1}`)},
		{Op: ipc.PluginOpSubmit, Head: []byte(`{}`)},
		{Op: ipc.PluginOpFunction, Head: []byte(`[]`)},
		{Op: ipc.PluginOpEvents},
		{Op: ipc.PluginOpDeliver, Head: []byte("{}")},
		{Op: ipc.PluginOpSource},
		{Op: ipc.PluginOpMetrics},
	} {
		call.Deadline = 1000
		if r, ok := say(t, conn, call).(*ipc.PluginReturn); !ok || r.Failure == nil || r.Failure.Message == "" {
			t.Errorf("%s %s: got %+v", call.Op, call.Head, r)
		}
	}
}

func TestAStopWaitsForTheCallsUnderWay(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	stopped := false
	conn, ended := begun(t, plugin.Plugin{
		Name: "a", Version: "1.0.0",
		Functions: map[string]plugin.Function{"wait": plugin.Func(func(context.Context, any) (bool, error) { <-release; return stopped, nil })},
		Stop:      func(context.Context) error { stopped = true; return nil },
	})
	for _, m := range []ipc.Message{
		&ipc.PluginCall{ID: 1, Op: ipc.PluginOpFunction, Head: []byte(`{"function":"wait"}`), Deadline: 60_000},
		&ipc.PluginStop{},
	} {
		if err := conn.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	m, err := conn.Receive()
	if r, ok := m.(*ipc.PluginReturn); err != nil || !ok || string(r.Body) != "false" {
		t.Errorf("got %+v, %v", m, err)
	}
	if err := <-ended; err != nil || !stopped {
		t.Errorf("stopped: %t, %v", stopped, err)
	}
}

func TestLogLinesKeepTheirFieldsAndGroups(t *testing.T) {
	t.Parallel()
	conn, _ := serve(t, plugin.Plugin{Name: "a", Version: "1.0.0", Start: func(_ context.Context, s plugin.Setup) error {
		s.Log.With("a", 1).WithGroup("g").With("b", errors.New("bad")).Warn("told", slog.Group("h", "c", true))
		return nil
	}})
	say(t, conn, &ipc.PluginHello{Min: 1, Max: 1})
	line, ok := say(t, conn, &ipc.PluginStart{}).(*ipc.PluginLog)
	if !ok || line.Level != "WARN" || line.Message != "told" {
		t.Fatalf("got %+v", line)
	}
	var got map[string]any
	if err := json.Unmarshal(line.Fields, &got); err != nil {
		t.Fatal(err)
	}
	want := `{"a":1,"g":{"b":"bad","h":{"c":true}}}`
	if text, _ := json.Marshal(got); string(text) != want {
		t.Errorf("got %s, want %s", text, want)
	}
	if _, err := conn.Receive(); err != nil { // Started
		t.Error(err)
	}
}

func TestAManifestSaysWhatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	bad := plugin.Plugin{
		Name: "Bad Name", Version: "1", OnFailure: &plugin.Hook{Priority: 5000}, Functions: map[string]plugin.Function{"not a name": {}},
		Requires: []ratchet.PluginRequirement{{Name: "b", Version: "newest"}}, Needs: ratchet.PluginNeeds{Files: []ratchet.PluginFile{{Path: "relative"}}},
	}
	err := bad.Validate()
	if err == nil {
		t.Fatal("it is taken")
	}
	for _, want := range []string{`"Bad Name"`, `"1"`, "5000", `"not a name"`, `"newest"`, `"relative"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing of %s in %v", want, err)
		}
	}
	if err := (&plugin.Plugin{Name: "good", Version: "1.0.0-rc.1"}).Validate(); err != nil {
		t.Error(err)
	}
}
