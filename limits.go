package ratchet

import (
	"fmt"
	"time"
)

// Limits bound one execution. A zero field means the default. Exceeding a limit
// ends the execution with the limit's own Reason.
type Limits struct {
	Wall       Duration `json:"timeout,omitzero"`    // from start to result
	CPU        Duration `json:"cpu,omitzero"`        // processor time of the task's own code
	Memory     Size     `json:"memory,omitzero"`     // JavaScript heap, ArrayBuffers included
	Output     Size     `json:"output,omitzero"`     // JSON text of the result
	Logs       Size     `json:"logs,omitzero"`       // text of all log lines
	Fetches    int      `json:"fetches,omitzero"`    // number of requests
	FetchBytes Size     `json:"fetchBytes,omitzero"` // bytes of all request and response bodies
	FetchBody  Size     `json:"fetchBody,omitzero"`  // bytes of one response body
	Recursion  int      `json:"recursion,omitzero"`  // nested calls, in stack slots of the engine
}

// DefaultLimits returns the limits of a task that names none.
func DefaultLimits() Limits {
	return Limits{
		Wall:       Duration(30 * time.Second),
		CPU:        Duration(30 * time.Second),
		Memory:     128 * MB,
		Output:     1 * MB,
		Logs:       1 * MB,
		Fetches:    100,
		FetchBytes: 64 * MB,
		FetchBody:  10 * MB,
		Recursion:  5000,
	}
}

// Or returns l with its zero fields taken from other.
func (l Limits) Or(other Limits) Limits {
	return Limits{
		Wall:       orElse(l.Wall, other.Wall),
		CPU:        orElse(l.CPU, other.CPU),
		Memory:     orElse(l.Memory, other.Memory),
		Output:     orElse(l.Output, other.Output),
		Logs:       orElse(l.Logs, other.Logs),
		Fetches:    orElse(l.Fetches, other.Fetches),
		FetchBytes: orElse(l.FetchBytes, other.FetchBytes),
		FetchBody:  orElse(l.FetchBody, other.FetchBody),
		Recursion:  orElse(l.Recursion, other.Recursion),
	}
}

func orElse[T comparable](v, other T) T {
	var zero T
	if v == zero {
		return other
	}
	return v
}

// Bounds of what a limit may be set to.
const (
	MaxWall      = Duration(24 * time.Hour)
	MinMemory    = 8 * MB
	MaxMemory    = 4 * GB
	MaxOutput    = 64 * MB
	MinRecursion = 100
	MaxRecursion = 20000 // beyond this a deep stack nears the size at which Go ends the process
)

// Validate reports the fields outside their bounds, each as one Detail whose
// Pointer is the field's JSON name.
func (l Limits) Validate() (wrong []Detail) {
	add := func(field, expected string, got any) {
		wrong = append(wrong, Detail{
			Pointer: "/" + field, Message: field + " is out of bounds",
			Expected: expected, Got: fmt.Sprint(got),
		})
	}
	if l.Wall < 0 || l.Wall > MaxWall {
		add("timeout", "more than 0 and at most "+MaxWall.String(), l.Wall)
	}
	if l.CPU < 0 || l.CPU > MaxWall {
		add("cpu", "more than 0 and at most "+MaxWall.String(), l.CPU)
	}
	if l.Memory != 0 && (l.Memory < MinMemory || l.Memory > MaxMemory) {
		add("memory", MinMemory.String()+" to "+MaxMemory.String(), l.Memory)
	}
	if l.Output < 0 || l.Output > MaxOutput {
		add("output", "at most "+MaxOutput.String(), l.Output)
	}
	if l.Logs < 0 || l.Logs > GB {
		add("logs", "at most "+GB.String(), l.Logs)
	}
	if l.Fetches < 0 {
		add("fetches", "0 or more", l.Fetches)
	}
	if l.FetchBytes < 0 {
		add("fetchBytes", "0 or more", l.FetchBytes)
	}
	if l.FetchBody < 0 || l.FetchBody > MaxOutput {
		add("fetchBody", "at most "+MaxOutput.String(), l.FetchBody)
	}
	if l.Recursion != 0 && (l.Recursion < MinRecursion || l.Recursion > MaxRecursion) {
		add("recursion", fmt.Sprintf("%d to %d", MinRecursion, MaxRecursion), l.Recursion)
	}
	return wrong
}
