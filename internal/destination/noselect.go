//go:build noserver

package destination

import (
	"context"
	"encoding/json"

	"github.com/ratchet-runner/ratchet-go"
)

// checkSelect knows no jq in a build without the server, which alone runs it: the
// server that takes the destination checks it.
func checkSelect(string) error { return nil }

// Select is the server's.
func (e *Event) Select(context.Context, string) (json.RawMessage, error) {
	return nil, ratchet.Errorf(ratchet.ReasonConfig, `"select" is evaluated by the server, which this program was built without (build tag noserver)`)
}
