package cli

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/client"
)

func (a *app) scheduleCommand() *cobra.Command {
	return a.noun("schedule", "Have tasks run at times", `  ratchet schedule create nightly --task report --cron '0 2 * * *' --timezone Europe/Berlin
  ratchet schedule preview --cron '*/15 8-17 * * MON-FRI'
  ratchet schedule trigger nightly`,
		(*remote).scheduleList, (*remote).scheduleGet, (*remote).scheduleCreate, (*remote).scheduleUpdate, (*remote).schedulePreview,
		scheduleAct("enable", "Have a schedule fire from now on", (*client.Client).EnableSchedule),
		scheduleAct("disable", "Have a schedule fire no more", (*client.Client).DisableSchedule),
		(*remote).scheduleTrigger, (*remote).scheduleNext, (*remote).scheduleDelete,
	)
}

func (r *remote) scheduleList() *cobra.Command {
	var l listing
	cmd := &cobra.Command{
		Use: "list", Short: "List the schedules", Args: wantArgs(0, 0, "flags only"),
		Example: "  ratchet schedule list --filter enabled=true --sort nextRunAt",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return pages(ctx, r, &l, nil, c.Schedules, r.scheduleTable)
			})
		},
	}
	l.define(cmd.Flags(), ratchet.ScheduleFields())
	return cmd
}

func (r *remote) scheduleTable(all []ratchet.Schedule) string {
	rows := make([][]string, len(all))
	for i, s := range all {
		next := ago(s.NextRunAt)
		if !s.Enabled {
			next = "disabled"
		}
		rows[i] = []string{s.Name, s.Task, ruleText(s), next, orDefault(ago(s.LastRunAt), "never"), strconv.Itoa(s.Runs)}
	}
	return r.app.table("no schedules; ratchet schedule create makes one", []string{"NAME", "TASK", "RULE", "NEXT", "LAST", "RUNS"}, rows)
}

func ruleText(s ratchet.Schedule) string {
	text := s.Cron
	if text == "" {
		text = "every " + s.Every.String()
	}
	if s.Zone != "" {
		text += " " + s.Zone
	}
	return text
}

func (r *remote) scheduleCard(s *ratchet.Schedule) string {
	state := "enabled"
	if !s.Enabled {
		state = "disabled"
	}
	return r.app.card([][2]string{
		{"name", s.Name},
		{"id", s.ID.String()},
		{"description", s.Description},
		{"task", s.Task},
		{"rule", ruleText(*s)},
		{"state", state},
		{"input", string(s.Input)},
		{"delivers to", goalsText(s.Destinations)},
		{"priority", s.Priority.String()},
		{"missed", string(s.Missed)},
		{"overlap", string(s.Overlap)},
		{"start", instant(s.Start)},
		{"end", instant(s.End)},
		{"next run", instant(s.NextRunAt)},
		{"last run", instant(s.LastRunAt)},
		{"runs", strconv.Itoa(s.Runs)},
	}...)
}

// goalsText names destinations in a line.
func goalsText(all []ratchet.Destination) string {
	var names []string
	for i := range all {
		names = append(names, fmt.Sprintf("%s (%s) on %s", all[i].Name, all[i].Target(), all[i].On))
	}
	return strings.Join(names, ", ")
}

func (r *remote) scheduleGet() *cobra.Command {
	return scheduleShow("get SCHEDULE", "Show a schedule", (*client.Client).Schedule)(r)
}

func scheduleAct(verb, what string, do func(*client.Client, context.Context, string) (*ratchet.Schedule, error)) func(*remote) *cobra.Command {
	return scheduleShow(verb+" SCHEDULE", what, do)
}

func scheduleShow(use, what string, do func(*client.Client, context.Context, string) (*ratchet.Schedule, error)) func(*remote) *cobra.Command {
	return func(r *remote) *cobra.Command {
		verb, _, _ := strings.Cut(use, " ")
		return &cobra.Command{
			Use: use, Short: what, Args: wantArgs(1, 1, "a SCHEDULE: its name or ID"),
			Example: "  ratchet schedule " + verb + " nightly",
			RunE: func(cmd *cobra.Command, args []string) error {
				return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
					s, err := do(c, ctx, args[0])
					if err != nil {
						return err
					}
					return r.show(s, func() string { return r.scheduleCard(s) })
				})
			},
		}
	}
}

// A scheduling is the flags that say what a schedule is.
type scheduling struct {
	name, description, task, cron, zone, input, priority, missed, overlap, start, end string

	every              ratchet.Duration
	missedMax, maxRuns int
	tags, deliver      []string
	disabled           bool
}

