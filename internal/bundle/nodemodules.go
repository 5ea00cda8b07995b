package bundle

import (
	"fmt"
	"slices"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// inNode lists the modules of Node that a task in Node may import: those that
// compute, and some that Ratchet makes of a task's own globals.
func inNode() []string {
	return strings.Fields(`assert assert/strict async_hooks buffer console crypto events path path/posix path/win32 perf_hooks
		process querystring stream stream/promises stream/web string_decoder timers url util util/types zlib`)
}

// external reports whether an import is left for Node to resolve.
func (b *builder) external(name string) bool {
	return b.engine == ratchet.EngineNode && slices.Contains(inNode(), strings.TrimPrefix(name, "node:"))
}

// refused explains an import of a module of Node's that a task cannot have.
func (b *builder) refused(name string) (message, expected string) {
	message, expected = unresolved(name, b.aliases)
	const elsewhere = "it is a module of Node's and not available in this engine"
	bare := strings.TrimPrefix(name, "node:")
	switch cut, isNodes := strings.CutSuffix(message, elsewhere); {
	case !isNodes:
	case b.engine == ratchet.EngineNode:
		message = cut + "a task has no files, no processes and no network of its own, in whatever engine"
		if insteadOf(strings.SplitN(bare, "/", 2)[0]) == "" {
			expected = "one of Node's modules that only compute: " + strings.Join(inNode(), ", ")
		}
	case slices.Contains(inNode(), bare):
		expected += fmt.Sprintf(`; or "engine": %q in metadata.json`, ratchet.EngineNode)
	}
	return message, expected
}
