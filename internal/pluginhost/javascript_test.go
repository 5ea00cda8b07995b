package pluginhost_test

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

const sdk = "../../sdk/javascript"

// needsNode ends a test where there is no Node.
func needsNode(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("the SDK for JavaScript is tested where Node is installed")
	}
}

func TestTheJavaScriptSDKsOwnTests(t *testing.T) {
	t.Parallel()
	needsNode(t)
	cmd := exec.CommandContext(t.Context(), "node", "--test", "test.js")
	cmd.Dir = sdk
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// javaScript makes a folder with the plugin "js" in it.
func javaScript(t testing.TB) folder {
	t.Helper()
	needsNode(t)
	f := newFolder(t)
	for from, to := range map[string]string{
		"testdata/javascript/plugin.js": "js/ratchet-plugin-js",
		sdk + "/index.js":               "js/node_modules/ratchet-plugin/index.js",
		sdk + "/frames.js":              "js/node_modules/ratchet-plugin/frames.js",
		sdk + "/cbor.js":                "js/node_modules/ratchet-plugin/cbor.js",
		sdk + "/package.json":           "js/node_modules/ratchet-plugin/package.json",
	} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		f.write(to, string(text))
	}
	return f
}

func TestAPluginInJavaScriptDoesAllThatOneInGoDoes(t *testing.T) {
	t.Parallel()
	f := javaScript(t)
	c := quick()
	c.StartBudget, c.CallBudget, c.Memory = 20*time.Second, 10*time.Second, ratchet.GB
	h, book := newHost(t, f, c)
	_, err := h.Settled(t.Context(), "js", settings(`{}`))
	wantReason(t, err, ratchet.ReasonValidation, "greeting")
	enable(t, h, "js", settings(`{"greeting":"hü"}`))
	if !strings.Contains(book.String(), `"sandbox":"strict"`) {
		t.Errorf("it is not confined: %s", book.String())
	}

	if err := h.Hook(t.Context(), &ratchet.PluginEvent{Hook: ratchet.HookBeforeValidation, Task: "a-task", Input: json.RawMessage(`{"n":1}`), Output: json.RawMessage(`[2]`)}); err != nil {
		t.Error(err)
	}
	if err := h.DeliverResult(t.Context(), "js", plugin.Delivery{ID: "d1", Body: []byte("result")}); err != nil {
		t.Error(err)
	}
	h.Publish(ratchet.Event{ID: "e1", Type: ratchet.EventJob, Time: time.Now()})
	var told string
	eventually(t, "the event", func() bool {
		told, err = function(t, h, "js", "told", "null")
		return strings.Contains(told, "event e1")
	})
	for _, want := range []string{`beforeValidation a-task {\"n\":1} [2]`, "delivery d1 result"} {
		if !strings.Contains(told, want) {
			t.Errorf("it was not told of %q, but of %s", want, told)
		}
	}
	for input, want := range map[string]string{`{"plain":1}`: "", `{"rewrite":1}`: `{"rewritten":true}`} {
		if got, err := h.Submit(t.Context(), &ratchet.PluginEvent{Input: json.RawMessage(input)}); err != nil || string(got) != want {
			t.Errorf("submit %s: got %s, %v", input, got, err)
		}
	}
	_, err = h.Submit(t.Context(), &ratchet.PluginEvent{Input: json.RawMessage(`"forbidden"`)})
	wantReason(t, err, ratchet.ReasonPluginRejected, "forbidden words")
	if got, err := h.Transform(t.Context(), "js", plugin.Delivery{Body: []byte("quiet")}); err != nil || string(got) != "QUIET" {
		t.Errorf("got %s, %v", got, err)
	}
	if got, err := h.SourceTasks(t.Context(), "js"); err != nil || len(got) != 1 || got[0].Name != "a" {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := h.SourceTask(t.Context(), "js", "a"); err != nil || string(got) != "PK zip of a" {
		t.Errorf("got %s, %v", got, err)
	}
	large := `"` + strings.Repeat("ü", 1<<20) + `"`
	if got, err := function(t, h, "js", "echo", large); err != nil || got != large {
		t.Errorf("2 MB there and back: %d bytes, %v", len(got), err)
	}
	_, err = function(t, h, "js", "fail", "null")
	wantReason(t, err, ratchet.ReasonPluginFailed, "out of luck")
	_, err = function(t, h, "js", "typed", "1")
	wantReason(t, err, ratchet.ReasonInputInvalid)
	_, err = function(t, h, "js", "large", strconv.Itoa(70<<20))
	wantReason(t, err, ratchet.ReasonPluginFailed, "larger than 64 MB")

	pid := one(t, h, "js").PID
	enable(t, h, "js", settings(`{"greeting":"other"}`))
	if got, err := function(t, h, "js", "config", "null"); err != nil || got != `{"greeting":"other"}` || one(t, h, "js").PID != pid {
		t.Errorf("got %s, %v", got, err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	if got, err := function(t, h, "js", "dial", port); err == nil {
		t.Errorf("it can connect: %s", got)
	}
	for _, want := range []string{"it starts", "printed on standard output"} {
		eventually(t, "the log line "+want, func() bool { return strings.Contains(book.String(), want) })
	}
	if err := h.Set(t.Context(), "js", ratchet.PluginSettings{}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(f.dir, "js.data", "stopped")); err != nil {
		t.Errorf("its stop was not called: %v", err)
	}
}

func TestAPluginInJavaScriptIsCancelledKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	c := quick()
	c.StartBudget, c.CallBudget = 20*time.Second, time.Second
	h, book := newHost(t, javaScript(t), c)
	enable(t, h, "js", settings(`{"greeting":"hi"}`))
	_, err := function(t, h, "js", "wait", "null")
	wantReason(t, err, ratchet.ReasonPluginTimeout)
	if strings.Contains(book.String(), "a plugin died") {
		t.Error("a call that gives up when it is told to is no reason to kill it")
	}
	_, err = function(t, h, "js", "crash", "null")
	wantReason(t, err, ratchet.ReasonPluginFailed, "exit status 1")
	lives := func() bool { got, err := function(t, h, "js", "echo", "1"); return err == nil && got == "1" }
	eventually(t, "its second life", lives)
	_, err = function(t, h, "js", "hang", "null")
	wantReason(t, err, ratchet.ReasonPluginTimeout)
	eventually(t, "its third life", lives)
}
