package sqlstore

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// strayAfter is how long a delivery may be this node's without anybody knowing of
// it: its claim was written, and the answer never came.
const strayAfter = time.Minute

// deliveryLosses is how often an attempt at a delivery may die with its server
// before the delivery fails: it may itself be what ends them. It is more than a
// job has: a receiver that is slow is struck by each death.
const deliveryLosses = 100

// leasedDeliveries are those which were handed out and have not ended.
type leasedDeliveries struct {
	mu  sync.Mutex
	out map[ratchet.DeliveryID][16]byte
}

func (l *leasedDeliveries) add(all []ratchet.DueDelivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.out == nil {
		l.out = map[ratchet.DeliveryID][16]byte{}
	}
	for i := range all {
		l.out[all[i].ID] = all[i].Token
	}
}

func (l *leasedDeliveries) remove(ends []ratchet.DeliveryEnd) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range ends {
		if l.out[e.ID] == e.Token {
			delete(l.out, e.ID)
		}
	}
}

func (l *leasedDeliveries) has(id ratchet.DeliveryID, token [16]byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	there, found := l.out[id]
	return found && there == token
}

// A stranded delivery is one that is being sent, by its row.
type stranded struct {
	id    ratchet.DeliveryID
	token [16]byte
	mine  bool // this node has it
}

// lostDeliveries reads the deliveries whose holders may not be there any more:
// those of nodes that are silent, and the older ones of this node.
func lostDeliveries(d dialect) string {
	others := "node <> ?"
	if d == postgres {
		clock := d.clock()
		others += " AND (EXISTS (SELECT 1 FROM nodes WHERE nodes.id = deliveries.node AND nodes.beat_at < " + clock + " - CAST(? AS BIGINT))" +
			" OR NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.id = deliveries.node) AND leased_at < " + clock + " - CAST(? AS BIGINT))"
	} else {
		others += " AND ? >= 0 AND ? >= 0" // nobody else has the file
	}
	return "SELECT id, lease, coalesce(node = ?, 1 = 0) FROM deliveries WHERE state = 'sending' AND (node IS NULL OR " + others +
		" OR node = ? AND leased_at < " + d.clock() + " - CAST(? AS BIGINT)) ORDER BY id"
}

// RecoverDeliveries puts back what was being sent by a node that is not there any
// more: by the last process that had the SQLite file, or by one that has not
// beaten for the time dead. It also puts back what this node was given and never
// heard of. It says how many that were. It may be called at any time, and should
// be now and then; where all is well it only reads.
func (s *Store) RecoverDeliveries(ctx context.Context, dead time.Duration) (n int, err error) {
	lost, err := s.strandedDeliveries(ctx, dead)
	if err != nil || len(lost) == 0 {
		return 0, wrap("look for deliveries that were lost", err)
	}
	err = s.write(ctx, "put back deliveries", func(t *tx) error {
		n = 0
		for _, l := range lost {
			put, err := strand(ctx, t, l)
			if err != nil {
				return err
			}
			n += put
		}
		return nil
	})
	return n, err
}

func (s *Store) strandedDeliveries(ctx context.Context, dead time.Duration) (lost []stranded, err error) {
	age := max(dead.Microseconds(), 0)
	rs, err := s.reader().query(ctx, lostDeliveries(s.kind), s.cfg.Node, s.cfg.Node, age, age, s.cfg.Node, strayAfter.Microseconds())
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	for rs.Next() {
		var l stranded
		var token ratchet.JobID
		if err := rs.Scan(&l.id, &token, &l.mine); err != nil {
			return nil, err
		}
		l.token = token
		if !l.mine || !s.leased.has(l.id, l.token) {
			lost = append(lost, l)
		}
	}
	return lost, rs.Err()
}

// strand puts one back, unless it has ended meanwhile. One that has been lost too
// often has failed.
func strand(ctx context.Context, t *tx, l stranded) (put int, err error) {
	cause := ratchet.Errorf(ratchet.ReasonWorker, "its server died %d times while it was being sent: it may be what ends them", deliveryLosses)
	errs, err := errorColumns(cause)
	if err != nil {
		return 0, err
	}
	var lease any
	if l.token != [16]byte{} {
		lease = l.token[:]
	}
	rs, err := t.query(ctx, "UPDATE deliveries SET state = CASE WHEN losses + 1 >= ? THEN 'failed' ELSE 'pending' END, losses = losses + 1, "+
		"error = CASE WHEN losses + 1 >= ? THEN ? ELSE error END, error_reason = CASE WHEN losses + 1 >= ? THEN ? ELSE error_reason END, "+
		"finished_at = CASE WHEN losses + 1 >= ? THEN CAST(? AS BIGINT) END, next_at = CASE WHEN losses + 1 >= ? THEN NULL ELSE coalesce(next_at, created_at) END, "+
		"lease = NULL, node = NULL, leased_at = NULL WHERE id = ? AND state = 'sending' AND (lease = ? OR lease IS NULL) RETURNING "+strings.Join(deliveryColumns(), ", "),
		deliveryLosses, deliveryLosses, errs[0], deliveryLosses, errs[1], deliveryLosses, stamp(now()), deliveryLosses, l.id, lease)
	if err != nil {
		return 0, err
	}
	defer rs.Close()
	for rs.Next() {
		var d ratchet.Delivery
		if err := rs.Scan(deliveryDest(&d)...); err != nil {
			return 0, err
		}
		put++
		t.deliver = t.deliver || d.State == ratchet.DeliveryPending
		if d.State == ratchet.DeliveryFailed {
			t.publish(deliveryEvent(&d))
		}
	}
	return put, rs.Err()
}
