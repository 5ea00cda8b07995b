package pluginhost_test

import (
	"encoding/json"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/pluginhost"
)

// BenchmarkHook is a hook of a process, as a job meets it.
func BenchmarkHook(b *testing.B) {
	h, _ := newHost(b, newFolder(b).add("late"), pluginhost.Config{})
	enable(b, h, "late", settings(""))
	e := &ratchet.PluginEvent{Hook: ratchet.HookBeforeExecution, Task: "a-task", Job: ratchet.NewID[ratchet.Job](), Input: json.RawMessage("0")}
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			if err := h.Hook(b.Context(), e); err != nil {
				b.Fatal(err)
			}
		}
		for _, c := range one(b, h, "late").Calls {
			b.ReportMetric(float64(c.P50), "p50-ns")
			b.ReportMetric(float64(c.P99), "p99-ns")
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if err := h.Hook(b.Context(), e); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("none", func(b *testing.B) {
		for b.Loop() {
			if h.Hooked(ratchet.HookOnFailure) {
				b.Fatal("nobody is hooked to it")
			}
		}
	})
}

// BenchmarkStart is what a first call pays.
func BenchmarkStart(b *testing.B) {
	h, _ := newHost(b, newFolder(b).add("late"), pluginhost.Config{})
	enable(b, h, "late", settings(""))
	for b.Loop() {
		if err := h.Reload(b.Context(), "late"); err != nil {
			b.Fatal(err)
		}
	}
}
