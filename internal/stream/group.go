package stream

import "github.com/ratchet-runner/ratchet-go"

// A group are readers that an event may concern at once. Each reader is in one:
// that of its job, else of its task, else of all; so that an event touches those
// who wait for its job and not the thousands who wait for others.
type group struct{ readers []*Subscription }

// groups are all there are. The lock is held.
func (h *Hub) groups() []*group {
	all := []*group{&h.other}
	for _, g := range h.byJob {
		all = append(all, g)
	}
	for _, g := range h.byTask {
		all = append(all, g)
	}
	return all
}

// groupOf is where a reader belongs. The lock is held.
func (h *Hub) groupOf(f *Filter) *group {
	switch {
	case !f.Job.IsZero():
		return found(h.byJob, f.Job)
	case f.Task != "":
		return found(h.byTask, f.Task)
	}
	return &h.other
}

func found[K comparable](groups map[K]*group, key K) *group {
	if groups[key] == nil {
		groups[key] = new(group)
	}
	return groups[key]
}

// join enters a reader. The lock is held.
func (h *Hub) join(s *Subscription) {
	g := h.groupOf(&s.filter)
	s.group, s.at = g, len(g.readers)
	g.readers = append(g.readers, s)
	h.readers++
}

// leave takes a reader out, if it is in. The lock is held.
func (h *Hub) leave(s *Subscription) {
	g := s.group
	if g == nil {
		return
	}
	last := len(g.readers) - 1
	g.readers[s.at] = g.readers[last]
	g.readers[s.at].at = s.at
	g.readers[last] = nil
	g.readers = g.readers[:last]
	s.group = nil
	h.readers--
	if last > 0 {
		return
	}
	if !s.filter.Job.IsZero() {
		delete(h.byJob, s.filter.Job)
	} else if s.filter.Task != "" {
		delete(h.byTask, s.filter.Task)
	}
}

// typeBit is the place of a type in the set that a reader asks for.
func typeBit(t ratchet.EventType) uint8 {
	switch t {
	case ratchet.EventJob:
		return 1
	case ratchet.EventLog:
		return 2
	case ratchet.EventProgress:
		return 4
	case ratchet.EventCancel:
		return 8
	case ratchet.EventPurge:
		return 16
	case ratchet.EventDelivery:
		return 32
	case ratchet.EventPlugin:
		return 64
	default:
		return 0
	}
}
