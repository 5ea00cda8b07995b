package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// root returns the command tree, anew for each run.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "ratchet",
		Short: "Run JavaScript and TypeScript tasks, each in a sandboxed process",
		Long: `Ratchet runs JavaScript and TypeScript tasks: a plain function in a folder
becomes an isolated, limited and observable job.`,
		Example: `  ratchet run examples/addition --input '{"num1": 5, "num2": 10}'
  ratchet validate examples
  ratchet serve`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:              func(cmd *cobra.Command, args []string) error { return unknownCommand(cmd, args) },
	}
	version := root.Flags().Bool("version", false, "print the version")
	root.RunE = func(cmd *cobra.Command, _ []string) error {
		if *version {
			return a.version(false)
		}
		return cmd.Help()
	}
	root.PersistentFlags().BoolVar(&a.debug, "debug", a.debug, "show what is behind an error (also RATCHET_DEBUG=1)")
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	root.SetHelpFunc(a.help)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(helpCommand())
	root.AddCommand(
		a.runCommand(), a.runOnceCommand(), a.replayCommand(), a.benchCommand(), a.testCommand(), a.newCommand(), a.generateCommand(), a.typesCommand(), a.validateCommand(), a.serveCommand(), a.devCommand(), a.taskCommand(), a.jobCommand(), a.executionCommand(), a.scheduleCommand(), a.deliveryCommand(), a.hookCommand(), a.workerCommand(), a.pluginCommand(), a.serverCommand(), a.configCommand(), a.engineCommand(), a.dbCommand(), a.keyCommand(), a.doctorCommand(), a.versionCommand(), a.completionCommand(),
	)
	return root
}

func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "help [COMMAND]",
		Short:             "Explain a command",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 && found == cmd.Root() {
				return unknownCommand(cmd.Root(), args)
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// unknownCommand complains of the first argument, if there is one.
func unknownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := root.CommandPath() + " --help lists the commands"
	if root.SuggestionsMinimumDistance == 0 {
		root.SuggestionsMinimumDistance = 2
	}
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		path := root.CommandPath() + " "
		hint = fmt.Sprintf("did you mean %s? %s", path+strings.Join(near, ", or "+path), hint)
	} else if looksLikeTask(args[0]) {
		hint = fmt.Sprintf("to run the task there: ratchet run %s", args[0])
	}
	return usage(hint, "there is no command %q", args[0])
}

func looksLikeTask(arg string) bool {
	return strings.ContainsAny(arg, `/\.`)
}

// flagError says in our words what is wrong with a flag.
func flagError(cmd *cobra.Command, err error) error {
	if cmd == cmd.Root() {
		if first := firstArg(cmd); first != "" {
			return unknownCommand(cmd, []string{first})
		}
	}
	list := cmd.CommandPath() + " --help lists the flags"
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name := "--" + e.GetSpecifiedName()
		if e.GetSpecifiedShortnames() != "" {
			name = "-" + e.GetSpecifiedName()
		}
		hint := list
		if near := nearestFlag(cmd, e.GetSpecifiedName()); near != "" {
			hint = fmt.Sprintf("did you mean --%s? %s", near, list)
		}
		return usage(hint, "%s has no flag %s", cmd.CommandPath(), name)
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return usage(list, "--%s wants a value: %s", e.GetFlag().Name, e.GetFlag().Usage)
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		why := errors.Unwrap(e)
		if why == nil {
			why = err
		}
		what := why.Error()
		if strings.Contains(what, "strconv.") {
			what = fmt.Sprintf("%q is not a %s", e.GetValue(), wordOf(e.GetFlag().Value.Type()))
		}
		return usage(list, "--%s: %s", e.GetFlag().Name, what)
	}
	return usage(list, "%v", err)
}

// firstArg is the first argument, if it is no flag.
func firstArg(root *cobra.Command) string {
	args := root.Flags().Args()
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func wordOf(flagType string) string {
	if strings.HasPrefix(flagType, "int") || strings.HasPrefix(flagType, "number") {
		return "whole number"
	}
	return flagType
}

// nearestFlag returns the flag that name was likely meant to be.
func nearestFlag(cmd *cobra.Command, name string) string {
	// cobra measures the distance between names of commands, so that is what
	// the flags become for a moment.
	flags := &cobra.Command{SuggestionsMinimumDistance: 2}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			flags.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
		}
	})
	if near := flags.SuggestionsFor(name); len(near) > 0 {
		return near[0]
	}
	return ""
}

// wantArgs complains if there are fewer or more arguments than wanted.
func wantArgs(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usage("for example:\n"+strings.TrimRight(firstLine(cmd.Example), "\n"), "%s wants %s", cmd.CommandPath(), what)
		case len(args) > most:
			more := " and nothing after it"
			if most == 0 {
				more = ""
			}
			return usage(cmd.CommandPath()+" --help explains it", "%s wants %s%s, got %q", cmd.CommandPath(), what, more, args[most])
		}
		return nil
	}
}

