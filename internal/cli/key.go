//go:build !noserver

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/client"
	"github.com/ratchet-runner/ratchet-go/internal/daemon"
)

// keyring is where API keys are: behind a server, or in a database.
type keyring interface {
	Keys(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Key], error)
	CreateKey(ctx context.Context, k ratchet.KeyRequest) (*ratchet.CreatedKey, error)
	RevokeKey(ctx context.Context, id ratchet.KeyID) error
}

func (a *app) keyCommand() *cobra.Command {
	var f configFlags
	with := func(command func(*remote, *configFlags) *cobra.Command) func(*remote) *cobra.Command {
		return func(r *remote) *cobra.Command { return command(r, &f) }
	}
	cmd := a.noun("key", "Make, list and revoke API keys", `  ratchet key create ops
  ratchet key create ci --scope run --expires 90d
  ratchet key list
  ratchet key revoke key_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69`,
		with((*remote).keyCreate), with((*remote).keyList), with((*remote).keyRevoke))
	cmd.Long = `Make, list and revoke API keys: by the server that is named, or that has the
database open; if none has, in the database itself.

Over the loopback interface a server wants no key, unless auth.require_keys says
so. As soon as it listens elsewhere it wants one from everybody.`
	f.define(cmd.PersistentFlags(), "Database", keyFlagsOf("database", "data-dir"))
	f.defineFile(cmd.PersistentFlags())
	return cmd
}

// keys calls do with the keys of the server or the database that is meant.
func (r *remote) keys(ctx context.Context, f *configFlags, do func(context.Context, keyring) error) (err error) {
	ask := func() error {
		return r.call(ctx, func(ctx context.Context, c *client.Client) error { return do(ctx, c) })
	}
	if r.server != "" || r.app.getenv("RATCHET_SERVER") != "" {
		return ask()
	}
	l, err := r.app.load(f)
	if err != nil {
		return err
	}
	k, err := daemon.OpenKeys(ctx, l.Config)
	if errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonStorageLocked}) {
		if r.server = daemon.ServerOf(l.Config); r.server != "" {
			return ask()
		}
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	return do(ctx, k)
}

func (r *remote) keyCreate(f *configFlags) *cobra.Command {
	scope, expires := string(ratchet.ScopeAdmin), ratchet.Duration(0)
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a key, and print it this once",
		Long: `Make a key, and print it: it is shown this once, and kept only as a hash.

The scopes: read sees everything but secrets; run also submits, cancels and
retries jobs; admin also changes tasks, schedules, environments and keys.`,
		Example: `  ratchet key create ops
  ratchet key create ci --scope run --expires 90d
  export RATCHET_API_KEY=$(ratchet key create laptop --scope admin)`,
		Args: wantArgs(1, 1, "a NAME for the key"),
		RunE: func(cmd *cobra.Command, args []string) error {
			request := ratchet.KeyRequest{Name: args[0], Scopes: []ratchet.Scope{ratchet.Scope(scope)}, ExpiresIn: expires}
			return r.keys(cmd.Context(), f, func(ctx context.Context, k keyring) error {
				key, err := k.CreateKey(ctx, request)
				if err != nil {
					return err
				}
				if r.json {
					return r.app.printValue(key)
				}
				fmt.Fprintf(r.app.Stderr, "%s may %s%s; the key is shown this once:\n", harmless(key.Name), may(key.Scopes), until(key.ExpiresAt))
				return r.app.print(key.Text + "\n")
			})
		},
	}
	cmd.Flags().StringVar(&scope, "scope", scope, "what it may do: `read`, run or admin")
	cmd.Flags().VarPF(&expires, "expires", "", "for how long it is good, such as 90d").DefValue = "forever"
	return cmd
}

func may(scopes []ratchet.Scope) string {
	all := make([]string, len(scopes))
	for i, s := range scopes {
		all[i] = string(s)
	}
	return strings.Join(all, ", ")
}

func until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " until " + t.Local().Format(time.DateTime)
}

func (r *remote) keyList(f *configFlags) *cobra.Command {
	var l listing
	cmd := &cobra.Command{
		Use: "list", Short: "List keys, newest first", Args: wantArgs(0, 0, "flags only"),
		Example: "  ratchet key list --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.keys(cmd.Context(), f, func(ctx context.Context, k keyring) error {
				return pages(ctx, r, &l, nil, k.Keys, r.keyTable)
			})
		},
	}
	l.define(cmd.Flags(), ratchet.KeyFields())
	return cmd
}

func (r *remote) keyTable(all []ratchet.Key) string {
	rows := make([][]string, len(all))
	for i, k := range all {
		state := "good"
		switch {
		case !k.RevokedAt.IsZero():
			state = "revoked " + ago(k.RevokedAt)
		case !k.ExpiresAt.IsZero() && time.Now().After(k.ExpiresAt):
			state = "expired " + ago(k.ExpiresAt)
		case !k.ExpiresAt.IsZero():
			state = "expires " + ago(k.ExpiresAt)
		}
		rows[i] = []string{k.ID.String(), k.Name, may(k.Scopes), ago(k.CreatedAt), orDefault(ago(k.LastUsedAt), "never"), state}
	}
	return r.app.table("no keys", []string{"ID", "NAME", "MAY", "MADE", "USED", "STATE"}, rows)
}

func (r *remote) keyRevoke(f *configFlags) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "End a key, at once and for good", Args: wantArgs(1, 1, "the ID of a key"),
		Example: "  ratchet key revoke key_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ratchet.ParseID[ratchet.Key](args[0])
			if err != nil {
				return err
			}
			return r.keys(cmd.Context(), f, func(ctx context.Context, k keyring) error {
				if err := k.RevokeKey(ctx, id); err != nil {
					return err
				}
				return r.show(map[string]string{"revoked": id.String()}, func() string { return "revoked " + id.String() + "\n" })
			})
		},
	}
}
