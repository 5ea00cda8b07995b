package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// Bounds of how the outbox is asked.
const (
	mostEnds   = 256              // written in one transaction
	mostUnsaid = 2048             // ends not written yet beyond which nothing is claimed
	mostHeld   = 8                // times Concurrency, claimed and not begun; of more some is given back
	lastWords  = 10 * time.Second // to write ends, after a stop
	firstPause = time.Second      // after the store failed; doubled up to longPause
	longPause  = 30 * time.Second
)

// errStopping ends attempts that outlast the soft stop.
var errStopping = errors.New("the server stops: the attempt is made by the next one")

// Run delivers until ctx ends. Attempts that are under way then get the SoftStop;
// what is not done by that time is given back, and counts as not attempted.
func (r *Runner) Run(ctx context.Context) error {
	defer r.folder.close()
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	attempts, cut := context.WithCancelCause(life)
	defer cut(nil)
	l := &loop{
		r: r, life: life, attempts: attempts, lanes: map[string]*lane{},
		claimed: make(chan claimed, 1), recovered: make(chan error, 1), ended: make(chan error, 1), done: make(chan finished, r.config.Concurrency),
	}
	defer l.work.Wait()
	l.recover()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		l.step()
		timer.Reset(time.Until(l.nextLook()))
		select {
		case <-ctx.Done():
		case <-r.wake:
			l.look = true
		case <-timer.C:
			l.tick()
		case c := <-l.claimed:
			l.took(c)
		case err := <-l.recovered:
			l.recovering = false
			l.complain("put back what was being delivered", err)
			l.look = true
		case f := <-l.done:
			l.finish(f)
		case err := <-l.ended:
			l.wrote(err)
		}
	}
	return l.stop(cut, end)
}

// A loop is one Run. Only the goroutine of Run touches it; what takes time is done
// by others, one claim and one writing of ends at a time, which tell it by
// channels.
type loop struct {
	r        *Runner
	life     context.Context // of all work, beyond the stop
	attempts context.Context
	work     sync.WaitGroup

	lanes      map[string]*lane
	running    int       // attempts under way
	waiting    int       // claimed, and not begun
	look       bool      // there may be something to claim
	next       time.Time // when something is due that is not now
	polled     time.Time // when the outbox was looked at last, told or not
	except     []string  // of the last claim
	ends       []said
	writing    []said // of which those are being written
	pause      time.Duration
	resume     time.Time // not before, after the store failed
	claiming   bool
	endsAway   bool
	recovering bool

	claimed   chan claimed
	recovered chan error
	ended     chan error
	done      chan finished
}

// A said is an end that has to be written, and what is told of it then.
type said struct {
	end ratchet.DeliveryEnd
	of  *ratchet.DueDelivery
}

type claimed struct {
	due  []ratchet.DueDelivery
	next time.Time
	err  error
}

type finished struct {
	of      *ratchet.DueDelivery
	end     ratchet.DeliveryEnd
	verdict verdict
	took    time.Duration
}

// step begins whatever can be begun.
func (l *loop) step() {
	l.begin()
	l.count()
	l.write()
	l.claim()
}

// begin starts attempts, lane by lane in turn, so that none takes all places.
func (l *loop) begin() {
	for started := true; started && l.running < l.r.config.Concurrency; {
		started = false
		for _, lane := range l.lanes {
			if len(lane.waiting) == 0 || lane.running >= l.width(lane) || l.running >= l.r.config.Concurrency || lane.open.After(time.Now()) {
				continue
			}
			d := lane.waiting[0]
			lane.waiting = lane.waiting[1:]
			l.waiting--
			lane.running++
			l.running++
			started = true
			l.work.Go(func() {
				began := time.Now()
				end, v := l.r.attempt(l.attempts, d)
				l.done <- finished{d, end, v, time.Since(began)}
			})
		}
	}
}

