package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/scaffold"
)

func (a *app) newCommand() *cobra.Command {
	var o scaffold.Options
	cmd := &cobra.Command{
		Use:   "new PATH",
		Short: "Write the folder of a new task, with schemas and tests",
		Long: `Write a new task into the folder PATH: code, schemas, tests that pass, and what
editors need to check the code against the schemas.

The templates:
` + templateList() + `
A folder that has files is left alone, and what would be overwritten is listed;
with --force it is. Names that begin with a dot do not count.`,
		Example: `  ratchet new orders
  ratchet new exchange --template http --description 'Changes money'
  ratchet new tasks/word-count --template typescript --version 1.0.0`,
		Args: wantArgs(1, 1, "the PATH of the folder to write"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.create(cmd.Context(), args[0], o) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.Template, "template", "t", scaffold.Templates()[0].Name, "what to begin with, a `NAME` from the list above")
	flags.StringVar(&o.Name, "name", "", "what the task is called by (default made of the folder's `NAME`)")
	flags.StringVar(&o.Label, "label", "", "the `NAME` that people read (default made of the other)")
	flags.StringVar(&o.Description, "description", "", "what the task does, a `SENTENCE`")
	flags.StringVar(&o.Version, "version", "", "the task's `VERSION` (default 0.1.0)")
	flags.BoolVar(&o.Overwrite, "force", false, "overwrite files that are in the way, and say which")
	_ = cmd.RegisterFlagCompletionFunc("template", cobra.FixedCompletions(templateNames(), cobra.ShellCompDirectiveNoFileComp)) // fails if there is no such flag
	return cmd
}

// generateCommand is new under the name it had in the earlier Ratchet.
func (a *app) generateCommand() *cobra.Command {
	var path string
	var o scaffold.Options
	task := &cobra.Command{
		Use:     "task",
		Short:   "The old name of new",
		Example: `  ratchet generate task --path orders --label Orders`,
		Args:    wantArgs(0, 0, "its flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if path == "" {
				return usage("for example:\n"+cmd.Example, "%s wants --path", cmd.CommandPath())
			}
			return a.create(cmd.Context(), path, o)
		},
	}
	task.Flags().StringVar(&path, "path", "", "the `FOLDER` to write")
	task.Flags().StringVar(&o.Label, "label", "", "the `NAME` that people read")
	task.Flags().StringVar(&o.Description, "description", "", "what the task does, a `SENTENCE`")
	task.Flags().StringVar(&o.Version, "version", "1.0.0", "the task's `VERSION`")
	generate := &cobra.Command{
		Use: "generate", Short: "The old name of new", Hidden: true,
		Example: task.Example,
		Args:    func(cmd *cobra.Command, args []string) error { return unknownCommand(cmd, args) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage("for example:\n"+cmd.Example, "ratchet generate wants to know what: task")
		},
	}
	generate.AddCommand(task)
	return generate
}

func templateList() string {
	var b strings.Builder
	for _, t := range scaffold.Templates() {
		fmt.Fprintf(&b, "  %-10s  %s\n", t.Name, t.Summary)
	}
	return b.String()
}

func templateNames() (names []string) {
	for _, t := range scaffold.Templates() {
		names = append(names, t.Name)
	}
	return names
}

// create writes the task and says what to do with it.
func (a *app) create(ctx context.Context, path string, o scaffold.Options) error {
	if path == "" {
		return usage(`to write into this folder: ratchet new .`, "the path of the folder to write is empty")
	}
	task, err := scaffold.New(ctx, path, o)
	if err != nil {
		return uncreated(path, o, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s %s\n", a.out.green("created"), path, task.Bundle.Name, task.Bundle.Version)
	for _, f := range task.Files {
		note := ""
		if f.Overwritten {
			note = a.out.yellow(" (overwritten)")
		}
		fmt.Fprintf(&b, "  %s%s\n", placer(path)(f.Name), note)
	}
	b.WriteString("\n" + a.out.bold("next:") + "\n" + nextSteps(path, task.Bundle))
	return a.print(b.String())
}

// nextSteps are the commands to type after a task was made.
func nextSteps(path string, b *bundle.Bundle) string {
	run := "ratchet run " + shellWord(path)
	if text := exampleInput(b); text != "" {
		run += " --input " + shellWord(text)
	}
	return "  " + run + "\n  ratchet test " + shellWord(path) + "\n"
}

// shellWord quotes text for a shell, if it must be.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+,:@%", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// uncreated explains why there is no new task.
func uncreated(path string, o scaffold.Options, err error) error {
	e, ok := errors.AsType[*ratchet.Error](err)
	if !ok {
		return err
	}
	f := &failure{err: e, place: placer(path)}
	switch {
	case e.Code == ratchet.CodeConflict && len(e.Details) > 0:
		f.hint = "choose another folder, or overwrite these files with --force"
	case e.Code == ratchet.CodeConflict && strings.HasSuffix(e.Message, "is not empty"):
		f.hint = "choose another folder, or write beside what is there with --force"
	case e.Code == ratchet.CodeConflict:
		f.hint = "choose another name"
	case e.Reason == ratchet.ReasonValidation && o.Name != "" && strings.HasPrefix(e.Message, fmt.Sprintf("%q is not a task's name", o.Name)):
		if slug := ratchet.Slug(o.Name); slug != "" {
			f.hint = fmt.Sprintf("--name %s, and --label %s for people", slug, shellWord(o.Name))
		}
	}
	return f
}

// inFolder is the file of that name beside the task at path.
func inFolder(path, name string) string {
	if strings.EqualFold(filepath.Ext(path), ".zip") {
		return filepath.Join(filepath.Dir(path), name)
	}
	return placer(path)(name)
}
