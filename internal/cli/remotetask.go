package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/client"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

func (a *app) taskCommand() *cobra.Command {
	return a.noun("task", "Register tasks, list and change them", `  ratchet task register examples/addition
  ratchet task import examples
  ratchet task list --filter enabled=true
  ratchet task env set notify TOKEN=@token.txt`,
		(*remote).taskList, (*remote).taskGet, (*remote).taskRegister, (*remote).taskImport, (*remote).taskVersions,
		taskAct("enable", "Let a task take jobs again", (*client.Client).EnableTask),
		taskAct("disable", "Have a task refuse new jobs; those it has go on", (*client.Client).DisableTask),
		taskAct("pause", "Have a task's jobs wait", (*client.Client).PauseTask),
		taskAct("resume", "End a pause", (*client.Client).ResumeTask),
		(*remote).taskPurge, (*remote).taskDelete, (*remote).taskEnv,
	)
}

func (r *remote) taskList() *cobra.Command {
	var l listing
	cmd := &cobra.Command{
		Use: "list", Short: "List the tasks", Args: wantArgs(0, 0, "flags only"),
		Example: "  ratchet task list --sort -createdAt --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return pages(ctx, r, &l, nil, c.Tasks, r.taskTable)
			})
		},
	}
	l.define(cmd.Flags(), ratchet.TaskFields())
	return cmd
}

func (r *remote) taskTable(tasks []ratchet.Task) string {
	rows := make([][]string, len(tasks))
	for i, t := range tasks {
		rows[i] = []string{t.Name, t.Version, taskState(t), ago(t.UpdatedAt), t.Description}
	}
	return r.app.table("no tasks; ratchet task register PATH makes one", []string{"NAME", "VERSION", "STATE", "CHANGED", "DESCRIPTION"}, rows)
}

func taskState(t ratchet.Task) string {
	switch {
	case !t.Enabled:
		return "disabled"
	case t.Paused:
		return "paused"
	case t.Deprecated:
		return "deprecated"
	}
	return "enabled"
}

func (r *remote) taskGet() *cobra.Command {
	return &cobra.Command{
		Use: "get TASK", Short: "Show a task", Args: wantArgs(1, 1, "a TASK: its name or ID"),
		Example: "  ratchet task get addition",
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				t, err := c.Task(ctx, args[0])
				if err != nil {
					return err
				}
				return r.show(t, func() string { return r.taskCard(t) })
			})
		},
	}
}

func (r *remote) taskCard(t *ratchet.TaskDetail) string {
	rows := [][2]string{
		{"name", t.Name},
		{"id", t.ID.String()},
		{"label", t.Label},
		{"description", t.Description},
		{"state", taskState(t.Task)},
		{"version", t.Version},
		{"digest", t.VersionDigest},
		{"tags", strings.Join(t.Tags, ", ")},
		{"deprecated", t.DeprecationMessage},
		{"registered", instant(t.CreatedAt)},
		{"changed", instant(t.UpdatedAt)},
	}
	if v := t.Latest; v != nil {
		rows = append(rows, [2]string{"input", string(v.InputSchema)}, [2]string{"output", string(v.OutputSchema)}, [2]string{"environment", strings.Join(v.Permissions.Env, ", ")})
	}
	return r.app.card(rows...)
}

func (r *remote) taskRegister() *cobra.Command {
	var replace bool
	cmd := &cobra.Command{
		Use: "register PATH", Short: "Register the task at PATH: a folder, a zip or a single file",
		Long: `Bundle the task at PATH here and send it to the server, which checks it and keeps
it as a version named by its digest. The same content again is the same version;
other content under the same version number is refused, unless --replace is given.`,
		Example: `  ratchet task register examples/addition
  ratchet task register ./orders --server https://ratchet.example.com`,
		Args: wantArgs(1, 1, "a PATH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				t, err := r.register(ctx, c, args[0], replace)
				if err != nil {
					return err
				}
				return r.show(t, func() string { return registeredText(t) })
			})
		},
	}
	cmd.Flags().BoolVar(&replace, "replace", false, "let other content take a version number that is in use")
	return cmd
}

func registeredText(t *ratchet.Registered) string {
	what := "registered"
	if !t.Created {
		what = "unchanged:"
	}
	return fmt.Sprintf("%s %s %s %s\n", what, t.Name, t.Version, t.VersionDigest)
}

// register bundles the task at path and sends it.
func (r *remote) register(ctx context.Context, c *client.Client, path string, replace bool) (*ratchet.Registered, error) {
	b, err := bundle.Load(ctx, path, bundle.Options{ParentModules: true})
	if err != nil {
		return nil, r.app.unloadable(path, err)
	}
	r.app.warnings(path, b.Warnings)
	archive, err := b.Archive()
	if err != nil {
		return nil, fmt.Errorf("archive of %s: %w", path, err)
	}
	return c.RegisterTask(ctx, archive, replace)
}

func (r *remote) taskImport() *cobra.Command {
	var replace bool
	cmd := &cobra.Command{
		Use: "import DIR", Short: "Register every task in the tree below DIR",
		Example: "  ratchet task import examples",
		Args:    wantArgs(1, 1, "a DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			paths := tasksAt(args[0])
			if info, err := os.Stat(args[0]); err == nil && info.IsDir() && !isTask(paths[0]) {
				return ratchet.Errorf(ratchet.ReasonTaskNotFound, "there is no task in %s: none of its folders has a metadata.json or a main.js", args[0])
			}
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return r.importAll(ctx, c, paths, replace)
			})
		},
	}
	cmd.Flags().BoolVar(&replace, "replace", false, "let other content take version numbers that are in use")
	return cmd
}

