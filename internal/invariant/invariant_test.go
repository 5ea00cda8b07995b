package invariant_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/invariant"
)

// sound is a history without a fault: a job that was completed by its third
// execution, the first having been lost and the second having failed, and one
// that failed.
func sound() *invariant.History {
	begun := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	job := func(state ratchet.JobState) ratchet.Job {
		return ratchet.Job{ID: ratchet.NewID[ratchet.Job](), Task: "sum", State: state, CreatedAt: begun}
	}
	execution := func(j ratchet.Job, state ratchet.ExecutionState, minute time.Duration) ratchet.Execution {
		at := begun.Add(minute * time.Minute)
		return ratchet.Execution{ID: ratchet.NewID[ratchet.Execution](), Job: j.ID, State: state, StartedAt: at, FinishedAt: at.Add(time.Second)}
	}
	good, bad := job(ratchet.JobCompleted), job(ratchet.JobFailed)
	good.Output, good.Attempts, good.Losses, good.IdempotencyKey = json.RawMessage("1"), 2, 1, "k"
	bad.Error, bad.Attempts, bad.Retry.MaxAttempts = ratchet.Errorf(ratchet.ReasonExecutionFailed, "no"), 1, 1
	good.Destinations = []ratchet.Destination{
		{Type: ratchet.DestinationWebhook, Name: "a", URL: "https://a.example/"},
		{Type: ratchet.DestinationWebhook, Name: "b", On: ratchet.DeliverFailure, URL: "https://b.example/"},
	}
	delivery := func(j ratchet.Job, name string, kind ratchet.DestinationType, state ratchet.DeliveryState, failures int) ratchet.Delivery {
		d := ratchet.Delivery{ID: ratchet.NewID[ratchet.Delivery](), Job: j.ID, Destination: name, Type: kind, State: state}
		for range failures {
			d.Receipts = append(d.Receipts, ratchet.Receipt{Attempt: len(d.Receipts) + 1, Error: ratchet.Errorf(ratchet.ReasonNetwork, "no")})
			d.Error = d.Receipts[0].Error
		}
		if state == ratchet.DeliveryDelivered {
			d.Receipts, d.Error = append(d.Receipts, ratchet.Receipt{Attempt: len(d.Receipts) + 1}), nil
		}
		d.Attempts = len(d.Receipts)
		return d
	}
	sent := delivery(good, "a", ratchet.DestinationWebhook, ratchet.DeliveryDelivered, 1)
	last := execution(good, ratchet.ExecutionCompleted, 3)
	last.Output = good.Output
	event := func(j ratchet.Job, state ratchet.JobState) ratchet.Event {
		return ratchet.Event{Type: ratchet.EventJob, Job: j.ID, State: state}
	}
	return &invariant.History{
		Accepted: []ratchet.JobID{good.ID, bad.ID},
		Jobs:     []ratchet.Job{good, bad},
		Executions: []ratchet.Execution{
			execution(good, ratchet.ExecutionLost, 1), execution(good, ratchet.ExecutionFailed, 2), last,
			execution(bad, ratchet.ExecutionFailed, 1),
		},
		Events: []ratchet.Event{event(good, ratchet.JobQueued), event(good, ratchet.JobRunning), event(good, ratchet.JobCompleted), event(bad, ratchet.JobFailed)},
		Deliveries: []ratchet.Delivery{
			sent,
			delivery(good, "operator", ratchet.DestinationFile, ratchet.DeliveryDelivered, 0),
			delivery(bad, "operator", ratchet.DestinationFile, ratchet.DeliveryFailed, 2),
		},
		Operator: func(string) []ratchet.Destination {
			return []ratchet.Destination{{Type: ratchet.DestinationFile, Name: "operator", On: ratchet.DeliverAlways}}
		},
		Arrivals: []invariant.Arrival{{ID: sent.ID, Job: good.ID}, {ID: sent.ID, Job: good.ID}},
	}
}

func TestASoundHistoryBreaksNothing(t *testing.T) {
	t.Parallel()
	if found := sound().Violations(); len(found) > 0 {
		t.Errorf("got %q, want none", found)
	}
}

