package ratchet

import "time"

// A Breaker is the circuit breaker of a host that requests go to, or of a plugin:
// while it is open, nothing is asked of it. Each node has its own.
type Breaker struct {
	Kind     BreakerKind  `json:"kind"` // what Host is
	Host     string       `json:"host"` // with the port; of a plugin, its name
	State    BreakerState `json:"state"`
	OpenedAt time.Time    `json:"openedAt,omitzero"` // the last time
	RetryAt  time.Time    `json:"retryAt,omitzero"`  // when an open one lets requests through again
	Opened   int64        `json:"opened"`            // how often so far
	Refused  int64        `json:"refused"`           // requests so far
}

// A BreakerKind says what a breaker stands before.
type BreakerKind string

// The kinds of breakers.
const (
	BreakerHost   BreakerKind = "host"
	BreakerPlugin BreakerKind = "plugin"
)

// A BreakerState says whether a host is asked.
type BreakerState string

// The states of a breaker.
const (
	BreakerClosed   BreakerState = "closed"    // requests go out
	BreakerHalfOpen BreakerState = "half_open" // a few do, to see whether the host answers
	BreakerOpen     BreakerState = "open"      // none does
)