// finish notes what an attempt came to.
func (l *loop) finish(f finished) {
	lane := l.lanes[f.of.Lane]
	lane.running--
	l.running--
	lane.learn(f.took, l.r.config.PerTarget)
	switch {
	case f.verdict.free && f.verdict.after > 0:
		lane.open, lane.probing = time.Now().Add(f.verdict.after), true
		l.release(lane)
	case !f.verdict.free && (f.verdict.err == nil || f.verdict.status > 0 && f.verdict.status < 500):
		lane.probing = false
	}
	l.say(f.end, f.of)
	l.sweep(f.of.Lane)
}

func (l *loop) say(end ratchet.DeliveryEnd, of *ratchet.DueDelivery) {
	l.ends = append(l.ends, said{end, of})
}

// claim asks for what is due, if there may be something and room for it.
func (l *loop) claim() {
	ahead := l.r.config.Concurrency
	if l.claiming || l.recovering || !l.look || 2*l.ready() > ahead || len(l.ends) > mostUnsaid || time.Now().Before(l.resume) {
		return
	}
	l.look, l.claiming, l.except = false, true, nil
	for name, lane := range l.lanes {
		if l.full(lane) {
			l.except = append(l.except, name)
		}
	}
	slices.Sort(l.except)
	most, except := 2*ahead-l.ready(), l.except
	l.work.Go(func() {
		var c claimed
		if c.due, c.err = l.r.store.ClaimDeliveries(l.life, most, except); c.err == nil && len(c.due) == 0 {
			c.next, c.err = l.r.store.NextDelivery(l.life, except)
		}
		l.claimed <- c
	})
}

// took puts what was claimed where it waits.
func (l *loop) took(c claimed) {
	l.claiming, l.polled = false, time.Now()
	l.complain("claim deliveries", c.err)
	if c.err != nil {
		l.look = true
		return
	}
	l.next = c.next
	for i := range c.due {
		d := &c.due[i]
		ln := l.lanes[d.Lane]
		if ln == nil {
			ln = &lane{share: firstShare}
			l.lanes[d.Lane] = ln
		}
		ln.waiting = append(ln.waiting, d)
		l.waiting++
		if ln.open.After(time.Now()) { // since it was asked for
			l.release(ln)
		}
	}
	l.look = l.look || len(c.due) > 0
	if l.waiting > mostHeld*l.r.config.Concurrency {
		for _, lane := range l.lanes {
			if lane.running >= l.width(lane) {
				l.release(lane)
			}
		}
	}
}

// write writes how attempts ended, many at once: those that end while one is
// written wait for the next.
func (l *loop) write() {
	if l.endsAway || len(l.ends) == 0 || time.Now().Before(l.resume) {
		return
	}
	n := min(len(l.ends), mostEnds)
	l.endsAway, l.writing, l.ends = true, l.ends[:n:n], l.ends[n:]
	ends := make([]ratchet.DeliveryEnd, n)
	for i, s := range l.writing {
		ends[i] = s.end
	}
	l.work.Go(func() { l.ended <- l.r.store.EndDeliveries(l.life, ends) })
}

// wrote tells of what is written; what is not is written again.
func (l *loop) wrote(err error) {
	l.endsAway = false
	l.complain("write how deliveries ended", err)
	batch := l.writing
	l.writing = nil
	if err != nil {
		l.ends = append(batch, l.ends...)
		return
	}
	for _, s := range batch {
		if s.end.State == ratchet.DeliveryPending {
			l.soon(s.end.NextAt)
			continue
		}
		l.tell(s)
	}
}

// soon has the outbox looked at when something is due.
func (l *loop) soon(at time.Time) {
	if l.next.IsZero() || at.Before(l.next) {
		l.next = at
	}
}

