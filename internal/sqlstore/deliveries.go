package sqlstore

import (
	"context"
	"errors"

	"github.com/ratchet-runner/ratchet-go"
)

func deliveryColumns() []string {
	return []string{
		"id", "job_id", "task_id", "task", "destination", "type", "target", "state", "attempts", "status", "error",
		"next_at", "created_at", "finished_at",
	}
}

func deliveryDest(d *ratchet.Delivery) []any {
	return []any{
		&d.ID, &d.Job, &d.TaskID, &d.Task, &d.Destination,
		scanText[ratchet.DestinationType]{&d.Type},
		&d.Target,
		scanText[ratchet.DeliveryState]{&d.State},
		&d.Attempts, &d.Status,
		scanJSON{&d.Error},
		scanTime{&d.NextAttemptAt},
		scanTime{&d.CreatedAt},
		scanTime{&d.FinishedAt},
	}
}

// deliveries is the list of deliveries, without their receipts.
func deliveries() table[ratchet.Delivery] {
	return table[ratchet.Delivery]{
		name: "deliveries", noun: "delivery", missing: ratchet.ReasonEntityNotFound,
		fields:  ratchet.DeliveryFields,
		columns: deliveryColumns(),
		dest:    deliveryDest,
		indexed: []string{"state", "task"},
		special: map[string]column{
			"id":            {parse: idsOf(ratchet.ParseID[ratchet.Delivery])},
			"jobId":         {parse: idsOf(ratchet.ParseID[ratchet.Job])},
			"nextAttemptAt": {expr: "next_at", null: true},
			"finishedAt":    {null: true},
		},
	}
}

// Deliveries returns a part of the list of deliveries. Receipts are left out: see
// Delivery.
func (s *Store) Deliveries(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Delivery], error) {
	return deliveries().list(ctx, s.reader(), q)
}

// Delivery returns a delivery with its receipts, the first one first.
func (s *Store) Delivery(ctx context.Context, id ratchet.DeliveryID) (*ratchet.Delivery, error) {
	d, err := deliveries().get(ctx, s.reader(), id.String(), "id = ?", id)
	if err != nil {
		return nil, err
	}
	d.Receipts, err = receipts().all(ctx, s.reader(), "WHERE delivery_id = ? ORDER BY attempt", id)
	return d, wrap("read receipts", err)
}

func receipts() table[ratchet.Receipt] {
	return table[ratchet.Receipt]{
		name: "delivery_receipts", noun: "receipt", missing: ratchet.ReasonEntityNotFound,
		columns: []string{"attempt", "at", "duration_ms", "status", "bytes", "error", "response"},
		dest: func(r *ratchet.Receipt) []any {
			return []any{&r.Attempt, scanTime{&r.At}, &r.Duration, &r.Status, &r.Bytes, scanJSON{&r.Error}, &r.Response}
		},
	}
}

// receiptValues are the values of a receipt.
func receiptValues(id ratchet.DeliveryID, attempt int, r *ratchet.Receipt) (values, error) {
	errs, err := errorColumns(r.Error)
	if err != nil {
		return nil, err
	}
	at := r.At
	if at.IsZero() {
		at = now()
	}
	return values{
		{"delivery_id", id},
		{"attempt", attempt},
		{"at", stamp(at)},
		{"duration_ms", r.Duration},
		{"status", r.Status},
		{"bytes", r.Bytes},
		{"error", errs[0]},
		{"response", plainText(r.Response)},
	}, nil
}

// Redeliver has a delivery attempted now that was delivered, has failed or waits,
// and lifts the disabling of its target; one that is being sent is a conflict. Its
// attempts count on, its retries begin anew.
func (s *Store) Redeliver(ctx context.Context, id ratchet.DeliveryID) (d *ratchet.Delivery, err error) {
	err = s.write(ctx, "redeliver", func(t *tx) error {
		list := deliveries()
		list.columns = append(list.columns, "place")
		var place string
		list.dest = func(d *ratchet.Delivery) []any { return append(deliveryDest(d), &place) }
		var there *ratchet.Delivery
		if there, err = list.get(ctx, t, id.String(), "id = ?"+t.dialect().forUpdate(), id); err != nil {
			return err
		}
		if there.State == ratchet.DeliverySending {
			return ratchet.Errorf(ratchet.ReasonExecutionInvalidState, "delivery %s is being sent: wait for what comes of it", id)
		}
		if place != "" {
			if _, err := t.exec(ctx, "DELETE FROM disabled_targets WHERE namespace = ? AND place = ?", namespace, place); err != nil {
				return err
			}
		}
		_, err = t.exec(ctx, "UPDATE deliveries SET round = CASE WHEN state = 'pending' THEN round ELSE attempts END, state = 'pending', next_at = ?, finished_at = NULL, losses = 0 WHERE id = ?", stamp(now()), id)
		if err != nil {
			return err
		}
		t.deliver = true
		d, err = deliveries().one(ctx, t, "id = ?", id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// errUnknownEnd is of a programmer: a delivery was said to end as it cannot.
var errUnknownEnd = errors.New("an attempt at a delivery leaves it pending, delivered or failed")
