package sqlstore_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

// BenchmarkQueue is the queue alone: 32 submitters, one job at a time each, and
// 32 slots that claim and finish.
func BenchmarkQueue(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchQueue(b, storetest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { benchQueue(b, storetest.Postgres(b)) })
}

func benchQueue(b *testing.B, url string) {
	s := storetest.Open(b, sqlstore.Config{URL: url})
	task := storetest.Task(b, s, "noop")
	var finished atomic.Int64
	all := make(chan struct{})
	total := int64(b.N)
	ctx, stop := context.WithCancel(b.Context())
	var working sync.WaitGroup
	working.Go(func() {
		err := s.Work(ctx, 32, func(ctx context.Context, ticket ratchet.Ticket) {
			c, err := s.Claim(ctx, ticket)
			if err != nil || c == nil {
				b.Errorf("claim: %v, %v", c, err)
				return
			}
			if _, err := s.Finish(ctx, c.Lease, storetest.Ended(c, `{"sum": 3}`, nil)); err != nil {
				b.Errorf("finish: %v", err)
			}
			if finished.Add(1) == total {
				close(all)
			}
		})
		if err != nil {
			b.Error(err)
		}
	})
	b.ResetTimer()
	before := processorTime(b)
	var submitters sync.WaitGroup
	var next atomic.Int64
	for range 32 {
		submitters.Go(func() {
			for next.Add(1) <= total {
				storetest.Submit(b, s, storetest.NewJob(task))
			}
		})
	}
	submitters.Wait()
	<-all
	b.StopTimer()
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "jobs/s")
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/1000/float64(total), "cpu-ms/job")
	stop()
	working.Wait()
}

// BenchmarkStart is the time from submitting a job to its start, on an idle
// system.
func BenchmarkStart(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchStart(b, storetest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { benchStart(b, storetest.Postgres(b)) })
}

func benchStart(b *testing.B, url string) {
	s := storetest.Open(b, sqlstore.Config{URL: url})
	task := storetest.Task(b, s, "noop")
	started := make(chan time.Time)
	ctx, stop := context.WithCancel(b.Context())
	var working sync.WaitGroup
	working.Go(func() {
		err := s.Work(ctx, 4, func(ctx context.Context, ticket ratchet.Ticket) {
			c, err := s.Claim(ctx, ticket)
			if err != nil || c == nil {
				b.Errorf("claim: %v, %v", c, err)
				return
			}
			at := time.Now()
			if _, err := s.Finish(ctx, c.Lease, storetest.Ended(c, `1`, nil)); err != nil {
				b.Errorf("finish: %v", err)
			}
			started <- at
		})
		if err != nil {
			b.Error(err)
		}
	})
	var waits []time.Duration
	idle := time.Tick(20 * time.Millisecond)
	for b.Loop() {
		<-idle
		at := time.Now()
		storetest.Submit(b, s, storetest.NewJob(task))
		waits = append(waits, (<-started).Sub(at))
	}
	slices.Sort(waits)
	b.ReportMetric(waits[len(waits)/2].Seconds()*1000, "p50-ms")
	b.ReportMetric(waits[len(waits)*99/100].Seconds()*1000, "p99-ms")
	stop()
	working.Wait()
}
