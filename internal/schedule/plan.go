package schedule

import (
	"slices"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// maxCounted is how many instants are looked at in one step. A schedule that has
// more behind it goes on with the latest: the others are as good as skipped.
const maxCounted = 100_000

// maxQueued is how many jobs of one schedule OverlapQueue lets wait. What comes
// on top is skipped: a schedule that is faster than its task must not fill the
// queue.
const maxQueued = 1000

// A plan is what is to be done about the instants of a schedule that are due.
type plan struct {
	fire    []time.Time // in order; a job each
	skipped int         // instants that get no job
	next    time.Time   // when the schedule is due again, if it has runs left; zero: never
	cancel  bool        // what is unfinished is cancelled first
}

// decide plans the instants of s that are due at a time, of which those older than
// grace were missed. It asks for the unfinished jobs of the schedule only where
// that matters.
func decide(s *ratchet.Schedule, r *rule, now time.Time, grace time.Duration, unfinished func() (int, error)) (plan, error) {
	p := plan{}
	left := -1 // no end
	if s.MaxRuns > 0 {
		left = max(s.MaxRuns-s.Runs, 0)
	}
	due, next, overlooked := r.due(s.NextRunAt, now)
	p.next, p.skipped = next, overlooked
	if left == 0 {
		return plan{}, nil
	}
	missed := 0
	for missed < len(due) && now.Sub(due[missed]) > grace {
		missed++
	}
	late, onTime := due[:missed], due[missed:]
	switch s.Missed {
	case ratchet.MissedSkip:
		late = nil
	case ratchet.MissedAll:
		most := s.MissedMax
		if most == 0 {
			most = DefaultMissedMax
		}
		late = late[max(len(late)-most, 0):]
	case ratchet.MissedOnce, "":
		late = late[max(len(late)-1, 0):]
	}
	p.fire = slices.Concat(late, onTime)
	if err := p.overlap(s, unfinished); err != nil {
		return plan{}, err
	}
	if left >= 0 {
		p.fire = p.fire[:min(len(p.fire), left)]
	}
	p.skipped += len(due) - len(p.fire)
	return p, nil
}

// overlap applies the policy for jobs that are not yet finished. Where only one may
// be, the latest instant is the one that counts.
func (p *plan) overlap(s *ratchet.Schedule, unfinished func() (int, error)) error {
	if len(p.fire) == 0 || s.Overlap == ratchet.OverlapAllow || s.Overlap == "" {
		return nil
	}
	n, err := unfinished()
	if err != nil {
		return err
	}
	switch s.Overlap {
	case ratchet.OverlapSkip:
		p.fire = p.fire[len(p.fire)-1:]
		if n > 0 {
			p.fire = nil
		}
	case ratchet.OverlapCancel:
		p.fire, p.cancel = p.fire[len(p.fire)-1:], n > 0
	case ratchet.OverlapQueue:
		p.fire = p.fire[:min(len(p.fire), max(maxQueued-n, 0))]
	}
	return nil
}

// due lists the instants from one that the rule gave to now, the next one after
// now, and how many were overlooked because there are too many, at least.
func (r *rule) due(from, now time.Time) (due []time.Time, next time.Time, overlooked int) {
	at := from
	for ; !at.IsZero() && !at.After(now); at = r.next(at) {
		if len(due) == maxCounted {
			due, next = r.latest(from, now)
			return due, next, maxCounted
		}
		due = append(due, at)
	}
	return due, at, 0
}

// latest returns the last instants of a rule that has had very many, no fewer than
// any policy makes jobs of.
func (r *rule) latest(from, now time.Time) (due []time.Time, next time.Time) {
	for back := time.Hour; ; back *= 2 {
		due = due[:0]
		begin := now.Add(-back)
		if begin.Before(from) {
			begin = from
		}
		at := r.next(begin)
		for ; !at.IsZero() && !at.After(now); at = r.next(at) {
			if len(due) == 2*MaxMissedMax {
				due = append(due[:0], due[MaxMissedMax:]...)
			}
			due = append(due, at)
		}
		if len(due) >= MaxMissedMax || begin.Equal(from) {
			return due, at
		}
	}
}
