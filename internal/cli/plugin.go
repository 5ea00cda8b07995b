package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ratchet-runner/ratchet-go/internal/scaffold"
)

// pluginNew makes the command that asks no server.
func (r *remote) pluginNew() *cobra.Command {
	var o scaffold.PluginOptions
	cmd := &cobra.Command{
		Use: "new PATH", Short: "Write the folder of a new plugin", Args: wantArgs(1, 1, "the PATH of the folder to write"),
		Long: `Write a new plugin into the folder PATH: one that greets, rejects and tells of
failures, to be changed into what you want.

A folder that has files is left alone, and what would be overwritten is listed;
with --force it is. Names that begin with a dot do not count.`,
		Example: `  ratchet plugin new audit
  ratchet plugin new plugins/audit --language javascript --description 'Tells the auditors'`,
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := scaffold.NewPlugin(args[0], o)
			if err != nil {
				return err
			}
			return r.show(p, func() string { return r.app.pluginMade(args[0], p, o) })
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.Language, "language", "l", scaffold.PluginLanguages()[0], "what to write it in: "+strings.Join(scaffold.PluginLanguages(), " or "))
	flags.StringVar(&o.Name, "name", "", "what the plugin is called by (default the folder's `NAME`)")
	flags.StringVar(&o.Description, "description", "", "what the plugin does, a `SENTENCE`")
	flags.BoolVar(&o.Overwrite, "force", false, "overwrite files that are in the way, and say which")
	_ = cmd.RegisterFlagCompletionFunc("language", cobra.FixedCompletions(scaffold.PluginLanguages(), cobra.ShellCompDirectiveNoFileComp)) // fails if there is no such flag
	return cmd
}

// pluginMade says what was written and what to type next.
func (a *app) pluginMade(path string, p *scaffold.Plugin, o scaffold.PluginOptions) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: the plugin %s\n", a.out.green("created"), path, p.Name)
	for _, f := range p.Files {
		note := ""
		if f.Overwritten {
			note = a.out.yellow(" (overwritten)")
		}
		fmt.Fprintf(&b, "  %s%s\n", placer(path)(f.Name), note)
	}
	b.WriteString("\n" + a.out.bold("next:") + "\n")
	if o.Language == "go" {
		fmt.Fprintf(&b, "  cd %s && go get github.com/ratchet-runner/ratchet-go && go build -o %s . && cd -\n", shellWord(path), p.Program)
	}
	fmt.Fprintf(&b, "  ratchet plugin test %s\n", shellWord(filepath.Join(path, p.Program)))
	return b.String()
}
