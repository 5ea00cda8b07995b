package stream_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// line is a log event of a job that says its number.
func line(job ratchet.JobID, n int) ratchet.Event {
	return ratchet.Event{
		Type: ratchet.EventLog, Job: job, Task: "t",
		Log: &ratchet.LogEntry{Message: fmt.Sprint(n)},
	}
}

func newJob() ratchet.JobID { return ratchet.NewID[ratchet.Job]() }

// collect reads what is there until nothing more comes. It is called in a bubble
// of synctest.
func collect(s *stream.Subscription) (got []ratchet.Event) {
	for {
		synctest.Wait()
		select {
		case e, open := <-s.Events():
			if !open {
				return got
			}
			got = append(got, e)
		default:
			return got
		}
	}
}

// texts are what the events say: their lines, or their types.
func texts(events []ratchet.Event) (list []string) {
	for _, e := range events {
		if e.Log != nil {
			list = append(list, e.Log.Message)
		} else {
			list = append(list, string(e.Type))
		}
	}
	return list
}
