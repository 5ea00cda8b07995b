package sqlstore

import (
	"context"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

func plugins() table[ratchet.PluginRecord] {
	return table[ratchet.PluginRecord]{
		name: "plugins", noun: "plugin", missing: ratchet.ReasonPluginNotFound,
		columns: []string{"name", "enabled", "sealed", "pin", "allowed", "on_error", "budget", "priority", "updated_at"},
		dest: func(r *ratchet.PluginRecord) []any {
			return []any{
				&r.Name, &r.Enabled, &r.Sealed, &r.Pin,
				scanJSON{&r.Allowed},
				scanText[ratchet.PluginOnError]{&r.OnError},
				scanInt[ratchet.Duration]{&r.Budget},
				&r.Priority,
				scanTime{&r.UpdatedAt},
			}
		},
		values: func(r *ratchet.PluginRecord) values {
			return values{
				{"name", r.Name},
				{"enabled", r.Enabled},
				{"sealed", r.Sealed},
				{"pin", r.Pin},
				{"allowed", jsonValue{r.Allowed}},
				{"on_error", string(r.OnError)},
				{"budget", int64(r.Budget)},
				{"priority", r.Priority},
				{"updated_at", stamp(r.UpdatedAt)},
			}
		},
	}
}

// PluginRecords lists the plugins that the operator has set, by name.
func (s *Store) PluginRecords(ctx context.Context) ([]ratchet.PluginRecord, error) {
	all, err := plugins().all(ctx, s.reader(), "WHERE namespace = ? ORDER BY name", namespace)
	return all, wrap("list plugins", err)
}

// SetPlugin writes r, if it is as it was last updated at the time given; zero: if
// there is none. Otherwise somebody was quicker: a conflict.
func (s *Store) SetPlugin(ctx context.Context, r *ratchet.PluginRecord, seen time.Time) error {
	fresh := *r
	fresh.UpdatedAt = now()
	if !fresh.UpdatedAt.After(seen) { // the clock was set back, or this was quick
		fresh.UpdatedAt = seen.Add(time.Microsecond)
	}
	err := s.write(ctx, "set plugin", func(tx *tx) error {
		if seen.IsZero() {
			row := plugins().values(&fresh)
			if err := row.check(); err != nil {
				return err
			}
			n, err := tx.exec(ctx, row.insert("plugins")+" ON CONFLICT (namespace, name) DO NOTHING", row.args()...)
			if err == nil && n == 0 {
				return pluginChanged(fresh.Name)
			}
			return err
		}
		found, err := plugins().update(ctx, tx, &fresh, fresh.Name, "namespace = ? AND name = ? AND updated_at = ?", namespace, fresh.Name, stamp(seen))
		if err == nil && !found {
			return pluginChanged(fresh.Name)
		}
		return err
	})
	if err == nil {
		*r = fresh
	}
	return err
}

func pluginChanged(name string) error {
	return ratchet.Errorf(ratchet.ReasonChanged, "plugin %q was changed by somebody else meanwhile: look at it again", name)
}
