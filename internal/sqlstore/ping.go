package sqlstore

import "context"

// Ping finds out whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return wrap("ping the database", s.reader().queryRow(ctx, "SELECT 1").Scan(&one))
}
