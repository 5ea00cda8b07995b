package benchmark

import (
	"cmp"
	"math"
	"time"
)

// Percentile returns the least value of a sorted list that at least p of a
// hundred values do not exceed (the nearest-rank method): always one of them.
// The list must not be empty.
func Percentile[T cmp.Ordered](sorted []T, p float64) T {
	rank := int(math.Ceil(float64(len(sorted)) * p / 100))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// A Bucket counts the latencies from one bound up to, but not including, the
// other. That of the last is the greatest latency, which it includes.
type Bucket struct {
	FromMs float64 `json:"fromMs"`
	ToMs   float64 `json:"toMs"`
	Count  int     `json:"count"`
}

// Into how many buckets the latencies up to p99 go, or so, and how narrow one
// may be.
const (
	bucketsWanted = 12
	bucketLeast   = time.Microsecond
)

// Histogram counts sorted latencies in buckets of one width, with bounds that
// read well, up to the one that p99 is in; the last bucket is all beyond.
func Histogram(sorted []time.Duration) []Bucket {
	if len(sorted) == 0 {
		return nil
	}
	low, most := sorted[0], sorted[len(sorted)-1]
	step := niceStep(max((Percentile(sorted, 99)-low)/bucketsWanted, bucketLeast))
	var list []Bucket
	from := low - low%step
	last := Percentile(sorted, 99)
	for i := 0; i < len(sorted); from += step {
		b := Bucket{FromMs: milliseconds(from), ToMs: milliseconds(from + step)}
		beyond := from > last
		if beyond {
			b.ToMs = milliseconds(most)
		}
		for i < len(sorted) && (beyond || sorted[i] < from+step) {
			b.Count++
			i++
		}
		list = append(list, b)
	}
	return list
}

// niceStep returns the least of 1, 2 and 5 times a power of ten, in
// nanoseconds, that is no less than d.
func niceStep(d time.Duration) time.Duration {
	for power := time.Duration(1); ; power *= 10 {
		for _, digit := range []time.Duration{1, 2, 5} {
			if power*digit >= d {
				return power * digit
			}
		}
	}
}
