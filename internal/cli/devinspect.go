//go:build !noserver

package cli

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/daemon"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/inspector"
	"github.com/ratchet-runner/ratchet-go/internal/node"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// inspectDev lets debuggers look into the workers of a developer's server, if the
// flags ask for it.
func (a *app) inspectDev(ctx context.Context, f *runFlags, dir string) (o daemon.Options, done func(), err error) {
	if f.inspect == "" {
		return o, func() {}, nil
	}
	port, err := f.port()
	if err != nil {
		return o, nil, err
	}
	s, err := inspector.Listen(ctx, port)
	if err != nil {
		return o, nil, err
	}
	o.Inspection = workerpool.Inspection{Kind: node.Inspected, Started: a.lend(s)}
	o.Debug = &executor.Debugging{Root: func(b *bundle.Bundle) string { return folderOf(dir, b.Name) }}
	return o, s.Close, nil
}

// folderOf is where the task of a name lies below dir, empty if it is not known.
func folderOf(dir, name string) string {
	for _, path := range tasksAt(dir) {
		var said struct {
			Name string `json:"name"`
		}
		text, err := os.ReadFile(filepath.Join(path, "metadata.json"))
		if err == nil && json.Unmarshal(text, &said) == nil && ratchet.Slug(said.Name) == ratchet.Slug(name) {
			return absolute(path)
		}
	}
	return ""
}
