package cli

import (
	"context"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/client"
)

func (a *app) hookCommand() *cobra.Command {
	yes, no := true, false
	return a.noun("hook", "Have jobs made of what is posted to a URL", `  ratchet hook create report
  ratchet hook create deploy --name github --verify github
  ratchet hook list report`,
		(*remote).hookCreate, (*remote).hookList,
		hookSwitch("enable", "Have a hook take calls again", ratchet.HookPatch{Enabled: &yes}),
		hookSwitch("disable", "Have a hook refuse calls", ratchet.HookPatch{Enabled: &no}),
		(*remote).hookRotate, (*remote).hookDelete,
	)
}

func (r *remote) hookCreate() *cobra.Command {
	var q ratchet.HookRequest
	var verify, priority, secret string
	cmd := &cobra.Command{
		Use: "create TASK", Short: "Make a URL that makes jobs of a task; it is shown this once", Args: wantArgs(1, 1, "a TASK: its name or ID"),
		Long: `Make a URL that makes jobs of TASK: what is posted to it is a job's input. The URL
and the secret by which callers sign are shown this once.

Callers sign as Standard Webhooks has it (--verify standard), or as GitHub does
(--verify github). With --verify insecure-none whoever knows the URL is let in.`,
		Example: "  ratchet hook create report\n  ratchet hook create deploy --name github --verify github --secret @secret.txt",
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Verify = ratchet.HookScheme(verify)
			if priority != "" {
				p, err := ratchet.ParsePriority(priority)
				if err != nil {
					return usage("", "--priority: %v", err)
				}
				q.Priority = p
			}
			text, err := r.app.secretText(secret)
			if err != nil {
				return err
			}
			q.Secret = text
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				made, err := c.CreateHook(ctx, args[0], q)
				if err != nil {
					return err
				}
				return r.show(made, func() string { return r.hookCard(made) })
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&q.Name, "name", "", "a `NAME` for it, unique among the task's (default \"default\")")
	flags.StringVar(&verify, "verify", "", "how callers prove that they know the secret: `standard` (default), github or insecure-none")
	flags.StringVar(&priority, "priority", "", "of its jobs: `low`, normal, high or urgent")
	flags.StringVar(&secret, "secret", "", "the secret: @`FILE`, or - for stdin (default: one is made)")
	return cmd
}

// secretText reads a secret that is in a file or comes by stdin: others see flags.
func (a *app) secretText(given string) (string, error) {
	if given == "" {
		return "", nil
	}
	var text []byte
	var err error
	switch file, isFile := strings.CutPrefix(given, "@"); {
	case given == "-":
		text, err = io.ReadAll(io.LimitReader(a.Stdin, maxSecret))
	case isFile:
		text, err = os.ReadFile(file)
	default:
		return "", usage("put it into a file, and give --secret @FILE", "--secret wants @FILE or -, not the secret itself, which others would see")
	}
	if err != nil {
		return "", ratchet.Errorf(ratchet.ReasonIO, "cannot read the secret from %s: %w", given, plain(err))
	}
	return strings.TrimSpace(string(text)), nil
}

// maxSecret bounds a secret that comes by stdin.
const maxSecret = 64 << 10

func (r *remote) hookCard(h *ratchet.CreatedHook) string {
	card := r.app.card([][2]string{
		{"id", h.ID.String()},
		{"name", h.Name},
		{"task", h.Task},
		{"verify", string(h.Verify)},
		{"url", h.URL},
		{"secret", h.Secret},
	}...)
	switch {
	case h.URL == "":
		return card + "It is shown this once. The secret before it is accepted for 24 hours.\n"
	case h.Verify == ratchet.HookInsecureNone:
		return card + r.app.out.yellow("Whoever knows the URL can have the task run.") + " It is shown this once.\n"
	}
	return card + "Both are shown this once.\n"
}

func (r *remote) hookList() *cobra.Command {
	return &cobra.Command{
		Use: "list TASK", Short: "List the hooks of a task", Args: wantArgs(1, 1, "a TASK: its name or ID"),
		Example: "  ratchet hook list report",
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				all, err := c.Hooks(ctx, args[0])
				if err != nil {
					return err
				}
				return r.show(all, func() string { return r.hookTable(all) })
			})
		},
	}
}

func (r *remote) hookTable(all []ratchet.Hook) string {
	rows := make([][]string, len(all))
	for i, h := range all {
		state := "enabled"
		if !h.Enabled {
			state = "disabled"
		}
		rows[i] = []string{h.ID.String(), h.Name, string(h.Verify), state, h.Priority.String(), strconv.FormatInt(h.Calls, 10), orDefault(ago(h.UsedAt), "never")}
	}
	return r.app.table("no hooks; ratchet hook create TASK makes one", []string{"ID", "NAME", "VERIFY", "STATE", "PRIORITY", "CALLS", "USED"}, rows)
}

// hookOne makes a command that does something to one hook.
func (r *remote) hookOne(verb, what string, do func(context.Context, *client.Client, ratchet.HookID) error) *cobra.Command {
	return &cobra.Command{
		Use: verb + " HOOK", Short: what, Args: wantArgs(1, 1, "a HOOK: its ID"),
		Example: "  ratchet hook " + verb + " hook_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ratchet.ParseID[ratchet.Hook](args[0])
			if err != nil {
				return err
			}
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error { return do(ctx, c, id) })
		},
	}
}

func hookSwitch(verb, what string, p ratchet.HookPatch) func(*remote) *cobra.Command {
	return func(r *remote) *cobra.Command {
		return r.hookOne(verb, what, func(ctx context.Context, c *client.Client, id ratchet.HookID) error {
			h, err := c.UpdateHook(ctx, id, p)
			if err != nil {
				return err
			}
			return r.show(h, func() string { return r.hookTable([]ratchet.Hook{*h}) })
		})
	}
}

func (r *remote) hookRotate() *cobra.Command {
	return r.hookOne("rotate", "Give a hook a new secret, shown this once; the old one is accepted for 24 hours", func(ctx context.Context, c *client.Client, id ratchet.HookID) error {
		h, err := c.RotateHook(ctx, id)
		if err != nil {
			return err
		}
		return r.show(h, func() string { return r.hookCard(h) })
	})
}

func (r *remote) hookDelete() *cobra.Command {
	return r.hookOne("delete", "Delete a hook; its jobs stay", func(ctx context.Context, c *client.Client, id ratchet.HookID) error {
		if err := c.DeleteHook(ctx, id); err != nil {
			return err
		}
		return r.show(map[string]string{"deleted": id.String()}, func() string { return "deleted " + id.String() + "\n" })
	})
}
