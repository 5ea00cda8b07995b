package benchmark

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// maxSamples bounds the executions that are kept, at 32 bytes each. Of more, a
// random choice is kept, in which each has the same chance.
const maxSamples = 2_000_000

// A sample is one execution that completed.
type sample struct {
	end     time.Duration // since the measurement began
	latency time.Duration
	cpu     time.Duration
	memory  int64
}

// samples are the executions that completed: all of them, or so many of them as
// the limit allows.
type samples struct {
	kept   []sample
	limit  int
	seen   int
	most   time.Duration // the greatest latency of all, kept or not
	random *rand.Rand
}

// add takes one more in; beyond the limit it is Vitter's algorithm R.
func (s *samples) add(x sample) {
	s.seen++
	s.most = max(s.most, x.latency)
	if len(s.kept) < s.limit {
		s.kept = append(s.kept, x)
	} else if i := s.random.IntN(s.seen); i < s.limit {
		s.kept[i] = x
	}
}

// summary sums the samples up.
func (s *samples) summary(elapsed time.Duration, concurrency int) *Measurement {
	m := &Measurement{Executions: s.seen, Seconds: rounded(elapsed.Seconds(), 6)}
	if s.seen > len(s.kept) {
		m.Kept = len(s.kept)
	}
	if s.seen == 0 || elapsed <= 0 {
		return m
	}
	m.PerSecond = rounded(float64(s.seen)/elapsed.Seconds(), 3)
	latencies := sorted(s.kept, func(x sample) time.Duration { return x.latency })
	m.Latency = Latency{
		MinMs: milliseconds(latencies[0]), MeanMs: milliseconds(mean(latencies)),
		P50Ms: milliseconds(Percentile(latencies, 50)), P90Ms: milliseconds(Percentile(latencies, 90)),
		P99Ms: milliseconds(Percentile(latencies, 99)), MaxMs: milliseconds(s.most),
	}
	latencies[len(latencies)-1] = s.most
	m.Histogram = Histogram(latencies)
	memory := sorted(s.kept, func(x sample) int64 { return x.memory })
	m.Memory.TaskMedian, m.Memory.TaskMax = Percentile(memory, 50), memory[len(memory)-1]
	m.CPU.TaskMs = milliseconds(mean(sorted(s.kept, func(x sample) time.Duration { return x.cpu })))
	m.Slices = s.slices(concurrency)
	return m
}

// How many slices a measurement is cut into, and how few executions one may have.
const (
	mostSlices   = 20
	leastSlices  = 5
	sliceWanted  = 100 // executions, for a p99 that is more than the maximum
	sliceLeast   = 5
	sliceClients = 2 // executions of each client
)

// slices cuts the measurement into slices of the same number of executions, in
// the order of their ends; none if there were too few.
func (s *samples) slices(concurrency int) []Slice {
	n := min(max(len(s.kept)/sliceWanted, leastSlices), mostSlices)
	n = min(n, len(s.kept)/max(sliceLeast, sliceClients*concurrency))
	if n < leastSlices {
		return nil
	}
	byEnd := slices.SortedFunc(slices.Values(s.kept), func(a, b sample) int { return cmp.Compare(a.end, b.end) })
	share := float64(s.seen) / float64(len(s.kept))
	var list []Slice
	begin := time.Duration(0)
	for i := range n {
		part := byEnd[i*len(byEnd)/n : (i+1)*len(byEnd)/n]
		end := part[len(part)-1].end
		if end <= begin {
			return nil // a clock too coarse to tell them apart
		}
		latencies := sorted(part, func(x sample) time.Duration { return x.latency })
		list = append(list, Slice{
			Executions: len(part), PerSecond: rounded(share*float64(len(part))/(end-begin).Seconds(), 3),
			P50Ms: milliseconds(Percentile(latencies, 50)), P90Ms: milliseconds(Percentile(latencies, 90)),
			P99Ms:      milliseconds(Percentile(latencies, 99)),
			TaskCPUMs:  milliseconds(mean(sorted(part, func(x sample) time.Duration { return x.cpu }))),
			TaskMemory: Percentile(sorted(part, func(x sample) int64 { return x.memory }), 50),
		})
		begin = end
	}
	return list
}

// failureList returns the failures, the most frequent first.
func failureList(failures map[ratchet.Reason]*Failure) []Failure {
	list := []Failure{}
	for _, reason := range slices.Sorted(maps.Keys(failures)) {
		list = append(list, *failures[reason])
	}
	slices.SortStableFunc(list, func(a, b Failure) int { return cmp.Compare(b.Count, a.Count) })
	return list
}

// sorted returns one value of each sample, the least first.
func sorted[T cmp.Ordered](list []sample, value func(sample) T) []T {
	values := make([]T, len(list))
	for i, x := range list {
		values[i] = value(x)
	}
	slices.Sort(values)
	return values
}

// mean returns the mean of a list that is not empty.
func mean[T ~int64](list []T) T {
	sum := 0.0
	for _, v := range list {
		sum += float64(v)
	}
	return T(math.Round(sum / float64(len(list))))
}

// milliseconds returns a span as such, exact to the nanosecond.
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func rounded(v float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(v*scale) / scale
}
