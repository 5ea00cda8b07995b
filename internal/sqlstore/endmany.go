package sqlstore

import (
	"context"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// Most attempts end well and alike: those are written with one statement for
// many, where one each would be as many trips to PostgreSQL.

// takenAtOnce is how many are written with one statement.
const takenAtOnce = 64

// alike splits ends in those that were taken, by the status of the answer, and
// the others.
func alike(ends []ratchet.DeliveryEnd) (taken map[int][]*ratchet.DeliveryEnd, others []*ratchet.DeliveryEnd) {
	taken = map[int][]*ratchet.DeliveryEnd{}
	seen := map[ratchet.DeliveryID]bool{}
	for i := range ends {
		e := &ends[i]
		if e.State == ratchet.DeliveryDelivered && !e.Free && e.Receipt.Error == nil && !seen[e.ID] {
			taken[e.Receipt.Status] = append(taken[e.Receipt.Status], e)
		} else {
			others = append(others, e)
		}
		seen[e.ID] = true
	}
	return taken, others
}

// endTaken is the statement that writes that so many attempts were taken.
func endTaken(n int) string {
	return "UPDATE deliveries SET state = 'delivered', attempts = attempts + 1, status = ?, error = NULL, error_reason = '', " +
		"next_at = NULL, finished_at = ?, lease = NULL, node = NULL, leased_at = NULL WHERE " +
		strings.TrimSuffix(strings.Repeat("id = ? AND lease = ? AND state = 'sending' OR ", n), " OR ") + " RETURNING " + strings.Join(deliveryColumns(), ", ")
}

// endTaken writes that attempts were taken whose leases still hold, and returns
// their receipts.
func (s *Store) endTaken(ctx context.Context, t *tx, status int, ends []*ratchet.DeliveryEnd, at time.Time) (rows []values, err error) {
	args := []any{status, stamp(at)}
	n := 0
	for ; n < len(ends) || n&(n-1) != 0; n++ { // of few different lengths
		e := ends[min(n, len(ends)-1)]
		args = append(args, e.ID, e.Token[:])
	}
	rs, err := t.query(ctx, endTaken(n), args...)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	of := map[ratchet.DeliveryID]*ratchet.DeliveryEnd{}
	for _, e := range ends {
		of[e.ID] = e
	}
	for rs.Next() {
		var d ratchet.Delivery
		if err := rs.Scan(deliveryDest(&d)...); err != nil {
			return nil, err
		}
		row, err := receiptValues(d.ID, d.Attempts, &of[d.ID].Receipt)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
		t.publish(deliveryEvent(&d))
	}
	return rows, rs.Err()
}
