package service

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
)

func (s *Service) getDelivery(ctx context.Context, in DeliveryRef) (*ratchet.Delivery, error) {
	if in.ID.IsZero() {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "no delivery is named: give its ID, such as delivery_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69")
	}
	d, err := s.store.Delivery(ctx, in.ID)
	if failure, known := ratchetError(err); known && failure.Code == ratchet.CodeNotFound {
		return nil, ratchet.Errorf(ratchet.ReasonEntityNotFound, "there is no delivery %s: there never was, or it was deleted with its job; \"ratchet delivery list\" shows those there are", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("find delivery: %w", err)
	}
	return d, nil
}

// redeliver has a result delivered again.
func (s *Service) redeliver(ctx context.Context, in DeliveryRef) (*ratchet.Delivery, error) {
	if _, err := s.getDelivery(ctx, in); err != nil {
		return nil, err
	}
	return s.store.Redeliver(ctx, in.ID)
}

// redeliverMany has all delivered again that pass the filters. Who does not say
// which states are meant does not mean those that have arrived.
func (s *Service) redeliverMany(ctx context.Context, in BulkDeliveries) (*ratchet.BulkResult, error) {
	limit, err := checkBulk(BulkJobs(in))
	if err != nil {
		return nil, err
	}
	stated := slices.ContainsFunc(in.Filters, func(f ratchet.Filter) bool { return f.Field == "state" })
	r := &ratchet.BulkResult{}
	q := ratchet.Query{Filters: in.Filters, Sort: []ratchet.Sort{{Field: "id"}}}
	for {
		q.Limit = min(bulkPage, limit-r.Matched)
		page, err := s.store.Deliveries(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list deliveries: %w", err)
		}
		r.Matched += len(page.Items)
		for i := range page.Items {
			d := &page.Items[i]
			if d.State == ratchet.DeliverySending || d.State == ratchet.DeliveryDelivered && !stated {
				r.Skipped++
				continue
			}
			if in.DryRun {
				continue
			}
			_, err := s.store.Redeliver(ctx, d.ID)
			if err := tally(r, err); err != nil {
				return nil, fmt.Errorf("redeliver %s: %w", d.ID, err)
			}
		}
		if page.Next == "" || r.Matched >= limit {
			r.More = page.Next != ""
			return r, nil
		}
		q.After = page.Next
	}
}

// maxDeliveriesShown bounds the deliveries in an explanation.
const maxDeliveriesShown = 20

// deliveriesOf lists the deliveries of a job, the first one first.
func (s *Service) deliveriesOf(ctx context.Context, id ratchet.JobID) ([]ratchet.Delivery, error) {
	page, err := s.store.Deliveries(ctx, ratchet.Query{
		Filters: []ratchet.Filter{{Field: "jobId", Values: []string{id.String()}}},
		Sort:    []ratchet.Sort{{Field: "id"}}, Limit: maxDeliveriesShown,
	})
	return page.Items, err
}

// delivered adds what became of the job's result on its way to its destinations.
func (f *facts) delivered(e *ratchet.Explanation) {
	e.Deliveries = f.deliveries
	for i := range f.deliveries {
		d := &f.deliveries[i]
		to := fmt.Sprintf("to %s (%s)", d.Destination, d.Target)
		why := ""
		if d.Error != nil {
			why = ": " + d.Error.Message
		}
		switch d.State {
		case ratchet.DeliveryFailed:
			e.Reasons = append(e.Reasons, fmt.Sprintf("The delivery %s failed after %s%s", to, have(d.Attempts, "attempt", "attempts"), why))
			if e.Remedy == "" || f.job.State == ratchet.JobCompleted {
				e.Remedy = fmt.Sprintf("see to the receiver; ratchet delivery redeliver %s then delivers again", d.ID)
			}
		case ratchet.DeliveryPending:
			if d.Attempts == 0 {
				e.Reasons = append(e.Reasons, fmt.Sprintf("The delivery %s waits for its first attempt.", to))
				break
			}
			e.Reasons = append(e.Reasons, fmt.Sprintf("Attempt %d of the delivery %s failed, the next is at %s%s", d.Attempts, to, at(d.NextAttemptAt), why))
		case ratchet.DeliverySending:
			e.Reasons = append(e.Reasons, fmt.Sprintf("The delivery %s is under way.", to))
		case ratchet.DeliveryDelivered:
			e.Reasons = append(e.Reasons, fmt.Sprintf("The delivery %s was taken at %s, in attempt %d.", to, at(d.FinishedAt), d.Attempts))
		}
	}
	if f.job.State.Terminal() || len(f.job.Destinations) == 0 {
		return
	}
	var names []string
	for _, d := range f.job.Destinations {
		names = append(names, fmt.Sprintf("%s (on %s)", d.Name, d.On))
	}
	e.Reasons = append(e.Reasons, "Once it is finished its result goes to "+strings.Join(names, ", ")+".")
}
