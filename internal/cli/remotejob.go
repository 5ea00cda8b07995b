package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/client"
)

func (a *app) jobCommand() *cobra.Command {
	return a.noun("job", "Submit jobs, follow, explain and change them", `  ratchet job submit addition --input '{"num1": 5, "num2": 10}' --wait
  ratchet job list --status failed --task addition
  ratchet job explain job_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69
  ratchet job retry --filter status=failed --filter task=addition`,
		(*remote).jobSubmit, (*remote).jobList, (*remote).jobGet, (*remote).jobExplain, (*remote).jobFollow,
		jobAct("cancel", "cancelled", "Cancel a job, or those that pass the filters", (*client.Client).CancelJob, (*client.Client).CancelJobs),
		jobAct("retry", "retried", "Repeat a failed job as a new one, or those that pass the filters", (*client.Client).RetryJob, (*client.Client).RetryJobs),
	)
}

// A submission is the flags of job submit.
type submission struct {
	request     ratchet.JobRequest
	input       string
	priority    string
	runAt       string
	concurrency string
	deliver     []string
	wait        ratchet.Duration
	follow      bool
	noCache     bool
}

func (r *remote) jobSubmit() *cobra.Command {
	var s submission
	cmd := &cobra.Command{
		Use: "submit TASK", Short: "Submit a job",
		Long: `Submit a job of TASK. Once its ID is printed the server has it durably.

With --wait the result is printed as run prints it, and the exit code is run's.
With --follow the log lines are shown as they come.`,
		Example: `  ratchet job submit addition --input '{"num1": 5, "num2": 10}' --wait
  ratchet job submit report --input @report.json --delay 1h --priority low
  ratchet job submit report --deliver https://example.com/results --deliver failure:file=failed/{{job_id}}.json
  ratchet job submit report --idempotency-key report-2026-01 --follow`,
		Args: wantArgs(1, 1, "a TASK: its name or ID"),
		RunE: func(cmd *cobra.Command, args []string) error { return r.submit(cmd, &s, args[0]) },
	}
	s.define(cmd.Flags())
	return cmd
}

func (s *submission) define(flags *pflag.FlagSet) {
	flags.StringVarP(&s.input, "input", "i", "", "the input: `JSON`, @FILE, or - for stdin (default {})")
	flags.StringVar(&s.priority, "priority", "", "`low`, normal, high or urgent")
	flags.StringVar(&s.runAt, "run-at", "", "not before this `TIME`, such as 2026-01-31T08:00:00Z")
	flags.Var(&s.request.Delay, "delay", "not before so long from now, such as `10m`")
	flags.IntVar(&s.request.MaxAttempts, "max-attempts", 0, "at most so `MANY` attempts")
	flags.Var(&s.request.Timeout, "timeout", "the longest an attempt may take, such as `30s`")
	flags.StringArrayVar(&s.request.Tags, "tag", nil, "a `TAG` to find it by; repeatable")
	flags.StringVar(&s.request.IdempotencyKey, "idempotency-key", "", "a `NAME` for the request: sent twice within a day it is one job")
	flags.StringVar(&s.concurrency, "concurrency", "", "`KEY=MAX`: of the jobs with the KEY at most MAX run at once")
	defineDeliver(flags, &s.deliver, "the result")
	flags.StringVar(&s.request.Version, "version", "", "the `VERSION` to run: its number or digest (default: the newest now)")
	flags.BoolVar(&s.request.Latest, "latest", false, "each attempt runs the newest version there is then")
	flags.BoolVar(&s.noCache, "no-cache", false, "run it, whatever result is kept for the same input")
	flags.Var(&s.wait, "wait", "wait for the result, at most so `LONG`; alone, as long as it takes")
	flags.Lookup("wait").NoOptDefVal = "24h"
	flags.BoolVar(&s.follow, "follow", false, "show log lines as they come, then the result")
}

