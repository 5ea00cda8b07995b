package benchmark

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// A Machine is where a measurement was made.
type Machine struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	CPU  string `json:"cpu,omitempty"` // the model, where it is known
	CPUs int    `json:"cpus"`          // that this process may use
}

// String names the machine in a sentence.
func (m Machine) String() string {
	text := fmt.Sprintf("%s/%s with %d CPUs", m.OS, m.Arch, m.CPUs)
	if m.CPU != "" {
		text += " (" + m.CPU + ")"
	}
	return text
}

// ThisMachine returns the one that this process runs on.
func ThisMachine() Machine {
	m := Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.GOMAXPROCS(0)}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return m // not Linux
	}
	for line := range bytes.Lines(info) {
		if key, value, ok := strings.Cut(string(line), ":"); ok && strings.TrimSpace(key) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	return m
}

// processorTime is what this process and its workers, alive or ended, have spent
// so far; 0 where it is not known.
type processorTime struct{ server, workers time.Duration }

// spent returns the processor time until now, given the workers that live.
func spent(workers []int) processorTime {
	self, ended := consumed()
	p := processorTime{server: self, workers: ended}
	if !sandbox.Supported() {
		return processorTime{server: self} // nobody tells of those that live
	}
	for _, pid := range workers {
		if usage, err := read(pid); err == nil {
			p.workers += usage.CPU
		}
	}
	return p
}

// share sets what each of n executions had of the time between.
func (c *CPU) share(before, after processorTime, n int) {
	if n == 0 {
		return
	}
	c.WorkerMs = rounded(milliseconds(after.workers-before.workers)/float64(n), 6)
	c.ServerMs = rounded(milliseconds(after.server-before.server)/float64(n), 6)
}

// weight is the most memory that was seen of a worker.
type weight struct{ rss, pss int64 }

// look notes the resident sets of the workers.
func (w *weight) look(workers []int) {
	for _, pid := range workers {
		if usage, err := read(pid); err == nil {
			w.rss = max(w.rss, usage.RSS)
		}
	}
}

// weighAll is look, and what the workers weigh by themselves, where that may be
// known: it is too dear to be asked often.
func (w *weight) weighAll(workers []int) {
	w.look(workers)
	for _, pid := range workers {
		if pss, err := sandbox.PSS(pid); err == nil {
			w.pss = max(w.pss, pss)
		}
	}
}

func read(pid int) (sandbox.Usage, error) {
	meter, err := sandbox.OpenMeter(pid)
	if err != nil {
		return sandbox.Usage{}, err
	}
	defer meter.Close()
	return meter.Read()
}
