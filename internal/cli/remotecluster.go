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

func (a *app) executionCommand() *cobra.Command {
	return a.noun("execution", "See each attempt at a job: its log, times and requests", `  ratchet execution list --filter state=failed
  ratchet execution logs execution_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69 --level warn`,
		(*remote).executionList, (*remote).executionGet, (*remote).executionLogs)
}

func (r *remote) executionList() *cobra.Command {
	var l listing
	var job, state, task string
	cmd := &cobra.Command{
		Use: "list", Short: "List executions, newest first", Args: wantArgs(0, 0, "flags only"),
		Example: "  ratchet execution list --job job_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				filters := where(where(where(nil, "jobId", job), "state", state), "task", task)
				return pages(ctx, r, &l, filters, c.Executions, r.executionTable)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&job, "job", "", "only those of the job with the `ID`")
	flags.StringVarP(&state, "state", "s", "", "only those that are `running`, completed, failed, cancelled, timed_out or lost")
	flags.StringVar(&task, "task", "", "only those of the task of this `NAME`")
	l.define(flags, ratchet.ExecutionFields())
	return cmd
}

func (r *remote) executionTable(all []ratchet.Execution) string {
	rows := make([][]string, len(all))
	for i, x := range all {
		why := ""
		if x.Error != nil {
			why = x.Error.Message
		}
		took := ""
		if x.Elapsed() > 0 {
			took = ms(float64(x.Elapsed().Microseconds()) / 1000)
		}
		rows[i] = []string{x.ID.String(), x.Task, strconv.Itoa(x.Attempt), string(x.State), took, ago(x.StartedAt), why}
	}
	return r.app.table("no executions", []string{"ID", "TASK", "ATTEMPT", "STATE", "TOOK", "STARTED", "WHY"}, rows)
}

func (r *remote) executionGet() *cobra.Command {
	return &cobra.Command{
		Use: "get EXECUTION", Short: "Show an execution", Args: wantArgs(1, 1, "an EXECUTION: its ID"),
		Example: "  ratchet execution get execution_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ratchet.ParseID[ratchet.Execution](args[0])
			if err != nil {
				return err
			}
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				x, err := c.Execution(ctx, id)
				if err != nil {
					return err
				}
				return r.show(x, func() string { return r.executionCard(x) })
			})
		},
	}
}

func (r *remote) executionCard(x *ratchet.Execution) string {
	rows := [][2]string{
		{"id", x.ID.String()},
		{"job", x.Job.String()},
		{"task", x.Task},
		{"version", x.VersionDigest},
		{"attempt", strconv.Itoa(x.Attempt)},
		{"state", string(x.State)},
		{"worker", x.Worker},
		{"node", x.Node.String()},
		{"queued", instant(x.QueuedAt)},
		{"started", instant(x.StartedAt)},
		{"took", x.Elapsed().String()},
		{"processor", x.CPU.String()},
		{"memory", x.PeakMemory.String()},
		{"log lines", strconv.Itoa(len(x.Logs))},
		{"input", string(x.Input)},
		{"output", string(x.Output)},
	}
	if x.Error != nil {
		rows = append(rows, [2]string{"error", fmt.Sprintf("%s (%s)", x.Error.Message, x.Error.Reason)}, [2]string{"stack", x.Error.Stack})
	}
	for _, f := range x.Fetches {
		result := strconv.Itoa(f.Status)
		if f.Error != nil {
			result = string(f.Error.Reason)
		}
		if f.Cached {
			result += " (kept)"
		}
		rows = append(rows, [2]string{"request", fmt.Sprintf("%s %s %s, %v sent, %v received, %s", f.Method, f.Host, result, f.Sent, f.Received, milliseconds(f.Duration))})
	}
	return r.app.card(rows...)
}

func (r *remote) executionLogs() *cobra.Command {
	var level string
	var limit int
	cmd := &cobra.Command{
		Use: "logs EXECUTION", Short: "Print the log lines of an execution", Args: wantArgs(1, 1, "an EXECUTION: its ID"),
		Example: "  ratchet execution logs execution_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69 --level warn",
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ratchet.ParseID[ratchet.Execution](args[0])
			if err != nil {
				return err
			}
			least, err := ratchet.ParseLogLevel(level)
			if err != nil {
				return usage("", "--level: %v", err)
			}
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				lines, total, err := c.Logs(ctx, id, least, 0, limit)
				if err != nil {
					return err
				}
				return r.show(lines, func() string { return r.logText(lines, total) })
			})
		},
	}
	cmd.Flags().StringVar(&level, "level", "trace", "at least this `LEVEL`: trace, debug, info, warn or error")
	cmd.Flags().IntVarP(&limit, "limit", "n", 1000, "at most so `MANY` lines")
	return cmd
}

