package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/engine"
	"github.com/ratchet-runner/ratchet-go/internal/httpd"
)

// engines are those of this machine, with how well their workers are isolated.
type engines struct {
	*engine.Engines
	daemon *Daemon
}

// findEngines says where there may be engines.
func (d *Daemon) findEngines() engines {
	e := engines{d.options.Engines, d}
	if e.Engines == nil {
		c := d.config
		dir := c.Engines.Dir
		if dir != "" {
			dir = inDataDir(c, dir)
		}
		e.Engines = engine.New(engine.Config{Default: ratchet.Engine(c.Execution.Engine), Node: c.Engines.Node.Path, Dir: dir})
	}
	return e
}

// checkDefault asks the Node that there is, if any, what it is. A server without
// one starts, and refuses the tasks that want it, unless most of them would.
func (d *Daemon) checkDefault(ctx context.Context) error {
	e := d.engines
	node, err := e.Node(ctx)
	switch {
	case err == nil:
		d.log.Info("tasks can run in Node", slog.String("version", node.Version), slog.String("path", node.Path))
	case e.Default() == ratchet.EngineNode:
		return ratchet.Errorf(ratchet.ReasonEngineUnavailable, "execution.engine is node: %w", err)
	case d.config.Engines.Node.Path != "":
		d.log.Warn("tasks cannot run in Node", slog.Any("error", err))
	default: // nobody has said that there is to be one
	}
	return nil
}

// List tells of the engines that tasks run in, without asking them anew.
func (e engines) List(ctx context.Context) []ratchet.EngineInfo {
	all := e.Chosen(ctx)
	for i := range all {
		if all[i].Usable {
			all[i].Level = e.daemon.level(all[i].Name)
		}
	}
	return all
}

// level is how well the workers of an engine are isolated; empty while none has
// started.
func (d *Daemon) level(e ratchet.Engine) string {
	report, _ := d.pool.ReportOf(e)
	return string(report.Level)
}

// checkEngines looks whether the engines that are meant to be there are.
func (d *Daemon) checkEngines(ctx context.Context) httpd.Check {
	c := httpd.Check{Name: "engines", Status: httpd.Healthy}
	var all []string
	for _, e := range d.engines.List(ctx) {
		switch {
		case e.Usable && e.Level != "":
			all = append(all, fmt.Sprintf("%s %s (%s, sandbox %s)", e.Name, e.Version, e.Path, e.Level))
		case e.Usable:
			all = append(all, fmt.Sprintf("%s %s (%s)", e.Name, e.Version, e.Path))
		case e.Default || d.config.Engines.Node.Path != "":
			c.Status = httpd.Degraded
			all = append(all, e.Problem)
		}
	}
	c.Message = strings.Join(all, "; ")
	return c
}
