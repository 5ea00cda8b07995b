// Package delivery brings the results of finished jobs to their destinations: it
// takes what is due from the store's outbox, attempts it, and writes a receipt of
// each attempt. When a delivery comes into being, and what is allowed, is left to
// the store and the service; what a destination says, to package destination.
package delivery

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/destination"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
)

// A Store is the outbox.
type Store interface {
	// ClaimDeliveries leases at most so many deliveries that are due to this node,
	// the longest due first, but none of the lanes in except.
	ClaimDeliveries(ctx context.Context, most int, except []string) ([]ratchet.DueDelivery, error)
	// EndDeliveries writes how attempts ended, all in one transaction. Those whose
	// lease was lost are left out, and counted as stale.
	EndDeliveries(ctx context.Context, ends []ratchet.DeliveryEnd) error
	// NextDelivery is when the next one is due that is not in a lane of except;
	// zero: none waits.
	NextDelivery(ctx context.Context, except []string) (time.Time, error)
	// RecoverDeliveries puts back what this node was sending when it died, and
	// what nodes hold that have not beaten for so long.
	RecoverDeliveries(ctx context.Context, dead time.Duration) (int, error)
}

// A Plugin has the plugins of this server by their names. A body is what Select,
// Template and Format made of the envelope.
type Plugin interface {
	// Deliver has a plugin take the result away, for a destination of type plugin.
	Deliver(ctx context.Context, plugin string, d *ratchet.DueDelivery, body *destination.Body) error
	// Transform has a plugin make something else of the body.
	Transform(ctx context.Context, plugin string, d *ratchet.DueDelivery, body *destination.Body) ([]byte, error)
}

// A Config says how a Runner works. The zero Config works.
type Config struct {
	// Root is the folder below which files are written; it is made when the first
	// one is. Default "": destinations of type file fail.
	Root string
	// Concurrency is how many attempts are under way at once. Default 64.
	Concurrency int
	// PerTarget is how many of them go to one host, or one plugin. Default 8.
	PerTarget int
	// Timeout is how long an attempt may take whose destination does not say.
	// Default 30 s.
	Timeout time.Duration
	// SoftStop is how long attempts that are under way may go on after a stop was
	// asked for. Default 5 s.
	SoftStop time.Duration
	// Poll is how often the outbox is looked at when nobody told of anything new,
	// and what dead nodes held is put back. Default 10 s.
	Poll time.Duration
	// Environment is the name of this installation, for templates and envelopes.
	// Default "development".
	Environment string
	// Hostname is for templates. Default: the system's.
	Hostname string
	// Variables are the operator's own for templates, by their names: "env_region".
	Variables map[string]string
	// Stdout and Stderr get whole lines. Default: the process's own.
	Stdout, Stderr io.Writer
	// OnEnd, if set, is told of each delivery that was taken or failed for good,
	// without its receipts. It must not wait.
	OnEnd func(ratchet.Delivery)
	// Log gets what operators should know. Default: nothing is logged.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Concurrency = cmp.Or(max(c.Concurrency, 0), 64)
	c.PerTarget = cmp.Or(max(c.PerTarget, 0), 8)
	c.Timeout = cmp.Or(max(c.Timeout, 0), 30*time.Second)
	c.SoftStop = cmp.Or(max(c.SoftStop, 0), 5*time.Second)
	c.Poll = cmp.Or(max(c.Poll, 0), 10*time.Second)
	c.Environment = cmp.Or(c.Environment, "development")
	if c.Hostname == "" {
		c.Hostname, _ = os.Hostname() // without one, its variable is empty
	}
	if c.Stdout == nil {
		c.Stdout = os.Stdout
	}
	if c.Stderr == nil {
		c.Stderr = os.Stderr
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// A Runner delivers.
type Runner struct {
	store   Store
	client  *egress.Client
	opener  destination.Opener
	plugins Plugin
	config  Config
	wake    chan struct{}
	lanes   atomic.Pointer[Lanes]

	folder         *folder
	selects        chan struct{} // holds one for each jq expression that runs
	stdout, stderr *console
}

// New returns a Runner, which starts nothing. Without plugins, deliveries to them
// fail.
func New(store Store, client *egress.Client, opener destination.Opener, plugins Plugin, config Config) *Runner {
	config = config.withDefaults()
	return &Runner{
		store: store, client: client, opener: opener, plugins: plugins, config: config, wake: make(chan struct{}, 1),
		folder: newFolder(config.Root), stdout: newConsole("standard output", config.Stdout), stderr: newConsole("standard error", config.Stderr),
		selects: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}
}

// Wake says that deliveries may be due that were not before. It does not wait.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
