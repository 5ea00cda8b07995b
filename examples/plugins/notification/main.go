// Command ratchet-plugin-notification tells a channel of Slack, or of what takes
// the same webhooks, of jobs that failed.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

// What the operator may configure.
const schema = `{
	"type": "object",
	"properties": {
		"url": {"type": "string", "pattern": "^https?://", "writeOnly": true, "description": "The incoming webhook: a secret, for whoever has it can write to the channel"},
		"channel": {"type": "string", "description": "Instead of the webhook's own"},
		"tasks": {"type": "array", "items": {"type": "string"}, "description": "Only of these; default: all"},
		"attempts": {"type": "integer", "minimum": 1, "maximum": 10, "default": 3}
	},
	"required": ["url"],
	"additionalProperties": false
}`

// A config is what the operator gave.
type config struct {
	URL      string   `json:"url"`
	Channel  string   `json:"channel"`
	Tasks    []string `json:"tasks"`
	Attempts int      `json:"attempts"`
}

// waiting bounds the messages that wait to be sent.
const waiting = 100

// A notifier is the plugin. Messages are sent beside the hook: no job waits for
// Slack.
type notifier struct {
	config atomic.Pointer[config]
	client http.Client
	log    func(msg string, args ...any)
	queue  chan message
	sender sync.WaitGroup
	cut    context.CancelFunc // ends what is being sent

	sent, failed, dropped atomic.Int64
}

func main() {
	n := &notifier{queue: make(chan message, waiting), client: http.Client{Timeout: 10 * time.Second}}
	plugin.Main(plugin.Plugin{
		Name: "notification", Version: "1.0.0", License: "MIT",
		Description:   "Sends a Slack message when a job has failed for good",
		Config:        json.RawMessage(schema),
		Needs:         ratchet.PluginNeeds{Network: true},
		Start:         n.start,
		ConfigChanged: n.configure,
		Stop:          n.stop,
		OnFailure:     &plugin.Hook{Brief: true, Call: n.failure},
		Metrics:       n.metrics,
	})
}

func (n *notifier) start(ctx context.Context, s plugin.Setup) error {
	if err := n.configure(ctx, s.Config); err != nil {
		return err
	}
	n.log = s.Log.Warn
	ctx, n.cut = context.WithCancel(context.WithoutCancel(ctx))
	n.sender.Go(func() {
		for m := range n.queue {
			n.deliver(ctx, m)
		}
	})
	return nil
}

func (n *notifier) configure(_ context.Context, text json.RawMessage) error {
	c := &config{Attempts: 3}
	if err := json.Unmarshal(text, c); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	n.config.Store(c)
	return nil
}

// stop sends what waits, unless that takes too long.
func (n *notifier) stop(ctx context.Context) error {
	close(n.queue)
	defer context.AfterFunc(ctx, n.cut)()
	n.sender.Wait()
	n.cut()
	return nil
}

// failure is told of a job that failed and is not tried again.
func (n *notifier) failure(_ context.Context, e *plugin.Event) error {
	c := n.config.Load()
	if len(c.Tasks) > 0 && !slices.Contains(c.Tasks, e.Task) {
		return nil
	}
	select {
	case n.queue <- messageOf(e, c.Channel):
		return nil
	default:
		n.dropped.Add(1)
		return fmt.Errorf("%d messages wait already: that of %s is dropped", waiting, e.Job)
	}
}

// deliver sends a message, again if that fails.
func (n *notifier) deliver(ctx context.Context, m message) {
	c := n.config.Load()
	pause := 500 * time.Millisecond
	for attempt := 1; ; attempt, pause = attempt+1, 2*pause {
		again, err := n.post(ctx, c.URL, m)
		if err == nil {
			n.sent.Add(1)
			return
		}
		if !again || attempt == c.Attempts || ctx.Err() != nil {
			n.failed.Add(1)
			n.log("a message could not be sent", "attempts", attempt, "error", err.Error())
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

func (n *notifier) metrics(context.Context) (map[string]float64, error) {
	return map[string]float64{"sent": float64(n.sent.Load()), "failed": float64(n.failed.Load()), "dropped": float64(n.dropped.Load())}, nil
}
