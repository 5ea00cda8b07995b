package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/client"
)

func (a *app) pluginCommand() *cobra.Command {
	return a.noun("plugin", "Extend a server: list, enable, disable, make and test plugins", `  ratchet plugin list
  ratchet plugin enable notify --config '{"url": "https://hooks.example.com/T0"}' --allow network
  ratchet plugin new my-audit`,
		(*remote).pluginList, (*remote).pluginInspect, (*remote).pluginEnable,
		pluginAct("disable", "Use a plugin no more; its settings are kept", (*client.Client).DisablePlugin),
		pluginAct("reload", "Start a plugin anew, without losing a call", (*client.Client).ReloadPlugin),
		(*remote).pluginNew, (*remote).pluginTest)
}

func (r *remote) pluginList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the plugins of the node that answers", Args: wantArgs(0, 0, "flags only"),
		Example: "  ratchet plugin list --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				all, err := c.Plugins(ctx)
				if err != nil {
					return err
				}
				return r.show(all, func() string { return r.pluginTable(all) })
			})
		},
	}
}

func (r *remote) pluginTable(all []ratchet.Plugin) string {
	rows := make([][]string, len(all))
	for i := range all {
		p := &all[i]
		var calls int64
		for _, c := range p.Calls {
			calls += c.Calls
		}
		rows[i] = []string{p.Name, p.Version, string(p.Kind), string(p.Status), capabilities(p), strconv.FormatInt(calls, 10), p.Problem}
	}
	return r.app.table("no plugins: an executable ratchet-plugin-NAME in a folder of plugins.dirs is one",
		[]string{"NAME", "VERSION", "KIND", "STATUS", "CAN", "CALLS", "PROBLEM"}, rows)
}

func capabilities(p *ratchet.Plugin) string {
	words := make([]string, len(p.Capabilities))
	for i, c := range p.Capabilities {
		words[i] = string(c)
	}
	return strings.Join(words, ", ")
}

func (r *remote) pluginInspect() *cobra.Command {
	return pluginShow("inspect", "Show a plugin: what it can do, what it needs, how it does", (*client.Client).Plugin)(r)
}

func pluginAct(verb, what string, do func(*client.Client, context.Context, string) (*ratchet.Plugin, error)) func(*remote) *cobra.Command {
	return pluginShow(verb, what, do)
}

func pluginShow(verb, what string, do func(*client.Client, context.Context, string) (*ratchet.Plugin, error)) func(*remote) *cobra.Command {
	return func(r *remote) *cobra.Command {
		return &cobra.Command{
			Use: verb + " PLUGIN", Short: what, Args: wantArgs(1, 1, "a PLUGIN: its name"),
			Example: "  ratchet plugin " + verb + " notify",
			RunE: func(cmd *cobra.Command, args []string) error {
				return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
					p, err := do(c, ctx, args[0])
					if err != nil {
						return err
					}
					return r.show(p, func() string { return r.pluginCard(p) })
				})
			},
		}
	}
}

// pluginCard shows what a plugin is, how it is used, and how it does.
func (r *remote) pluginCard(p *ratchet.Plugin) string {
	rows := [][2]string{
		{"name", p.Name},
		{"version", p.Version},
		{"kind", string(p.Kind)},
		{"description", p.Description},
		{"author", p.Author},
		{"homepage", p.Homepage},
		{"license", p.License},
		{"status", string(p.Status)},
		{"problem", p.Problem},
		{"file", p.Path},
		{"checksum", p.Checksum},
	}
	for _, h := range p.Hooks {
		rows = append(rows, [2]string{"hook", fmt.Sprintf("%s, priority %d", h.Point, h.Priority)})
	}
	for _, f := range p.Functions {
		rows = append(rows, [2]string{"function", strings.TrimSuffix(f.Name+": "+f.Description, ": ")})
	}
	for _, q := range p.Requires {
		rows = append(rows, [2]string{"requires", strings.TrimSpace(q.Name + " " + q.Version)})
	}
	rows = append(
		rows,
		[2]string{"can", capabilities(p)}, [2]string{"events", strings.Join(p.Events, ", ")},
		[2]string{"needs", needsText(p.Needs)}, [2]string{"allowed", needsText(p.Allowed)},
		[2]string{"pinned to", p.Pin}, [2]string{"on error", string(p.OnError)},
	)
	if p.Budget > 0 {
		rows = append(rows, [2]string{"budget", p.Budget.String()})
	}
	if p.Priority != nil {
		rows = append(rows, [2]string{"priority", strconv.Itoa(*p.Priority)})
	}
	rows = append(rows, [2]string{"configuration", string(p.Config)}, [2]string{"started", ago(p.StartedAt)})
	if p.PID > 0 {
		rows = append(rows, [2]string{"process", strconv.Itoa(p.PID)})
	}
	if p.Restarts > 0 {
		rows = append(rows, [2]string{"restarts", strconv.Itoa(p.Restarts)})
	}
	if p.Dropped > 0 {
		rows = append(rows, [2]string{"events lost", strconv.FormatInt(p.Dropped, 10)})
	}
	text := r.app.card(rows...)
	if len(p.Calls) == 0 {
		return text
	}
	calls := make([][]string, len(p.Calls))
	for i, c := range p.Calls {
		calls[i] = []string{
			c.Operation, strconv.FormatInt(c.Calls, 10), strconv.FormatInt(c.Failed, 10), strconv.FormatInt(c.Rejected, 10),
			span(c.P50), span(c.P99), c.LastError,
		}
	}
	return text + "\n" + r.app.table("", []string{"CALL", "CALLS", "FAILED", "REJECTED", "P50", "P99", "LAST ERROR"}, calls)
}

