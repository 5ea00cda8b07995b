//go:build noserver

package cli

import (
	"github.com/spf13/cobra"

	"github.com/ratchet-runner/ratchet-go/internal/feature"
)

// The commands that need the server within this program say that it has none.

func (a *app) serveCommand() *cobra.Command { return leftOut("serve") }

func (a *app) devCommand() *cobra.Command { return leftOut("dev") }

func (a *app) dbCommand() *cobra.Command { return leftOut("db") }

func (a *app) keyCommand() *cobra.Command { return leftOut("key") }

func (*remote) pluginTest() *cobra.Command { return leftOut("test") }

func leftOut(name string) *cobra.Command {
	return &cobra.Command{
		Use: name, Hidden: true, DisableFlagParsing: true,
		Short: "Not in this build",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage("", "%s: %s", cmd.CommandPath(), feature.Server().Missing())
		},
	}
}
