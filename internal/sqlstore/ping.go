package sqlstore

import (
	"context"
	"errors"

	"github.com/ratchet-runner/ratchet-go"
)

// Ping finds out whether the database answers, and whether the last write found
// that there is no room for any, or no right to.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := wrap("ping the database", s.reader().queryRow(ctx, "SELECT 1").Scan(&one)); err != nil {
		return err
	}
	if trouble := s.trouble.Load(); trouble != nil {
		return trouble
	}
	return nil
}

// notice remembers what keeps every write from being made, until one is.
func (s *Store) notice(err error) {
	e, ok := errors.AsType[*ratchet.Error](err)
	switch {
	case err == nil:
		if s.trouble.Load() != nil {
			s.trouble.Store(nil)
		}
	case ok && (e.Reason == ratchet.ReasonStorageFull || e.Reason == ratchet.ReasonStorageReadOnly):
		s.trouble.Store(e)
	}
}
