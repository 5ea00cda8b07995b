package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/httpd"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// pingTime is how long the database may take to answer.
const pingTime = 2 * time.Second

// health looks at every part.
func (d *Daemon) health(ctx context.Context) httpd.Health {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	checks := []httpd.Check{d.checkDatabase(ctx), d.checkQueue(ctx), d.checkWorkers(), d.checkEngines(ctx), d.checkSecrets(), d.checkDeliveries(ctx)}
	checks = append(checks, d.checkPlugins(ctx)...)
	if d.stopping.Load() {
		checks = append(checks, httpd.Check{Name: "server", Status: httpd.Degraded, Message: "it is stopping"})
	}
	return httpd.HealthOf(checks...)
}

func (d *Daemon) checkDatabase(ctx context.Context) httpd.Check {
	begun := time.Now()
	if err := d.store.Ping(ctx); err != nil {
		d.log.WarnContext(ctx, "the database does not serve", "error", err)
		return httpd.Check{Name: "database", Status: httpd.Unhealthy, Message: "it does not serve: " + ratchet.AsError(err).Message}
	}
	return httpd.Check{Name: "database", Status: httpd.Healthy, Message: "answers in " + time.Since(begun).Round(10*time.Microsecond).String()}
}

func (d *Daemon) checkQueue(ctx context.Context) httpd.Check {
	limit := d.config.Queue.MaxWaiting
	switch n, err := d.store.Waiting(ctx, limit); {
	case err != nil:
		return httpd.Check{Name: "queue", Status: httpd.Unhealthy, Message: "it cannot be counted: " + ratchet.AsError(err).Message}
	case n >= limit:
		return httpd.Check{Name: "queue", Status: httpd.Degraded, Message: fmt.Sprintf("full: %d jobs wait, and more are refused", n)}
	default:
		return httpd.Check{Name: "queue", Status: httpd.Healthy, Message: fmt.Sprintf("%d jobs wait", n)}
	}
}

func (d *Daemon) checkWorkers() httpd.Check {
	report, started := d.pool.Report()
	if started && report.Level == sandbox.LevelNone {
		return httpd.Check{Name: "workers", Status: httpd.Degraded, Message: "tasks are not isolated: ratchet doctor says why"}
	}
	return httpd.Check{Name: "workers", Status: httpd.Healthy, Message: fmt.Sprintf("%d processes, sandbox %s", len(d.pool.PIDs()), report.Level)}
}

// lateDelivery is how long a delivery is overdue that tells of trouble: a place that
// is left alone for a while is one of a few minutes.
const lateDelivery = 15 * time.Minute

// checkDeliveries looks whether results are brought on their way.
func (d *Daemon) checkDeliveries(ctx context.Context) httpd.Check {
	const name = "deliveries"
	if d.deliveries == nil {
		return httpd.Check{Name: name, Status: httpd.Healthy, Message: "off (delivery.enabled)"}
	}
	late, err := d.store.Deliveries(ctx, ratchet.Query{Limit: 1, Filters: []ratchet.Filter{
		{Field: "state", Values: []string{string(ratchet.DeliveryPending)}},
		{Field: "nextAttemptAt", Op: ratchet.OpLess, Values: []string{time.Now().Add(-lateDelivery).UTC().Format(time.RFC3339Nano)}},
	}})
	switch {
	case err != nil:
		return httpd.Check{Name: name, Status: httpd.Degraded, Message: "they cannot be counted: " + ratchet.AsError(err).Message}
	case len(late.Items) > 0:
		return httpd.Check{Name: name, Status: httpd.Degraded, Message: fmt.Sprintf("one to %s is overdue since %s: ratchet delivery list --state pending", late.Items[0].Target, late.Items[0].NextAttemptAt.Format(time.RFC3339))}
	default:
		return httpd.Check{Name: name, Status: httpd.Healthy, Message: "none is overdue"}
	}
}

// errStopping is why a server is not ready that was asked to stop.
var errStopping = errors.New("the server is stopping")

// ready says why no requests should come now.
func (d *Daemon) ready(ctx context.Context) error {
	if d.stopping.Load() {
		return errStopping
	}
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	return d.store.Ping(ctx)
}
