package ratchet

import (
	"fmt"
	"slices"
	"time"
)

// A Retry says how often and when a job is attempted again after an attempt
// that failed for a reason that may pass. The delay before the n-th retry is what
// Backoff makes of InitialDelay, at most MaxDelay, and then spread by Jitter. A
// zero field means the default.
type Retry struct {
	MaxAttempts  int      `json:"maxAttempts,omitzero"`  // in all, the first included; default 3
	Backoff      Backoff  `json:"backoff,omitempty"`     // default exponential
	InitialDelay Duration `json:"initialDelay,omitzero"` // default 1s
	MaxDelay     Duration `json:"maxDelay,omitzero"`     // default 30s
	Factor       float64  `json:"factor,omitzero"`       // of exponential delays; default 2
	// Jitter is the part of a delay by which it may be shorter or longer; default
	// 0.2. There is always some: jobs that failed together must not come back
	// together. Decorrelated delays have none beside their own.
	Jitter float64 `json:"jitter,omitzero"`
}

// A Backoff is how the delays between retries grow.
type Backoff string

// The backoffs. The n-th delay, n from 1, of a first one of d:
const (
	BackoffExponential  Backoff = "exponential"  // d × Factorⁿ⁻¹
	BackoffLinear       Backoff = "linear"       // d × n
	BackoffFibonacci    Backoff = "fibonacci"    // d × 1, 1, 2, 3, 5, 8…
	BackoffFixed        Backoff = "fixed"        // d
	BackoffDecorrelated Backoff = "decorrelated" // by chance between d and three times the one before
)

// Backoffs returns every Backoff.
func Backoffs() []Backoff {
	return []Backoff{BackoffExponential, BackoffLinear, BackoffFibonacci, BackoffFixed, BackoffDecorrelated}
}

// DefaultRetry returns the retry policy of a task that names none; its numbers
// are those of the earlier Ratchet.
func DefaultRetry() Retry {
	return Retry{
		MaxAttempts:  3,
		Backoff:      BackoffExponential,
		InitialDelay: Duration(time.Second),
		MaxDelay:     Duration(30 * time.Second),
		Factor:       2,
		Jitter:       0.2,
	}
}

// Or returns r with its zero fields taken from other.
func (r Retry) Or(other Retry) Retry {
	return Retry{
		MaxAttempts:  orElse(r.MaxAttempts, other.MaxAttempts),
		Backoff:      orElse(r.Backoff, other.Backoff),
		InitialDelay: orElse(r.InitialDelay, other.InitialDelay),
		MaxDelay:     orElse(r.MaxDelay, other.MaxDelay),
		Factor:       orElse(r.Factor, other.Factor),
		Jitter:       orElse(r.Jitter, other.Jitter),
	}
}

// Bounds of what a retry policy may be set to.
const (
	MaxAttempts   = 100
	MaxRetryDelay = Duration(7 * 24 * time.Hour)
	MaxFactor     = 10
)

// Validate reports the fields outside their bounds, each as one Detail whose
// Pointer is the field's JSON name.
func (r Retry) Validate() (wrong []Detail) {
	add := func(field, expected string, got any) {
		wrong = append(wrong, Detail{
			Pointer: "/" + field, Message: field + " is out of bounds",
			Expected: expected, Got: fmt.Sprint(got),
		})
	}
	full := r.Or(DefaultRetry())
	if full.MaxAttempts < 1 || full.MaxAttempts > MaxAttempts {
		add("maxAttempts", fmt.Sprintf("1 to %d", MaxAttempts), r.MaxAttempts)
	}
	if !slices.Contains(Backoffs(), full.Backoff) {
		add("backoff", "one of exponential, linear, fibonacci, fixed, decorrelated", r.Backoff)
	}
	if full.InitialDelay < 0 || full.InitialDelay > MaxRetryDelay {
		add("initialDelay", "more than 0 and at most "+MaxRetryDelay.String(), r.InitialDelay)
	}
	if full.MaxDelay > MaxRetryDelay {
		add("maxDelay", "at most "+MaxRetryDelay.String(), full.MaxDelay)
	} else if full.MaxDelay < full.InitialDelay {
		add("maxDelay", "at least initialDelay, "+full.InitialDelay.String(), full.MaxDelay)
	}
	if !(full.Factor >= 1 && full.Factor <= MaxFactor) {
		add("factor", fmt.Sprintf("1 to %d", MaxFactor), r.Factor)
	}
	if !(full.Jitter > 0 && full.Jitter <= 1) {
		add("jitter", "more than 0 and at most 1", r.Jitter)
	}
	return wrong
}
