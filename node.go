package ratchet

import "time"

// A Node is a server process that takes part in one Ratchet. It beats while it
// lives; a node whose beat is older than NodeDead is taken for dead, and what it
// ran is given to others.
type Node struct {
	ID        NodeID    `json:"id,omitzero"`
	Host      string    `json:"host"`
	PID       int       `json:"pid"`
	Version   string    `json:"version"`           // Ratchet's
	Address   string    `json:"address,omitempty"` // where it listens
	Sandbox   string    `json:"sandbox,omitempty"` // the level of its workers' confinement
	StartedAt time.Time `json:"startedAt,omitzero"`
	BeatAt    time.Time `json:"beatAt,omitzero"`
	Slots     int       `json:"slots"`             // executions it runs at once
	Running   int       `json:"running"`           // executions now
	Stopping  bool      `json:"stopping,omitzero"` // takes no more
}

func (Node) idPrefix() string { return "node" }

// The rhythm of nodes on a shared database.
const (
	NodeBeat = 5 * time.Second
	NodeDead = 20 * time.Second
)

// A Worker is a process of a node that runs executions.
type Worker struct {
	ID        string    `json:"id"` // as in Execution.Worker
	Node      NodeID    `json:"node,omitzero"`
	PID       int       `json:"pid"`
	Engine    string    `json:"engine,omitempty"`
	Task      string    `json:"task,omitempty"` // that it is bound to; empty for a spare
	Digest    string    `json:"versionDigest,omitempty"`
	Running   int       `json:"running"`
	Served    int       `json:"served"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	LastUsed  time.Time `json:"lastUsedAt,omitzero"`
}
