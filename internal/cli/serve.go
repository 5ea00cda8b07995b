//go:build !noserver

package cli

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/daemon"
)

func (f *configFlags) defineServe(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.define(flags, "Listening", keyFlagsOf("bind-address", "port", "tls-cert", "tls-key", "insecure-no-auth"))
	f.define(flags, "Data", keyFlagsOf("database", "data-dir"))
	f.define(flags, "Execution", keyFlagsOf("slots", "workers", "allow-private", "insecure-allow-unsandboxed-workers"))
	f.define(flags, "Logging", keyFlagsOf("log-level", "log-format"))
	f.defineFile(flags)
}

func (a *app) serveCommand() *cobra.Command {
	var f configFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server: durable jobs and schedules, over HTTP",
		Long: `Run the server. It needs no configuration: it listens on 127.0.0.1:8080, and keeps
everything in ratchet.db in the working directory.

It stops on SIGINT and SIGTERM: it takes no more requests, gives running
executions 30 seconds to end, and hands the others back to the queue. A second
signal ends it at once; what ran then runs again at the next start.

docs/operations.md says how to run it for others, docs/configuration.md what else
there is to configure.`,
		Example: `  ratchet serve
  ratchet serve --port 9000 --database /var/lib/ratchet/ratchet.db
  ratchet serve --database postgres://ratchet@db/ratchet     # on each of several machines
  ratchet key create ops && ratchet serve --bind-address 0.0.0.0`,
		Args: wantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := a.load(&f)
			if err != nil {
				return err
			}
			return a.serve(cmd.Context(), l)
		},
	}
	f.defineServe(cmd)
	return cmd
}

// serve runs a server until ctx ends.
func (a *app) serve(ctx context.Context, l *config.Loaded) error {
	c := l.Config
	if c.Auth.InsecureNoAuth {
		fmt.Fprintf(a.Stderr, "%s no API keys are asked for: whoever reaches %s may run code on this machine, read what tasks return, and change anything\n",
			a.err.red("warning:"), c.Server.BindAddress)
	}
	if c.Execution.InsecureUnsandboxed {
		fmt.Fprintf(a.Stderr, "%s tasks run even if they cannot be isolated: any of them may do here what you may\n", a.err.red("warning:"))
	}
	built := thisBuild()
	options := daemon.Options{Worker: a.Worker, Engines: a.enginesOf(l), Version: built.Version, Commit: built.Commit, Log: a.logger(c.Logging)}
	if c.Logging.Format != "json" { // whose reader wants nothing else
		options.OnStop = func(step string) { fmt.Fprintf(a.Stderr, "%s %s\n", a.err.dim("stopping:"), step) }
	}
	d, err := daemon.New(ctx, c, options)
	if err != nil {
		return err
	}
	a.welcome(d, c)
	return d.Run(ctx)
}

// logger writes to Stderr.
func (a *app) logger(l config.Logging) *slog.Logger {
	o := &slog.HandlerOptions{Level: l.SlogLevel()}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(a.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(a.Stderr, o))
}

// helloInput is an input that the task that new writes accepts.
const helloInput = `{"lines":[{"name":"tea","price":0.1,"currency":"EUR","quantity":2}]}`

// welcome says where the server is, and what to do with it.
func (a *app) welcome(d *daemon.Daemon, c config.Config) {
	if c.Logging.Format == "json" {
		a.logger(c.Logging).Info("the server listens", "url", d.URL(), "database", d.Database(), "sandbox", d.Sandbox())
		return
	}
	p := a.err
	var b strings.Builder
	row := func(name, value string) { fmt.Fprintf(&b, "  %s  %s\n", p.dim(fmt.Sprintf("%-8s", name)), value) }
	fmt.Fprintf(&b, "ratchet listens on %s\n", p.bold(d.URL()))
	row("database", d.Database())
	sandbox := d.Sandbox()
	if sandbox != "strict" {
		sandbox = p.yellow(sandbox) + " (ratchet doctor says why)"
	}
	row("sandbox", sandbox)
	if engines := a.engineNames(d.Engines()); engines != "" {
		row("engines", engines)
	}
	row("docs", d.URL()+"/docs")
	server := ""
	if d.URL() != defaultServer {
		server = " --server " + d.URL()
	}
	row("try it", fmt.Sprintf(`ratchet new hello && ratchet task import hello%s && ratchet job submit hello%s --wait --input '%s'`, server, server, helloInput))
	fmt.Fprint(a.Stderr, b.String())
}
