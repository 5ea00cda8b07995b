//go:build !noserver

package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/client"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/daemon"
)

func (a *app) devCommand() *cobra.Command {
	var f configFlags
	var look runFlags
	cmd := &cobra.Command{
		Use:   "dev [DIR]",
		Short: "Run a server with the tasks below DIR, and load them anew as they change",
		Long: `Run a server with every task below DIR (default: the working directory), and load
a task anew whenever one of its files changes. New folders are noticed. A task that
an edit has broken keeps its last version that worked, and what is wrong is shown
with its file and line. What executions do and log is shown as it comes.

Jobs are kept in a temporary folder until Ctrl-C, unless --database names a file.
The server listens on this machine only: on port 8080, or the next one that is free.

With --inspect, debuggers look into tasks in the engine node, and the limits of
their time and memory are off.`,
		Example: `  ratchet dev examples
  ratchet dev examples --engine node --inspect
  ratchet dev . --port 9000 --database dev.db`,
		Args: wantArgs(0, 1, "a DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				return ratchet.Errorf(ratchet.ReasonTaskNotFound, "there is no folder at %s", dir)
			}
			l, err := a.load(&f)
			if err != nil {
				return err
			}
			o, done, err := a.inspectDev(cmd.Context(), &look, dir)
			if err != nil {
				return err
			}
			defer done()
			return a.dev(cmd.Context(), l, dir, o)
		},
	}
	f.define(cmd.Flags(), "Server", keyFlagsOf("port", "database", "slots", "allow-private", "log-level", "engine", "insecure-allow-unsandboxed-workers"))
	under(cmd.Flags(), "Debugging", look.defineInspect)
	f.defineFile(cmd.Flags())
	return cmd
}

// dev serves what is below dir until ctx ends.
func (a *app) dev(ctx context.Context, l *config.Loaded, dir string, o daemon.Options) (err error) {
	c, remove, err := devConfig(ctx, l)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if o.Debug != nil {
		c.Execution.SpareWorkers = 0 // debuggers are shown workers that have a task
	}
	o.Worker, o.Engines, o.Version, o.Log = a.Worker, a.enginesOf(l), thisBuild().Version, a.logger(c.Logging)
	d, err := daemon.New(ctx, c, o)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	var broken error
	go func() {
		defer close(ended)
		broken = d.Run(ctx)
		stop(broken)
	}()
	err = a.develop(ctx, d, dir)
	stop(nil)
	<-ended
	if broken != nil {
		return broken
	}
	return err
}

// develop loads the tasks and shows what they do, until ctx ends.
func (a *app) develop(ctx context.Context, d *daemon.Daemon, dir string) error {
	select {
	case <-d.Ready():
	case <-ctx.Done():
		return nil
	}
	c, err := client.New(d.URL(), client.Options{UserAgent: "ratchet dev"})
	if err != nil {
		return err
	}
	w, err := newWorkshop(a, c, d.URL(), dir)
	if err != nil {
		return err
	}
	defer w.close()
	fmt.Fprintf(a.Stderr, "ratchet listens on %s\n", a.err.bold(d.URL()))
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		w.events(ctx)
	}()
	err = w.run(ctx)
	<-shown
	return err
}

// devConfig is the configuration with what a developer's server has otherwise, and
// what removes its folder.
func devConfig(ctx context.Context, l *config.Loaded) (c config.Config, remove func() error, err error) {
	const unset = "default"
	c, remove = l.Config, func() error { return nil }
	c.Server.BindAddress, c.Server.TLS, c.Auth.RequireKeys, c.Auth.InsecureNoAuth = "127.0.0.1", config.TLS{}, false, false
	if l.From("server.stop_timeout") == unset {
		c.Server.StopTimeout = 0 // who develops does not wait
	}
	if l.From("logging.level") == unset {
		c.Logging.Level = "warn"
	}
	if l.From("server.port") == unset {
		c.Server.Port = freePort(ctx, c.Server.Port)
	}
	if l.From("database.url") == unset && l.From("data.dir") == unset {
		if c.Data.Dir, err = os.MkdirTemp("", "ratchet-dev-"); err != nil {
			return c, remove, ratchet.Errorf(ratchet.ReasonIO, "cannot make a temporary folder: %w", err)
		}
		remove = func() error { return os.RemoveAll(c.Data.Dir) }
	} else if l.From("data.dir") == unset && filepath.IsAbs(c.Database.URL) {
		c.Data.Dir = filepath.Dir(c.Database.URL) // where its key goes too
	}
	return c, remove, nil
}

// ports is how many ports are tried.
const ports = 100

// freePort is the first port from first on that nobody has.
func freePort(ctx context.Context, first int) int {
	for port := first; port < first+ports; port++ {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			_ = listener.Close() // nothing was sent over it
			return port
		}
	}
	return 0 // any
}
