package benchmark_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/benchmark"
)

func TestBeyondTheLimitARandomChoiceIsKept(t *testing.T) {
	t.Parallel()
	m := benchmark.SummaryOf(200_000, 10_000, rand.New(rand.NewPCG(1, 2)))
	if m.Executions != 200_000 || m.Kept != 10_000 || m.Latency.MaxMs != 1000 || m.PerSecond != 1000 {
		t.Errorf("got %d executions, %d kept, at most %v ms, %v/s; want 200000, 10000, 1000, 1000", m.Executions, m.Kept, m.Latency.MaxMs, m.PerSecond)
	}
	if len(m.Slices) != 20 {
		t.Fatalf("got %d slices, want 20", len(m.Slices))
	}
	for i, s := range m.Slices { // each of 500: one standard deviation is 4.5 %
		if math.Abs(s.PerSecond-1000) > 200 {
			t.Errorf("slice %d: got %v/s, want 1000/s or so: the choice is not even", i, s.PerSecond)
		}
	}
	all := benchmark.SummaryOf(10_000, 10_000, nil)
	if all.Kept != 0 || all.Executions != 10_000 {
		t.Errorf("below the limit: got %d kept of %d, want all", all.Kept, all.Executions)
	}
}
