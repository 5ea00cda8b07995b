package ratchet

import "time"

// A Key is what an operator, a program or an agent shows to be let in. Its text
// is shown once, when it is made; kept is only a hash.
type Key struct {
	ID         KeyID     `json:"id,omitzero"`
	Name       string    `json:"name"`
	Scopes     []Scope   `json:"scopes"`
	CreatedAt  time.Time `json:"createdAt,omitzero"`
	ExpiresAt  time.Time `json:"expiresAt,omitzero"`  // zero: never
	LastUsedAt time.Time `json:"lastUsedAt,omitzero"` // to within a minute
	RevokedAt  time.Time `json:"revokedAt,omitzero"`
}

func (Key) idPrefix() string { return "key" }

// A Scope is what a key may do.
type Scope string

// The scopes. Each includes those before it.
const (
	ScopeRead  Scope = "read"  // see everything but secrets
	ScopeRun   Scope = "run"   // and submit, cancel and retry jobs, and trigger schedules
	ScopeAdmin Scope = "admin" // and change tasks, schedules, environments and keys
)

// Scopes returns every Scope, least first.
func Scopes() []Scope { return []Scope{ScopeRead, ScopeRun, ScopeAdmin} }
