package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A part is something that runs until it is ended.
type part struct {
	name string
	end  context.CancelFunc
	done chan struct{}
	err  error // once done
}

// start runs a part on a goroutine of its own; failed is told if it ends unasked.
func start(ctx context.Context, name string, run func(context.Context) error, failed chan<- *part) *part {
	ctx, cancel := context.WithCancel(ctx)
	p := &part{name: name, end: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		if err := run(ctx); err != nil && !(ctx.Err() != nil && errors.Is(err, context.Canceled)) {
			p.err = fmt.Errorf("%s: %w", name, err)
		}
		if ctx.Err() == nil {
			failed <- p
		}
	}()
	return p
}

// stop ends the part, waits for it and returns what went wrong.
func (p *part) stop() error {
	p.end()
	<-p.done
	return p.err
}

// Run serves until ctx ends, and then stops: it takes no more requests and begins
// no more jobs, gives those that run the time to end (server.stop_timeout), hands
// the others back to the queue, gives attempts at deliveries theirs
// (delivery.stop_timeout), ends the workers and closes the database. It
// returns nil after a stop that was asked for. A Daemon runs once.
func (d *Daemon) Run(ctx context.Context) error {
	life := context.WithoutCancel(ctx) // each part is ended in its turn
	failed := make(chan *part, 9)
	extensions := start(life, "plugins", d.runPlugins, failed)
	events := start(life, "events between servers", func(ctx context.Context) error { return d.hub.Run(ctx, d.store) }, failed)
	d.startPlugins(life)
	jobs := start(life, "jobs", d.dispatcher.Run, failed)
	deliveries := start(life, "deliveries", d.deliver, failed)
	subscribers := start(life, "events for plugins", d.feedPlugins, failed)
	sources := start(life, "tasks of plugins", d.syncPlugins, failed)
	purges := start(life, "purges of what is kept", d.caches.run, failed)
	schedules := start(life, "schedules", d.schedules.Run, failed)
	requests := start(life, "requests", d.server.Run, failed)
	d.pool.Warm()
	close(d.running)

	var broken error
	select {
	case <-ctx.Done():
	case p := <-failed:
		<-p.done
		broken = p.err
		if broken == nil {
			broken = fmt.Errorf("%s ended unasked", p.name)
		}
		d.log.Error("a part of the server failed, it stops", "error", broken)
	}

	d.stopping.Store(true)
	d.step("taking no more requests")
	requests.end()
	d.step(fmt.Sprintf("waiting up to %s for %s", ratchet.Duration(d.config.Server.StopTimeout), executions(d.dispatcher.Stats().Running)))
	errs := []error{broken, sources.stop(), schedules.stop(), jobs.stop()}
	if d.deliveries != nil {
		d.step(fmt.Sprintf("waiting up to %s for deliveries", ratchet.Duration(d.config.Delivery.StopTimeout)))
	}
	errs = append(errs, deliveries.stop())
	d.step("ending streams and connections")
	d.hub.Close("the server is stopping")
	d.endGraphQL()
	errs = append(errs, requests.stop(), purges.stop(), subscribers.stop(), extensions.stop(), events.stop())
	d.step("ending workers and closing the database")
	errs = append(errs, d.Close())
	return errors.Join(errs...)
}

func executions(n int) string {
	if n == 1 {
		return "1 execution"
	}
	return fmt.Sprintf("%d executions", n)
}

func (d *Daemon) step(text string) {
	if d.options.OnStop != nil {
		d.options.OnStop(text)
		return
	}
	d.log.Info("stopping", "step", text)
}

// Kill ends what runs at once, without waiting for anything: Run then returns
// soon. Jobs that ran are recovered at the next start, or by other servers.
func (d *Daemon) Kill() { d.dispatcher.Kill() }

// Ready is closed when the server serves.
func (d *Daemon) Ready() <-chan struct{} { return d.running }

// leaveTime is how long the database may take to learn that the server is gone.
const leaveTime = 2 * time.Second

// Close gives up what New took, in reverse. After Run there is nothing left to
// give up.
func (d *Daemon) Close() error {
	var errs []error
	if d.addr != nil && !d.stopping.Load() { // it listens, and was not run
		ended, cancel := context.WithCancel(d.life)
		cancel()
		errs = append(errs, d.server.Run(ended))
	}
	if d.together != nil {
		errs = append(errs, d.together.Close())
	}
	if d.results != nil {
		d.results.Close()
	}
	if d.client != nil {
		d.client.Close()
	}
	if d.responses != nil {
		d.responses.Close()
	}
	if d.pool != nil {
		d.pool.Close()
	}
	if d.hub != nil {
		d.hub.Close("the server is stopping")
	}
	d.endGraphQL()
	if d.store != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(d.life), leaveTime)
		defer cancel()
		errs = append(errs, d.leave(ctx), d.store.Close())
		d.store = nil
	}
	return errors.Join(errs...)
}

// leave takes this server off the list of nodes, so that no other waits for its
// death.
func (d *Daemon) leave(ctx context.Context) error {
	if d.dispatcher == nil {
		return nil
	}
	if err := d.store.RemoveNode(ctx, d.store.Node()); err != nil {
		return fmt.Errorf("leave the list of nodes: %w", err)
	}
	return nil
}
