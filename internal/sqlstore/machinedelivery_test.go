package sqlstore_test

import (
	"pgregory.net/rapid"

	"github.com/ratchet-runner/ratchet-go"
)

// A modelDelivery is what is known of the delivery of a job.
type modelDelivery struct {
	state    ratchet.DeliveryState
	attempts int
	due      ratchet.DueDelivery // while it is being sent
	past     []ratchet.DueDelivery
}

// destined gives some jobs a destination.
func destined(rt *rapid.T, j *modelJob) (to []ratchet.Destination) {
	on := rapid.SampledFrom([]ratchet.DeliverWhen{"", ratchet.DeliverSuccess, ratchet.DeliverFailure, ratchet.DeliverAlways}).Draw(rt, "on")
	if on == "" {
		return nil
	}
	host := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "host")
	j.to = &ratchet.Destination{Type: ratchet.DestinationWebhook, Name: "it", On: on, URL: "https://" + host + ".example/"}
	return []ratchet.Destination{*j.to}
}

// outbox makes the deliveries of jobs that have ended since.
func (m *machine) outbox() {
	for _, j := range m.jobs {
		if j.delivery == nil && j.to != nil && j.to.Wants(j.state) {
			j.delivery = &modelDelivery{state: ratchet.DeliveryPending}
		}
	}
}

func (m *machine) claimDeliveries(rt *rapid.T) {
	m.outbox()
	most := rapid.IntRange(1, 3).Draw(rt, "most")
	waiting := 0
	for _, j := range m.jobs {
		if j.delivery != nil && j.delivery.state == ratchet.DeliveryPending {
			waiting++
		}
	}
	due, err := m.store.ClaimDeliveries(m.ctx(), most, nil)
	if err != nil || len(due) != min(most, waiting) {
		rt.Fatalf("got %d deliveries, %v, want %d of the %d that wait", len(due), err, most, waiting)
	}
	for _, d := range due {
		for _, j := range m.jobs {
			if j.id != d.Job.ID {
				continue
			}
			if j.delivery == nil || j.delivery.state != ratchet.DeliveryPending || d.Attempts != j.delivery.attempts {
				rt.Fatalf("got %+v of a job that is %s", d, j.state)
			}
			j.delivery.state, j.delivery.due = ratchet.DeliverySending, d
		}
	}
}

func sends(j *modelJob) bool {
	return j.delivery != nil && j.delivery.state == ratchet.DeliverySending
}

func (m *machine) endDelivery(rt *rapid.T) {
	d := m.of(rt, sends).delivery
	e := ratchet.DeliveryEnd{ID: d.due.ID, Token: d.due.Token}
	e.State = rapid.SampledFrom([]ratchet.DeliveryState{ratchet.DeliveryDelivered, ratchet.DeliveryFailed, ratchet.DeliveryPending}).Draw(rt, "end")
	if e.Free = rapid.IntRange(0, 3).Draw(rt, "free") == 0; e.Free {
		e.State = ratchet.DeliveryPending
	} else {
		d.attempts++
	}
	if err := m.store.EndDeliveries(m.ctx(), []ratchet.DeliveryEnd{e}); err != nil {
		rt.Fatal(err)
	}
	d.state, d.past = e.State, append(d.past, d.due)
}

// endLate writes the end of an attempt whose lease is gone.
func (m *machine) endLate(rt *rapid.T) {
	d := m.of(rt, func(j *modelJob) bool { return j.delivery != nil && len(j.delivery.past) > 0 }).delivery
	late := d.past[rapid.IntRange(0, len(d.past)-1).Draw(rt, "lease")]
	before := m.store.Stale()
	e := ratchet.DeliveryEnd{ID: late.ID, Token: late.Token, State: ratchet.DeliveryDelivered, Free: rapid.Bool().Draw(rt, "free")}
	if err := m.store.EndDeliveries(m.ctx(), []ratchet.DeliveryEnd{e}); err != nil || m.store.Stale()-before != 1 {
		rt.Errorf("got %v and %d stale ends, want one", err, m.store.Stale()-before)
	}
}

func (m *machine) redeliver(rt *rapid.T) {
	j := m.of(rt, func(j *modelJob) bool { return j.delivery != nil && (len(j.delivery.past) > 0 || sends(j)) })
	id := j.delivery.due.ID
	_, err := m.store.Redeliver(m.ctx(), id)
	if (err == nil) == sends(j) {
		rt.Errorf("got %v when one is redelivered that is %s", err, j.delivery.state)
	}
	if err == nil {
		j.delivery.state = ratchet.DeliveryPending
	}
}

// recoverDeliveries puts back what was being sent at a crash.
func (m *machine) recoverDeliveries(rt *rapid.T) {
	lost := 0
	for _, j := range m.jobs {
		if sends(j) {
			j.delivery.state, j.delivery.past = ratchet.DeliveryPending, append(j.delivery.past, j.delivery.due)
			lost++
		}
	}
	if n, err := m.store.RecoverDeliveries(m.ctx(), ratchet.NodeDead); n != lost || err != nil {
		rt.Fatalf("got %d deliveries put back, %v, want %d", n, err, lost)
	}
}

// compareDeliveries checks that each job has the deliveries of the model.
func (m *machine) compareDeliveries(rt *rapid.T) {
	m.outbox()
	for _, j := range m.jobs {
		if j.delivery == nil {
			m.number(rt, 0, "SELECT count(*) FROM deliveries WHERE job_id = ?", j.id)
			continue
		}
		m.number(rt, 1, "SELECT count(*) FROM deliveries WHERE job_id = ?", j.id)
		m.number(rt, 1, "SELECT count(*) FROM deliveries WHERE job_id = ? AND state = ? AND attempts = ?", j.id, string(j.delivery.state), j.delivery.attempts)
	}
}
