package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/client"
)

func (r *remote) serverBreakers() *cobra.Command {
	return &cobra.Command{
		Use: "breakers", Short: "List the circuit breakers that ever opened, of the node that answers", Args: wantArgs(0, 0, "flags only"),
		Long: `List the circuit breakers that ever opened, of the node that answers.

While the breaker of a host is open, requests of tasks to it fail at once with
CIRCUIT_OPEN. Each node has its own.`,
		Example: "  ratchet server breakers --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				all, err := c.Breakers(ctx)
				if err != nil {
					return err
				}
				return r.show(all, func() string { return r.breakerTable(all) })
			})
		},
	}
}

func (r *remote) breakerTable(all []ratchet.Breaker) string {
	rows := make([][]string, len(all))
	for i, b := range all {
		again := ""
		if !b.RetryAt.IsZero() {
			again = "in " + ratchet.Duration(max(time.Until(b.RetryAt), time.Second).Round(time.Second)).String()
		}
		rows[i] = []string{string(b.Kind), b.Host, string(b.State), again, ago(b.OpenedAt), grouped(int(b.Opened)), grouped(int(b.Refused))}
	}
	return r.app.table("no breaker opened so far", []string{"KIND", "HOST", "STATE", "TRIED", "OPENED", "TIMES", "REFUSED"}, rows)
}

func (r *remote) serverCaches() *cobra.Command {
	return &cobra.Command{
		Use: "caches", Short: "List what the node that answers keeps in memory", Args: wantArgs(0, 0, "flags only"),
		Example: "  ratchet server caches --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				all, err := c.Caches(ctx)
				if err != nil {
					return err
				}
				return r.show(all, func() string { return r.cacheTable(all) })
			})
		},
	}
}

func (r *remote) cacheTable(all []ratchet.Cache) string {
	rows := make([][]string, len(all))
	for i, c := range all {
		entries, size, most := grouped(int(c.Entries)), c.Size.String(), c.MaxSize.String()
		if c.Name == "shared" { // what it holds is not known to a node
			entries, size, most = "", "", ""
		}
		state := ""
		if c.Away {
			state = "away"
		}
		rows[i] = []string{c.Name, entries, size, most, grouped(int(c.Hits)), grouped(int(c.Misses)), grouped(int(c.Evicted)), state}
	}
	return r.app.table("this server keeps nothing", []string{"CACHE", "ENTRIES", "SIZE", "AT MOST", "HITS", "MISSES", "EVICTED", "STATE"}, rows)
}

func (r *remote) serverPurge() *cobra.Command {
	return &cobra.Command{
		Use: "purge CACHE", Short: "Forget what a cache holds, on every node", Args: wantArgs(1, 1, "a CACHE, as ratchet server caches lists them"),
		Example: "  ratchet server purge responses",
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				if err := c.PurgeCache(ctx, args[0]); err != nil {
					return err
				}
				return r.app.print("purged " + args[0] + "\n")
			})
		},
	}
}

func (r *remote) taskPurge() *cobra.Command {
	return &cobra.Command{
		Use: "purge TASK", Short: "Forget what is kept of a task, on every node", Args: wantArgs(1, 1, "a TASK: its name or ID"),
		Long: `Forget what is kept of a task, on every node: its results (cache in metadata.json)
and the responses to its requests.`,
		Example: "  ratchet task purge addition",
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				if err := c.PurgeTask(ctx, args[0]); err != nil {
					return err
				}
				return r.app.print("purged " + args[0] + "\n")
			})
		},
	}
}
