// Not under the race detector, whose runtime needs more memory than a plugin has.

//go:build !race

package pluginhost_test

import (
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

func TestAPluginThatEatsMemoryDiesAlone(t *testing.T) {
	t.Parallel()
	c := quick()
	c.Memory, c.CallBudget = 64*ratchet.MB, 20*time.Second
	h, _ := newHost(t, newFolder(t).add("good"), c)
	enable(t, h, "good", settings(""))
	_, err := function(t, h, "good", "eat", "null")
	wantReason(t, err, ratchet.ReasonPluginFailed, "more memory than the 64MB")
}
