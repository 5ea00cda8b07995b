package recording

import "github.com/ratchet-runner/ratchet-go/internal/bundle"

// TaskFiles returns the files of a task as a recording holds them.
func TaskFiles(b *bundle.Bundle) (string, map[string][]byte) { return taskFiles(b) }