func firstLine(s string) string {
	first, _, _ := strings.Cut(s, "\n")
	return first
}

// groupOf is the annotation that says under which heading a flag is listed.
const groupOf = "ratchet group"

// under lists the flags defined by define under a heading.
func under(flags *pflag.FlagSet, heading string, define func(*pflag.FlagSet)) {
	group := pflag.NewFlagSet(heading, pflag.ContinueOnError)
	group.SortFlags = false
	define(group)
	group.VisitAll(func(f *pflag.Flag) {
		if f.Annotations == nil {
			f.Annotations = map[string][]string{}
		}
		f.Annotations[groupOf] = []string{heading}
	})
	flags.AddFlagSet(group)
}

// help writes what a command is for.
func (a *app) help(cmd *cobra.Command, _ []string) {
	writeHelp(a.Stdout, cmd, a.out, a.helpWidth())
}

// helpWidth is how wide help is written: as the terminal, within reason.
func (a *app) helpWidth() int {
	if a.StdoutTerminal && a.Width > 0 {
		return min(a.Width, 100)
	}
	return 80
}

func writeHelp(w io.Writer, cmd *cobra.Command, p paint, width int) {
	var b strings.Builder
	section := func(title, body string) {
		if body != "" {
			b.WriteString("\n" + p.bold(title+":") + "\n" + strings.TrimRight(body, "\n") + "\n")
		}
	}
	text := cmd.Long
	if text == "" {
		text = cmd.Short
	}
	b.WriteString(strings.TrimSpace(text) + "\n")
	section("Usage", "  "+useLine(cmd))
	section("Examples", cmd.Example)
	section("Commands", commandList(cmd, p))
	for _, group := range flagGroups(cmd) {
		section(group.Name(), group.FlagUsagesWrapped(width))
	}
	if !cmd.HasParent() {
		section("Exit codes", exitList())
		b.WriteString("\nratchet help COMMAND explains a command.\n")
	}
	fmt.Fprint(w, b.String())
}

func useLine(cmd *cobra.Command) string {
	if cmd.HasAvailableSubCommands() {
		return cmd.CommandPath() + " COMMAND [flags]"
	}
	return cmd.UseLine()
}

func commandList(cmd *cobra.Command, p paint) string {
	var b strings.Builder
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			fmt.Fprintf(&b, "  %s  %s\n", p.bold(fmt.Sprintf("%-10s", c.Name())), c.Short)
		}
	}
	return b.String()
}

func exitList() string {
	var b strings.Builder
	for _, e := range exits() {
		fmt.Fprintf(&b, "  %3d  %s\n", e.status, e.text)
	}
	return b.String()
}

// flagGroups parts the flags of a command by their headings, in the order of
// their definition.
func flagGroups(cmd *cobra.Command) []*pflag.FlagSet {
	var groups []*pflag.FlagSet
	add := func(heading string, f *pflag.Flag) {
		for _, g := range groups {
			if g.Name() == heading {
				g.AddFlag(f)
				return
			}
		}
		g := pflag.NewFlagSet(heading, pflag.ContinueOnError)
		g.SortFlags = false
		g.AddFlag(f)
		groups = append(groups, g)
	}
	inherited := cmd.InheritedFlags()
	cmd.Flags().SortFlags = false
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		switch heading := f.Annotations[groupOf]; {
		case f.Hidden || f.Name == "help" || inherited.Lookup(f.Name) != nil:
		case heading != nil:
			add(heading[0], f)
		default:
			add("Flags", f)
		}
	})
	inherited.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			add("Global flags", f)
		}
	})
	return groups
}

// completionCommand writes completion scripts.
func (a *app) completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Write a completion script for bash, zsh, fish or powershell",
		Long: `Write the script that lets a shell complete Ratchet's commands, flags and
files.`,
		Example: `  source <(ratchet completion bash)                                    # this shell
  ratchet completion bash > /etc/bash_completion.d/ratchet             # all of them
  ratchet completion zsh > "${fpath[1]}/_ratchet"
  ratchet completion fish > ~/.config/fish/completions/ratchet.fish
  ratchet completion powershell | Out-String | Invoke-Expression`,
		ValidArgs: shells,
		Args:      wantArgs(1, 1, "a shell: "+strings.Join(shells, ", ")),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			var err error
			switch args[0] {
			case "bash":
				err = root.GenBashCompletionV2(a.Stdout, true)
			case "zsh":
				err = root.GenZshCompletion(a.Stdout)
			case "fish":
				err = root.GenFishCompletion(a.Stdout, true)
			case "powershell":
				err = root.GenPowerShellCompletionWithDesc(a.Stdout)
			default:
				return usage("the shells are "+strings.Join(shells, ", "), "there is no completion for the shell %q", args[0])
			}
			if err != nil {
				return ratchet.Errorf(ratchet.ReasonIO, "cannot write the script: %w", err)
			}
			return nil
		},
	}
}
