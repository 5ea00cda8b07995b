package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/client"
)

func (a *app) deliveryCommand() *cobra.Command {
	return a.noun("delivery", "See where results went, deliver them again, try destinations", `  ratchet delivery list --state failed
  ratchet delivery get delivery_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69
  ratchet delivery redeliver --filter state=failed --filter task=report
  ratchet delivery test --deliver https://example.com/results --send`,
		(*remote).deliveryList, (*remote).deliveryGet, (*remote).deliveryRedeliver, (*remote).deliveryTest)
}

func (r *remote) deliveryList() *cobra.Command {
	var l listing
	var state, task, job string
	cmd := &cobra.Command{
		Use: "list", Short: "List deliveries, newest first", Args: wantArgs(0, 0, "flags only"),
		Example: "  ratchet delivery list --state failed --task report\n  ratchet delivery list --job job_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return pages(ctx, r, &l, where(where(where(nil, "state", state), "task", task), "jobId", job), c.Deliveries, r.deliveryTable)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&state, "state", "s", "", "only those that are `pending`, sending, delivered or failed")
	flags.StringVar(&task, "task", "", "only those of the task of this `NAME`")
	flags.StringVar(&job, "job", "", "only those of the job of this `ID`")
	l.define(flags, ratchet.DeliveryFields())
	return cmd
}

func (r *remote) deliveryTable(all []ratchet.Delivery) string {
	rows := make([][]string, len(all))
	for i := range all {
		d := &all[i]
		rows[i] = []string{d.ID.String(), d.Task, d.Destination, d.Target, string(d.State), strconv.Itoa(d.Attempts), deliveryNews(d)}
	}
	return r.app.table("no deliveries", []string{"ID", "TASK", "DESTINATION", "TARGET", "STATE", "ATTEMPTS", "NEWS"}, rows)
}

// deliveryNews is what there is to say of a delivery's state.
func deliveryNews(d *ratchet.Delivery) string {
	switch {
	case d.State == ratchet.DeliveryDelivered:
		return ago(d.FinishedAt)
	case d.Error != nil && d.State == ratchet.DeliveryPending:
		return "next " + ago(d.NextAttemptAt) + ": " + d.Error.Message
	case d.Error != nil:
		return d.Error.Message
	}
	return ""
}

func (r *remote) deliveryGet() *cobra.Command {
	return &cobra.Command{
		Use: "get DELIVERY", Aliases: []string{"show"}, Short: "Show a delivery and what each attempt came to", Args: wantArgs(1, 1, "a DELIVERY: its ID"),
		Example: "  ratchet delivery get delivery_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ratchet.ParseID[ratchet.Delivery](args[0])
			if err != nil {
				return err
			}
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				d, err := c.Delivery(ctx, id)
				if err != nil {
					return err
				}
				return r.show(d, func() string { return r.deliveryCard(d) })
			})
		},
	}
}

func (r *remote) deliveryCard(d *ratchet.Delivery) string {
	next, finished := "", instant(d.FinishedAt)
	if d.State == ratchet.DeliveryPending {
		next = instant(d.NextAttemptAt)
	}
	rows := [][2]string{
		{"id", d.ID.String()},
		{"job", d.Job.String()},
		{"task", d.Task},
		{"destination", d.Destination},
		{"type", string(d.Type)},
		{"target", d.Target},
		{"state", string(d.State)},
		{"attempts", strconv.Itoa(d.Attempts)},
		{"made", instant(d.CreatedAt)},
		{"next attempt", next},
		{"finished", finished},
	}
	if d.Error != nil {
		rows = append(rows, [2]string{"error", fmt.Sprintf("%s (%s)", d.Error.Message, d.Error.Reason)})
	}
	var b strings.Builder
	b.WriteString(r.app.card(rows...))
	for _, receipt := range d.Receipts {
		b.WriteString("  " + harmless(receiptLine(&receipt)) + "\n")
	}
	if d.State == ratchet.DeliveryFailed {
		b.WriteString(r.app.out.cyan("what to do:") + " see to the receiver; ratchet delivery redeliver " + d.ID.String() + " then delivers again\n")
	}
	return b.String()
}

func receiptLine(r *ratchet.Receipt) string {
	text := fmt.Sprintf("attempt %d at %s, %d ms", r.Attempt, instant(r.At), r.Duration)
	if r.Status > 0 {
		text += fmt.Sprintf(", HTTP %d", r.Status)
	}
	if r.Bytes > 0 {
		text += fmt.Sprintf(", %d bytes", r.Bytes)
	}
	if r.Error != nil {
		text += ": " + r.Error.Message
	}
	return text
}

func (r *remote) deliveryRedeliver() *cobra.Command {
	var l listing
	var b client.Bulk
	cmd := &cobra.Command{
		Use: "redeliver [DELIVERY]", Short: "Deliver a result again, or all that pass the filters", Args: wantArgs(0, 1, "a DELIVERY: its ID"),
		Long: `Deliver a result again, or a waiting one now. The delivery keeps its ID, which
receivers of webhooks see as webhook-id. Of those that pass the filters the ones
that were delivered are left alone, unless a filter says which states are meant.`,
		Example: "  ratchet delivery redeliver delivery_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69\n  ratchet delivery redeliver --filter state=failed --dry-run",
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (len(l.filters) > 0) {
				return usage("for example:\n"+cmd.Example, "%s wants either a DELIVERY or --filter", cmd.CommandPath())
			}
			if len(args) == 0 {
				q, err := l.query()
				if err != nil {
					return err
				}
				b.Filters = q.Filters
				return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
					done, err := c.RedeliverMany(ctx, b)
					if err != nil {
						return err
					}
					return r.show(done, func() string { return redeliveredText(done, b.DryRun) })
				})
			}
			id, err := ratchet.ParseID[ratchet.Delivery](args[0])
			if err != nil {
				return err
			}
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				d, err := c.Redeliver(ctx, id)
				if err != nil {
					return err
				}
				return r.show(d, func() string { return fmt.Sprintf("%s is %s\n", d.ID, d.State) })
			})
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&l.filters, "filter", "f", nil, "`FIELD=VALUE`, as of delivery list; repeatable")
	flags.IntVarP(&b.Limit, "limit", "n", 0, "at most so `MANY`, the oldest first (default 10,000)")
	flags.BoolVar(&b.DryRun, "dry-run", false, "only count them")
	return cmd
}

