package sqlstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A lane is what deliveries to the same place wait in.
type lane struct {
	name string
	next time.Time // when its first one is due
}

// lanesWaiting reads the lanes in which deliveries wait. It steps from one to the
// next through the index, past however many wait in each: a receiver that is dead
// has a long lane, and the others must not pay for it. SQLite, which knows nothing
// of how many there are, would take the index of states and look at all of them.
func lanesWaiting(d dialect) string {
	from := " FROM deliveries"
	if d == sqlite {
		from += " INDEXED BY deliveries_due"
	}
	return "WITH RECURSIVE waiting(lane) AS (SELECT min(lane)" + from + " WHERE state = 'pending' " +
		"UNION ALL SELECT (SELECT min(deliveries.lane)" + from + " WHERE deliveries.state = 'pending' AND deliveries.lane > waiting.lane) FROM waiting WHERE waiting.lane IS NOT NULL) " +
		"SELECT lane, (SELECT min(next_at)" + from + " WHERE deliveries.state = 'pending' AND deliveries.lane = waiting.lane) FROM waiting WHERE lane IS NOT NULL"
}

// lanes returns the lanes in which deliveries wait, but for those in except, the
// one that is due first first.
func (s *Store) lanes(ctx context.Context, except []string) (waiting []lane, err error) {
	rs, err := s.reader().query(ctx, lanesWaiting(s.kind))
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	for rs.Next() {
		var l lane
		if err := rs.Scan(&l.name, scanTime{&l.next}); err != nil {
			return nil, err
		}
		if !slices.Contains(except, l.name) && !l.next.IsZero() {
			waiting = append(waiting, l)
		}
	}
	slices.SortFunc(waiting, func(a, b lane) int { return cmp.Or(a.next.Compare(b.next), strings.Compare(a.name, b.name)) })
	return waiting, rs.Err()
}

// NextDelivery is when the next delivery is due that is not in a lane of except;
// zero: none waits.
func (s *Store) NextDelivery(ctx context.Context, except []string) (time.Time, error) {
	waiting, err := s.lanes(ctx, except)
	if err != nil || len(waiting) == 0 {
		return time.Time{}, wrap("find the next delivery", err)
	}
	return waiting[0].next, nil
}

// Bounds of one claim.
const (
	lanesAtOnce    = 32       // lanes of which it takes some
	dueJobsAtOnce  = 8        // jobs that are read with one statement
	dueBytesAtOnce = 64 << 20 // of inputs and results; what goes beyond is left for later
)

// ClaimDeliveries leases at most so many deliveries that are due to this node, of
// each lane at most Config.DeliveriesPerLane, the longest due first, but none of
// the lanes in except. Where nothing is due it only reads.
func (s *Store) ClaimDeliveries(ctx context.Context, most int, except []string) ([]ratchet.DueDelivery, error) {
	waiting, err := s.lanes(ctx, except)
	if err != nil {
		return nil, wrap("look for deliveries", err)
	}
	at := now()
	due := slices.IndexFunc(waiting, func(l lane) bool { return l.next.After(at) })
	if due >= 0 {
		waiting = waiting[:due]
	}
	if len(waiting) == 0 || most <= 0 {
		return nil, nil
	}
	claimed, err := s.leaseDeliveries(ctx, waiting[:min(len(waiting), lanesAtOnce)], at, most)
	if err != nil || len(claimed) == 0 {
		return nil, err
	}
	full, err := s.fill(ctx, claimed)
	if err != nil {
		s.unlease(ctx, claimed)
		return nil, wrap("read what is to be delivered", err)
	}
	s.unlease(ctx, claimed[len(full):])
	if full, err = s.failJobless(ctx, full); err != nil {
		return nil, err
	}
	s.leased.add(full)
	return full, nil
}

// failJobless ends those whose job is not there any more, and returns the others.
func (s *Store) failJobless(ctx context.Context, all []ratchet.DueDelivery) (rest []ratchet.DueDelivery, err error) {
	var ends []ratchet.DeliveryEnd
	for _, d := range all {
		if !d.Job.ID.IsZero() {
			rest = append(rest, d)
			continue
		}
		cause := ratchet.Errorf(ratchet.ReasonEntityNotFound, "job %s is not kept any more: there is nothing to deliver", d.Delivery.Job)
		ends = append(ends, ratchet.DeliveryEnd{ID: d.ID, Token: d.Token, State: ratchet.DeliveryFailed, Receipt: ratchet.Receipt{Error: cause}})
	}
	return rest, s.EndDeliveries(ctx, ends)
}