func (s *scheduling) define(flags *pflag.FlagSet) {
	flags.StringVar(&s.description, "description", "", "what it is for, a `SENTENCE`")
	s.defineRule(flags)
	flags.StringVarP(&s.input, "input", "i", "", "the input of its jobs: `JSON`, @FILE, or - for stdin (default {})")
	flags.StringVar(&s.priority, "priority", "", "of its jobs: `low`, normal, high or urgent")
	flags.StringArrayVar(&s.tags, "tag", nil, "a `TAG` of its jobs; repeatable")
	flags.StringVar(&s.missed, "missed", "", "what becomes of runs missed while no server ran: `skip`, once (default) or all")
	flags.IntVar(&s.missedMax, "missed-max", 0, "of --missed all, at most so `MANY` (default 100)")
	flags.StringVar(&s.overlap, "overlap", "", "when the job before is not finished: `allow` (default), skip, queue or cancel")
	flags.IntVar(&s.maxRuns, "max-runs", 0, "end after so `MANY` runs")
	defineDeliver(flags, &s.deliver, "the result of its jobs")
}

func (s *scheduling) defineRule(flags *pflag.FlagSet) {
	flags.StringVar(&s.cron, "cron", "", "the `RULE`: 5 to 7 fields such as '0 2 * * *', or @daily and its like")
	flags.Var(&s.every, "every", "instead of --cron, the `TIME` between two runs, such as 15m")
	flags.StringVar(&s.zone, "timezone", "", "the `ZONE` of --cron, such as Europe/Berlin (default UTC)")
	flags.StringVar(&s.start, "start", "", "no run before this `TIME`, such as 2026-01-31T08:00:00Z")
	flags.StringVar(&s.end, "end", "", "no run after this `TIME`")
}

func moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, usage("", "%s %q is no time such as 2026-01-31T08:00:00Z", flag, text)
	}
	return t, nil
}

// request makes a new schedule of the flags.
func (s *scheduling) request(ctx context.Context, a *app) (ratchet.ScheduleRequest, error) {
	enabled := !s.disabled
	q := ratchet.ScheduleRequest{
		Name: s.name, Description: s.description, Task: s.task, Cron: s.cron, Every: s.every, Zone: s.zone, Tags: s.tags,
		Missed: ratchet.MissedPolicy(s.missed), MissedMax: s.missedMax, Overlap: ratchet.OverlapPolicy(s.overlap), MaxRuns: s.maxRuns, Enabled: &enabled,
	}
	var err error
	if q.Start, err = moment("--start", s.start); err != nil {
		return q, err
	}
	if q.End, err = moment("--end", s.end); err != nil {
		return q, err
	}
	if s.priority != "" {
		if q.Priority, err = ratchet.ParsePriority(s.priority); err != nil {
			return q, usage("", "--priority: %v", err)
		}
	}
	if s.input != "" {
		in, err := a.readInput(ctx, "--input", s.input)
		if err != nil {
			return q, err
		}
		q.Input = in.text
	}
	q.Destinations, err = a.destinations(ctx, s.deliver)
	return q, err
}

func (r *remote) scheduleCreate() *cobra.Command {
	var s scheduling
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a schedule", Args: wantArgs(1, 1, "a NAME for it"),
		Example: `  ratchet schedule create nightly --task report --cron '0 2 * * *' --timezone Europe/Berlin
  ratchet schedule create poll --task fetch --every 15m --overlap skip`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s.name = args[0]
			q, err := s.request(cmd.Context(), r.app)
			if err != nil {
				return err
			}
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				made, err := c.CreateSchedule(ctx, q)
				if err != nil {
					return err
				}
				return r.show(made, func() string { return r.scheduleCard(made) })
			})
		},
	}
	cmd.Flags().StringVar(&s.task, "task", "", "the `TASK` to run: its name or ID")
	s.define(cmd.Flags())
	cmd.Flags().BoolVar(&s.disabled, "disabled", false, "make it, but have it not fire yet")
	return cmd
}

