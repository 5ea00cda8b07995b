package stream

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"iter"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// ids makes the IDs of events: UUIDs of version 7 that sort in the order of their
// making, even where the clock stands still or is set back.
type ids struct {
	last uint64 // milliseconds and 12 bits of their fraction, as in ratchet.NewID
	tail [8]byte
}

// newIDs returns ids whose last bits, random, are all its own: that is enough to
// tell nodes apart.
func newIDs() (n ids) {
	rand.Read(n.tail[:])
	n.tail[0] = n.tail[0]&0x3f | 0x80
	return n
}

func (n *ids) next(now time.Time) string {
	tick := uint64(now.UnixMilli())<<12 | uint64(now.Nanosecond()%1e6)<<12/1e6
	n.last = max(tick, n.last+1)
	var id [16]byte
	binary.BigEndian.PutUint64(id[:], n.last>>12<<16|7<<12|n.last&0xfff)
	copy(id[8:], n.tail[:])
	var text [36]byte
	hex.Encode(text[:8], id[:4])
	text[8] = '-'
	hex.Encode(text[9:13], id[4:6])
	text[13] = '-'
	hex.Encode(text[14:18], id[6:8])
	text[18] = '-'
	hex.Encode(text[19:23], id[8:10])
	text[23] = '-'
	hex.Encode(text[24:], id[10:])
	return string(text[:])
}

// A ring keeps the last events, in the order in which they came: those of other
// nodes between our own.
type ring struct {
	most, mostBytes int

	events []keptEvent
	first  int // the oldest one's place
	n      int
	bytes  int
}

type keptEvent struct {
	event *ratchet.Event
	size  int
}

func (r *ring) add(e *ratchet.Event, size int) {
	for r.n == r.most || r.n > 0 && r.bytes+size > r.mostBytes {
		oldest := &r.events[r.first]
		r.bytes -= oldest.size
		*oldest = keptEvent{}
		r.first = (r.first + 1) % len(r.events)
		r.n--
	}
	if r.n == len(r.events) {
		r.grow()
	}
	r.events[(r.first+r.n)%len(r.events)] = keptEvent{e, size}
	r.n++
	r.bytes += size
}

// grow makes room for more, up to the most.
func (r *ring) grow() {
	grown := make([]keptEvent, min(max(2*r.n, 64), r.most))
	for i := range r.n {
		grown[i] = r.events[(r.first+i)%len(r.events)]
	}
	r.events, r.first = grown, 0
}

// at is the i-th event, the oldest being the first.
func (r *ring) at(i int) *ratchet.Event { return r.events[(r.first+i)%len(r.events)].event }

// after returns the events that came after the one with the ID; found is false
// if that one is not kept, and then they are those with greater IDs.
func (r *ring) after(id string) (since iter.Seq[*ratchet.Event], found bool) {
	from := 0
	for i := r.n - 1; i >= 0 && !found; i-- {
		if r.at(i).ID == id {
			from, found = i+1, true
		}
	}
	return func(yield func(*ratchet.Event) bool) {
		for i := from; i < r.n; i++ {
			if e := r.at(i); (found || e.ID > id) && !yield(e) {
				return
			}
		}
	}, found
}

// sizeOf is about what an event takes in memory.
func sizeOf(e *ratchet.Event) int {
	size := 256
	if e.Log != nil {
		size += 64 + len(e.Log.Message) + len(e.Log.Fields)
	}
	if e.Error != nil {
		size += 128 + len(e.Error.Message) + len(e.Error.Stack) + len(e.Error.Data) + 128*len(e.Error.Details)
	}
	if e.Progress != nil {
		size += 32 + len(e.Progress.Message)
	}
	return size
}
