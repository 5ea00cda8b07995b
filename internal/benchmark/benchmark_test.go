package benchmark_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/benchmark"
)

func completed() *ratchet.Execution {
	return &ratchet.Execution{State: ratchet.ExecutionCompleted, CPU: ratchet.Duration(2 * time.Millisecond), PeakMemory: 1000}
}

func failed(reason ratchet.Reason) *ratchet.Execution {
	return &ratchet.Execution{State: ratchet.ExecutionFailed, Error: ratchet.Errorf(reason, "because of %s", reason)}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-6*math.Max(1, math.Abs(b)) }

func TestACountOfExecutionsIsMeasuredAfterTheColdAndTheWarmUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		m, err := benchmark.Run(t.Context(), benchmark.Config{
			Count: 1000, Warmup: 7,
			Execute: func(context.Context) *ratchet.Execution {
				switch n := runs.Add(1); {
				case n == 1:
					time.Sleep(time.Second)
				case n <= 8:
					time.Sleep(100 * time.Millisecond)
				case n%100 == 0: // ten of a thousand
					time.Sleep(50 * time.Millisecond)
				default:
					time.Sleep(10 * time.Millisecond)
				}
				return completed()
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := runs.Load(); n != 1008 {
			t.Errorf("executions in all: got %d, want 1008", n)
		}
		if m.Cold.FirstMs != 1000 || m.Warmup != 7 || m.Executions != 1000 || m.Failed != 0 {
			t.Errorf("got %v ms cold, %d to warm up, %d measured, %d failed; want 1000, 7, 1000, 0", m.Cold.FirstMs, m.Warmup, m.Executions, m.Failed)
		}
		want := benchmark.Latency{MinMs: 10, MeanMs: 10.4, P50Ms: 10, P90Ms: 10, P99Ms: 10, MaxMs: 50}
		if m.Latency != want {
			t.Errorf("latency: got %+v, want %+v", m.Latency, want)
		}
		if m.Seconds != 10.4 || !near(m.PerSecond, 96.154) {
			t.Errorf("got %v s and %v/s, want 10.4 and 96.154", m.Seconds, m.PerSecond)
		}
		if m.CPU.TaskMs != 2 || m.Memory.TaskMedian != 1000 || m.Memory.TaskMax != 1000 {
			t.Errorf("got %+v and %+v, want 2 ms and 1000 bytes", m.CPU, m.Memory)
		}
		if len(m.Slices) != 10 {
			t.Fatalf("got %d slices, want 10", len(m.Slices))
		}
		for _, s := range m.Slices {
			if s.Executions != 100 || !near(s.PerSecond, 96.154) || s.P50Ms != 10 {
				t.Errorf("got the slice %+v, want 100 executions at 96.154/s", s)
			}
		}
	})
}

func TestClientsRunAtOnceUntilTheTimeIsOverAndWaitForWhatTheyBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		m, err := benchmark.Run(t.Context(), benchmark.Config{
			Duration: time.Second, Concurrency: 4, Warmup: -1,
			Execute: func(context.Context) *ratchet.Execution {
				most.Store(max(most.Load(), now.Add(1)))
				defer now.Add(-1)
				time.Sleep(300 * time.Millisecond)
				return completed()
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if m.Executions != 16 || m.Seconds != 1.2 || m.Warmup != 0 || most.Load() != 4 {
			t.Errorf("got %d executions in %v s, %d to warm up, %d at once; want 16 in 1.2, none, 4", m.Executions, m.Seconds, m.Warmup, most.Load())
		}
		if m.Slices != nil {
			t.Errorf("got slices of 16 executions by 4 clients: %v", m.Slices)
		}
	})
}

func TestAnUnsetWarmUpOfASlowTaskIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := benchmark.Run(t.Context(), benchmark.Config{
			Count:   1,
			Execute: func(context.Context) *ratchet.Execution { time.Sleep(700 * time.Millisecond); return completed() },
		})
		if err != nil {
			t.Fatal(err)
		}
		if m.Warmup != 2 {
			t.Errorf("got %d executions to warm up, want the 2 that begin within a second", m.Warmup)
		}
	})
}

func TestFailuresAreCountedByReasonAndMeasuredApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		m, err := benchmark.Run(t.Context(), benchmark.Config{
			Count: 100, Warmup: -1,
			Execute: func(context.Context) *ratchet.Execution {
				switch n := runs.Add(1); {
				case n%10 == 0:
					return failed(ratchet.ReasonExecutionFailed)
				case n == 99:
					time.Sleep(time.Hour)
					return failed(ratchet.ReasonExecutionTimeout)
				}
				time.Sleep(time.Millisecond)
				return completed()
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []benchmark.Failure{
			{Reason: ratchet.ReasonExecutionFailed, Count: 10, First: "because of EXECUTION_FAILED"},
			{Reason: ratchet.ReasonExecutionTimeout, Count: 1, First: "because of EXECUTION_TIMEOUT"},
		}
		if len(m.Failures) != 2 || m.Failures[0] != want[0] || m.Failures[1] != want[1] || m.Failed != 11 {
			t.Errorf("got %d failures %v, want 11: %v", m.Failed, m.Failures, want)
		}
		if m.Executions != 89 || m.Latency.MaxMs != 1 {
			t.Errorf("got %d completed, the slowest after %v ms; want 89 and 1", m.Executions, m.Latency.MaxMs)
		}
	})
}

func TestATaskThatNeverCompletesIsNotMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := benchmark.Run(t.Context(), benchmark.Config{
			Warmup:  3,
			Execute: func(context.Context) *ratchet.Execution { return failed(ratchet.ReasonMemoryLimit) },
		})
		all, ok := errors.AsType[*benchmark.AllFailedError](err)
		if !ok || all.Tried != 4 || !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonMemoryLimit}) {
			t.Errorf("got %v, want the MEMORY_LIMIT of 4 executions", err)
		}
	})
}

func TestOneThatCompletesInTheWarmUpIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		m, err := benchmark.Run(t.Context(), benchmark.Config{
			Warmup: 3, Count: 2,
			Execute: func(context.Context) *ratchet.Execution {
				if runs.Add(1) == 3 {
					return completed()
				}
				return failed(ratchet.ReasonExecutionFailed)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if m.Executions != 0 || m.Failed != 2 || len(m.Histogram) != 0 {
			t.Errorf("got %d completed and %d failed, want 0 and 2", m.Executions, m.Failed)
		}
	})
}

func TestAnInterruptionKeepsWhatWasMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(1050*time.Millisecond, func() { cancel(why) })
		task := func(ctx context.Context) *ratchet.Execution {
			select {
			case <-ctx.Done():
				return failed(ratchet.ReasonExecutionCancelled)
			case <-time.After(100 * time.Millisecond):
				return completed()
			}
		}
		m, err := benchmark.Run(ctx, benchmark.Config{Execute: task, Duration: time.Hour, Warmup: 4})
		if err != nil {
			t.Fatal(err)
		}
		if !m.Interrupted || m.Executions != 5 || m.Failed != 0 {
			t.Errorf("got interrupted %v, %d completed, %d failed; want true, 5, 0", m.Interrupted, m.Executions, m.Failed)
		}
		if m, err := benchmark.Run(ctx, benchmark.Config{Execute: task}); m != nil || !errors.Is(err, why) {
			t.Errorf("interrupted before it began: got %v and %v, want nothing and %v", m, err, why)
		}
	})
}

func TestProgressGrowsToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []benchmark.Progress
		_, err := benchmark.Run(t.Context(), benchmark.Config{
			Count: 10, Warmup: -1,
			Execute:    func(context.Context) *ratchet.Execution { time.Sleep(95 * time.Millisecond); return completed() },
			OnProgress: func(p benchmark.Progress) { told = append(told, p) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(told) != 9 { // in 950 ms
			t.Errorf("told %d times, want 9", len(told))
		}
		for i, p := range told {
			if want := (benchmark.Progress{Executions: i + 1, Elapsed: time.Duration(i+1) * 100 * time.Millisecond, Share: float64(i+1) / 10}); p != want {
				t.Errorf("number %d: got %+v, want %+v", i, p, want)
			}
		}
	})
}

func TestAMeasurementIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	want := measured(100, 1, 2, 3, 4, 5)
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := benchmark.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Slices) != 5 || got.Slices[4] != want.Slices[4] || got.PerSecond != want.PerSecond {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestWhatIsNoMeasurementIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	whole, err := json.Marshal(measured(100, 1, 2, 3, 4, 5))
	if err != nil {
		t.Fatal(err)
	}
	changed := func(old, text string) string { return strings.Replace(string(whole), old, text, 1) }
	for name, test := range map[string]struct{ text, want string }{
		"empty":          {"", "is empty"},
		"truncated":      {string(whole[:len(whole)/2]), "ends in the middle"},
		"cut by a byte":  {string(whole[:len(whole)-1]), "ends in the middle"},
		"no JSON":        {"executions: 5", "is not JSON: "},
		"a number":       {"5", "no measurement of ratchet bench"},
		"an array":       {"[1]", "no measurement of ratchet bench"},
		"foreign":        {`{"name": "addition"}`, `it has no "format"`},
		"another format": {`{"format": 5}`, `it has no "format"`},
		"a later format": {changed(benchmark.Format, "ratchet-bench/2"), `its format is "ratchet-bench/2"`},
		"a wrong type":   {changed(`"executions":500`, `"executions":"many"`), "is not what ratchet bench writes: "},
		"no executions":  {changed(`"executions":500`, `"executions":0`), "must be more than 0"},
		"no digest":      {changed("sha256:0", ""), "conditions.digest is missing"},
		"an odd slice":   {changed(`"executions":100`, `"executions":-1`), "slices[0] cannot be"},
	} {
		if _, err := benchmark.Parse([]byte(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}
