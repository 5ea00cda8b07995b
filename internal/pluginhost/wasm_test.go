//go:build !nowasm && !race

package pluginhost_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

func TestAWebAssemblyModuleIsAPluginAsAnyOther(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(f.dir, "ratchet-plugin-pure.wasm"), "./testdata/wasm")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	f.write("ratchet-plugin-text.wasm", "no module")
	c := quick()
	c.StartBudget, c.CallBudget, c.Memory = 2*time.Minute, time.Second, 64*ratchet.MB // it is compiled first
	c.Breaker.Failures = -1                                                           // three deaths are part of the test
	h, _ := newHost(t, f, c)
	_, err := h.Settled(t.Context(), "text", settings(""))
	wantReason(t, err, ratchet.ReasonPluginLoad, "no WebAssembly")
	s := settings("")
	s.Budget = ratchet.Duration(time.Minute)
	enable(t, h, "pure", s)
	if p := one(t, h, "pure"); p.Kind != ratchet.PluginWASM || p.Status != ratchet.PluginActive {
		t.Errorf("got a %s that is %s", p.Kind, p.Status)
	}
	if got, err := h.Submit(t.Context(), &ratchet.PluginEvent{Input: json.RawMessage(`{"A":"B"}`)}); err != nil || string(got) != `{"a":"b"}` {
		t.Errorf("submit: got %s, %v", got, err)
	}
	_, err = h.Submit(t.Context(), &ratchet.PluginEvent{Input: json.RawMessage(`"forbidden"`)})
	wantReason(t, err, ratchet.ReasonPluginRejected, "forbidden words")
	if got, err := h.Transform(t.Context(), "pure", plugin.Delivery{Body: []byte("quiet")}); err != nil || string(got) != "QUIET" {
		t.Errorf("transform: got %s, %v", got, err)
	}
	if got, err := function(t, h, "pure", "double", "21"); err != nil || got != "42" {
		t.Errorf("function: got %s, %v", got, err)
	}
	if _, err := function(t, h, "pure", "read", `"/etc/hosts"`); err == nil {
		t.Error("it can read files")
	}
	_, err = function(t, h, "pure", "panic", "null")
	wantReason(t, err, ratchet.ReasonPluginFailed, "oh no")

	for _, c := range []struct {
		function string
		reason   ratchet.Reason
	}{
		{"exit", ratchet.ReasonPluginFailed},
		{"loop", ratchet.ReasonPluginTimeout},
		{"eat", ""}, // it dies of memory, or of time where that is slow
	} {
		_, err := function(t, h, "pure", c.function, "null")
		if c.reason != "" {
			wantReason(t, err, c.reason)
		} else if err == nil || !strings.Contains(err.Error(), `plugin "pure"`) {
			t.Errorf("%s: got %v", c.function, err)
		}
		eventually(t, "its next life after "+c.function, func() bool {
			got, err := function(t, h, "pure", "double", "4")
			return err == nil && got == "8"
		})
	}
}
