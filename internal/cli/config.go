package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/config"
)

// configFlags say which configuration is meant, and change it.
type configFlags struct {
	file  string
	set   []string
	given []config.Flag
}

// defineFile defines the flags that every command with a configuration has.
func (f *configFlags) defineFile(flags *pflag.FlagSet) {
	under(flags, "Configuration", func(s *pflag.FlagSet) {
		s.StringVar(&f.file, "config", "", "the configuration `FILE` (also RATCHET_CONFIG; default "+config.DefaultFile+", if it exists)")
		s.StringArrayVar(&f.set, "set", nil, "give any key a value: `KEY=VALUE` (repeat; docs/configuration.md lists the keys)")
	})
}

// define defines flags that each give one key its value.
func (f *configFlags) define(flags *pflag.FlagSet, heading string, list []keyFlag) {
	under(flags, heading, func(s *pflag.FlagSet) {
		for _, k := range list {
			key, found := config.Find(k.key)
			if !found {
				panic("no key " + k.key) // a test builds every command
			}
			k.Key, k.flags = key, f
			flag := s.VarPF(&k, k.name, k.short, k.usage)
			flag.DefValue = key.Default
			if key.Kind == config.KindBool {
				flag.NoOptDefVal = "true"
			}
		}
	})
}

// A keyFlag is a flag that gives a key its value.
type keyFlag struct {
	name, short, key, usage string

	config.Key
	flags *configFlags
	text  string
}

// Set notes the value, if the key takes it.
func (k *keyFlag) Set(text string) error {
	if err := k.Check(text); err != nil {
		return err
	}
	k.text = text
	k.flags.given = append(k.flags.given, config.Flag{Key: k.Name, Value: text, Flag: "--" + k.name})
	return nil
}

func (k *keyFlag) String() string { return k.text }

// Type names the value in help texts.
func (k *keyFlag) Type() string {
	switch k.Kind {
	case config.KindBool:
		return "bool"
	case config.KindNumber, config.KindDuration, config.KindSize:
		return string(k.Kind)
	default:
		return "text"
	}
}

// load reads the configuration from everywhere, and writes what is odd about it.
func (a *app) load(f *configFlags) (*config.Loaded, error) {
	l, err := a.configuration(f)
	if err != nil {
		return nil, err
	}
	a.configWarnings(l)
	return l, nil
}

// configuration reads the configuration from everywhere.
func (a *app) configuration(f *configFlags) (*config.Loaded, error) {
	s := config.Sources{File: orDefault(f.file, a.getenv("RATCHET_CONFIG"))}
	if a.Environ != nil {
		s.Environ = a.Environ()
	}
	for _, text := range f.set {
		key, value, found := strings.Cut(text, "=")
		if !found {
			return nil, usage("as in --set server.port=9000", "--set %q has no value", text)
		}
		s.Flags = append(s.Flags, config.Flag{Key: key, Value: value, Flag: "--set"})
	}
	s.Flags = append(s.Flags, f.given...)
	l, err := config.Load(s)
	if err != nil {
		return nil, configFailure(err)
	}
	return l, nil
}

func configFailure(err error) error {
	e := ratchet.AsError(err)
	f := &failure{err: e, hint: "ratchet config generate writes a file with every key"}
	if len(e.Details) == 1 {
		f.headline = describe(e.Details[0])
	}
	return f
}

func (a *app) configWarnings(l *config.Loaded) {
	for _, d := range l.Warnings {
		fmt.Fprintf(a.Stderr, "%s %s\n", a.err.yellow("warning:"), harmless(describe(d)))
	}
}

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show, check and generate the server's configuration",
		Example: `  ratchet config show --sources
  ratchet config validate ratchet.yaml
  ratchet config generate > ratchet.yaml`,
		Args: func(cmd *cobra.Command, args []string) error { return unknownCommand(cmd, args) },
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.configShow(), a.configValidate(), a.configGenerate(), a.configSchema())
	return cmd
}

func (a *app) configShow() *cobra.Command {
	var f configFlags
	var asJSON, sources bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the configuration that is in force here",
		Long: `Print the configuration that ratchet serve would have here, with the defaults of
what is not configured. Secrets are masked.`,
		Example: `  ratchet config show
  ratchet config show --sources            # where each value came from
  ratchet config show --json | jq .server.port`,
		Args: wantArgs(0, 0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			l, err := a.load(&f)
			if err != nil {
				return err
			}
			return a.showConfig(l, asJSON, sources)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	cmd.Flags().BoolVar(&sources, "sources", false, "print where each value came from: default, FILE:LINE, a variable or a flag")
	f.defineFile(cmd.Flags())
	return cmd
}

func (a *app) showConfig(l *config.Loaded, asJSON, sources bool) error {
	switch {
	case asJSON && sources:
		type value struct {
			Key    string          `json:"key"`
			Value  json.RawMessage `json:"value"`
			Source string          `json:"source"`
		}
		var all []value
		for _, v := range l.Values() {
			all = append(all, value{v.Name, v.JSON(v.Text), l.From(v.Name)})
		}
		return a.printValue(all)
	case asJSON:
		return a.printJSON(l.JSON())
	case sources:
		return a.print(l.YAML(func(k config.Key) string { return l.From(k.Name) }))
	default:
		return a.print(l.YAML(nil))
	}
}

func (a *app) configValidate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Check a configuration file",
		Long: `Check the FILE alone; without one, the configuration that is in force here:
` + config.DefaultFile + `, if it exists, and the environment. All that is wrong is told at once.`,
		Example: `  ratchet config validate ratchet.yaml
  RATCHET_SERVER_PORT=9000 ratchet config validate`,
		Args: wantArgs(0, 1, "a FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				l, err := a.load(&configFlags{})
				if err != nil {
					return err
				}
				return a.print(orDefault(l.File, "the configuration") + " is valid\n")
			}
			l, err := config.Load(config.Sources{File: args[0]})
			if err != nil {
				return configFailure(err)
			}
			a.configWarnings(l)
			return a.print(args[0] + " is valid\n")
		},
	}
	return cmd
}

func (a *app) configGenerate() *cobra.Command {
	return &cobra.Command{
		Use:     "generate",
		Short:   "Write a configuration file with every key, its meaning and its default",
		Example: `  ratchet config generate > ratchet.yaml`,
		Args:    wantArgs(0, 0, "no arguments"),
		RunE:    func(*cobra.Command, []string) error { return a.print(config.Generate()) },
	}
}

func (a *app) configSchema() *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		Short:   "Write the JSON Schema of the configuration file, for editors",
		Example: `  ratchet config schema > ratchet.schema.json`,
		Args:    wantArgs(0, 0, "no arguments"),
		RunE:    func(*cobra.Command, []string) error { return a.print(string(config.Schema())) },
	}
}

// keyFlagsOf picks the flags of these names.
func keyFlagsOf(names ...string) []keyFlag {
	return slices.DeleteFunc(serveFlags(), func(k keyFlag) bool { return !slices.Contains(names, k.name) })
}
