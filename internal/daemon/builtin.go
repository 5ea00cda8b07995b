package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

// builtIn are the plugins that are compiled in. As any other they do nothing before
// they are enabled.
func builtIn(log *slog.Logger) []plugin.Plugin {
	return []plugin.Plugin{
		logEvents(log),
	}
}

// logEvents writes what becomes of jobs into the server's log.
func logEvents(log *slog.Logger) plugin.Plugin {
	level := slog.LevelInfo
	configure := func(_ context.Context, config json.RawMessage) error {
		var c struct {
			Level string `json:"level"`
		}
		if len(config) > 0 {
			if err := json.Unmarshal(config, &c); err != nil {
				return fmt.Errorf("read the configuration: %w", err)
			}
		}
		level = slog.LevelInfo
		if c.Level == "" {
			return nil
		}
		return level.UnmarshalText([]byte(c.Level))
	}
	return plugin.Plugin{
		Name: "log-events", Version: "1.0.0", Description: "Writes every change of a job's state into the server's log",
		Config: json.RawMessage(`{"type":"object","properties":{"level":{"enum":["debug","info","warn"]}},"additionalProperties":false}`),
		Start:  func(ctx context.Context, s plugin.Setup) error { return configure(ctx, s.Config) },
		Events: &plugin.Subscriber{
			Types: []ratchet.EventType{ratchet.EventJob},
			Handle: func(ctx context.Context, b plugin.Batch) error {
				for _, e := range b.Events {
					attrs := []slog.Attr{slog.String("job_id", e.Job.String()), slog.String("task", e.Task), slog.String("state", string(e.State))}
					if e.Error != nil {
						attrs = append(attrs, slog.String("reason", string(e.Error.Reason)), slog.String("problem", e.Error.Message))
					}
					log.LogAttrs(ctx, level, "job changed", attrs...)
				}
				return nil
			},
		},
	}
}