func TestEachPlantedFaultIsFound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		plant func(*invariant.History)
		want  string
	}{
		"a lost job":                {func(h *invariant.History) { h.Jobs = h.Jobs[:1] }, "was accepted and is lost"},
		"a job twice":               {func(h *invariant.History) { h.Jobs = append(h.Jobs, h.Jobs[1]) }, "is there 2 times"},
		"a job that never ends":     {func(h *invariant.History) { h.Jobs[0].State = ratchet.JobRunning }, "is running for ever"},
		"an endless execution":      {func(h *invariant.History) { h.Executions[1].State = ratchet.ExecutionRunning }, "is running for ever"},
		"a result twice":            {func(h *invariant.History) { h.Executions[1].State = ratchet.ExecutionCompleted }, "2 completed executions"},
		"a result of a failed job":  {func(h *invariant.History) { h.Executions[3].State = ratchet.ExecutionCompleted }, "is failed with 1 completed"},
		"an uncounted attempt":      {func(h *invariant.History) { h.Jobs[0].Attempts = 1 }, "says 1 attempts and has 2"},
		"an uncounted loss":         {func(h *invariant.History) { h.Jobs[0].Losses = 0 }, "says 0 losses and has 1"},
		"an attempt too many":       {func(h *invariant.History) { h.Jobs[0].Retry.MaxAttempts = 1 }, "1 were allowed"},
		"another output":            {func(h *invariant.History) { h.Jobs[0].Output = json.RawMessage("2") }, "another output"},
		"a wrong output":            {func(h *invariant.History) { h.Output = func(ratchet.Job) []byte { return []byte("3") } }, "want 3"},
		"a failure without a cause": {func(h *invariant.History) { h.Jobs[1].Error = nil }, "without an error"},
		"an attempt after the end": {func(h *invariant.History) {
			h.Executions[1].StartedAt = h.Executions[2].StartedAt.Add(time.Hour)
			h.Executions[1].FinishedAt = h.Executions[1].StartedAt
		}, "after it was completed"},
		"an end before the start": {func(h *invariant.History) { h.Executions[2].FinishedAt = h.Executions[2].StartedAt.Add(-1) }, "ended before it began"},
		"a start before the job":  {func(h *invariant.History) { h.Executions[3].StartedAt = h.Jobs[1].CreatedAt.Add(-time.Hour) }, "before the job was made"},
		"an orphan":               {func(h *invariant.History) { h.Executions[0].Job = ratchet.NewID[ratchet.Job]() }, "which is not there"},
		"a key twice":             {func(h *invariant.History) { h.Jobs[1].IdempotencyKey = "k" }, "idempotency key"},
		"an event after the end":  {func(h *invariant.History) { h.Events[3] = h.Events[1] }, "after it was completed"},
		"a lost delivery":         {func(h *invariant.History) { h.Deliveries = h.Deliveries[1:] }, `has no delivery to "a"`},
		"the operator's is lost":  {func(h *invariant.History) { h.Deliveries = h.Deliveries[:2] }, `has no delivery to "operator"`},
		"a delivery twice": {func(h *invariant.History) {
			again := h.Deliveries[0]
			again.ID = ratchet.NewID[ratchet.Delivery]()
			h.Deliveries = append(h.Deliveries, again)
		}, `2 deliveries to "a"`},
		"an unwanted delivery":         {func(h *invariant.History) { h.Deliveries[0].Destination = "b" }, "which does not want it"},
		"a delivery to nowhere":        {func(h *invariant.History) { h.Deliveries[1].Destination = "c" }, "which does not want it"},
		"a delivery without its job":   {func(h *invariant.History) { h.Deliveries[1].Job = ratchet.NewID[ratchet.Job]() }, "which is not there"},
		"a delivery that never ends":   {func(h *invariant.History) { h.Deliveries[1].State = ratchet.DeliverySending }, "is sending for ever"},
		"a lost receipt":               {func(h *invariant.History) { h.Deliveries[2].Receipts = h.Deliveries[2].Receipts[:1] }, "2 attempts and has 1 receipts"},
		"a receipt of another attempt": {func(h *invariant.History) { h.Deliveries[2].Receipts[1].Attempt = 3 }, "says it is of attempt 3"},
		"a false success": {func(h *invariant.History) {
			h.Deliveries[2].State = ratchet.DeliveryDelivered
		}, "last attempt was not taken"},
		"a delivery that failed for nothing": {func(h *invariant.History) { h.Deliveries[2].Error = nil }, "failed without an error"},
		"a delivery that did not arrive":     {func(h *invariant.History) { h.Arrivals = []invariant.Arrival{} }, "has not arrived"},
		"an arrival of nobody's":             {func(h *invariant.History) { h.Arrivals[1].ID = ratchet.NewID[ratchet.Delivery]() }, "has arrived and is not there"},
		"an arrival of another job":          {func(h *invariant.History) { h.Arrivals[1].Job = h.Jobs[1].ID }, "has arrived with"},
		"a false event":                      {func(h *invariant.History) { h.Events[2].State = ratchet.JobCancelled }, "was told to be cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := sound()
			test.plant(h)
			found := h.Violations()
			if !slices.ContainsFunc(found, func(s string) bool { return strings.Contains(s, test.want) }) {
				t.Errorf("got %q, want one with %q", found, test.want)
			}
		})
	}
}