// complete makes the request of the flags.
func (s *submission) complete(ctx context.Context, a *app, task string) error {
	s.request.Task = task
	if s.noCache {
		s.request.Cache = new(bool)
	}
	if s.input != "" {
		in, err := a.readInput(ctx, "--input", s.input)
		if err != nil {
			return err
		}
		s.request.Input = in.text
		if !json.Valid(in.text) {
			return usage(`JSON wants double quotes, as in '{"name": "Ada"}'`, "the input from %s is not JSON", in.from)
		}
	}
	if s.priority != "" {
		p, err := ratchet.ParsePriority(s.priority)
		if err != nil {
			return usage("", "--priority: %v", err)
		}
		s.request.Priority = p
	}
	if s.runAt != "" {
		at, err := time.Parse(time.RFC3339, s.runAt)
		if err != nil {
			return usage("", "--run-at %q is no time such as 2026-01-31T08:00:00Z", s.runAt)
		}
		s.request.RunAt = at
	}
	if s.concurrency != "" {
		key, most, found := strings.Cut(s.concurrency, "=")
		n, err := strconv.Atoi(most)
		if !found || err != nil || n < 1 {
			return usage("as in --concurrency customer-7=1", "--concurrency %q is no KEY=MAX", s.concurrency)
		}
		s.request.Concurrency = &ratchet.Concurrency{Key: key, Max: n}
	}
	goals, err := a.destinations(ctx, s.deliver)
	s.request.Destinations = goals
	return err
}

func (r *remote) submit(cmd *cobra.Command, s *submission, task string) error {
	if err := s.complete(cmd.Context(), r.app, task); err != nil {
		return err
	}
	return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
		job, err := c.SubmitJob(ctx, s.request)
		if err != nil {
			return err
		}
		if s.wait == 0 && !s.follow {
			return r.show(job, func() string { return job.ID.String() + "\n" })
		}
		fmt.Fprintln(r.app.Stderr, r.app.err.dim(job.ID.String()))
		return r.await(ctx, c, job.ID, s)
	})
}

// awhile is how long one request waits for a result before the next.
const awhile = 30 * time.Second

// await shows a job's log lines if they are to be followed, and prints its
// result. A wait that ends early leaves the job to go on.
func (r *remote) await(ctx context.Context, c *client.Client, id ratchet.JobID, s *submission) error {
	if s.wait > 0 {
		cause := &failure{
			err:  ratchet.Errorf(ratchet.ReasonTimeout, "%s is not finished after %s", id, s.wait),
			hint: "it goes on: ratchet job get " + id.String() + " --wait",
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Duration(s.wait), cause)
		defer cancel()
	}
	if s.follow {
		if err := r.followJob(ctx, c, id); err != nil {
			return orCause(ctx, err)
		}
	}
	for {
		job, done, err := c.Job(ctx, id, awhile)
		if err != nil {
			return orCause(ctx, err)
		}
		if done {
			return r.result(job)
		}
	}
}

// orCause returns why ctx ended, if it did.
func orCause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// result prints what came of a finished job: its output, or why there is none.
func (r *remote) result(job *ratchet.Job) error {
	if r.json {
		if err := r.app.printValue(job); err != nil {
			return err
		}
		if job.State == ratchet.JobCompleted {
			return nil
		}
		return &silent{endCode(job)}
	}
	if job.State == ratchet.JobCompleted {
		return r.app.printJSON(job.Output)
	}
	if job.Error == nil {
		return ratchet.Errorf(ratchet.ReasonExecutionCancelled, "%s was %s", job.ID, job.Status)
	}
	return &failure{err: job.Error, id: job.ID.String(), hint: "ratchet job explain " + job.ID.String() + " tells of all attempts"}
}

func endCode(job *ratchet.Job) ratchet.Code {
	if job.Error == nil {
		return ratchet.CodeConflict
	}
	return job.Error.Code
}

// followJob shows what happens to a job until it is finished.
func (r *remote) followJob(ctx context.Context, c *client.Client, id ratchet.JobID) error {
	screen := r.app.newScreen(false)
	screen.begin(id.String())
	defer screen.end()
	for e, err := range c.Follow(ctx, id) {
		switch {
		case err != nil:
			return err
		case e.Log != nil:
			screen.log(*e.Log)
		case e.Progress != nil:
			screen.advance(*e.Progress)
		case e.State == ratchet.JobRetrying && e.Error != nil:
			screen.log(ratchet.LogEntry{Time: e.Time, Level: ratchet.LevelWarn, Message: fmt.Sprintf("attempt %d failed and will be repeated: %s", e.Attempt, e.Error.Message)})
		case e.State.Terminal():
			return nil
		}
	}
	return nil
}

