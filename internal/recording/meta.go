package recording

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// Format is the version of what a recording is made of. Another one is refused.
const Format = 1

// The files of a recording.
const (
	metaFile   = "meta.json"
	inputFile  = "input.json"
	outputFile = "output.json" // of an execution that completed
	errorFile  = "error.json"  // of one that did not
	harFile    = "requests.har"
	logFile    = "logs.jsonl"
	taskFolder = "task" // the files that the task was made of
)

// Meta is meta.json: all that it takes to run the execution again, but for the
// documents that have files of their own.
type Meta struct {
	Format    int               `json:"format"`
	Ratchet   string            `json:"ratchet"` // its version
	Engine    string            `json:"engine"`  // of JavaScript
	Recorded  time.Time         `json:"recorded"`
	Task      Task              `json:"task"`
	Execution ExecutionMeta     `json:"execution"`
	Timeline  Timeline          `json:"timeline"`
	Limits    ratchet.Limits    `json:"limits"`
	Fetch     ratchet.FetchMode `json:"fetch"`
	// Env has the names of the variables that the task was given, each with the
	// placeholder of its value: the empty text for an empty value.
	Env      map[string]string      `json:"env,omitempty"`
	State    ratchet.ExecutionState `json:"state"`
	Reason   ratchet.Reason         `json:"reason,omitempty"`
	Requests int                    `json:"requests"`
	Logs     int                    `json:"logs"`
	// Files has the sha256 of every other file of the recording.
	Files map[string]string `json:"files"`
}

// A Task says what was run.
type Task struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
	Path    string `json:"path,omitempty"`   // as it was given
	Stored  string `json:"stored,omitempty"` // where in the recording its files are; empty if they are not
}

// ExecutionMeta is what the task's context told of its execution.
type ExecutionMeta struct {
	ID      ratchet.ExecutionID `json:"id"`
	Job     ratchet.JobID       `json:"job,omitzero"`
	Attempt int                 `json:"attempt"`
}

// A Timeline is where the execution's time and chance came from.
type Timeline struct {
	Seed  uint64    `json:"seed,string"` // more digits than a JSON number is sure to keep
	Start time.Time `json:"start"`
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(h[:])
}

// indented is v as JSON for people.
func indented(v any) ([]byte, error) {
	text, err := encode(v)
	if err != nil {
		return nil, err
	}
	return indent(text), nil
}

// indent spreads a JSON text over lines; anything else stays as it is.
func indent(text []byte) []byte {
	var b bytes.Buffer
	if json.Indent(&b, text, "", "  ") != nil {
		return text
	}
	b.WriteByte('\n')
	return b.Bytes()
}
