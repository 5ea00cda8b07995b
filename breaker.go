package ratchet

import "time"

// A Breaker is the circuit breaker of a host that tasks' requests go to: while it
// is open, nothing is asked of the host. Each node has its own.
type Breaker struct {
	Host     string       `json:"host"` // with the port
	State    BreakerState `json:"state"`
	OpenedAt time.Time    `json:"openedAt,omitzero"` // the last time
	RetryAt  time.Time    `json:"retryAt,omitzero"`  // when an open one lets requests through again
	Opened   int64        `json:"opened"`            // how often so far
	Refused  int64        `json:"refused"`           // requests so far
}

// A BreakerState says whether a host is asked.
type BreakerState string

// The states of a breaker.
const (
	BreakerClosed   BreakerState = "closed"    // requests go out
	BreakerHalfOpen BreakerState = "half_open" // a few do, to see whether the host answers
	BreakerOpen     BreakerState = "open"      // none does
)