// span writes how long a call took.
func span(d ratchet.Duration) string { return ms(float64(time.Duration(d).Microseconds()) / 1000) }

// needsText writes needs as --allow takes them.
func needsText(n ratchet.PluginNeeds) string {
	var words []string
	if n.Network {
		words = append(words, "network")
	}
	if n.Listen {
		words = append(words, "listen")
	}
	for _, f := range n.Files {
		if f.Write {
			words = append(words, "write="+f.Path)
		} else {
			words = append(words, "read="+f.Path)
		}
	}
	if n.Memory > 0 {
		words = append(words, "memory="+n.Memory.String())
	}
	return strings.Join(words, ",")
}

// parseNeeds reads what needsText writes; of is what "all" stands for.
func parseNeeds(words []string, of ratchet.PluginNeeds) (n ratchet.PluginNeeds, err error) {
	for _, word := range words {
		name, value, given := strings.Cut(word, "=")
		switch {
		case word == "all":
			n = of
		case word == "none" || word == "":
		case word == "network":
			n.Network = true
		case word == "listen":
			n.Listen = true
		case (name == "read" || name == "write") && value != "":
			n.Files = append(n.Files, ratchet.PluginFile{Path: value, Write: name == "write"})
		case name == "memory" && given:
			if n.Memory, err = ratchet.ParseSize(value); err != nil {
				return n, usage("", "--allow %s: %v", word, err)
			}
		default:
			return n, usage("ratchet plugin inspect NAME shows what it needs", "--allow wants all, none, or some of network, listen, read=PATH, write=PATH and memory=SIZE, got %q", word)
		}
	}
	return n, nil
}

// An enabling is the flags of plugin enable.
type enabling struct {
	config, checksum, onError string
	allow                     []string
	budget                    ratchet.Duration
	priority                  int
}

func (e *enabling) define(flags *pflag.FlagSet) {
	flags.StringVarP(&e.config, "config", "c", "", "its configuration: `JSON`, @FILE, or - for stdin (default as it was)")
	flags.StringSliceVar(&e.allow, "allow", nil, "what it may use: all, none, or some of `NEEDS` as inspect shows them: network,listen,read=PATH,write=PATH,memory=SIZE")
	flags.StringVar(&e.checksum, "checksum", "", "refuse any file but that with this `SHA256` (default: pin the one that is there)")
	flags.StringVar(&e.onError, "on-error", "", "what becomes of a job when a hook fails: `ignore` (default) or fail")
	flags.TextVar(&e.budget, "budget", ratchet.Duration(0), "what a hook may take, a `SPAN` (default plugins.budget)")
	flags.IntVar(&e.priority, "priority", 0, "when its hooks are called, a `NUMBER` from 0 (first) to 1000 (last), in place of their own")
}

func (r *remote) pluginEnable() *cobra.Command {
	var e enabling
	cmd := &cobra.Command{
		Use: "enable PLUGIN", Short: "Use a plugin, or change how it is used", Args: wantArgs(1, 1, "a PLUGIN: its name"),
		Long: `Use a plugin from now on, on every node that has its file, or change how one that
is enabled is used. What no flag says stays as it was.

The file is pinned to the checksum that it has now: a file that was exchanged is
refused until the plugin is enabled again. So is one that needs more than it was
allowed. ratchet plugin inspect shows what a plugin needs.`,
		Example: `  ratchet plugin enable log-events
  ratchet plugin enable notify --config @notify.json --allow network --on-error ignore --budget 500ms`,
		RunE: func(cmd *cobra.Command, args []string) error {
			request, err := e.request(cmd, r.app)
			if err != nil {
				return err
			}
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				if err := e.consent(ctx, c, args[0], &request); err != nil {
					return err
				}
				p, err := c.EnablePlugin(ctx, args[0], request)
				if err != nil {
					return err
				}
				return r.show(p, func() string { return r.pluginCard(p) })
			})
		},
	}
	e.define(cmd.Flags())
	return cmd
}

func (e *enabling) request(cmd *cobra.Command, a *app) (q ratchet.PluginRequest, err error) {
	q = ratchet.PluginRequest{Checksum: strings.ToLower(e.checksum), OnError: ratchet.PluginOnError(e.onError), Budget: e.budget}
	if cmd.Flags().Changed("config") {
		in, err := a.readInput(cmd.Context(), "--config", e.config)
		if err != nil {
			return q, err
		}
		if !json.Valid(in.text) {
			return q, usage(`JSON wants double quotes, as in '{"level": "warn"}'`, "the configuration from %s is not JSON", in.from)
		}
		q.Config = in.text
	}
	if cmd.Flags().Changed("priority") {
		q.Priority = &e.priority
	}
	return q, nil
}

// consent fills in what the operator allows, and says what would be needed.
func (e *enabling) consent(ctx context.Context, c *client.Client, name string, q *ratchet.PluginRequest) error {
	p, err := c.Plugin(ctx, name)
	if err != nil {
		return err
	}
	if len(e.allow) > 0 {
		allowed, err := parseNeeds(e.allow, p.Needs)
		if err != nil {
			return err
		}
		q.Allow = &allowed
		return nil
	}
	if needs := needsText(p.Needs); needs != "" && !slices.Equal(strings.Split(needs, ","), strings.Split(needsText(p.Allowed), ",")) {
		return &failure{
			err:  ratchet.Errorf(ratchet.ReasonPluginDenied, "plugin %q needs more than it was allowed: %s", p.Name, needs),
			hint: fmt.Sprintf("to allow it: ratchet plugin enable %s --allow %s", p.Name, shellWord(needs)),
		}
	}
	return nil
}
