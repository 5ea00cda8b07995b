package dispatch_test

import (
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/dispatch"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

// BenchmarkJob is a job's way from its acceptance to its committed result, with
// many on their way at once, and alone.
func BenchmarkJob(b *testing.B) {
	for name, window := range map[string]int{"many": 64, "alone": 1} {
		b.Run(name, func(b *testing.B) {
			s := newServer(b)
			s.start(nil, dispatch.Config{})
			task := s.register("noop", `(n) => n`, "")
			sub := s.hub.Subscribe(stream.Filter{Types: []ratchet.EventType{ratchet.EventJob}})
			defer sub.Close()
			under := 0
			for b.Loop() {
				s.submit(task, `1`, nil)
				under++
				for under >= window {
					if e, open := <-sub.Events(); !open {
						b.Fatal("the stream ended")
					} else if e.State == ratchet.JobCompleted {
						under--
					}
				}
			}
		})
	}
}
