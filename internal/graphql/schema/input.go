package schema

import "github.com/ratchet-runner/ratchet-go"

// A RegisterTaskInput is a task to be kept.
type RegisterTaskInput struct {
	File    *File
	Archive *string // in base64
	Replace *bool
}

// An UpdateTaskInput changes what is not nil.
type UpdateTaskInput struct{ Enabled, Paused *bool }

// An EnvValueInput is a value for a variable.
type EnvValueInput struct{ Name, Value string }

// An EventFilter says which events.
type EventFilter struct {
	JobID, TaskID *string
	Types         []ratchet.EventType
	Level         *ratchet.LogLevel
	After         *string
}
