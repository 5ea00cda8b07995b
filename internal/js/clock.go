package js

import (
	crand "crypto/rand"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"time"

	lib "modernc.org/libquickjs"
)

// A Timeline makes an execution repeatable: time and chance come from it. The
// clock stands still while the task's code runs, and goes on only with what the
// task waits for: to a timer's due time, or to the time stamped on a reply.
// So the same program with the same input, Timeline and stamped replies does the
// same again.
type Timeline struct {
	Seed  uint64    // of Math.random and crypto
	Start time.Time // what the clock shows at first
	// Replay does not wait: timers fire and replies are taken in the order of
	// their times as soon as every request has its reply.
	Replay bool
}

// A Taken says when, on the clock of a scripted execution, a reply was taken.
type Taken struct {
	Call uint32
	At   time.Duration // since the start
}

// clock is the time of one execution.
type clock struct {
	timeline *Timeline
	real     time.Time     // when the execution began
	now      time.Duration // since the start, if scripted
	chance   io.Reader     // nil: the system's
	taken    []Taken
}

func (vm *VM) startClock(s *Timeline) error {
	c := &vm.exec.clock
	c.timeline, c.real = s, time.Now()
	if s == nil {
		return nil
	}
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], s.Seed)
	c.chance = rand.NewChaCha8(seed)
	at[lib.TJSContext](vm.ctx).Frandom_state = s.Seed | 1
	_, err := vm.call(vm.dispatch, intValue(verbModule), vm.newString(clockModule))
	return err
}

// clockModule replaces Date. It belongs to one execution, never to a snapshot.
const clockModule = "clock"

// elapsed is the time since the start of the execution, as the task sees it.
func (c *clock) elapsed() time.Duration {
	if c.timeline != nil {
		return c.now
	}
	return time.Since(c.real)
}

// start is when the execution began, as the task sees it.
func (c *clock) start() time.Time {
	if c.timeline != nil {
		return c.timeline.Start
	}
	return c.real
}

// due is when a timer set now fires, on the scale of real.
func (c *clock) due(delay time.Duration) time.Time {
	if c.timeline != nil {
		return c.real.Add(c.now + delay)
	}
	return time.Now().Add(delay)
}

// Now is the time as the task sees it.
func (vm *VM) Now() time.Time {
	c := &vm.exec.clock
	return c.start().Add(c.elapsed())
}

// Elapsed is the time since the start of the execution, as the task sees it.
func (vm *VM) Elapsed() time.Duration { return vm.exec.clock.elapsed() }

// random fills b.
func (vm *VM) random(b []byte) {
	if r := vm.exec.clock.chance; r != nil {
		_, _ = io.ReadFull(r, b) // a generator never ends
		return
	}
	_, _ = crand.Read(b) // never fails
}

// scripted is step on a scripted clock. Before a reply is taken every timer due
// by its time has fired; of one time, timers come first.
func (vm *VM) scripted() error {
	x, c := &vm.exec, &vm.exec.clock
	due, timer := x.timers.next()
	fires := due.Sub(c.real)
	reply, ok := x.inbox.first(c.timeline.Replay)
	at := max(c.now, reply.At)
	if n := len(c.taken); !c.timeline.Replay && n > 0 && at == c.taken[n-1].At {
		at++ // a replay, which takes replies by their times, must find them apart
	}
	switch {
	case c.timeline.Replay && x.inbox.len() < x.pending:
		<-vm.wake
		return nil
	case !timer && !ok && x.pending == 0:
		x.done, x.failure = true, &Failure{Kind: NeverSettles}
		return nil
	case ok && !(timer && fires <= at):
		x.inbox.takeCall(reply.Call)
		x.pending--
		c.now = at
		c.taken = append(c.taken, Taken{reply.Call, at})
		return vm.turn(func() error { return vm.reply(reply) })
	case timer && (ok || c.timeline.Replay || !due.After(time.Now())):
		c.now = max(c.now, fires)
		return vm.fire()
	}
	return vm.wait(due, timer)
}
