package service

import (
	"encoding/json"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// Fingerprint is fingerprint.
func Fingerprint(task ratchet.TaskID, input json.RawMessage, r *ratchet.JobRequest) ([]byte, error) {
	return fingerprint(task, input, r)
}

// Facts are what Explain makes an explanation of.
type Facts struct {
	Job        *ratchet.Job
	Task       *ratchet.Task
	Version    *ratchet.Version
	Rate       *ratchet.Rate
	Executions []ratchet.Execution
	Holders    []ratchet.Job
	Ahead      int
	Stats      *ratchet.Stats
	Nodes      []ratchet.Node
	Now        time.Time
}

// Explain is facts.explain.
func Explain(f Facts) *ratchet.Explanation {
	inner := facts{
		job: f.Job, task: f.Task, version: f.Version, rate: f.Rate, executions: f.Executions, holders: f.Holders,
		ahead: f.Ahead, stats: f.Stats, nodes: f.Nodes, now: f.Now,
	}
	return inner.explain()
}

// HideSecrets is what a configuration of a plugin is shown as.
func HideSecrets(schema, config string) string {
	return string(hideSecrets([]byte(schema), []byte(config)))
}

// Unhidden is what a configuration is that was sent back as it was shown.
func Unhidden(sent, kept string) string { return string(unhidden([]byte(sent), []byte(kept))) }

// Shown is shown.
func Shown[T any](out T) T { return shown(out) }
