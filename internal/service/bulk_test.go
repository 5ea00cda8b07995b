package service_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func TestManyJobsAreCancelledAndRetriedByFilter(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	batch := make([]ratchet.JobRequest, 450) // more than two pages
	for i := range batch {
		batch[i] = ratchet.JobRequest{Task: "addition", Input: sum(i, i), Tags: []string{"many"}, Delay: ratchet.Duration(time.Hour)}
	}
	batch[0].Tags = nil
	must(f.SubmitJobs.Call(f.ctx, service.SubmitJobs{Jobs: batch}))(t)
	many := service.BulkJobs{Filters: where("tags", "many").Filters}
	expect := func(got *ratchet.BulkResult, want ratchet.BulkResult) {
		t.Helper()
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Error(diff)
		}
	}
	count := func(state ratchet.JobState) int {
		return must(f.ListJobs.Call(f.ctx, where("state", string(state))))(t).Total
	}
	dry := many
	dry.DryRun = true
	expect(must(f.CancelJobs.Call(f.ctx, dry))(t), ratchet.BulkResult{Matched: 449})
	some := many
	some.Limit = 10
	expect(must(f.CancelJobs.Call(f.ctx, some))(t), ratchet.BulkResult{Matched: 10, Changed: 10, More: true})
	if n := count(ratchet.JobCancelled); n != 10 {
		t.Errorf("%d are cancelled, want 10", n)
	}
	expect(must(f.CancelJobs.Call(f.ctx, many))(t), ratchet.BulkResult{Matched: 449, Changed: 439, Skipped: 10})
	expect(must(f.RetryJobs.Call(f.ctx, dry))(t), ratchet.BulkResult{Matched: 449})
	expect(must(f.RetryJobs.Call(f.ctx, many))(t), ratchet.BulkResult{Matched: 449, Changed: 449})
	if n := count(ratchet.JobQueued); n != 449 {
		t.Errorf("%d are queued, want 449", n)
	}
	// Each dead letter is repeated once, however often that is asked.
	expect(must(f.RetryJobs.Call(f.ctx, many))(t), ratchet.BulkResult{Matched: 898, Skipped: 898})
	expect(must(f.RetryJobs.Call(f.ctx, service.BulkJobs{Filters: where("state", "scheduled").Filters}))(t), ratchet.BulkResult{Matched: 1, Changed: 1})
	_, err := f.CancelJobs.Call(f.ctx, service.BulkJobs{})
	refused(t, err, ratchet.ReasonValidation, "at least one", `{"status": "failed"}`)
	_, err = f.CancelJobs.Call(f.ctx, service.BulkJobs{Filters: []ratchet.Filter{{Field: "colour", Values: []string{"red"}}}, Limit: 10_001})
	refused(t, err, ratchet.ReasonValidation, "10000")
	_, err = f.CancelJobs.Call(f.ctx, service.BulkJobs{Filters: []ratchet.Filter{{Field: "colour", Values: []string{"red"}}}})
	refused(t, err, ratchet.ReasonValidation, "colour")
}
