package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// outbox makes the deliveries of jobs that have just come to their end, in the
// transaction that ends them. It is called wherever a job may end; for one that
// has no destinations nothing is asked of the database.
func (s *Store) outbox(ctx context.Context, t *tx, jobs ...*ratchet.Job) error {
	var made []*outgoing
	for _, j := range jobs {
		if j.State.Terminal() {
			made = append(made, s.outgoing(j)...)
		}
	}
	if len(made) == 0 {
		return nil
	}
	if err := failDisabled(ctx, t, made); err != nil {
		return err
	}
	rows := make([]values, len(made))
	for i, o := range made {
		row, err := o.values()
		if err != nil {
			return err
		}
		rows[i] = row
		t.deliver = t.deliver || o.State == ratchet.DeliveryPending
	}
	return insertAll(ctx, t, "deliveries", rows)
}

// operatorWants reports whether the operator may have destinations for jobs of the
// task; "" is a task that is not known.
func (s *Store) operatorWants(task string) bool {
	return s.cfg.Destinations != nil && (task == "" || len(s.cfg.Destinations(task)) > 0)
}

// An outgoing is a delivery to be made.
type outgoing struct {
	ratchet.Delivery
	spec  ratchet.Destination
	place string
}

// outgoing are the deliveries of a finished job: to its own destinations, and to
// those that the operator has for its task.
func (s *Store) outgoing(j *ratchet.Job) []*outgoing {
	all := j.Destinations
	if s.cfg.Destinations != nil {
		all = append(all[:len(all):len(all)], s.cfg.Destinations(j.Task)...)
	}
	if len(all) == 0 {
		return nil
	}
	return outgoingTo(j, all)
}

// outgoingTo are the deliveries of a finished job to those of the destinations
// that want its end.
func outgoingTo(j *ratchet.Job, all []ratchet.Destination) (made []*outgoing) {
	names := ratchet.DestinationNames(all)
	at := now()
	for i := range all {
		d := &all[i]
		if !d.Wants(j.State) {
			continue
		}
		o := &outgoing{spec: *d, place: placeOf(d)}
		o.Delivery = ratchet.Delivery{
			ID: ratchet.NewID[ratchet.Delivery](), Job: j.ID, TaskID: j.TaskID, Task: j.Task,
			Destination: names[i], Type: d.Type, Target: d.Target(), State: ratchet.DeliveryPending,
			NextAttemptAt: at, CreatedAt: at,
		}
		made = append(made, o)
	}
	return made
}

// placeOf is what a 410 disables: a URL that has no variables, of which it could
// be one alone that is gone. Empty: nothing of it can be disabled.
func placeOf(d *ratchet.Destination) string {
	if d.Type != ratchet.DestinationWebhook || strings.Contains(d.URL, "{{") || strings.Contains(d.URL, "${") {
		return ""
	}
	sum := sha256.Sum256([]byte(d.URL))
	return hex.EncodeToString(sum[:])
}

// gone is the error of a delivery that is not attempted.
func gone(target string) *ratchet.Error {
	return ratchet.Errorf(ratchet.ReasonDestinationGone, "%s said that it wants no more (410): nothing was sent; redeliver one to try it again", target)
}

// failDisabled fails those to places that said they want no more.
func failDisabled(ctx context.Context, t *tx, made []*outgoing) error {
	var places []any
	for _, o := range made {
		if o.place != "" {
			places = append(places, o.place)
		}
	}
	if len(places) == 0 {
		return nil
	}
	places = padded(places)
	found, err := column1[string](ctx, t, "SELECT place FROM disabled_targets WHERE namespace = ? AND place IN ("+placeholders(len(places))+")", append([]any{namespace}, places...)...)
	if err != nil || len(found) == 0 {
		return err
	}
	disabled := map[string]bool{}
	for _, place := range found {
		disabled[place] = true
	}
	for _, o := range made {
		if !disabled[o.place] {
			continue
		}
		o.State, o.Error = ratchet.DeliveryFailed, gone(o.Target)
		o.FinishedAt, o.NextAttemptAt = o.CreatedAt, time.Time{}
		t.publish(deliveryEvent(&o.Delivery))
	}
	return nil
}

func (o *outgoing) values() (values, error) {
	errs, err := errorColumns(o.Error)
	if err != nil {
		return nil, err
	}
	return values{
		{"id", o.ID},
		{"job_id", o.Job},
		{"task_id", o.TaskID},
		{"task", o.Task},
		{"destination", plainText(o.Destination)},
		{"type", string(o.Type)},
		{"target", plainText(o.Target)},
		{"lane", plainText(o.spec.Lane())},
		{"place", o.place},
		{"spec", jsonValue{o.spec}},
		{"state", string(o.State)},
		{"error", errs[0]},
		{"error_reason", errs[1]},
		{"next_at", stamp(o.NextAttemptAt)},
		{"created_at", stamp(o.CreatedAt)},
		{"finished_at", stamp(o.FinishedAt)},
	}, nil
}

// deliveryEvent says that a delivery came to its end.
func deliveryEvent(d *ratchet.Delivery) ratchet.Event {
	told := *d
	told.Receipts = nil
	return ratchet.Event{Type: ratchet.EventDelivery, Time: now(), Job: d.Job, Task: d.Task, Error: d.Error, Delivery: &told}
}

// destinationsValue is how destinations are kept: none is "".
func destinationsValue(all []ratchet.Destination) any {
	if all == nil {
		return ""
	}
	return jsonValue{all}
}