func (r *remote) jobFollow() *cobra.Command {
	return &cobra.Command{
		Use: "follow JOB", Short: "Show a job's log lines as they come, then its result", Args: wantArgs(1, 1, "a JOB: its ID"),
		Example: "  ratchet job follow job_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ratchet.ParseID[ratchet.Job](args[0])
			if err != nil {
				return err
			}
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return r.await(ctx, c, id, &submission{follow: true})
			})
		},
	}
}

func (r *remote) jobList() *cobra.Command {
	var l listing
	var status, task, tag string
	cmd := &cobra.Command{
		Use: "list", Short: "List jobs, newest first", Args: wantArgs(0, 0, "flags only"),
		Example: `  ratchet job list --status failed --task addition
  ratchet job list --filter createdAt_gte=2026-01-31T00:00:00Z --sort task --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				filters := where(where(where(nil, "status", status), "task", task), "tags", tag)
				return pages(ctx, r, &l, filters, c.Jobs, r.jobTable)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&status, "status", "s", "", "only those that are `queued`, running, retrying, completed, failed or cancelled")
	flags.StringVar(&task, "task", "", "only those of the task of this `NAME`")
	flags.StringVar(&tag, "tag", "", "only those with the `TAG`")
	l.define(flags, ratchet.JobFields())
	return cmd
}

func (r *remote) jobTable(jobs []ratchet.Job) string {
	rows := make([][]string, len(jobs))
	for i, j := range jobs {
		why := ""
		if j.Error != nil {
			why = j.Error.Message
		} else if j.Parked != "" {
			why = j.Parked
		}
		rows[i] = []string{j.ID.String(), j.Task, string(j.State), j.Priority.String(), strconv.Itoa(j.Attempts), ago(j.CreatedAt), why}
	}
	return r.app.table("no jobs", []string{"ID", "TASK", "STATE", "PRIORITY", "ATTEMPTS", "SUBMITTED", "WHY"}, rows)
}

func (r *remote) jobGet() *cobra.Command {
	var s submission
	cmd := &cobra.Command{
		Use: "get JOB", Short: "Show a job, with --wait its result", Args: wantArgs(1, 1, "a JOB: its ID"),
		Example: "  ratchet job get job_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69 --wait=1m",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ratchet.ParseID[ratchet.Job](args[0])
			if err != nil {
				return err
			}
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				if s.wait > 0 {
					return r.await(ctx, c, id, &s)
				}
				job, _, err := c.Job(ctx, id, 0)
				if err != nil {
					return err
				}
				told, err := deliveriesOf(ctx, c, job)
				if err != nil {
					return err
				}
				return r.show(job, func() string { return r.jobCard(job) + r.jobDeliveries(job, told) })
			})
		},
	}
	cmd.Flags().Var(&s.wait, "wait", "wait for the result, at most so `LONG`; alone, as long as it takes")
	cmd.Flags().Lookup("wait").NoOptDefVal = "24h"
	return cmd
}

func (r *remote) jobCard(j *ratchet.Job) string {
	notBefore := ""
	if j.RunAt.Sub(j.CreatedAt) > time.Second {
		notBefore = instant(j.RunAt)
	}
	state := string(j.State)
	if j.Parked != "" {
		state += " (" + j.Parked + ")"
	}
	rows := [][2]string{
		{"id", j.ID.String()},
		{"task", j.Task},
		{"version", j.VersionDigest},
		{"state", state},
		{"priority", j.Priority.String()},
		{"attempts", strconv.Itoa(j.Attempts)},
		{"cache", string(j.Cache)},
		{"tags", strings.Join(j.Tags, ", ")},
		{"submitted", instant(j.CreatedAt)},
		{"not before", notBefore},
		{"started", instant(j.StartedAt)},
		{"finished", instant(j.FinishedAt)},
		{"input", string(j.Input)},
	}
	if j.State == ratchet.JobCompleted {
		rows = append(rows, [2]string{"output", string(j.Output)})
	}
	if j.Error != nil {
		rows = append(rows, [2]string{"error", fmt.Sprintf("%s (%s)", j.Error.Message, j.Error.Reason)}, [2]string{"stack", j.Error.Stack})
	}
	return r.app.card(rows...)
}

func (r *remote) jobExplain() *cobra.Command {
	return &cobra.Command{
		Use: "explain JOB", Short: "Say why a job waits, failed or will be tried again", Args: wantArgs(1, 1, "a JOB: its ID"),
		Example: "  ratchet job explain job_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ratchet.ParseID[ratchet.Job](args[0])
			if err != nil {
				return err
			}
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				x, err := c.ExplainJob(ctx, id)
				if err != nil {
					return err
				}
				return r.show(x, func() string { return r.explanation(x) })
			})
		},
	}
}

func (r *remote) explanation(x *ratchet.Explanation) string {
	var b strings.Builder
	p := r.app.out
	b.WriteString(p.bold(harmless(x.Summary)) + "\n")
	for _, reason := range x.Reasons {
		b.WriteString("  " + harmless(reason) + "\n")
	}
	if x.Gate != nil {
		fmt.Fprintf(&b, "  gate %s admits %d at once; its places are held by:\n", harmless(x.Gate.Key), x.Gate.Max)
		for _, id := range x.Holders {
			fmt.Fprintf(&b, "    %s\n", id)
		}
	}
	if !x.NextAttempt.IsZero() {
		fmt.Fprintf(&b, "  next attempt at %s\n", instant(x.NextAttempt))
	}
	for _, e := range x.Executions {
		fmt.Fprintf(&b, "  attempt %d %s %s %s\n", e.Attempt, e.State, harmless(e.Message), p.dim(e.ID.String()))
	}
	if x.Remedy != "" {
		b.WriteString(p.cyan("what to do:") + " " + harmless(x.Remedy) + "\n")
	}
	return b.String()
}

// jobAct makes a command that does one thing to a job, or to all that pass the
// filters.
func jobAct(verb, past, what string,
	one func(*client.Client, context.Context, ratchet.JobID) (*ratchet.Job, error),
	many func(*client.Client, context.Context, client.Bulk) (*ratchet.BulkResult, error),
) func(*remote) *cobra.Command {
	return func(r *remote) *cobra.Command {
		var l listing
		var b client.Bulk
		cmd := &cobra.Command{
			Use: verb + " [JOB]", Short: what, Args: wantArgs(0, 1, "a JOB: its ID"),
			Example: "  ratchet job " + verb + " job_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69\n  ratchet job " + verb + " --filter status=failed --dry-run",
			RunE: func(cmd *cobra.Command, args []string) error {
				if (len(args) == 1) == (len(l.filters) > 0) {
					return usage("for example:\n"+cmd.Example, "%s wants either a JOB or --filter", cmd.CommandPath())
				}
				if len(args) == 0 {
					q, err := l.query()
					if err != nil {
						return err
					}
					b.Filters = q.Filters
					return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
						done, err := many(c, ctx, b)
						if err != nil {
							return err
						}
						return r.show(done, func() string { return bulkText(past, done, b.DryRun) })
					})
				}
				id, err := ratchet.ParseID[ratchet.Job](args[0])
				if err != nil {
					return err
				}
				return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
					job, err := one(c, ctx, id)
					if err != nil {
						return err
					}
					return r.show(job, func() string { return actedText(job, id) })
				})
			},
		}
		flags := cmd.Flags()
		flags.StringArrayVarP(&l.filters, "filter", "f", nil, "`FIELD=VALUE`, as of job list; repeatable")
		flags.IntVarP(&b.Limit, "limit", "n", 0, "at most so `MANY`, the oldest first (default 10,000)")
		flags.BoolVar(&b.DryRun, "dry-run", false, "only count them")
		return cmd
	}
}

func actedText(job *ratchet.Job, id ratchet.JobID) string {
	switch {
	case job.ID != id:
		return fmt.Sprintf("%s repeats %s\n", job.ID, id)
	case job.CancelRequested && !job.State.Terminal():
		return fmt.Sprintf("%s is being stopped\n", job.ID)
	}
	return fmt.Sprintf("%s is %s\n", job.ID, job.State)
}

func bulkText(past string, b *ratchet.BulkResult, dry bool) string {
	if dry {
		return fmt.Sprintf("%s would be %s\n", count(b.Matched, "job"), past)
	}
	text := fmt.Sprintf("%s %d of %s", past, b.Changed, count(b.Matched, "job"))
	if b.Skipped > 0 {
		text += fmt.Sprintf("; %d in a state that does not allow it", b.Skipped)
	}
	if b.More {
		text += "; there are more: ask again"
	}
	return text + "\n"
}
