package daemon

import (
	"context"
	"log/slog"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// syncPlugins brings the tasks of plugins into the store, again and again until ctx
// ends. A task that a plugin has no more stays: jobs may want it.
func (d *Daemon) syncPlugins(ctx context.Context) error {
	if d.plugins == nil {
		<-ctx.Done()
		return nil
	}
	known := revisions{}
	for ctx.Err() == nil {
		for _, name := range d.plugins.Sources() {
			d.syncPlugin(auth.With(ctx, auth.Principal{Name: "plugin " + name, Scopes: auth.Local().Scopes}), name, known)
		}
		wait(ctx, d.syncPause())
	}
	return nil
}

// syncPause is shorter while no plugin brings tasks: one may be enabled any time.
func (d *Daemon) syncPause() time.Duration {
	if len(d.plugins.Sources()) == 0 {
		return min(time.Second, d.config.Plugins.Sync)
	}
	return d.config.Plugins.Sync
}

// revisions are those of the tasks that were read, by plugin and task.
type revisions map[[2]string]string

// syncPlugin registers the tasks of one plugin that have changed.
func (d *Daemon) syncPlugin(ctx context.Context, name string, known revisions) {
	log := d.log.With(slog.String("plugin", name))
	tasks, err := d.plugins.SourceTasks(ctx, name)
	if err != nil {
		if ctx.Err() == nil {
			log.WarnContext(ctx, "a plugin does not say which tasks it has; it is asked again", slog.Any("error", err))
		}
		return
	}
	for _, t := range tasks {
		key := [2]string{name, t.Name}
		if read, found := known[key]; found && t.Revision != "" && read == t.Revision {
			continue
		}
		archive, err := d.plugins.SourceTask(ctx, name, t.Name)
		if err == nil {
			var made *ratchet.Registered
			made, err = d.service.RegisterTask.Call(ctx, service.RegisterTask{Archive: archive})
			if err == nil || settled(err) {
				known[key] = t.Revision
			}
			if err == nil {
				if made.Created {
					log.InfoContext(ctx, "a plugin brought a task", slog.String("task", made.Task.Name), slog.String("version", made.Version))
				}
				continue
			}
		}
		if ctx.Err() == nil {
			log.WarnContext(ctx, "a task of a plugin cannot be registered", slog.String("task", t.Name), slog.Any("error", err))
		}
	}
}

// settled reports whether the same archive would be refused again.
func settled(err error) bool {
	code := ratchet.AsError(err).Code
	return code == ratchet.CodeInvalid || code == ratchet.CodeConflict
}
