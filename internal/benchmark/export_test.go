package benchmark

import (
	"math/rand/v2"
	"time"
)

// SummaryOf returns the summary of executions of a millisecond each, one after
// the other, of which so many are kept.
func SummaryOf(n, limit int, random *rand.Rand) *Measurement {
	s := samples{limit: limit, random: random}
	for i := range n {
		latency := time.Millisecond
		if i == n/2 {
			latency = time.Second
		}
		s.add(sample{end: time.Duration(i+1) * time.Millisecond, latency: latency})
	}
	return s.summary(time.Duration(n)*time.Millisecond, 1)
}