// leaseDeliveries makes some of the deliveries in the lanes this node's.
func (s *Store) leaseDeliveries(ctx context.Context, waiting []lane, at time.Time, most int) (claimed []ratchet.DueDelivery, err error) {
	var token [16]byte
	rand.Read(token[:])
	args := []any{token[:], s.cfg.Node}
	lock := s.kind.forUpdate()
	if lock != "" {
		lock += " SKIP LOCKED" // another node is just leasing it
	}
	parts := make([]string, len(waiting))
	for i, l := range waiting {
		parts[i] = "SELECT id, next_at FROM (SELECT id, next_at FROM deliveries WHERE state = 'pending' AND lane = ? AND next_at <= ? ORDER BY next_at LIMIT " + strconv.Itoa(s.cfg.DeliveriesPerLane) + lock + ") AS part"
		args = append(args, l.name, stamp(at))
	}
	args = append(args, most)
	// Another node may have leased some of them meanwhile: those are left out.
	statement := "UPDATE deliveries SET state = 'sending', lease = ?, node = ?, leased_at = " + s.kind.clock() +
		" WHERE state = 'pending' AND id IN (SELECT id FROM (" + strings.Join(parts, " UNION ALL ") + ") AS due ORDER BY next_at LIMIT ?) RETURNING " +
		strings.Join(deliveryColumns(), ", ") + ", spec, lane, round"
	lease := func(t *tx) error {
		claimed = nil
		rs, err := t.query(ctx, statement, args...)
		if err != nil {
			return err
		}
		defer rs.Close()
		for rs.Next() {
			d := ratchet.DueDelivery{Token: token}
			if err := rs.Scan(append(deliveryDest(&d.Delivery), scanJSON{&d.Spec}, &d.Lane, &d.Round)...); err != nil {
				return err
			}
			claimed = append(claimed, d)
		}
		return rs.Err()
	}
	if s.kind == postgres {
		_, err = s.single(ctx, "claim deliveries", func(t *tx) (bool, error) { return true, lease(t) })
	} else {
		err = s.write(ctx, "claim deliveries", lease)
	}
	slices.SortStableFunc(claimed, func(a, b ratchet.DueDelivery) int { return a.NextAttemptAt.Compare(b.NextAttemptAt) })
	return claimed, err
}

// fill adds to deliveries what they deliver: as many of them, from the first one
// on, as may be held at once. One whose job is gone has none.
func (s *Store) fill(ctx context.Context, claimed []ratchet.DueDelivery) ([]ratchet.DueDelivery, error) {
	size := 0
	for from := 0; from < len(claimed); from += dueJobsAtOnce {
		if size > dueBytesAtOnce {
			return claimed[:from], nil
		}
		some := claimed[from:min(from+dueJobsAtOnce, len(claimed))]
		n, err := s.fillSome(ctx, some)
		if err != nil {
			return nil, err
		}
		size += n
	}
	return claimed, nil
}

func (s *Store) fillSome(ctx context.Context, some []ratchet.DueDelivery) (size int, err error) {
	ids := make([]any, len(some))
	for i := range some {
		ids[i] = some[i].Delivery.Job
	}
	ids = padded(ids)
	marks := placeholders(len(ids))
	found, err := jobs().all(ctx, s.reader(), "WHERE id IN ("+marks+")", ids...)
	if err != nil {
		return 0, err
	}
	attempts, err := lastAttempts().all(ctx, s.reader(), "WHERE job_id IN ("+marks+") ORDER BY started_at, id", ids...)
	if err != nil {
		return 0, err
	}
	for i := range some {
		d := &some[i]
		k := slices.IndexFunc(found, func(j ratchet.Job) bool { return j.ID == d.Delivery.Job })
		if k < 0 {
			continue
		}
		d.Job = found[k]
		size += len(d.Job.Input) + len(d.Job.Output)
		for x := range attempts {
			if attempts[x].Job == d.Job.ID && attempts[x].State != ratchet.ExecutionLost {
				d.Execution = executionOf(&d.Job, attempts[x])
			}
		}
		version, err := s.version(ctx, s.reader(), d.Job.TaskID, d.Job.VersionDigest)
		if err != nil {
			return 0, err
		}
		if version != nil {
			d.Version = version.Semver
		}
	}
	return size, nil
}

// lastAttempts is the list of executions without what their jobs have too.
func lastAttempts() table[ratchet.Execution] {
	t := executions()
	for i, column := range t.columns {
		if strings.Contains(column, "(SELECT ") {
			t.columns[i] = "NULL"
		}
	}
	return t
}

// executionOf is the execution with what its job has for it.
func executionOf(j *ratchet.Job, x ratchet.Execution) *ratchet.Execution {
	x.Input = j.Input
	if x.State == ratchet.ExecutionCompleted {
		x.Output = j.Output
	}
	return &x
}

