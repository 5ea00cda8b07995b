// Package daemon is the server: it builds every part in order, runs them, and
// stops them in order. What the parts do is their own business; what is configured
// is package config's.
package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/cache"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/delivery"
	"github.com/ratchet-runner/ratchet-go/internal/dispatch"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/engine"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/httpcache"
	"github.com/ratchet-runner/ratchet-go/internal/httpd"
	"github.com/ratchet-runner/ratchet-go/internal/resilience"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/internal/schedule"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// Options are what a server is given beside its configuration. The zero Options
// work.
type Options struct {
	// Worker is the command of worker processes. Default: this executable with
	// the argument "worker".
	Worker []string
	// PluginLauncher is the command that confines itself and becomes a plugin.
	// Default: this executable with the argument "plugin-launch".
	PluginLauncher []string
	// Version is Ratchet's. Default "development".
	Version string
	// Commit is what it was built from, if that is known.
	Commit string
	// Engines are those of this machine. Default: the built-in one, and the Node
	// that is configured or installed.
	Engines *engine.Engines
	// Inspection has debuggers look into tasks in Node, and Debug leads them to the
	// author's files and takes the limits off. It is for who develops tasks.
	Inspection workerpool.Inspection
	Debug      *executor.Debugging
	// Log gets what operators should know. Default: nothing is logged.
	Log *slog.Logger
	// OnStop is told of each step of a stop before it is taken. Default: the log is.
	OnStop func(step string)
}

// A Daemon is a server.
type Daemon struct {
	config  config.Config
	options Options
	log     *slog.Logger
	started time.Time
	numbers *numbers

	hub        *stream.Hub
	store      *sqlstore.Store
	engines    engines
	pool       *workerpool.Pool
	hosts      *resilience.Hosts
	client     *egress.Client
	results    *cache.Results   // nil: none are kept
	together   *cache.Shared    // results that nodes share; nil: they share none
	responses  *httpcache.Cache // nil: none are kept
	caches     caches
	keys       *auth.Authenticator
	plugins    *plugins // nil: there are none
	service    *service.Service
	dispatcher *dispatch.Dispatcher
	schedules  *schedule.Runner
	deliveries *delivery.Runner // nil: nothing is delivered
	server     *httpd.Server
	endGraphQL func() // ends its connections
	wrongKey   bool   // what other servers sealed does not open here
	addr       net.Addr

	life     context.Context //nolint:containedctx // of what is asked for outside of any request: metrics
	stopping atomic.Bool
	running  chan struct{}
	names    taskNames
}

// New builds a server, and takes what only one can have: the database and the
// port. It runs nothing yet. Whoever does not Run it closes it.
func New(ctx context.Context, c config.Config, o Options) (_ *Daemon, err error) {
	o.Version = cmp.Or(o.Version, "development")
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &Daemon{config: c, options: o, log: o.Log, started: time.Now(), numbers: newNumbers(!c.Server.Metrics), life: ctx, running: make(chan struct{}), endGraphQL: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if err := os.MkdirAll(c.Data.Dir, 0o700); err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonIO, "cannot make the data folder %s: %w", c.Data.Dir, err)
	}

	// A Node takes its time to say what it is.
	var asking sync.WaitGroup
	defer asking.Wait()
	d.engines = d.findEngines()
	asking.Go(func() { _, _ = d.engines.Node(ctx) }) // whoever asks then has the answer

	box, err := openBox(c)
	if err != nil {
		return nil, err
	}
	// Whatever changes a job's state publishes it here, once it is durable.
	d.hub = stream.New(stream.Config{Keep: c.Events.Keep, Buffer: c.Events.Buffer})
	if d.store, err = d.openStore(ctx, box); err != nil {
		return nil, err
	}
	if err := d.admitted(ctx); err != nil {
		return nil, err
	}
	if d.wrongKey, err = wrongKey(ctx, box, d.store.Agree); err != nil {
		return nil, err
	}
	if d.wrongKey {
		d.log.WarnContext(ctx, otherKey)
	}

	// What runs a task, from the process outwards.
	d.pool = workerpool.New(workerpool.Config{
		Inspection: o.Inspection, Command: o.Worker, Running: c.Execution.Slots, Resident: c.Execution.ResidentWorkers, Spare: c.Execution.SpareWorkers,
		Recycle: c.Execution.RecycleAfter, Idle: c.Execution.WorkerIdle, Grace: c.Execution.Grace,
		Sandbox: sandbox.Options{Insecure: c.Execution.InsecureUnsandboxed}, Log: o.Log,
	})
	if _, err := d.pool.Probe(); err != nil {
		return nil, unusable(err)
	}
	if err := d.checkDefault(ctx); err != nil {
		return nil, err
	}
	d.hosts = resilience.NewHosts(hostsConfig(c.HTTP))
	if err := d.keep(ctx); err != nil {
		return nil, err
	}
	if d.client, err = egress.New(egressConfig(c.HTTP, d.hosts, d.responses)); err != nil {
		return nil, err
	}
	exec := executor.New(d.pool, d.client)
	exec.SetEngines(d.engines)
	exec.KeepBytecode(c.Cache.Bytecode)
	if o.Debug != nil {
		exec.Debug(*o.Debug)
	}
	hooks := d.newPlugins(box, exec)

	// What brings results on their way.
	deliverer := d.newDeliveries(box)

	// What Ratchet can do, and who does it when nobody asks.
	var kept service.Results
	if d.results != nil {
		kept = d.results
	}
	d.service = service.New(service.Deps{
		Store: d.store, Stream: d.hub, Schedules: schedule.Rules{}, Sealer: box, Prober: exec, Workers: workers{d}, Breakers: d.allBreakers(), Results: kept, Engines: d.engines, Caches: &d.caches, Deliverer: deliverer, Plugins: hooks.service,
	}, service.Config{URL: d.publicURL, MaxWaiting: c.Queue.MaxWaiting, Limits: limits(c.Execution), TempDir: os.TempDir(), Log: o.Log})
	d.schedules = schedule.NewRunner(d.store, d.service, schedule.Config{Log: o.Log})
	d.service.OnUse(d.used)

	// The way in. The port is taken now: whoever cannot have it learns so at once,
	// and the others may know it.
	if d.server, err = d.newServer(); err != nil {
		return nil, err
	}
	if d.addr, err = d.listen(ctx); err != nil {
		return nil, err
	}
	if err := d.store.SetAddress(d.URL()); err != nil {
		return nil, fmt.Errorf("note the server's address: %w", err)
	}

	d.dispatcher = dispatch.New(d.store, exec, d.hub, box, dispatch.Config{
		Slots: c.Execution.Slots, Shared: d.shared(), SoftStop: max(c.Server.StopTimeout, time.Millisecond),
		Retention: ratchet.Retention{Completed: c.Retention.Completed, Failed: c.Retention.Failed},
		Node:      d.node(), OnFinished: d.finished, Results: d.results, SharedResults: d.together, Bundles: c.Cache.Bundles, Hooks: hooks.dispatch, Log: o.Log,
	})
	d.keepers(exec)
	d.watch()
	d.watchPlugins()
	return d, nil
}
