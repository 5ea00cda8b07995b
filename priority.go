package ratchet

import (
	"fmt"
	"strings"
)

// A Priority orders the jobs that wait for a worker: the greater goes first. The
// zero value is PriorityNormal.
type Priority int8

// The priorities, least first.
const (
	PriorityLow    Priority = -1
	PriorityNormal Priority = 0
	PriorityHigh   Priority = 1
	PriorityUrgent Priority = 2
)

// Priorities returns every Priority, least first.
func Priorities() []Priority {
	return []Priority{PriorityLow, PriorityNormal, PriorityHigh, PriorityUrgent}
}

// ParsePriority parses "low", "normal", "high" or "urgent" in any case, and
// "critical" as another word for urgent.
func ParsePriority(s string) (Priority, error) {
	if strings.EqualFold(s, "critical") {
		return PriorityUrgent, nil
	}
	return parseOneOf(s, "priority", "priorities", Priorities())
}

// String returns the word.
func (p Priority) String() string {
	switch p {
	case PriorityLow:
		return "low"
	case PriorityNormal:
		return "normal"
	case PriorityHigh:
		return "high"
	case PriorityUrgent:
		return "urgent"
	default:
		return fmt.Sprintf("Priority(%d)", int8(p))
	}
}

// MarshalText writes the word; JSON has it as a string.
func (p Priority) MarshalText() ([]byte, error) { return marshalOneOf(p, "priority", Priorities()) }

// UnmarshalText reads what [ParsePriority] accepts.
func (p *Priority) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePriority(string(b))
	return err
}
