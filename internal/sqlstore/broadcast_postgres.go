//go:build !nopostgres

package sqlstore

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"
)

func (s *Store) tell(ctx context.Context, payload string) error {
	_, err := s.pool.Exec(ctx, "SELECT pg_notify($1, $2)", channel, payload)
	return err
}

func (s *Store) listen(ctx context.Context, heard func([]byte)) error {
	pooled, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	c := pooled.Hijack() // a connection that listens must not be used for anything else
	defer func() { _ = c.Close(detached(ctx)) }()
	if _, err := c.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	own := s.cfg.Node.UUID()
	for {
		n, err := c.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if message, ok := fromOther(n, own); ok {
			heard(message)
		}
	}
}

// fromOther returns what another node said.
func fromOther(n *pgconn.Notification, own string) ([]byte, bool) {
	if len(n.Payload) < len(own) || n.Payload[:len(own)] == own {
		return nil, false
	}
	return []byte(n.Payload[len(own):]), true
}
