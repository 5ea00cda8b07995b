package sqlstore

import (
	"context"
	"fmt"
)

// LimitPages makes a SQLite file full at so many pages.
func (s *Store) LimitPages(ctx context.Context, pages int) error {
	_, err := s.db.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	return err
}

// ExecTwice runs a statement twice in one transaction.
func (s *Store) ExecTwice(ctx context.Context, sql string, args ...any) error {
	return s.write(ctx, "test", func(t *tx) error {
		for range 2 {
			if _, err := t.exec(ctx, sql, args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// PanicAfter runs a statement and panics in the transaction.
func (s *Store) PanicAfter(ctx context.Context, sql string, args ...any) error {
	return s.write(ctx, "test", func(t *tx) error {
		if _, err := t.exec(ctx, sql, args...); err != nil {
			return err
		}
		panic("after it was written")
	})
}

// CancelAfter cancels ctx in the transaction.
func (s *Store) CancelAfter(ctx context.Context, cancel context.CancelFunc, sql string, args ...any) error {
	return s.write(ctx, "test", func(t *tx) error {
		cancel()
		_, err := t.exec(ctx, sql, args...)
		return err
	})
}

// Count runs a query for a number.
func (s *Store) Count(ctx context.Context, sql string, args ...any) (n int, err error) {
	err = s.reader().queryRow(ctx, sql, args...).Scan(&n)
	return n, err
}
