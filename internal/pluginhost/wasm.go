package pluginhost

import (
	"context"
	"errors"

	"github.com/ratchet-runner/ratchet-go"
)

func (h *Host) spawnWASM(context.Context, file, ratchet.PluginNeeds, string) (child, transport, *lines, error) {
	return nil, nil, nil, errors.New("this build has no WebAssembly")
}
