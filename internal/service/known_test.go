package service_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/schedule"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func TestWhatAChangeOfATaskSaysHoldsForTheNextJob(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	request := ratchet.JobRequest{Task: "addition", Input: sum(1, 2)}
	first := must(f.SubmitJob.Call(f.ctx, request))(t)
	must(f.DisableTask.Call(f.ctx, service.TaskRef{Task: "addition"}))(t)
	_, err := f.SubmitJob.Call(f.ctx, request)
	refused(t, err, ratchet.ReasonTaskDisabled)
	must(f.EnableTask.Call(f.ctx, service.TaskRef{Task: "addition"}))(t)
	must(f.SubmitJob.Call(f.ctx, request))(t)
	f.register(t, adding("metadata.json", `{"name": "addition", "version": "2.0.0"}`))
	if next := must(f.SubmitJob.Call(f.ctx, request))(t); next.VersionDigest == first.VersionDigest {
		t.Errorf("a job submitted after version 2.0.0 was registered has the version before it, %s", next.VersionDigest)
	}
}

func TestWhatAnotherServerChangesOfATaskHoldsWithinASecond(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	var later atomic.Int64
	start := time.Now()
	other := service.New(service.Deps{
		Store: f.store, Stream: f.hub, Schedules: schedule.Rules{}, Sealer: f.box,
		Now: func() time.Time { return start.Add(time.Duration(later.Load())) },
	}, service.Config{})
	request := ratchet.JobRequest{Task: "addition", Input: sum(1, 2)}
	must(other.SubmitJob.Call(f.ctx, request))(t)
	must(f.DisableTask.Call(f.ctx, service.TaskRef{Task: "addition"}))(t)
	later.Store(int64(time.Second))
	_, err := other.SubmitJob.Call(f.ctx, request)
	refused(t, err, ratchet.ReasonTaskDisabled)
}
