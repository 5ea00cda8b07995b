//go:build !noserver

package cli

import (
	"context"
	"encoding/json"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/pluginhost"
)

func (r *remote) pluginTest() *cobra.Command {
	var config string
	var budget ratchet.Duration
	cmd := &cobra.Command{
		Use: "test FILE", Short: "Try a plugin's file against the protocol", Args: wantArgs(1, 1, "the FILE of a plugin"),
		Long: `Start a plugin as a server would, sandboxed, and try each rule of the protocol:
its manifest, its configuration, the handshake, each thing that it can do, many
calls at once, the end, and what it makes of garbage. Its hooks and functions are
called with samples; what delivers results is not.`,
		Example: `  ratchet plugin test ratchet-plugin-audit
  ratchet plugin test plugins/audit/ratchet-plugin-audit --config '{"greeting": "Hi"}'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var c []byte
			if cmd.Flags().Changed("config") {
				in, err := r.app.readInput(cmd.Context(), "--config", config)
				if err != nil {
					return err
				}
				if !json.Valid(in.text) {
					return usage(`JSON wants double quotes, as in '{"level": "warn"}'`, "the configuration from %s is not JSON", in.from)
				}
				c = in.text
			}
			return r.conform(cmd.Context(), args[0], c, time.Duration(budget))
		},
	}
	cmd.Flags().StringVarP(&config, "config", "c", "", "its configuration: `JSON`, @FILE, or - for stdin")
	cmd.Flags().TextVar(&budget, "budget", ratchet.Duration(0), "what one call may take, a `SPAN` (default 30s)")
	return cmd
}

// conform tries a plugin and tells of each rule as it is known.
func (r *remote) conform(ctx context.Context, file string, config []byte, budget time.Duration) error {
	a := r.app
	all := []pluginhost.Check{}
	var printed error
	broken, err := pluginhost.Conform(ctx, pluginhost.Config{Version: thisBuild().Version, CallBudget: budget}, file, config, func(c pluginhost.Check) {
		all = append(all, c)
		if r.json || printed != nil {
			return
		}
		mark := a.out.green("ok  ")
		if !c.OK {
			mark = a.out.red("FAIL")
		}
		line := mark + " " + c.Name
		if c.Note != "" {
			line += ": " + harmless(c.Note)
		}
		printed = a.print(line + "\n")
	})
	if err != nil {
		return err
	}
	if r.json {
		printed = a.printValue(all)
	}
	if printed != nil {
		return printed
	}
	if broken > 0 {
		return ratchet.Errorf(ratchet.ReasonPluginFailed, "%s breaks %s of the protocol", filepath.Base(file), count(broken, "rule"))
	}
	return nil
}
