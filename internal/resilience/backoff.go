package resilience

import (
	"math"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// Delay is the time to wait before the n-th retry, from 1: what the policy's
// Backoff makes of InitialDelay, at most MaxDelay, and only then spread by Jitter
// to both sides. chance gives numbers from 0 up to 1; it is asked once, or, for
// decorrelated delays, n times: the same numbers give the same delay.
func Delay(policy ratchet.Retry, n int, chance func() float64) time.Duration {
	policy = policy.Or(ratchet.DefaultRetry())
	base := float64(policy.InitialDelay)
	most := float64(min(policy.MaxDelay, ratchet.MaxRetryDelay))
	var d float64
	switch policy.Backoff {
	case ratchet.BackoffFixed:
		d = base
	case ratchet.BackoffLinear:
		d = base * float64(n)
	case ratchet.BackoffFibonacci:
		d = base * fibonacci(n)
	case ratchet.BackoffDecorrelated:
		return time.Duration(decorrelated(base, most, n, chance))
	default:
		d = base * math.Pow(policy.Factor, float64(n-1))
	}
	return time.Duration(min(d, most) * (1 + policy.Jitter*(2*chance()-1)))
}

// fibonacci is the n-th number of 1, 1, 2, 3, 5…
func fibonacci(n int) float64 {
	a, b := 0.0, 1.0
	for range n - 1 {
		a, b = b, a+b
	}
	return b
}

// decorrelated is the n-th of delays of which each lies between the first and
// three times the one before: it grows without a step that those who failed
// together would share. After M. Brooker, "Exponential Backoff And Jitter".
func decorrelated(base, most float64, n int, chance func() float64) float64 {
	d := min(base, most)
	for range n - 1 {
		top := min(3*d, most)
		low := min(base, top)
		d = low + chance()*(top-low)
	}
	return d
}
