package schedule

import (
	"fmt"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A rule is a schedule's rule, ready to be asked.
type rule struct {
	clock *clock // nil for an interval
	zone  *time.Location
	every time.Duration
	start time.Time // no run before; of an interval what it counts from
	first bool      // an interval's start is itself a run
	end   time.Time
}

// compile reads the rule of s, or reports all that is wrong with it.
func compile(s *ratchet.Schedule) (*rule, []ratchet.Detail) {
	r := &rule{start: s.Start, end: s.End, first: !s.Start.IsZero()}
	var wrong []ratchet.Detail
	switch {
	case s.Cron != "" && s.Every != 0:
		wrong = append(wrong, ratchet.Detail{Pointer: "/every", Message: "cron and every exclude each other", Expected: "one of the two", Got: "both"})
	case s.Every != 0:
		r.every = time.Duration(s.Every)
		wrong = append(wrong, checkEvery("/every", s.Every)...)
	case s.Cron == "":
		wrong = append(wrong, ratchet.Detail{Pointer: "/cron", Message: "the schedule has no rule", Expected: `"cron", such as "0 9 * * MON-FRI", or "every", such as "15m"`})
	default:
		var details []ratchet.Detail
		r.clock, r.every, details = parseCron(s.Cron)
		wrong = append(wrong, details...)
	}
	zone, details := loadZone(s.Zone)
	r.zone = zone
	wrong = append(wrong, details...)
	if r.clock == nil {
		if r.start.IsZero() {
			r.start = s.CreatedAt
		}
		// Stores keep microseconds: an instant must be found again as it was given.
		r.start, r.every = r.start.Truncate(time.Microsecond), r.every.Truncate(time.Microsecond)
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	return r, nil
}

// next returns the first instant after t at which the rule runs, zero if there is
// none.
func (r *rule) next(t time.Time) time.Time {
	var at time.Time
	switch {
	case r.clock == nil:
		at = r.nextInterval(t)
	case r.clock.wild:
		at = r.nextElapsed(r.notBefore(t))
	default:
		at = r.nextFixed(r.notBefore(t))
	}
	if at.IsZero() || !r.end.IsZero() && at.After(r.end) || at.UTC().Year() > ratchet.MaxYear {
		return time.Time{}
	}
	return at.UTC()
}

// notBefore lets the start itself be a run.
func (r *rule) notBefore(t time.Time) time.Time {
	if before := r.start.Add(-1); !r.start.IsZero() && before.After(t) {
		return before
	}
	return t
}

func (r *rule) nextInterval(t time.Time) time.Time {
	anchor := r.start
	if anchor.IsZero() { // of a schedule that is not yet made
		anchor = t
	}
	at := interval(anchor, r.every, t)
	if at.Equal(anchor) && !r.first {
		return anchor.Add(r.every)
	}
	return at
}

// wall is what the clock of the zone shows at t, as a time of UTC.
func (r *rule) wall(t time.Time) time.Time {
	_, offset := t.In(r.zone).Zone()
	return t.Add(time.Duration(offset) * time.Second).UTC()
}

// nextElapsed goes from one jump of the clock to the next, and returns the first
// instant at which it shows a time of the rule.
func (r *rule) nextElapsed(t time.Time) time.Time {
	limit := t.AddDate(searchYears, 0, 0)
	for t.Before(limit) {
		shown := r.wall(t)
		want := r.clock.after(shown)
		if want.IsZero() {
			return want
		}
		at := t.Add(want.Sub(shown))
		_, jump := t.In(r.zone).ZoneBounds()
		if jump.IsZero() || at.Before(jump) {
			return at
		}
		// What the clock shows right after the jump may itself be a time of the rule.
		shown = r.wall(jump)
		if r.clock.after(shown.Add(-1)).Equal(shown) {
			return jump
		}
		t = jump
	}
	return time.Time{}
}

// nextFixed returns the first instant after t that stands for a time of the rule.
// Later times never stand for earlier instants, so that those the clock has
// already shown need not be asked again.
func (r *rule) nextFixed(t time.Time) time.Time {
	for want := r.wall(t); ; {
		if want = r.clock.after(want); want.IsZero() {
			return want
		}
		if at := r.firstShown(want); at.After(t) {
			return at
		}
	}
}

// firstShown is the first instant at which the clock of the zone shows a time, or
// has jumped over it.
func (r *rule) firstShown(want time.Time) time.Time {
	at := want.Add(-36 * time.Hour) // no zone is that far from UTC
	for {
		_, offset := at.In(r.zone).Zone()
		_, jump := at.In(r.zone).ZoneBounds()
		shown := want.Add(-time.Duration(offset) * time.Second)
		switch {
		case shown.Before(at):
			return at // the clock jumped over it
		case jump.IsZero() || shown.Before(jump):
			return shown
		}
		at = jump
	}
}

// Rules are the rules of schedules. The zero Rules work.
type Rules struct {
	// Now is the time. Default time.Now.
	Now func() time.Time
}

// Validate reports what is wrong with the rule, the zone and the policies of s:
// also that it would never run.
func (r Rules) Validate(s *ratchet.Schedule) []ratchet.Detail {
	wrong := checkPolicies(s)
	rule, details := compile(s)
	wrong = append(wrong, details...)
	if !s.Start.IsZero() && !s.End.IsZero() && !s.End.After(s.Start) {
		return append(wrong, ratchet.Detail{
			Pointer: "/end", Message: "the end is not after the start", Expected: "a time after " + s.Start.Format(time.RFC3339), Got: s.End.Format(time.RFC3339),
		})
	}
	if rule == nil {
		return wrong
	}
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	return append(wrong, rule.checkRuns(s, now())...)
}

// checkRuns reports that the rule never runs from now on.
func (r *rule) checkRuns(s *ratchet.Schedule, now time.Time) []ratchet.Detail {
	if !r.next(now).IsZero() {
		return nil
	}
	endless := *r
	endless.end = time.Time{}
	at := endless.next(now)
	switch {
	case at.IsZero() && s.Start.After(now):
		return []ratchet.Detail{{
			Pointer: "/start", Message: "the rule never fires after the start", Expected: "an earlier start", Got: s.Start.Format(time.RFC3339),
		}}
	case at.IsZero():
		return []ratchet.Detail{{
			Pointer: "/cron", Message: "the rule never fires", Expected: fmt.Sprintf("a time that comes in the next %d years", searchYears), Got: s.Cron,
		}}
	case !s.End.After(now):
		return []ratchet.Detail{{Pointer: "/end", Message: "the end lies in the past", Expected: "a time to come", Got: s.End.Format(time.RFC3339)}}
	default:
		return []ratchet.Detail{{
			Pointer: "/end", Message: "the rule never fires before the end", Expected: "an end not before " + at.Format(time.RFC3339), Got: s.End.Format(time.RFC3339),
		}}
	}
}

// Next returns the first instant after t at which s runs, in UTC; zero if never,
// because its rule, its end or its number of runs says so, or because its rule
// cannot be read.
func (r Rules) Next(s *ratchet.Schedule, t time.Time) time.Time {
	if s.MaxRuns > 0 && s.Runs >= s.MaxRuns {
		return time.Time{}
	}
	rule, wrong := compile(s)
	if len(wrong) > 0 {
		return time.Time{}
	}
	return rule.next(t)
}
