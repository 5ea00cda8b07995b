//go:build nowasm

package pluginhost

import (
	"context"
	"errors"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/feature"
)

// compiled keeps nothing here.
type compiled struct{}

func newCompiled() *compiled { return nil }

func (*compiled) close(context.Context) error { return nil }

func (h *Host) spawnWASM(context.Context, file, ratchet.PluginNeeds, string) (child, transport, *lines, error) {
	return nil, nil, nil, errors.New(feature.WASM().Missing())
}