// unlease gives deliveries back that were leased and are not handed out. What is
// not written here is found by RecoverDeliveries.
func (s *Store) unlease(ctx context.Context, some []ratchet.DueDelivery) {
	if len(some) == 0 {
		return
	}
	err := s.write(detached(ctx), "give back deliveries", func(t *tx) error {
		for _, d := range some {
			if err := free(ctx, t, d.ID, d.Token, time.Time{}); err != nil && !errors.Is(err, ratchet.ErrStale) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "deliveries were not given back: they are found again in a minute", slog.Int("deliveries", len(some)), slog.Any("error", err))
	}
}

// free lets a leased delivery wait again, for as long as before if at is zero.
func free(ctx context.Context, t *tx, id ratchet.DeliveryID, token [16]byte, at time.Time) error {
	n, err := t.exec(ctx, "UPDATE deliveries SET state = 'pending', lease = NULL, node = NULL, leased_at = NULL, next_at = coalesce(?, next_at) "+
		"WHERE id = ? AND state = 'sending' AND lease = ?", stamp(at), id, token[:])
	if err == nil && n == 0 {
		return ratchet.ErrStale
	}
	t.deliver = true
	return err
}

// endDelivery writes how an attempt ended, if the lease still holds.
func endDelivery() string {
	return "UPDATE deliveries SET state = ?, attempts = attempts + 1, status = ?, error = ?, error_reason = ?, " +
		"next_at = ?, finished_at = ?, lease = NULL, node = NULL, leased_at = NULL " +
		"WHERE id = ? AND state = 'sending' AND lease = ? RETURNING " + strings.Join(deliveryColumns(), ", ") + ", place"
}

// EndDeliveries writes how attempts ended, all in one transaction. Those whose
// lease was lost are left out, and counted as stale. The number of an attempt is
// the store's: that of its receipt is not looked at.
func (s *Store) EndDeliveries(ctx context.Context, ends []ratchet.DeliveryEnd) error {
	if len(ends) == 0 {
		return nil
	}
	defer s.leased.remove(ends)
	var stale int64
	err := s.write(ctx, "end deliveries", func(t *tx) error {
		stale = 0
		var rows []values
		taken, others := alike(ends)
		for status, all := range taken {
			for some := range slices.Chunk(all, takenAtOnce) {
				written, err := s.endTaken(ctx, t, status, some, now())
				if err != nil {
					return err
				}
				rows = append(rows, written...)
				stale += int64(len(some) - len(written))
			}
		}
		for _, e := range others {
			row, err := s.endOne(ctx, t, e)
			if errors.Is(err, ratchet.ErrStale) {
				stale++
				continue
			}
			if err != nil {
				return err
			}
			if row != nil {
				rows = append(rows, row)
			}
		}
		return insertAll(ctx, t, "delivery_receipts", rows)
	})
	if err == nil {
		s.stale.Add(stale)
	}
	return err
}

// endOne writes how one attempt ended and returns its receipt; nil if it was not
// made.
func (s *Store) endOne(ctx context.Context, t *tx, e *ratchet.DeliveryEnd) (values, error) {
	if e.Free {
		return nil, free(ctx, t, e.ID, e.Token, e.NextAt)
	}
	at := now()
	var next, finished time.Time
	switch e.State {
	case ratchet.DeliveryPending:
		if next = e.NextAt; next.IsZero() {
			next = at
		}
		t.deliver = true
	case ratchet.DeliveryDelivered, ratchet.DeliveryFailed:
		finished = at
	default:
		return nil, errUnknownEnd
	}
	errs, err := errorColumns(e.Receipt.Error)
	if err != nil {
		return nil, err
	}
	var d ratchet.Delivery
	var place string
	err = t.queryRow(ctx, s.endDelivery(), string(e.State), e.Receipt.Status, errs[0], errs[1], stamp(next), stamp(finished), e.ID, e.Token[:]).
		Scan(append(deliveryDest(&d), &place)...)
	if errors.Is(err, errNoRows) {
		return nil, ratchet.ErrStale
	}
	if err != nil {
		return nil, err
	}
	if d.State != ratchet.DeliveryPending {
		t.publish(deliveryEvent(&d))
	}
	if e.Gone && place != "" {
		if err := disable(ctx, t, &d, place, at); err != nil {
			return nil, err
		}
	}
	return receiptValues(d.ID, d.Attempts, &e.Receipt)
}

// disable fails all that waits for a place that wants no more, and from then on
// what else is made for it.
func disable(ctx context.Context, t *tx, told *ratchet.Delivery, place string, at time.Time) error {
	_, err := t.exec(ctx, "INSERT INTO disabled_targets (namespace, place, target, at, delivery_id) VALUES (?, ?, ?, ?, ?) ON CONFLICT (namespace, place) DO NOTHING",
		namespace, place, plainText(told.Target), stamp(at), told.ID)
	if err != nil {
		return err
	}
	errs, err := errorColumns(gone(told.Target))
	if err != nil {
		return err
	}
	rs, err := t.query(ctx, "UPDATE deliveries SET state = 'failed', error = ?, error_reason = ?, next_at = NULL, finished_at = ? "+
		"WHERE state = 'pending' AND lane = (SELECT lane FROM deliveries WHERE id = ?) AND place = ? RETURNING "+strings.Join(deliveryColumns(), ", "),
		errs[0], errs[1], stamp(at), told.ID, place)
	if err != nil {
		return err
	}
	defer rs.Close()
	for rs.Next() {
		var d ratchet.Delivery
		if err := rs.Scan(deliveryDest(&d)...); err != nil {
			return err
		}
		t.publish(deliveryEvent(&d))
	}
	return rs.Err()
}
