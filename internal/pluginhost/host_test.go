package pluginhost_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/pluginhost"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

func TestAPluginIsCalledForAllThatItCanDo(t *testing.T) {
	t.Parallel()
	h, book := newHost(t, newFolder(t).add("good"), pluginhost.Config{})
	enable(t, h, "good", settings(`{"greeting":"hi"}`))

	event := &ratchet.PluginEvent{Task: "a-task", Input: json.RawMessage(`{"n":1}`), Output: json.RawMessage(`2`)}
	for _, point := range ratchet.HookPoints() {
		if !h.Hooked(point) {
			t.Errorf("nobody is hooked to %s", point)
		}
		event.Hook = point
		if err := h.Hook(t.Context(), event); err != nil {
			t.Errorf("hook %s: %v", point, err)
		}
	}
	if err := h.DeliverResult(t.Context(), "good", plugin.Delivery{ID: "d1", Config: json.RawMessage(`{"to":"x"}`), Body: []byte("result")}); err != nil {
		t.Errorf("deliver: %v", err)
	}
	if got, err := h.Transform(t.Context(), "good", plugin.Delivery{Body: []byte("quiet")}); err != nil || string(got) != "QUIET" {
		t.Errorf("transform: got %q, %v", got, err)
	}
	if got := h.Sources(); len(got) != 1 || got[0] != "good" {
		t.Errorf("sources: got %q", got)
	}
	if got, err := h.SourceTasks(t.Context(), "good"); err != nil || len(got) != 1 || got[0] != (plugin.SourceTask{Name: "a", Revision: "1"}) {
		t.Errorf("list of tasks: got %v, %v", got, err)
	}
	if got, err := h.SourceTask(t.Context(), "good", "a"); err != nil || string(got) != "PK zip of a" {
		t.Errorf("task: got %q, %v", got, err)
	}
	h.Publish(ratchet.Event{ID: "e1", Type: ratchet.EventJob}, ratchet.Event{ID: "e2", Type: ratchet.EventLog})
	var told string
	eventually(t, "the event", func() bool {
		told, _ = function(t, h, "good", "told", "null")
		return strings.Contains(told, "event e1")
	})
	for _, want := range []string{
		`beforeValidation a-task {\"n\":1} 2`, `onFailure a-task`, `delivery d1 {\"to\":\"x\"} result`,
	} {
		if !strings.Contains(told, want) {
			t.Errorf("the plugin was not told of %q, but of %s", want, told)
		}
	}
	if strings.Contains(told, "event e2") {
		t.Error("the plugin was told of an event of a type that it does not follow")
	}
	for _, want := range []string{`"it starts"`, `printed on standard output`} {
		eventually(t, "the log line "+want, func() bool { return strings.Contains(book.String(), want) })
	}
	p := one(t, h, "good")
	if p.Status != ratchet.PluginActive || p.PID == 0 || p.Version != "1.2.0" || len(p.Capabilities) != 7 || p.Checksum == "" {
		t.Errorf("got %+v", p)
	}
}

func TestASubmitIsRejectedRewrittenOrLeftAlone(t *testing.T) {
	t.Parallel()
	h, _ := newHost(t, newFolder(t).add("good"), pluginhost.Config{})
	enable(t, h, "good", settings(""))
	for _, c := range []struct{ input, want string }{
		{`{"plain":1}`, ""},
		{`{"rewrite":1}`, `{"rewritten":true}`},
	} {
		got, err := h.Submit(t.Context(), &ratchet.PluginEvent{Task: "a-task", Input: json.RawMessage(c.input)})
		if err != nil || string(got) != c.want {
			t.Errorf("submit %s: got %s, %v, want %s", c.input, got, err, c.want)
		}
	}
	_, err := h.Submit(t.Context(), &ratchet.PluginEvent{Task: "a-task", Input: json.RawMessage(`"forbidden"`)})
	wantReason(t, err, ratchet.ReasonPluginRejected, `plugin "good"`, "forbidden words")
}

func TestAPluginThatIsStoppedEndsInOrder(t *testing.T) {
	t.Parallel()
	f := newFolder(t).add("good")
	h, _ := newHost(t, f, pluginhost.Config{})
	enable(t, h, "good", settings(""))
	if err := h.Set(t.Context(), "good", ratchet.PluginSettings{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(f.dir + "/good.data/stopped"); err != nil {
		t.Errorf("its Stop was not called: %v", err)
	}
	if got := one(t, h, "good").Status; got != ratchet.PluginDisabled {
		t.Errorf("got status %s", got)
	}
	_, err := function(t, h, "good", "echo", "1")
	wantReason(t, err, ratchet.ReasonPluginUnavailable, "not enabled", "ratchet plugin enable good")
	if h.Hooked(ratchet.HookOnSuccess) || h.Submits() {
		t.Error("it is still hooked")
	}
}