func (r *remote) logText(lines []ratchet.LogEntry, total int) string {
	text := ""
	for _, l := range lines {
		text += fmt.Sprintf("%s %-5s %s", r.app.out.dim(l.Time.Format("15:04:05.000")), l.Level, harmless(l.Message))
		if len(l.Fields) > 0 && string(l.Fields) != "{}" {
			text += " " + r.app.out.dim(harmless(string(l.Fields)))
		}
		text += "\n"
	}
	if total > len(lines) {
		text += fmt.Sprintf("… %s in all; --limit shows more\n", count(total, "line"))
	}
	if text == "" {
		return "no log lines\n"
	}
	return text
}

func (a *app) workerCommand() *cobra.Command {
	return a.noun("worker", "See worker processes", "  ratchet worker list", func(r *remote) *cobra.Command {
		return &cobra.Command{
			Use: "list", Short: "List the worker processes of the node that answers", Args: wantArgs(0, 0, "flags only"),
			Example: "  ratchet worker list --json",
			RunE: func(cmd *cobra.Command, _ []string) error {
				return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
					all, err := c.Workers(ctx)
					if err != nil {
						return err
					}
					return r.show(all, func() string { return r.workerTable(all) })
				})
			},
		}
	})
}

func (r *remote) workerTable(all []ratchet.Worker) string {
	rows := make([][]string, len(all))
	for i, w := range all {
		rows[i] = []string{w.ID, orDefault(w.Task, "(spare)"), strconv.Itoa(w.Running), strconv.Itoa(w.Served), ago(w.LastUsed)}
	}
	return r.app.table("no worker processes: they start with the first execution", []string{"WORKER", "TASK", "RUNNING", "SERVED", "LAST USED"}, rows)
}

func (a *app) serverCommand() *cobra.Command {
	return a.noun("server", "See how a server is and what it keeps, pause and resume it", `  ratchet server status
  ratchet server breakers
  ratchet server pause`, (*remote).serverStatus, (*remote).serverBreakers, (*remote).serverCaches, (*remote).serverPurge,
		serverAct("pause", "Have all jobs wait, on every node", (*client.Client).PauseAll),
		serverAct("resume", "End a pause of everything", (*client.Client).ResumeAll))
}

// A serverStatus is what server status prints.
type serverStatus struct {
	Health *client.Health `json:"health"`
	Nodes  []ratchet.Node `json:"nodes"`
	Stats  *ratchet.Stats `json:"stats"`
}

func (r *remote) serverStatus() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show health, nodes and what waits", Args: wantArgs(0, 0, "flags only"),
		Example: "  ratchet server status --server https://ratchet.example.com",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				var s serverStatus
				var err error
				if s.Health, err = c.Health(ctx); err != nil {
					return err
				}
				if s.Nodes, err = c.Nodes(ctx); err != nil {
					return err
				}
				if s.Stats, err = c.Stats(ctx); err != nil {
					return err
				}
				return r.show(s, func() string { return r.statusText(s) })
			})
		},
	}
}

func (r *remote) statusText(s serverStatus) string {
	rows := [][2]string{{"status", s.Health.Status}, {"version", s.Health.Version}}
	for _, check := range s.Health.Checks {
		rows = append(rows, [2]string{check.Name, strings.TrimSpace(check.Status + " " + check.Message)})
	}
	paused := ""
	if s.Stats.Paused {
		paused = "everything; ratchet server resume"
	}
	rows = append(rows, [2]string{"paused", paused}, [2]string{"waiting", count(s.Stats.Waiting, "job")})
	for _, status := range ratchet.JobStatuses() {
		rows = append(rows, [2]string{string(status), grouped(s.Stats.Jobs[status])})
	}
	nodes := make([][]string, len(s.Nodes))
	for i, n := range s.Nodes {
		nodes[i] = []string{n.Host, strconv.Itoa(n.PID), n.Version, fmt.Sprintf("%d/%d", n.Running, n.Slots), n.Sandbox, ago(n.BeatAt)}
	}
	return r.app.card(rows...) + r.app.table("no nodes", []string{"NODE", "PID", "VERSION", "RUNNING", "SANDBOX", "SEEN"}, nodes)
}

func serverAct(verb, what string, do func(*client.Client, context.Context) (*ratchet.Stats, error)) func(*remote) *cobra.Command {
	return func(r *remote) *cobra.Command {
		return &cobra.Command{
			Use: verb, Short: what, Args: wantArgs(0, 0, "flags only"), Example: "  ratchet server " + verb,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
					s, err := do(c, ctx)
					if err != nil {
						return err
					}
					return r.show(s, func() string {
						if s.Paused {
							return fmt.Sprintf("paused: %s waiting\n", count(s.Waiting, "job"))
						}
						return "running\n"
					})
				})
			},
		}
	}
}
