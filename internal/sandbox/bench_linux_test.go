//go:build !race

package sandbox_test

import (
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// A worker from spawn to its report over the socket.
func BenchmarkSpawn(b *testing.B) {
	for name, s := range map[string]scenario{
		"strict": {},
		"bare":   without(sandbox.Layers()...),
	} {
		b.Run(name, func(b *testing.B) {
			spawner := sandbox.NewSpawner()
			defer spawner.Close()
			for b.Loop() {
				spawnOnce(b, spawner, s, assignment{})
			}
		})
	}
}

// Each layer of Enter, in microseconds.
func BenchmarkEnter(b *testing.B) {
	spawner := sandbox.NewSpawner()
	defer spawner.Close()
	sum := make(map[sandbox.Layer]time.Duration)
	for b.Loop() {
		for layer, took := range spawnOnce(b, spawner, scenario{}, assignment{Timed: true}).Took {
			sum[layer] += took
			sum["enter"] += took
		}
	}
	for _, layer := range slices.Sorted(maps.Keys(sum)) {
		b.ReportMetric(float64(sum[layer].Microseconds())/float64(b.N), string(layer)+"-µs")
	}
}

func spawnOnce(b *testing.B, spawner *sandbox.Spawner, s scenario, a assignment) outcome {
	b.Helper()
	cmd, conn, err := spawn(spawner, s)
	if err != nil {
		b.Fatal(err)
	}
	o, err := converse(conn, a)
	if err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	defer b.StartTimer()
	_ = conn.Close()
	_ = cmd.Wait()
	return o
}

func BenchmarkMeter(b *testing.B) {
	meter, err := sandbox.OpenMeter(os.Getpid())
	if err != nil {
		b.Fatal(err)
	}
	defer meter.Close()
	for b.Loop() {
		if _, err := meter.Read(); err != nil {
			b.Fatal(err)
		}
	}
}
