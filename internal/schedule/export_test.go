package schedule

import (
	"errors"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// What the tests see of the inside.

// Compile reads a rule once, for tests that ask it very often.
func Compile(s *ratchet.Schedule) (next func(time.Time) time.Time, err error) {
	r, wrong := compile(s)
	if len(wrong) > 0 {
		return nil, errors.New(wrong[0].Message)
	}
	return r.next, nil
}

// A Plan is what decide made of a schedule.
type Plan struct {
	Fire    []time.Time
	Skipped int
	Next    time.Time
	Cancel  bool
}

// Decide plans what is due of s, of which so many jobs are unfinished.
func Decide(s *ratchet.Schedule, now time.Time, grace time.Duration, unfinished int) (Plan, error) {
	r, wrong := compile(s)
	if len(wrong) > 0 {
		return Plan{}, errors.New(wrong[0].Message)
	}
	p, err := decide(s, r, now, grace, func() (int, error) { return unfinished, nil })
	return Plan{p.fire, p.skipped, p.next, p.cancel}, err
}
