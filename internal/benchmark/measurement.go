package benchmark

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// Format names the JSON form of a Measurement, and its version.
const Format = "ratchet-bench/1"

// A Measurement is what was seen of a task. Spans of time are milliseconds,
// amounts of memory bytes. Latencies and the rate are of executions that
// completed.
type Measurement struct {
	Format     string     `json:"format"` // Format
	At         time.Time  `json:"at"`
	Conditions Conditions `json:"conditions"`

	Cold        Cold      `json:"cold"`
	Warmup      int       `json:"warmup"`     // executions between the cold one and the measured
	Seconds     float64   `json:"seconds"`    // from the start of the first to the end of the last
	Executions  int       `json:"executions"` // that completed
	Failed      int       `json:"failed"`     // that did not
	Failures    []Failure `json:"failures"`   // the most frequent reason first
	Interrupted bool      `json:"interrupted,omitempty"`

	PerSecond float64  `json:"perSecond"`
	Latency   Latency  `json:"latency"`
	Histogram []Bucket `json:"histogram"`
	CPU       CPU      `json:"cpu"`
	Memory    Memory   `json:"memory"`
	// Slices are parts of the measurement with the same number of executions,
	// by which to tell a difference from noise. None if there were too few
	// executions.
	Slices []Slice `json:"slices"`
	// Kept is how many executions the percentiles come from, where not from all:
	// a random choice.
	Kept int `json:"kept,omitzero"`
}

// Conditions are what must be the same for two measurements to be compared.
type Conditions struct {
	Task        string  `json:"task"`
	Version     string  `json:"version,omitempty"`
	Digest      string  `json:"digest"`
	Input       Input   `json:"input"`
	Ratchet     string  `json:"ratchet"` // version and commit
	Engine      string  `json:"engine"`
	Machine     Machine `json:"machine"`
	Sandbox     string  `json:"sandbox,omitempty"` // the level
	Concurrency int     `json:"concurrency"`
}

// Input names what the task was given, without telling it: it may be secret.
type Input struct {
	From   string `json:"from"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Cold is what the first execution cost: a worker is started and the task
// compiled in it.
type Cold struct {
	LoadMs  float64 `json:"loadMs"`  // reading, checking and building the task
	FirstMs float64 `json:"firstMs"` // the execution
}

// A Failure is how often executions ended with a reason.
type Failure struct {
	Reason ratchet.Reason `json:"reason"`
	Count  int            `json:"count"`
	First  string         `json:"first"` // message
}

// Latency is how long executions took, from asking for one to its record.
type Latency struct {
	MinMs  float64 `json:"minMs"`
	MeanMs float64 `json:"meanMs"`
	P50Ms  float64 `json:"p50Ms"`
	P90Ms  float64 `json:"p90Ms"`
	P99Ms  float64 `json:"p99Ms"`
	MaxMs  float64 `json:"maxMs"`
}

// CPU is the processor time of one execution, on average. What is not known is 0.
type CPU struct {
	TaskMs   float64 `json:"taskMs"`             // the task's own code
	WorkerMs float64 `json:"workerMs,omitempty"` // its worker's process, the task included
	ServerMs float64 `json:"serverMs,omitempty"` // this process
}

// Memory is what executions held. What is not known is 0.
type Memory struct {
	TaskMedian int64 `json:"taskMedian"`          // of the executions' peaks of JavaScript memory
	TaskMax    int64 `json:"taskMax"`             // the greatest of them
	WorkerRSS  int64 `json:"workerRSS,omitempty"` // the greatest resident set seen of a worker
	WorkerPSS  int64 `json:"workerPSS,omitempty"` // of the largest worker at the end, with its part of what is shared
}

// A Slice is one part of a measurement.
type Slice struct {
	Executions int     `json:"executions"`
	PerSecond  float64 `json:"perSecond"`
	P50Ms      float64 `json:"p50Ms"`
	P90Ms      float64 `json:"p90Ms"`
	P99Ms      float64 `json:"p99Ms"`
	TaskCPUMs  float64 `json:"taskCPUMs"`  // mean
	TaskMemory int64   `json:"taskMemory"` // median, bytes
}

// Parse reads a Measurement from its JSON form. Its errors follow the name of a
// file: "is empty".
func Parse(text []byte) (*Measurement, error) {
	if len(text) == 0 {
		return nil, errors.New("is empty")
	}
	var kind struct {
		Format any `json:"format"`
	}
	if err := json.Unmarshal(text, &kind); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			if syntax.Offset >= int64(len(text)) {
				return nil, errors.New("ends in the middle: it was cut off, or is still being written")
			}
			return nil, fmt.Errorf("is not JSON: %w (at byte %d)", err, syntax.Offset)
		}
		return nil, errors.New("is JSON, but no measurement of ratchet bench")
	}
	name, _ := kind.Format.(string)
	if name != Format {
		if strings.HasPrefix(name, "ratchet-bench/") {
			return nil, fmt.Errorf("was written by another version of ratchet: its format is %q, this one reads %q", name, Format)
		}
		return nil, fmt.Errorf(`is JSON, but no measurement of ratchet bench: it has no "format": %q`, Format)
	}
	var m Measurement
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("is not what ratchet bench writes: %w", err)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("is not what ratchet bench writes: %w", err)
	}
	return &m, nil
}

// check reports the first value that no measurement has.
func (m *Measurement) check() error {
	switch {
	case m.Conditions.Digest == "":
		return errors.New("conditions.digest is missing")
	case m.Executions <= 0 || m.Seconds <= 0 || m.PerSecond <= 0 || m.Latency.P50Ms <= 0:
		return errors.New("executions, seconds, perSecond and latency.p50Ms must be more than 0")
	}
	for i, s := range m.Slices {
		if s.Executions <= 0 || s.PerSecond <= 0 || s.P50Ms <= 0 || s.P90Ms < s.P50Ms || s.P99Ms < s.P90Ms || s.TaskCPUMs < 0 || s.TaskMemory < 0 {
			return fmt.Errorf("slices[%d] cannot be", i)
		}
	}
	return nil
}
