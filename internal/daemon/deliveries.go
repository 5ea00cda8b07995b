package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/delivery"
	"github.com/ratchet-runner/ratchet-go/internal/destination"
	"github.com/ratchet-runner/ratchet-go/internal/secret"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

// newDeliveries builds what delivers; nil if nothing is to be delivered.
func (d *Daemon) newDeliveries(box *secret.Box) service.Deliverer {
	c := d.config.Delivery
	if !c.Enabled {
		return nil
	}
	variables := c.TemplateVariables()
	var takers delivery.Plugin
	if d.plugins != nil {
		takers = d.plugins
	}
	d.deliveries = delivery.New(d.store, d.client, opener{box, d.store}, takers, delivery.Config{
		Root: inDataDir(d.config, c.Root), Concurrency: c.Concurrency, PerTarget: c.PerTarget, Timeout: c.Timeout,
		SoftStop: max(c.StopTimeout, time.Millisecond), Environment: c.Environment, Variables: variables,
		OnEnd: d.numbers.delivered, Log: d.log,
	})
	return deliverer{d.deliveries, slices.Sorted(maps.Keys(variables))}
}

// deliver brings results to their destinations until ctx ends.
func (d *Daemon) deliver(ctx context.Context) error {
	if d.deliveries == nil {
		<-ctx.Done()
		return nil
	}
	d.warnOfPlugins(ctx)
	return d.deliveries.Run(ctx)
}

// warnOfPlugins tells of plugins that the operator's destinations name and that
// cannot be used. They may yet be enabled, so this is no reason not to start.
func (d *Daemon) warnOfPlugins(ctx context.Context) {
	for i := range d.config.Delivery.Destinations {
		to := &d.config.Delivery.Destinations[i]
		for name, what := range map[string]ratchet.PluginCapability{to.Plugin: ratchet.PluginDestination, to.Transform: ratchet.PluginTransform} {
			if name == "" {
				continue
			}
			problem := "plugins.enabled is false"
			if d.plugins != nil {
				err := d.plugins.Able(ctx, name, what)
				if err == nil {
					continue
				}
				problem = err.Error()
			}
			d.log.WarnContext(ctx, "a destination of the configuration cannot be told yet", slog.String("plugin", name), slog.String("problem", problem))
		}
	}
}

// wakeDeliveries says that there may be something to deliver.
func (d *Daemon) wakeDeliveries() {
	if d.deliveries != nil {
		d.deliveries.Wake()
	}
}

// pendingDeliveries counts what waits to be delivered.
func (d *Daemon) pendingDeliveries(ctx context.Context) (int, error) {
	page, err := d.store.Deliveries(ctx, ratchet.Query{Limit: 1, Filters: []ratchet.Filter{
		{Field: "state", Values: []string{string(ratchet.DeliveryPending)}},
	}})
	if page.Total < 0 {
		return ratchet.CountedTotal, err
	}
	return page.Total, err
}

// A deliverer is what the service asks of the runner.
type deliverer struct {
	runner    *delivery.Runner
	variables []string
}

// Variables are the names of the operator's own variables.
func (d deliverer) Variables() []string { return d.variables }

// Try tries destinations.
func (d deliverer) Try(ctx context.Context, t service.Trial) []ratchet.DestinationTest {
	return d.runner.Test(ctx, delivery.TestRequest{
		Destinations: t.Destinations, Job: t.Job, Execution: t.Execution, Version: t.Version, Task: t.Task, Send: t.Send,
	})
}

// An opener knows what secrets of destinations stand for.
type opener struct {
	box   *secret.Box
	store *sqlstore.Store
}

// Open decrypts what was sealed for a context.
func (o opener) Open(sealed, context []byte) ([]byte, error) { return o.box.Open(sealed, context) }

// Env is the value of a variable of a task's environment, or of the server's own.
func (o opener) Env(ctx context.Context, task ratchet.TaskID, name string) (value string, found bool, err error) {
	if task.IsZero() {
		value, found = os.LookupEnv(name)
		return value, found, nil
	}
	sealed, found, err := o.store.EnvValue(ctx, task, name)
	if err != nil || !found {
		return "", false, err
	}
	plain, err := o.box.Open(sealed, ratchet.EnvContext(task, name))
	if err != nil {
		return "", false, fmt.Errorf("open the variable %s: %w", name, err)
	}
	return string(plain), true, nil
}

// globalDestinations returns what tells the operator's destinations for a task.
// Their secrets are sealed now: what lies in the outbox has none of them plain.
func globalDestinations(c *config.Delivery, box *secret.Box) (func(task string) []ratchet.Destination, error) {
	given := c.Destinations
	if len(given) == 0 {
		return nil, nil
	}
	plain := make([]ratchet.Destination, len(given))
	var missing []ratchet.Detail
	for i := range given {
		plain[i] = given[i].CloneSecrets()
		plain[i].EachSecret(func(pointer string, s ratchet.Secret) ratchet.Secret {
			name, reference := s.Reference()
			if !reference {
				return s
			}
			value := os.Getenv(name)
			if value == "" {
				missing = append(missing, ratchet.Detail{
					Pointer: fmt.Sprintf("delivery.destinations/%d%s", i, pointer), Message: "the variable has no value",
					Expected: "a variable of the server's environment", Got: "${" + name + "}",
				})
			}
			return ratchet.Secret(value)
		})
	}
	if len(missing) > 0 {
		return nil, ratchet.Errorf(ratchet.ReasonConfig, "delivery.destinations refers to a variable that has no value: set %s in the environment of the server", missing[0].Got).WithDetails(missing...)
	}
	if wrong := destination.CheckAll(plain, destination.Where{Variables: slices.Sorted(maps.Keys(c.TemplateVariables()))}); len(wrong) > 0 { // what a variable held may be no secret
		return nil, ratchet.Errorf(ratchet.ReasonConfig, "delivery.destinations%s: %s", wrong[0].Pointer, wrong[0].Message).WithDetails(wrong...)
	}
	sealed, err := destination.Seal(destination.Prepare(destination.FromOperator(plain)), box)
	if err != nil {
		return nil, err
	}
	unbound := !slices.ContainsFunc(given, func(g config.GlobalDestination) bool { return len(g.Tasks) > 0 })
	return func(task string) (wanted []ratchet.Destination) {
		if unbound {
			return sealed
		}
		for i := range given {
			if given[i].For(task) {
				wanted = append(wanted, sealed[i])
			}
		}
		return wanted
	}, nil
}
