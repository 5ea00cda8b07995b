package plugin

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/ipc"
)

// A handler makes lines of the server's log of what a plugin logs. The server
// decides which levels it keeps.
type handler struct {
	conn   *ipc.Conn
	attrs  []slog.Attr
	groups []string
}

// Enabled takes everything.
func (*handler) Enabled(context.Context, slog.Level) bool { return true }

// Handle sends a line.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	fields := map[string]any{}
	for _, a := range h.attrs {
		add(fields, a)
	}
	inner := fields
	for _, g := range h.groups {
		inner = below(inner, g)
	}
	r.Attrs(func(a slog.Attr) bool {
		add(inner, a)
		return true
	})
	line := &ipc.PluginLog{At: orNow(r.Time).UnixNano(), Level: r.Level.String(), Message: r.Message}
	if len(fields) > 0 {
		var err error
		if line.Fields, err = json.Marshal(fields); err != nil {
			line.Fields, _ = json.Marshal(map[string]string{"fields": err.Error()}) // a string marshals
		}
	}
	return h.conn.Send(line)
}

func orNow(t time.Time) time.Time {
	if t.IsZero() {
		return time.Now()
	}
	return t
}

// below is the object of a group, made if there is none.
func below(fields map[string]any, group string) map[string]any {
	if there, ok := fields[group].(map[string]any); ok {
		return there
	}
	made := map[string]any{}
	fields[group] = made
	return made
}

// add puts an attribute under its key, groups as objects.
func add(to map[string]any, a slog.Attr) {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		group := to
		if a.Key != "" {
			group = below(to, a.Key)
		}
		for _, member := range v.Group() {
			add(group, member)
		}
	case slog.KindDuration:
		to[a.Key] = v.Duration().String()
	default:
		if err, ok := v.Any().(error); ok {
			to[a.Key] = err.Error()
			return
		}
		to[a.Key] = v.Any()
	}
}

// WithAttrs returns a handler that adds the attributes to each line.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	if len(h.groups) > 0 { // they belong to the innermost group
		for _, g := range slices.Backward(h.groups) {
			attrs = []slog.Attr{{Key: g, Value: slog.GroupValue(attrs...)}}
		}
	}
	next.attrs = append(slices.Clip(h.attrs), attrs...)
	return &next
}

// WithGroup returns a handler that puts later attributes under a name.
func (h *handler) WithGroup(name string) slog.Handler {
	next := *h
	next.groups = append(slices.Clip(h.groups), name)
	return &next
}