func (r *remote) scheduleUpdate() *cobra.Command {
	var s scheduling
	cmd := &cobra.Command{
		Use: "update SCHEDULE", Short: "Change what the flags say of a schedule", Args: wantArgs(1, 1, "a SCHEDULE: its name or ID"),
		Example: "  ratchet schedule update nightly --cron '30 2 * * *'",
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := s.request(cmd.Context(), r.app)
			if err != nil {
				return err
			}
			p := patch(cmd.Flags(), &q)
			if reflect.ValueOf(p).IsZero() {
				return usage("for example:\n"+cmd.Example, "%s wants a flag that says what to change", cmd.CommandPath())
			}
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				changed, err := c.UpdateSchedule(ctx, args[0], p)
				if err != nil {
					return err
				}
				return r.show(changed, func() string { return r.scheduleCard(changed) })
			})
		},
	}
	cmd.Flags().StringVar(&s.name, "name", "", "call it by another `NAME`")
	s.define(cmd.Flags())
	return cmd
}

// patch takes of q what was given as a flag.
func patch(flags *pflag.FlagSet, q *ratchet.ScheduleRequest) (p ratchet.SchedulePatch) {
	given := func(flag string, take func()) {
		if flags.Changed(flag) {
			take()
		}
	}
	given("name", func() { p.Name = &q.Name })
	given("description", func() { p.Description = &q.Description })
	given("cron", func() { p.Cron = &q.Cron })
	given("every", func() { p.Every = &q.Every })
	given("timezone", func() { p.Zone = &q.Zone })
	given("input", func() { p.Input = q.Input })
	given("priority", func() { p.Priority = &q.Priority })
	given("tag", func() { p.Tags = &q.Tags })
	given("missed", func() { p.Missed = &q.Missed })
	given("missed-max", func() { p.MissedMax = &q.MissedMax })
	given("overlap", func() { p.Overlap = &q.Overlap })
	given("max-runs", func() { p.MaxRuns = &q.MaxRuns })
	given("start", func() { p.Start = &q.Start })
	given("end", func() { p.End = &q.End })
	given("deliver", func() { p.Destinations = &q.Destinations })
	return p
}

func (r *remote) schedulePreview() *cobra.Command {
	var s scheduling
	var n int
	cmd := &cobra.Command{
		Use: "preview", Short: "Show when a rule would run, without making a schedule", Args: wantArgs(0, 0, "flags only"),
		Example: "  ratchet schedule preview --cron '30 2 * * *' --timezone Europe/Berlin --count 5",
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := s.request(cmd.Context(), r.app)
			if err != nil {
				return err
			}
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				runs, err := c.PreviewSchedule(ctx, ratchet.RuleRequest{Cron: q.Cron, Every: q.Every, Zone: q.Zone, Start: q.Start, End: q.End, Count: n})
				if err != nil {
					return err
				}
				return r.show(runs, func() string { return runsText(runs) })
			})
		},
	}
	s.defineRule(cmd.Flags())
	cmd.Flags().IntVarP(&n, "count", "n", 10, "how `MANY` runs to show")
	return cmd
}

func runsText(runs []time.Time) string {
	if len(runs) == 0 {
		return "never\n"
	}
	var b strings.Builder
	for _, t := range runs {
		fmt.Fprintf(&b, "%s  %s\n", t.Format(time.RFC3339), ago(t))
	}
	return b.String()
}

func (r *remote) scheduleNext() *cobra.Command {
	var n int
	cmd := &cobra.Command{
		Use: "next SCHEDULE", Short: "Show when a schedule runs next", Args: wantArgs(1, 1, "a SCHEDULE: its name or ID"),
		Example: "  ratchet schedule next nightly --count 3",
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				runs, err := c.NextRuns(ctx, args[0], n)
				if err != nil {
					return err
				}
				return r.show(runs, func() string { return runsText(runs) })
			})
		},
	}
	cmd.Flags().IntVarP(&n, "count", "n", 10, "how `MANY` runs to show")
	return cmd
}

func (r *remote) scheduleTrigger() *cobra.Command {
	return &cobra.Command{
		Use: "trigger SCHEDULE", Short: "Submit a schedule's job now", Args: wantArgs(1, 1, "a SCHEDULE: its name or ID"),
		Example: "  ratchet schedule trigger nightly",
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				job, err := c.TriggerSchedule(ctx, args[0])
				if err != nil {
					return err
				}
				return r.show(job, func() string { return job.ID.String() + "\n" })
			})
		},
	}
}

func (r *remote) scheduleDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete SCHEDULE", Short: "Delete a schedule; its jobs stay", Args: wantArgs(1, 1, "a SCHEDULE: its name or ID"),
		Example: "  ratchet schedule delete nightly",
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				if err := c.DeleteSchedule(ctx, args[0]); err != nil {
					return err
				}
				return r.app.print("deleted " + args[0] + "\n")
			})
		},
	}
}
