package invariant

import (
	"github.com/ratchet-runner/ratchet-go"
)

// An Arrival is a delivery as its receiver saw it.
type Arrival struct {
	ID  ratchet.DeliveryID // that the sender gave: the same for each attempt
	Job ratchet.JobID      // that the body tells of
}

// deliveries asks that each result reached, or was refused by, every destination
// that it was for.
func (c *check) deliveries() {
	known := map[ratchet.DeliveryID]*ratchet.Delivery{}
	of := map[ratchet.JobID]map[string]int{}
	jobs := map[ratchet.JobID]bool{}
	for _, j := range c.history.Jobs {
		jobs[j.ID] = true
	}
	for i := range c.history.Deliveries {
		d := &c.history.Deliveries[i]
		if known[d.ID] != nil {
			c.violated("%s is there twice", d.ID)
		}
		known[d.ID] = d
		if of[d.Job] == nil {
			of[d.Job] = map[string]int{}
		}
		of[d.Job][d.Destination]++
		if !jobs[d.Job] {
			c.violated("%s delivers %s, which is not there", d.ID, d.Job)
		}
		c.delivery(d)
	}
	for i := range c.history.Jobs {
		c.destinations(&c.history.Jobs[i], of[c.history.Jobs[i].ID])
	}
	if c.history.Arrivals != nil {
		c.arrivals(known)
	}
}

// destinations asks that a job has one delivery to each destination that wants
// its end, and no others.
func (c *check) destinations(j *ratchet.Job, there map[string]int) {
	all := j.Destinations
	if c.history.Operator != nil {
		all = append(all[:len(all):len(all)], c.history.Operator(j.Task)...)
	}
	names := ratchet.DestinationNames(all)
	wanted := map[string]bool{}
	for i, name := range names {
		wanted[name] = all[i].Wants(j.State)
		switch n := there[name]; {
		case n == 0 && wanted[name]:
			c.violated("%s is %s and has no delivery to %q", j.ID, j.State, name)
		case n > 1:
			c.violated("%s has %d deliveries to %q", j.ID, n, name)
		}
	}
	for name := range there {
		if !wanted[name] {
			c.violated("%s is %s and has a delivery to %q, which does not want it", j.ID, j.State, name)
		}
	}
}

// delivery asks that a delivery is at its end, and that its receipts bear it out.
func (c *check) delivery(d *ratchet.Delivery) {
	var last *ratchet.Receipt
	if n := len(d.Receipts); n > 0 {
		last = &d.Receipts[n-1]
	}
	if d.Attempts != len(d.Receipts) {
		c.violated("%s says %d attempts and has %d receipts", d.ID, d.Attempts, len(d.Receipts))
	}
	for i, r := range d.Receipts {
		if r.Attempt != i+1 {
			c.violated("receipt %d of %s says it is of attempt %d", i+1, d.ID, r.Attempt)
		}
	}
	switch {
	case d.State != ratchet.DeliveryDelivered && d.State != ratchet.DeliveryFailed:
		c.violated("%s is %s for ever", d.ID, d.State)
	case d.State == ratchet.DeliveryDelivered && (last == nil || last.Error != nil):
		c.violated("%s is delivered, but its last attempt was not taken", d.ID)
	case d.State == ratchet.DeliveryFailed && d.Error == nil:
		c.violated("%s failed without an error", d.ID)
	}
}

// arrivals asks that what is said to be delivered has arrived, that nothing has
// arrived which nobody sent, and that one delivery always tells of one job.
func (c *check) arrivals(known map[ratchet.DeliveryID]*ratchet.Delivery) {
	arrived := map[ratchet.DeliveryID]bool{}
	for _, a := range c.history.Arrivals {
		arrived[a.ID] = true
		switch d := known[a.ID]; {
		case d == nil:
			c.violated("%s has arrived and is not there", a.ID)
		case d.Job != a.Job:
			c.violated("%s has arrived with %s and is for %s", a.ID, a.Job, d.Job)
		}
	}
	for id, d := range known {
		if d.Type == ratchet.DestinationWebhook && d.State == ratchet.DeliveryDelivered && !arrived[id] {
			c.violated("%s is delivered and has not arrived", id)
		}
	}
}
