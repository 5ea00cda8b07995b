package delivery

import (
	"slices"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A lane is what goes to one place.
type lane struct {
	waiting []*ratchet.DueDelivery
	running int
	open    time.Time // until then the place is left alone
	probing bool      // it was: one attempt at a time, until one is answered
	quick   bool      // its last attempt took next to no time: more may be held ready
	share   int       // attempts that it may have under way while places are scarce
}

// firstShare is the share of a place of which nothing is known.
const firstShare = 2

// learn takes what an attempt told of the place: one that answers soon gets more.
func (n *lane) learn(took time.Duration, most int) {
	n.quick = took < 20*time.Millisecond
	if took < time.Second {
		n.share = min(n.share+1, most)
	} else {
		n.share = max(n.share/2, 1)
	}
}

// width is how many attempts a lane may have under way. While half of all places
// are free any lane may have its part; then those that do not answer soon keep to
// few, so that many slow ones together cannot take all.
func (l *loop) width(lane *lane) int {
	switch {
	case lane.probing:
		return 1
	case l.running < l.r.config.Concurrency/2:
		return l.r.config.PerTarget
	case lane.share <= firstShare && l.running >= l.r.config.Concurrency*3/4:
		return 1
	default:
		return min(lane.share, l.r.config.PerTarget)
	}
}

// full reports whether no more should be claimed for the lane.
func (l *loop) full(lane *lane) bool {
	return lane.open.After(time.Now()) || lane.running+len(lane.waiting) >= l.hold(lane)
}

// hold is how much of a lane may be claimed at once: what is under way, and a few
// more where that takes next to no time.
func (l *loop) hold(lane *lane) int {
	if lane.quick && !lane.probing {
		return 4 * l.width(lane)
	}
	return l.width(lane)
}

// release gives back what waits in a lane.
func (l *loop) release(lane *lane) {
	now := time.Now()
	for _, d := range lane.waiting {
		l.say(ratchet.DeliveryEnd{ID: d.ID, Token: d.Token, Free: true, State: ratchet.DeliveryPending, NextAt: now}, d)
	}
	l.waiting -= len(lane.waiting)
	lane.waiting = nil
}

// sweep forgets a lane that is idle, and has claims look at one that was full.
func (l *loop) sweep(name string) {
	lane := l.lanes[name]
	if slices.Contains(l.except, name) && 2*(lane.running+len(lane.waiting)) <= l.hold(lane) && !lane.open.After(time.Now()) {
		l.look = true
	}
	if lane.running == 0 && len(lane.waiting) == 0 && !lane.probing && lane.open.IsZero() {
		delete(l.lanes, name)
	}
}

// ready is how much of what waits could begin as soon as there is a place: what
// waits for a slow place counts for nothing, and keeps nobody from claiming.
func (l *loop) ready() (n int) {
	for _, lane := range l.lanes {
		n += max(0, min(len(lane.waiting), l.hold(lane)-lane.running))
	}
	return n
}

// count notes how lanes do, for who asks from outside.
func (l *loop) count() {
	var n Lanes
	for _, lane := range l.lanes {
		switch {
		case lane.open.After(time.Now()):
			n.Resting++
		case l.full(lane):
			n.Full++
		default:
			n.Free++
		}
	}
	l.r.lanes.Store(&n)
}

// Lanes counts the places (hosts, plugins) that deliveries are under way to.
type Lanes struct {
	Free    int // more could go there
	Full    int // as much goes there as may at once
	Resting int // left alone for a while, because they failed
}

// Lanes says how they are now. It does not wait.
func (r *Runner) Lanes() Lanes {
	if n := r.lanes.Load(); n != nil {
		return *n
	}
	return Lanes{}
}
