package sqlstore

import (
	"context"

	"github.com/ratchet-runner/ratchet-go"
)

func nodes() table[ratchet.Node] {
	return table[ratchet.Node]{
		name: "nodes", noun: "node", missing: ratchet.ReasonEntityNotFound,
		columns: []string{"id", "host", "pid", "version", "address", "sandbox", "started_at", "beat_at", "slots", "running", "stopping"},
		dest: func(n *ratchet.Node) []any {
			return []any{
				&n.ID, &n.Host, &n.PID, &n.Version, &n.Address, &n.Sandbox,
				scanTime{&n.StartedAt},
				scanTime{&n.BeatAt},
				&n.Slots, &n.Running, &n.Stopping,
			}
		},
		values: func(n *ratchet.Node) values {
			return values{
				{"id", n.ID},
				{"host", n.Host},
				{"pid", n.PID},
				{"version", n.Version},
				{"address", n.Address},
				{"sandbox", n.Sandbox},
				{"started_at", n.StartedAt.UnixMicro()},
				{"slots", n.Slots},
				{"running", n.Running},
				{"stopping", n.Stopping},
			}
		},
	}
}

// Nodes returns the nodes, in the order of their starts.
func (s *Store) Nodes(ctx context.Context) ([]ratchet.Node, error) {
	all, err := nodes().all(ctx, s.reader(), "ORDER BY started_at, id")
	return all, wrap("list nodes", err)
}

// Beat writes a node's state and that it lives, by the clock of the database: the
// clocks of nodes may differ.
func (s *Store) Beat(ctx context.Context, n ratchet.Node) error {
	row := nodes().values(&n)
	if err := row.check(); err != nil {
		return err
	}
	insert := "INSERT INTO nodes (beat_at"
	update := " ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at"
	for _, v := range row {
		insert += ", " + v.column
		if v.column != "id" {
			update += ", " + v.column + " = excluded." + v.column
		}
	}
	return s.write(ctx, "beat", func(tx *tx) error {
		_, err := tx.exec(ctx, insert+") VALUES ("+tx.dialect().clock()+", "+placeholders(len(row))+")"+update, row.args()...)
		return err
	})
}

// RemoveNode removes a node that has stopped. One that is gone is no error.
func (s *Store) RemoveNode(ctx context.Context, id ratchet.NodeID) error {
	return s.write(ctx, "remove node", func(tx *tx) error {
		_, err := tx.exec(ctx, "DELETE FROM nodes WHERE id = ?", id)
		return err
	})
}
