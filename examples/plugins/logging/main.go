// Command ratchet-plugin-logging writes what happens to jobs, and what tasks log,
// as lines of JSON into a file, which it exchanges when it is large.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

// What the operator may configure.
const schema = `{
	"type": "object",
	"properties": {
		"file": {"type": "string", "pattern": "^[\\w.-]+$", "default": "events.jsonl"},
		"maxSize": {"type": "integer", "minimum": 1000, "default": 10000000, "description": "Bytes after which the file is exchanged"},
		"keep": {"type": "integer", "minimum": 0, "maximum": 1000, "default": 5, "description": "How many old files are kept"}
	},
	"additionalProperties": false
}`

// A logger is the plugin.
type logger struct {
	mu   sync.Mutex
	file *rotating
	err  error // of the last write
	all  int64 // lines
	lost int64 // events that the server had to drop
}

func main() {
	l := &logger{}
	plugin.Main(plugin.Plugin{
		Name: "logging", Version: "1.0.0", License: "MIT",
		Description: "Writes the events of jobs as lines of JSON into a file that is rotated by size",
		Config:      json.RawMessage(schema),
		Start:       l.start, Stop: l.stop,
		Events: &plugin.Subscriber{Handle: l.write}, // all types
		Health: l.health, Metrics: l.metrics,
	})
}

func (l *logger) start(_ context.Context, s plugin.Setup) (err error) {
	c := struct {
		File    string `json:"file"`
		MaxSize int64  `json:"maxSize"`
		Keep    int    `json:"keep"`
	}{"events.jsonl", 10_000_000, 5}
	if err := json.Unmarshal(s.Config, &c); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	l.file, err = open(filepath.Join(s.Data, c.File), c.MaxSize, c.Keep)
	return err
}

func (l *logger) stop(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}

// write appends a line for each event. A batch is on disk when it returns.
func (l *logger) write(_ context.Context, b plugin.Batch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost += b.Dropped
	var err error
	for i := range b.Events {
		if err = l.line(&b.Events[i]); err != nil {
			break
		}
		l.all++
	}
	if err == nil {
		err = l.file.Flush()
	}
	l.err = err
	return err
}

func (l *logger) line(e *ratchet.Event) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return l.file.Append(append(text, '\n'))
}

func (l *logger) health(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *logger) metrics(context.Context) (map[string]float64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return map[string]float64{"lines": float64(l.all), "dropped": float64(l.lost), "rotations": float64(l.file.rotations)}, nil
}