// importAll registers the tasks and goes on after those that fail.
func (r *remote) importAll(ctx context.Context, c *client.Client, paths []string, replace bool) error {
	var done []*ratchet.Registered
	failed := 0
	for _, path := range paths {
		t, err := r.register(ctx, c, path, replace)
		if answered, ok := errors.AsType[*client.Error](err); ok {
			err = explained(answered)
		}
		if err != nil {
			if ctx.Err() != nil || asFailure(err).err.Code == ratchet.CodeInternal {
				return err
			}
			failed++
			r.app.show(asFailure(fmt.Errorf("%s: %w", path, err)))
			continue
		}
		done = append(done, t)
		if !r.json {
			if err := r.app.print(registeredText(t)); err != nil {
				return err
			}
		}
	}
	if r.json {
		if err := r.app.printValue(done); err != nil {
			return err
		}
	}
	if failed > 0 {
		return ratchet.Errorf(ratchet.ReasonTaskValidation, "%s of %d could not be registered", count(failed, "task"), len(paths))
	}
	return nil
}

func (r *remote) taskVersions() *cobra.Command {
	return &cobra.Command{
		Use: "versions TASK", Short: "List a task's versions, newest first", Args: wantArgs(1, 1, "a TASK"),
		Example: "  ratchet task versions addition",
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				all, err := c.Versions(ctx, args[0])
				if err != nil {
					return err
				}
				return r.show(all, func() string {
					rows := make([][]string, len(all))
					for i, v := range all {
						rows[i] = []string{v.Semver, short(v.Digest, 24), ago(v.CreatedAt)}
					}
					return r.app.table("no versions", []string{"VERSION", "DIGEST", "REGISTERED"}, rows)
				})
			})
		},
	}
}

// taskAct makes a command that does one thing to a task.
func taskAct(verb, what string, do func(*client.Client, context.Context, string) (*ratchet.Task, error)) func(*remote) *cobra.Command {
	return func(r *remote) *cobra.Command {
		return &cobra.Command{
			Use: verb + " TASK", Short: what, Args: wantArgs(1, 1, "a TASK: its name or ID"),
			Example: "  ratchet task " + verb + " addition",
			RunE: func(cmd *cobra.Command, args []string) error {
				return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
					t, err := do(c, ctx, args[0])
					if err != nil {
						return err
					}
					return r.show(t, func() string { return t.Name + " is " + taskState(*t) + "\n" })
				})
			},
		}
	}
}

func (r *remote) taskDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete TASK", Short: "Delete a task that has no unfinished jobs", Args: wantArgs(1, 1, "a TASK: its name or ID"),
		Example: "  ratchet task delete addition",
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				if err := c.DeleteTask(ctx, args[0]); err != nil {
					return err
				}
				return r.app.print("deleted " + args[0] + "\n")
			})
		},
	}
}

func (r *remote) taskEnv() *cobra.Command {
	cmd := &cobra.Command{
		Use: "env", Short: "Set the environment that a task's code may read",
		Example: `  ratchet task env set notify TOKEN=@token.txt REGION=eu
  ratchet task env list notify
  ratchet task env unset notify REGION`,
		Args: func(cmd *cobra.Command, args []string) error { return unknownCommand(cmd, args) },
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(r.envList(), r.envSet(), r.envUnset())
	return cmd
}

func (r *remote) envList() *cobra.Command {
	return &cobra.Command{
		Use: "list TASK", Short: "List the names that have a value, never the values", Args: wantArgs(1, 1, "a TASK"),
		Example: "  ratchet task env list notify",
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				all, err := c.Env(ctx, args[0])
				if err != nil {
					return err
				}
				return r.show(all, func() string {
					rows := make([][]string, len(all))
					for i, v := range all {
						rows[i] = []string{v.Name, map[bool]string{true: "yes", false: "no"}[v.Declared], orDefault(ago(v.UpdatedAt), "never")}
					}
					return r.app.table("no variables", []string{"NAME", "DECLARED", "SET"}, rows)
				})
			})
		},
	}
}

func (r *remote) envSet() *cobra.Command {
	return &cobra.Command{
		Use: "set TASK NAME=VALUE...", Short: "Give variables their values; NAME=@FILE reads one from a file",
		Example: "  ratchet task env set notify TOKEN=@token.txt REGION=eu",
		Args:    wantArgs(2, 1000, "a TASK and NAME=VALUE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			values := map[string]string{}
			for _, arg := range args[1:] {
				name, value, found := strings.Cut(arg, "=")
				if !found || name == "" {
					return usage("as in ratchet task env set "+args[0]+" TOKEN=secret", "%q is no NAME=VALUE", arg)
				}
				if file, isFile := strings.CutPrefix(value, "@"); isFile {
					text, err := os.ReadFile(file)
					if err != nil {
						return ratchet.Errorf(ratchet.ReasonIO, "cannot read %s: %w", file, plain(err))
					}
					value = strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
				}
				values[name] = value
			}
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				if err := c.SetEnv(ctx, args[0], values); err != nil {
					return err
				}
				names := make([]string, 0, len(values))
				for name := range values {
					names = append(names, name)
				}
				slices.Sort(names)
				return r.app.print("set " + strings.Join(names, ", ") + "\n")
			})
		},
	}
}

func (r *remote) envUnset() *cobra.Command {
	return &cobra.Command{
		Use: "unset TASK NAME...", Short: "Take values away", Args: wantArgs(2, 1000, "a TASK and a NAME"),
		Example: "  ratchet task env unset notify REGION",
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				for _, name := range args[1:] {
					if err := c.UnsetEnv(ctx, args[0], name); err != nil {
						return err
					}
				}
				return r.app.print("unset " + strings.Join(args[1:], ", ") + "\n")
			})
		},
	}
}
