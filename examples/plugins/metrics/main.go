// Command ratchet-plugin-metrics counts what becomes of jobs, by task, and serves
// the numbers to Prometheus at an address of its own.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

// What the operator may configure.
const schema = `{
	"type": "object",
	"properties": {
		"address": {"type": "string", "default": "127.0.0.1:9464", "description": "Where /metrics is served"}
	},
	"additionalProperties": false
}`

// An exporter is the plugin.
type exporter struct {
	numbers numbers
	server  *http.Server
	served  chan error // how serving ended
}

func main() {
	x := &exporter{numbers: newNumbers(), served: make(chan error, 1)}
	attempt := &plugin.Hook{Priority: 900, Brief: true, Call: x.attempt} // late, and without the documents
	plugin.Main(plugin.Plugin{
		Name: "metrics", Version: "1.0.0", License: "MIT",
		Description: "Serves numbers about jobs to Prometheus",
		Config:      json.RawMessage(schema),
		Needs:       ratchet.PluginNeeds{Listen: true},
		Start:       x.start, Stop: x.stop,
		AfterExecution: attempt,
		OnSuccess:      &plugin.Hook{Priority: 900, Brief: true, Call: x.job("completed")},
		OnFailure:      &plugin.Hook{Priority: 900, Brief: true, Call: x.job("failed")},
		Health:         x.health,
		Metrics:        func(context.Context) (map[string]float64, error) { return x.numbers.totals(), nil },
	})
}

func (x *exporter) start(ctx context.Context, s plugin.Setup) error {
	c := struct {
		Address string `json:"address"`
	}{"127.0.0.1:9464"}
	if err := json.Unmarshal(s.Config, &c); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = w.Write(x.numbers.text()) // whoever asked may have gone
	})
	x.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { x.served <- x.server.Serve(listener) }()
	s.Log.Info("metrics are served", "address", listener.Addr().String())
	return nil
}

// stop lets readers finish.
func (x *exporter) stop(ctx context.Context) error {
	return errors.Join(x.server.Shutdown(ctx), closed(<-x.served))
}

// health says whether it still serves.
func (x *exporter) health(context.Context) error {
	select {
	case err := <-x.served:
		x.served <- err
		return fmt.Errorf("it serves no more: %w", err)
	default:
		return nil
	}
}

func closed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// attempt counts an attempt that ended.
func (x *exporter) attempt(_ context.Context, e *plugin.Event) error {
	x.numbers.attempt(e.Task, string(e.State), e.Duration)
	return nil
}

// job counts jobs that ended.
func (x *exporter) job(state string) func(context.Context, *plugin.Event) error {
	return func(_ context.Context, e *plugin.Event) error {
		x.numbers.job(e.Task, state)
		return nil
	}
}
