package sqlstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A deliveryAnomaly is a condition that no delivery should meet, and what is done
// about one that does.
type deliveryAnomaly struct {
	where, message string
	repair         string // a statement up to its WHERE; none: it cannot be repaired
}

func deliveryAnomalies() []deliveryAnomaly {
	var known []string
	for _, state := range ratchet.DeliveryStates() {
		known = append(known, "'"+string(state)+"'")
	}
	return []deliveryAnomaly{
		{where: "state NOT IN (" + strings.Join(known, ", ") + ")", message: "its state is not known: it is to be sent", repair: "UPDATE deliveries SET state = 'pending', next_at = created_at"},
		{where: "NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = deliveries.job_id)", message: "its job is not there", repair: "DELETE FROM deliveries"},
		{
			where:   "EXISTS (SELECT 1 FROM jobs WHERE jobs.id = deliveries.job_id AND jobs.state IN (" + unfinishedStates() + "))",
			message: "its job is not finished", repair: "DELETE FROM deliveries",
		},
		{
			where: "state = 'sending' AND (lease IS NULL OR node IS NULL OR leased_at IS NULL)", message: "it is being sent, but by nobody: it waits again",
			repair: "UPDATE deliveries SET state = 'pending', lease = NULL, node = NULL, leased_at = NULL, next_at = coalesce(next_at, created_at)",
		},
		{where: "state = 'pending' AND next_at IS NULL", message: "it waits, but not for a time: it is due", repair: "UPDATE deliveries SET next_at = created_at"},
		{where: "state IN ('delivered', 'failed') AND finished_at IS NULL", message: "it is at its end, but not since when", repair: "UPDATE deliveries SET finished_at = created_at"},
		{where: "attempts <> (SELECT count(*) FROM delivery_receipts WHERE delivery_id = deliveries.id)", message: "it does not have a receipt of each attempt"},
		{where: "state = 'delivered' AND attempts = 0", message: "it was delivered, but never attempted"},
	}
}

// deliveries checks deliveries, and that each finished job has those that it
// asked for. Which ones the operator wanted at the time nobody knows any more.
func (c *checker) deliveries(ctx context.Context) error {
	for _, a := range deliveryAnomalies() {
		ids, err := column1[ratchet.DeliveryID](ctx, c.store.reader(), "SELECT id FROM deliveries WHERE "+a.where+" ORDER BY id")
		if err != nil {
			return err
		}
		for _, id := range ids {
			var n int64
			if c.repair && a.repair != "" {
				err := c.store.write(ctx, "repair delivery", func(tx *tx) (err error) {
					tx.deliver = true
					n, err = tx.exec(ctx, a.repair+" WHERE id = ? AND "+a.where, id)
					return err
				})
				if err != nil {
					return err
				}
			}
			c.found(id.String(), a.message, n > 0)
		}
	}
	return c.undelivered(ctx)
}

// checkedAtOnce is how many jobs with destinations are looked at in one step.
const checkedAtOnce = 500

// undelivered checks that each finished job has a delivery to each of its
// destinations that wants its end.
func (c *checker) undelivered(ctx context.Context) error {
	last := firstIDAt(time.Unix(0, 0))
	last[15] = 1 // the zero ID is written as NULL
	for {
		some, err := jobs().all(ctx, c.store.reader(), "WHERE id > ? AND state IN ("+finishedStates()+") AND destinations <> '' ORDER BY id LIMIT ?", last, checkedAtOnce)
		if err != nil {
			return err
		}
		for i := range some {
			if err := c.undeliveredOf(ctx, &some[i]); err != nil {
				return err
			}
		}
		if len(some) < checkedAtOnce {
			return nil
		}
		last = some[len(some)-1].ID
	}
}

func (c *checker) undeliveredOf(ctx context.Context, j *ratchet.Job) error {
	wanted := outgoingTo(j, j.Destinations)
	lack, err := lacking(ctx, c.store.reader(), wanted)
	if err != nil || len(lack) == 0 {
		return err
	}
	done := false
	if c.repair {
		err := c.store.write(ctx, "make deliveries", func(tx *tx) error {
			done = false
			missing, err := lacking(ctx, tx, wanted)
			if err != nil {
				return err
			}
			var rows []values
			for _, o := range missing {
				row, err := o.values()
				if err != nil {
					return err
				}
				rows = append(rows, row)
			}
			done, tx.deliver = true, true
			return insertAll(ctx, tx, "deliveries", rows)
		})
		if err != nil {
			return err
		}
	}
	for _, o := range lack {
		c.found(j.ID.String(), fmt.Sprintf("its result has no delivery to %q", o.Destination), done)
	}
	return nil
}

// lacking are those of the deliveries of one job that are not there.
func lacking(ctx context.Context, q conn, wanted []*outgoing) (lack []*outgoing, err error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	names, err := column1[string](ctx, q, "SELECT destination FROM deliveries WHERE job_id = ?", wanted[0].Job)
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, name := range names {
		there[name] = true
	}
	for _, o := range wanted {
		if !there[o.Destination] {
			lack = append(lack, o)
		}
	}
	return lack, nil
}