// tell says that a delivery is over.
func (l *loop) tell(s said) {
	d := s.of.Delivery
	d.State, d.Attempts, d.Status, d.Error, d.FinishedAt = s.end.State, d.Attempts+1, s.end.Receipt.Status, s.end.Receipt.Error, time.Now().UTC()
	d.NextAttemptAt, d.Receipts = time.Time{}, nil
	if d.State == ratchet.DeliveryFailed {
		l.r.config.Log.Warn("a delivery failed for good", slog.String("delivery", d.ID.String()), slog.String("job", s.of.Job.ID.String()),
			slog.String("destination", d.Destination), slog.String("target", d.Target), slog.Int("attempts", d.Attempts), slog.String("error", d.Error.Message))
	}
	if l.r.config.OnEnd != nil {
		l.r.config.OnEnd(d)
	}
}

// complain notes that the store failed, and when it is asked again.
func (l *loop) complain(doing string, err error) {
	if err == nil {
		l.pause = 0
		return
	}
	l.pause = min(max(2*l.pause, firstPause), longPause)
	l.resume = time.Now().Add(l.pause)
	l.r.config.Log.Error("deliveries wait for the store", slog.String("doing", doing), slog.Any("error", err), slog.Duration("again_in", l.pause))
}

// nextLook is when the outbox is to be looked at although nobody says so.
func (l *loop) nextLook() time.Time {
	at := l.polled.Add(l.r.config.Poll)
	earlier := func(t time.Time) {
		if t.Before(at) {
			at = t
		}
	}
	if !l.next.IsZero() {
		earlier(l.next)
	}
	for _, lane := range l.lanes {
		if !lane.open.IsZero() {
			earlier(lane.open)
		}
	}
	if now := time.Now(); l.resume.After(now) { // nothing is begun before
		return l.resume
	} else if !at.After(now) && l.claiming {
		return now.Add(l.r.config.Poll) // the claim will wake us
	}
	return at
}

// tick is the time that nextLook told.
func (l *loop) tick() {
	now := time.Now()
	if l.polled.Add(l.r.config.Poll).Before(now) || l.polled.Add(l.r.config.Poll).Equal(now) {
		l.recover()
	}
	if !l.next.IsZero() && !l.next.After(now) {
		l.next = time.Time{}
	}
	l.look = true
	for name, lane := range l.lanes {
		switch idle := lane.running == 0 && len(lane.waiting) == 0; {
		case lane.open.After(now):
		case lane.open.IsZero() && idle:
			delete(l.lanes, name) // nothing came since it was open
		default:
			lane.open = time.Time{}
		}
	}
}

// recover puts back what dead nodes were sending.
func (l *loop) recover() {
	if l.recovering || l.claiming {
		return
	}
	l.recovering, l.polled = true, time.Now()
	l.work.Go(func() {
		n, err := l.r.store.RecoverDeliveries(l.life, ratchet.NodeDead)
		if n > 0 {
			l.r.config.Log.Info("deliveries that were under way are made again", slog.Int("deliveries", n))
		}
		l.recovered <- err
	})
}

// stop lets attempts end by themselves for a while, cuts off the others, and
// writes what came of them all.
func (l *loop) stop(cut, end context.CancelCauseFunc) error {
	for _, lane := range l.lanes {
		l.release(lane)
	}
	soft := time.AfterFunc(l.r.config.SoftStop, func() { cut(errStopping) })
	defer soft.Stop()
	hard := time.AfterFunc(l.r.config.SoftStop+lastWords, func() { end(errStopping) })
	defer hard.Stop()
	var failure error
	for l.running > 0 || l.claiming || l.recovering || l.endsAway || len(l.ends) > 0 {
		l.resume = time.Time{}
		if failure == nil {
			l.write()
		}
		select {
		case c := <-l.claimed:
			l.took(c)
			for _, lane := range l.lanes {
				l.release(lane)
			}
		case <-l.recovered:
			l.recovering = false
		case f := <-l.done:
			l.finish(f)
		case err := <-l.ended:
			l.wrote(err)
			failure = err
		}
		if failure != nil && l.running == 0 && !l.claiming && !l.recovering {
			return fmt.Errorf("write how %d deliveries ended: %w; they are made again", len(l.ends), failure)
		}
	}
	return nil
}
