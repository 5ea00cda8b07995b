// Not under the race detector, whose runtime takes a second to end a process.

//go:build !race

package pluginhost_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/pluginhost"
)

// conform runs the checks on a plugin and returns those that it broke.
func conform(t *testing.T, path, config string) (all int, broken []pluginhost.Check) {
	t.Helper()
	c := quick()
	c.StartBudget, c.CallBudget = 10*time.Second, 300*time.Millisecond
	failed, err := pluginhost.Conform(t.Context(), c, path, json.RawMessage(config), func(check pluginhost.Check) {
		all++
		if !check.OK {
			broken = append(broken, check)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if failed != len(broken) {
		t.Errorf("%d failed, %d were told", failed, len(broken))
	}
	return all, broken
}

func TestBothSDKsConform(t *testing.T) {
	t.Parallel()
	f := newFolder(t).add("late")
	all, broken := conform(t, filepath.Join(f.dir, "ratchet-plugin-late"), "")
	if len(broken) > 0 || all < 12 {
		t.Errorf("Go: of %d checks these failed: %+v", all, broken)
	}
	js := javaScript(t)
	all, broken = conform(t, filepath.Join(js.dir, "js", "ratchet-plugin-js"), `{"greeting":"hi"}`)
	var names []string
	for _, b := range broken {
		names = append(names, b.Name)
	}
	// Its functions "hang" and "crash" do what they are called; "wait" ends when it
	// is cancelled, and may be heard of just before it is given up.
	got := strings.TrimSuffix(strings.Join(names, ", "), ", function wait")
	if all < 25 || got != "function crash, function hang" {
		t.Errorf("JavaScript: of %d checks these failed: %+v", all, broken)
	}
}

func TestWhatBreaksTheProtocolDoesNotConform(t *testing.T) {
	t.Parallel()
	f := newFolder(t).add("garbage", "deaf", "too-new", "wrong-version", "two-faced", "unasked")
	for name, want := range map[string]string{
		"garbage": "standard output", "deaf": "did not end", "too-new": "protocol", "wrong-version": "chose version 9",
		"two-faced": "another manifest", "unasked": "4711", "none": "is no file",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, broken := conform(t, filepath.Join(f.dir, "ratchet-plugin-"+name), "")
			text, _ := json.Marshal(broken)
			if !strings.Contains(string(text), want) {
				t.Errorf("nothing of %q in %s", want, text)
			}
		})
	}
}
