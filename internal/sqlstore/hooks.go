package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

func hooks() table[ratchet.Hook] {
	return table[ratchet.Hook]{
		name: "hooks", noun: "hook", missing: ratchet.ReasonEntityNotFound,
		columns: []string{
			"id", "name", "task_id", "(SELECT name FROM tasks WHERE tasks.id = hooks.task_id)", "verify", "enabled", "priority", "calls", "created_at", "used_at",
		},
		dest: func(h *ratchet.Hook) []any {
			return []any{
				&h.ID, &h.Name, &h.TaskID, &h.Task,
				scanText[ratchet.HookScheme]{&h.Verify},
				&h.Enabled,
				scanInt[ratchet.Priority]{&h.Priority},
				&h.Calls,
				scanTime{&h.CreatedAt},
				scanTime{&h.UsedAt},
			}
		},
		values: func(h *ratchet.Hook) values {
			return values{
				{"id", h.ID},
				{"name", h.Name},
				{"task_id", h.TaskID},
				{"verify", string(h.Verify)},
				{"enabled", h.Enabled},
				{"priority", int64(h.Priority)},
				{"created_at", stamp(h.CreatedAt)},
			}
		},
	}
}

// Hooks returns the hooks of a task, by name.
func (s *Store) Hooks(ctx context.Context, task ratchet.TaskID) ([]ratchet.Hook, error) {
	all, err := hooks().all(ctx, s.reader(), "WHERE task_id = ? ORDER BY hooks.name", task)
	return all, wrap("list hooks", err)
}

// Hook returns a hook.
func (s *Store) Hook(ctx context.Context, id ratchet.HookID) (*ratchet.Hook, error) {
	return hooks().get(ctx, s.reader(), id.String(), "id = ?", id)
}

// HookByToken returns the hook with the SHA-256 of a token, and what lets its
// callers in; an old secret whose time is over is left out.
func (s *Store) HookByToken(ctx context.Context, tokenHash []byte) (*ratchet.HookKey, error) {
	t := hooks()
	var k ratchet.HookKey
	t.columns = append(t.columns, "token_hash", "secret", "old_secret", "old_until")
	dest := t.dest
	t.dest = func(h *ratchet.Hook) []any {
		return append(dest(h), &k.TokenHash, &k.Secret, &k.OldSecret, scanTime{&k.OldUntil})
	}
	h, err := t.one(ctx, s.reader(), "token_hash = ?", append([]byte{}, tokenHash...))
	if errors.Is(err, errNoRows) {
		return nil, ratchet.Errorf(ratchet.ReasonEntityNotFound, "there is no such hook")
	}
	if err != nil {
		return nil, wrap("read hook", err)
	}
	k.Hook = *h
	if !k.OldUntil.After(now()) {
		k.OldSecret, k.OldUntil = nil, time.Time{}
	}
	return &k, nil
}

// CreateHook keeps a hook and gives it what it lacks: an ID and the time of its
// making. Another of the task with its name is a conflict.
func (s *Store) CreateHook(ctx context.Context, h *ratchet.HookKey) error {
	fresh := h.Hook
	if fresh.ID.IsZero() {
		fresh.ID = ratchet.NewID[ratchet.Hook]()
	}
	if fresh.CreatedAt.IsZero() {
		fresh.CreatedAt = now()
	}
	fresh.CreatedAt = fresh.CreatedAt.Truncate(time.Microsecond)
	err := s.write(ctx, "create hook", func(tx *tx) error {
		if err := taskThere(ctx, tx, fresh.TaskID); err != nil {
			return err
		}
		return hooks().create(ctx, tx, &fresh, fresh.Name,
			value{"token_hash", append([]byte{}, h.TokenHash...)}, value{"secret", bytesOrNull(h.Secret)},
			value{"old_secret", bytesOrNull(h.OldSecret)}, value{"old_until", stamp(h.OldUntil)})
	})
	if err == nil {
		h.Hook = fresh
	}
	return err
}

// bytesOrNull is how bytes are kept that there may be none of.
func bytesOrNull(b []byte) any {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

// UpdateHook changes what the patch says.
func (s *Store) UpdateHook(ctx context.Context, id ratchet.HookID, p ratchet.HookPatch) (*ratchet.Hook, error) {
	var priority any
	if p.Priority != nil {
		priority = int64(*p.Priority)
	}
	var enabled any
	if p.Enabled != nil {
		enabled = *p.Enabled
	}
	return s.changeHook(ctx, "update hook", id, "enabled = coalesce(?, enabled), priority = coalesce(?, priority)", enabled, priority)
}

// RotateHook gives a hook another secret; the one it has is its old one then,
// which is good until a time.
func (s *Store) RotateHook(ctx context.Context, id ratchet.HookID, secret []byte, oldUntil time.Time) (*ratchet.Hook, error) {
	return s.changeHook(ctx, "rotate hook", id, "old_secret = secret, old_until = ?, secret = ?", stamp(oldUntil), bytesOrNull(secret))
}

// HookUsed counts calls that were accepted, the last of them at the time.
func (s *Store) HookUsed(ctx context.Context, id ratchet.HookID, calls int64, at time.Time) error {
	_, err := s.changeHook(ctx, "count calls of hook", id, "calls = calls + ?, used_at = ?", calls, stamp(at))
	return err
}

// changeHook sets columns of a hook and returns it as it is then.
func (s *Store) changeHook(ctx context.Context, what string, id ratchet.HookID, set string, args ...any) (h *ratchet.Hook, err error) {
	err = s.write(ctx, what, func(tx *tx) error {
		if _, err := tx.exec(ctx, "UPDATE hooks SET "+set+" WHERE id = ?", append(args[:len(args):len(args)], id)...); err != nil {
			return err
		}
		h, err = hooks().get(ctx, tx, id.String(), "id = ?", id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}

// DeleteHook removes a hook: its URL is nobody's from then on.
func (s *Store) DeleteHook(ctx context.Context, id ratchet.HookID) error {
	return s.write(ctx, "delete hook", func(tx *tx) error {
		return hooks().delete(ctx, tx, id)
	})
}
