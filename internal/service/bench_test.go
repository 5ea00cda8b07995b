package service_test

import (
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// What a submission costs before it reaches the store's transaction.
func BenchmarkPrepare(b *testing.B) {
	f := newFixture(b, service.Config{})
	f.register(b, adding())
	sch := must(f.CreateSchedule.Call(f.ctx, hourly()))(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Prepare(b.Context(), sch, sch.NextRunAt); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSubmit(b *testing.B) {
	f := newFixture(b, service.Config{MaxWaiting: 1 << 30})
	f.register(b, adding())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.SubmitJob.Call(f.ctx, ratchet.JobRequest{Task: "addition", Input: sum(1, 2)}); err != nil {
			b.Fatal(err)
		}
	}
}
