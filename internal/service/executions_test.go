package service_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

func TestTheLinesOfALogComeInParts(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	f.work(t, func(*ratchet.Claim) *ratchet.Outcome {
		o := completed("{}")
		for i := range 30 {
			level := ratchet.LevelInfo
			if i%3 == 0 {
				level = ratchet.LevelDebug
			}
			o.Execution.Logs = append(o.Execution.Logs, ratchet.LogEntry{Time: time.Now(), Level: level, Message: fmt.Sprint(i)})
		}
		return o
	})
	r := must(f.RunTask.Call(f.ctx, service.RunTask{JobRequest: ratchet.JobRequest{Task: "addition", Input: sum(1, 2)}, Wait: 30 * time.Second}))(t)
	runs := must(f.ListExecutions.Call(f.ctx, where("jobId", r.Job.ID.String())))(t)
	if runs.Total != 1 {
		t.Fatalf("got %+v", runs)
	}
	id := runs.Items[0].ID
	page := must(f.ListLogs.Call(f.ctx, service.ListLogs{ID: id, Offset: 5, Limit: 3}))(t)
	var got []string
	for _, line := range page.Lines {
		got = append(got, line.Message)
	}
	if diff := cmp.Diff([]string{"8", "10", "11"}, got); diff != "" || page.Total != 20 || page.Running {
		t.Errorf("got %+v\n%s", page, diff)
	}
	if all := must(f.ListLogs.Call(f.ctx, service.ListLogs{ID: id, Level: ratchet.LevelTrace}))(t); len(all.Lines) != 30 {
		t.Errorf("got %d lines, want 30", len(all.Lines))
	}
	_, err := f.ListLogs.Call(f.ctx, service.ListLogs{ID: ratchet.NewID[ratchet.Execution]()})
	refused(t, err, ratchet.ReasonExecutionNotFound, "ratchet execution list")
	_, err = f.ListLogs.Call(f.ctx, service.ListLogs{ID: id, Offset: -1, Limit: 10_001})
	refused(t, err, ratchet.ReasonValidation, "/offset", "/limit")
}

func TestEventsAreOfATaskThatThereIs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	r := f.register(t, adding())
	sub := must(f.WatchEvents.Call(f.ctx, stream.Filter{Task: r.ID.String()}))(t)
	defer sub.Close()
	job := must(f.SubmitJob.Call(f.ctx, ratchet.JobRequest{Task: "addition", Input: sum(1, 2)}))(t)
	if e := <-sub.Events(); e.Job != job.ID || e.State != ratchet.JobQueued {
		t.Errorf("got %+v", e)
	}
	_, err := f.WatchEvents.Call(f.ctx, stream.Filter{Task: "aditoin", Types: []ratchet.EventType{"jbo"}})
	refused(t, err, ratchet.ReasonValidation, "/task", "/types/0")
}