func redeliveredText(b *ratchet.BulkResult, dry bool) string {
	of := fmt.Sprintf("%d deliveries", b.Matched)
	if b.Matched == 1 {
		of = "1 delivery"
	}
	if dry {
		return of + " would be redelivered\n"
	}
	text := fmt.Sprintf("redelivers %d of %s", b.Changed, of)
	if b.Skipped > 0 {
		text += fmt.Sprintf("; %d were delivered, or are being sent", b.Skipped)
	}
	if b.More {
		text += "; there are more: ask again"
	}
	return text + "\n"
}

// deliveriesOf reads what became of a finished job's result. The operator's own
// destinations may be told of any job.
func deliveriesOf(ctx context.Context, c *client.Client, job *ratchet.Job) ([]ratchet.Delivery, error) {
	if !job.State.Terminal() {
		return nil, nil
	}
	page, err := c.Deliveries(ctx, ratchet.Query{
		Filters: where(nil, "jobId", job.ID.String()), Sort: []ratchet.Sort{{Field: "id"}}, Limit: ratchet.DefaultLimit,
	})
	return page.Items, err
}

// jobDeliveries tells where a job's result went, or is to go.
func (r *remote) jobDeliveries(job *ratchet.Job, told []ratchet.Delivery) string {
	var b strings.Builder
	if len(told) == 0 && !job.State.Terminal() {
		for _, d := range job.Destinations {
			fmt.Fprintf(&b, "  goes to %s (%s) on %s\n", harmless(d.Name), harmless(d.Target()), d.On)
		}
	}
	for i := range told {
		d := &told[i]
		fmt.Fprintf(&b, "  %s to %s (%s) %s %s\n", d.State, harmless(d.Destination), harmless(d.Target), harmless(deliveryNews(d)), r.app.out.dim(d.ID.String()))
	}
	return b.String()
}

func (r *remote) deliveryTest() *cobra.Command {
	var given []string
	var q ratchet.DestinationTestRequest
	var job string
	cmd := &cobra.Command{
		Use: "test", Short: "Check destinations, show what they would be told, and tell them with --send", Args: wantArgs(0, 0, "flags only"),
		Example: `  ratchet delivery test --deliver 'file=out/{{job_id}}.json'
  ratchet delivery test --task report --deliver @destinations.json --job job_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69 --send`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if len(given) == 0 {
				return usage("for example:\n"+cmd.Example, "%s wants --deliver", cmd.CommandPath())
			}
			if q.Destinations, err = r.app.destinations(cmd.Context(), given); err != nil {
				return err
			}
			if job != "" {
				if q.Job, err = ratchet.ParseID[ratchet.Job](job); err != nil {
					return usage("", "--job: %v", err)
				}
			}
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				results, err := c.TestDestinations(ctx, q)
				if err != nil {
					return err
				}
				if err := r.show(results, func() string { return r.testText(results) }); err != nil {
					return err
				}
				for _, t := range results {
					if !t.OK {
						return &silent{failedTest(&t)}
					}
				}
				return nil
			})
		},
	}
	flags := cmd.Flags()
	defineDeliver(flags, &given, "the result")
	flags.StringVar(&q.Task, "task", "", "whose environment \"${NAME}\" is of: a `TASK`")
	flags.StringVar(&job, "job", "", "deliver the result of this `JOB` (default: a made-up one)")
	flags.BoolVar(&q.Send, "send", false, "tell them; without it they are only checked")
	return cmd
}

func failedTest(t *ratchet.DestinationTest) ratchet.Code {
	if t.Error == nil {
		return ratchet.CodeInternal
	}
	return t.Error.Code
}

func (r *remote) testText(results []ratchet.DestinationTest) string {
	var b strings.Builder
	p := r.app.out
	for _, t := range results {
		did := "would tell"
		if t.Sent {
			did = "told"
		}
		switch {
		case t.OK:
			fmt.Fprintf(&b, "%s %s %s\n", p.bold(harmless(t.Name)), did, harmless(t.Target))
		case t.Error != nil:
			fmt.Fprintf(&b, "%s failed: %s\n", p.bold(harmless(t.Name)), harmless(t.Error.Message))
			for _, d := range t.Error.Details {
				if t.Receipt != nil || len(t.Error.Details) == 1 {
					break // the message says it
				}
				b.WriteString("  " + harmless(describe(d)) + "\n")
			}
		}
		if t.Receipt != nil {
			b.WriteString("  " + harmless(receiptLine(t.Receipt)) + "\n")
		}
		if t.Body != "" {
			b.WriteString("  " + strings.ReplaceAll(strings.TrimRight(harmless(t.Body), "\n"), "\n", "\n  ") + "\n")
		}
	}
	return b.String()
}
