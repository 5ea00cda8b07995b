package config

import (
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// An Execution says how many executions run at once, and bounds each.
type Execution struct {
	Engine          string
	Slots           int
	ResidentWorkers int
	SpareWorkers    int
	RecycleAfter    int
	WorkerIdle      time.Duration
	Grace           time.Duration

	MaxTimeout time.Duration
	MaxMemory  ratchet.Size
	MaxOutput  ratchet.Size

	InsecureUnsandboxed bool
}

func (e *Execution) settings() []setting {
	maxWall := time.Duration(ratchet.MaxWall)
	return []setting{
		word(&e.Engine, "engine", string(ratchet.EngineQuickJS), engineNames(), "What runs the tasks whose metadata.json names no engine."),
		number(&e.Slots, "slots", 0, 0, 10_000, "How many executions this server runs at once. 0: four a processor."),
		number(&e.ResidentWorkers, "resident_workers", 64, 1, 10_000, "How many worker processes are kept, running or idle, at about 10 MB each. The one unused longest goes first."),
		number(&e.SpareWorkers, "spare_workers", 1, 0, 100, "How many workers are kept ready that no task has used yet."),
		number(&e.RecycleAfter, "recycle_after", 10_000, 1, 1_000_000_000, "After how many executions a worker is replaced."),
		span(&e.WorkerIdle, "worker_idle", "1m", time.Second, 24*time.Hour, "How long a worker without anything to do is kept."),
		span(&e.Grace, "grace", "1s", 0, time.Minute, "What an execution that must stop gets to end by itself, before its worker is killed."),
		span(&e.MaxTimeout, "max_timeout", "24h", time.Second, maxWall, "The longest timeout that a task or a job may ask for. Those that ask for none get 30s."),
		size(&e.MaxMemory, "max_memory", "4GB", ratchet.MinMemory, ratchet.MaxMemory, "The most memory that a task may ask for. Those that ask for none get 128MB."),
		size(&e.MaxOutput, "max_output", "64MB", ratchet.KB, ratchet.MaxOutput, "The largest result that a task may ask for. Those that ask for none get 1MB."),
		toggle(&e.InsecureUnsandboxed, "insecure_unsandboxed", false, "Run tasks even where the kernel cannot isolate them. Only for code you wrote yourself."),
	}
}

func engineNames() []string {
	var names []string
	for _, e := range ratchet.Engines() {
		names = append(names, string(e))
	}
	return names
}
