package sqlstore

import "context"

// Agree keeps a value under a name, unless there is one already, and returns what
// is kept: the same to all who work on the database.
func (s *Store) Agree(ctx context.Context, name, value string) (kept string, err error) {
	err = s.write(ctx, "agree on "+name, func(t *tx) error {
		_, err := t.exec(ctx, "INSERT INTO settings (namespace, name, value, updated_at) VALUES (?, ?, ?, ?) ON CONFLICT (namespace, name) DO NOTHING", namespace, name, value, nowStamp())
		if err != nil {
			return err
		}
		return t.queryRow(ctx, "SELECT value FROM settings WHERE namespace = ? AND name = ?", namespace, name).Scan(&kept)
	})
	return kept, err
}
