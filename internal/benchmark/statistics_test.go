package benchmark_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ratchet-runner/ratchet-go/internal/benchmark"
)

func TestPercentileIsTheNearestRank(t *testing.T) {
	t.Parallel()
	tenths := []int{10, 20, 30, 40, 50, 60, 70, 80, 90, 100}
	for _, test := range []struct {
		list []int
		p    float64
		want int
	}{
		{[]int{7}, 0, 7},
		{[]int{7}, 50, 7},
		{[]int{7}, 100, 7},
		{[]int{1, 2}, 50, 1},
		{[]int{1, 2}, 51, 2},
		{[]int{1, 2, 3}, 50, 2},
		{tenths, 0, 10},
		{tenths, 50, 50},
		{tenths, 90, 90},
		{tenths, 91, 100},
		{tenths, 99, 100},
	} {
		if got := benchmark.Percentile(test.list, test.p); got != test.want {
			t.Errorf("p%v of %v: got %d, want %d", test.p, test.list, got, test.want)
		}
	}
}

func TestPercentileIsAValueThatEnoughDoNotExceed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := slices.Sorted(slices.Values(rapid.SliceOfN(rapid.IntRange(0, 50), 1, 300).Draw(t, "list")))
		p := rapid.Float64Range(0, 100).Draw(t, "p")
		got := benchmark.Percentile(list, p)
		notAbove, below := 0, 0
		for _, v := range list {
			if v <= got {
				notAbove++
			}
			if v < got {
				below++
			}
		}
		if notAbove == 0 || float64(notAbove)*100 < p*float64(len(list))*(1-1e-12) {
			t.Errorf("p%v of %v: got %d, which only %d do not exceed", p, list, got, notAbove)
		}
		if below > 0 && float64(below)*100 >= p*float64(len(list))*(1+1e-12) {
			t.Errorf("p%v of %v: got %d, though %d are less already", p, list, got, below)
		}
	})
}

func TestHistogramBoundsReadWell(t *testing.T) {
	t.Parallel()
	var spread []time.Duration
	for i := range 100 {
		spread = append(spread, time.Duration(1000+10*i)*time.Microsecond)
	}
	const ms = time.Millisecond
	for _, test := range []struct {
		name string
		list []time.Duration
		want string
	}{
		{"nothing", nil, ""},
		{"one", []time.Duration{ms}, "1-1.001:1"},
		{"all the same", []time.Duration{ms, ms, ms}, "1-1.001:3"},
		{"evenly spread", spread, "1-1.1:10 1.1-1.2:10 1.2-1.3:10 1.3-1.4:10 1.4-1.5:10 1.5-1.6:10 1.6-1.7:10 1.7-1.8:10 1.8-1.9:10 1.9-2:10"},
		{"one far out", append(slices.Repeat([]time.Duration{ms}, 99), time.Second), "1-1.001:99 1.001-1000:1"},
	} {
		got := ""
		for _, b := range benchmark.Histogram(test.list) {
			got += fmt.Sprintf(" %v-%v:%d", b.FromMs, b.ToMs, b.Count)
		}
		if len(got) > 0 {
			got = got[1:]
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestHistogramCountsEachLatencyOnceBetweenItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.SampledFrom([]int64{1000, 1e6, 1e9, 1e13}).Draw(t, "most")
		raw := rapid.SliceOfN(rapid.Int64Range(1, most), 1, 400).Draw(t, "latencies")
		var list []time.Duration
		for _, v := range slices.Sorted(slices.Values(raw)) {
			list = append(list, time.Duration(v))
		}
		buckets := benchmark.Histogram(list)
		if len(buckets) > 15 {
			t.Errorf("got %d buckets, too many to read", len(buckets))
		}
		rest := list
		for i, b := range buckets {
			if i > 0 && b.FromMs != buckets[i-1].ToMs {
				t.Errorf("bucket %d begins at %v, the one before ends at %v", i, b.FromMs, buckets[i-1].ToMs)
			}
			if b.Count > len(rest) {
				t.Fatalf("the buckets hold more than the %d latencies: %v", len(list), buckets)
			}
			for _, d := range rest[:b.Count] {
				v, last := float64(d)/1e6, i == len(buckets)-1
				if v < b.FromMs || v > b.ToMs || v == b.ToMs && !last {
					t.Errorf("%v ms is counted from %v to %v", v, b.FromMs, b.ToMs)
				}
			}
			rest = rest[b.Count:]
		}
		if len(rest) > 0 {
			t.Errorf("%d latencies are in no bucket", len(rest))
		}
	})
}

// measured returns a measurement whose slices have these rates, and latencies
// that are the inverse.
func measured(executions int, rates ...float64) *benchmark.Measurement {
	m := &benchmark.Measurement{
		Format: benchmark.Format, Seconds: 1, Executions: executions * max(len(rates), 1), PerSecond: 100,
		Latency: benchmark.Latency{P50Ms: 1, P90Ms: 2, P99Ms: 3},
	}
	m.Conditions.Digest = "sha256:0"
	for _, r := range rates {
		m.Slices = append(m.Slices, benchmark.Slice{
			Executions: executions, PerSecond: r, P50Ms: 1000 / r, P90Ms: 2000 / r, P99Ms: 3000 / r, TaskCPUMs: 500 / r, TaskMemory: 1 << 20,
		})
	}
	return m
}

func TestOnlyDifferencesBeyondTheNoiseAreTold(t *testing.T) {
	t.Parallel()
	steady := []float64{100, 101, 99, 100, 102}
	for _, test := range []struct {
		name          string
		before, after *benchmark.Measurement
		rate, p99     benchmark.Verdict
		rateRatio     float64
	}{
		{name: "the same", before: measured(100, steady...), after: measured(100, steady...), rate: benchmark.Noise, p99: benchmark.Noise, rateRatio: 1},
		{name: "twice as fast", before: measured(100, steady...), after: measured(100, 200, 201, 199, 200, 202), rate: benchmark.Better, p99: benchmark.Better, rateRatio: 2},
		{name: "half as fast", before: measured(100, steady...), after: measured(100, 50, 50, 51, 49, 50), rate: benchmark.Worse, p99: benchmark.Worse, rateRatio: 0.5},
		{name: "apart, but by little", before: measured(100, steady...), after: measured(100, 103, 103.5, 104, 104, 104), rate: benchmark.Noise, p99: benchmark.Noise, rateRatio: 1.04},
		{name: "medians apart, ranges not", before: measured(100, 100, 100, 100, 100, 180), after: measured(100, 150, 150, 150, 150, 90), rate: benchmark.Noise, p99: benchmark.Noise, rateRatio: 1.5},
		{name: "no further apart than one is wide", before: measured(100, 100, 105, 110, 115, 120), after: measured(100, 139, 145, 150, 155, 159), rate: benchmark.Noise, p99: benchmark.Noise, rateRatio: 150. / 110},
		{name: "further apart than either is wide", before: measured(100, 100, 105, 110, 115, 120), after: measured(100, 150, 155, 160, 165, 170), rate: benchmark.Better, p99: benchmark.Better, rateRatio: 160. / 110},
		{name: "one outlier of ten", before: measured(100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 900), after: measured(100, 200, 200, 200, 200, 200, 200, 200, 200, 200, 1), rate: benchmark.Better, p99: benchmark.Better, rateRatio: 2},
		{name: "too few in a slice for p99", before: measured(99, steady...), after: measured(100, 200, 201, 199, 200, 202), rate: benchmark.Better, p99: benchmark.Unclear, rateRatio: 2},
		{name: "too few slices", before: measured(100, 100, 100, 100, 100), after: measured(100, steady...), rate: benchmark.Unclear, p99: benchmark.Unclear, rateRatio: 1},
		{name: "no slices", before: measured(1), after: measured(1), rate: benchmark.Unclear, p99: benchmark.Unclear, rateRatio: 1},
	} {
		got := map[benchmark.Quantity]benchmark.Difference{}
		for _, d := range benchmark.Compare(test.before, test.after) {
			got[d.Quantity] = d
		}
		if d := got[benchmark.PerSecond]; d.Verdict != test.rate || d.Ratio != test.rateRatio {
			t.Errorf("%s: executions/s: got %s and %v, want %s and %v", test.name, d.Verdict, d.Ratio, test.rate, test.rateRatio)
		}
		if d := got[benchmark.P99]; d.Verdict != test.p99 {
			t.Errorf("%s: p99: got %s, want %s", test.name, d.Verdict, test.p99)
		}
		if d := got[benchmark.TaskMemory]; d.Verdict == benchmark.Better || d.Verdict == benchmark.Worse {
			t.Errorf("%s: memory that is the same is called %s", test.name, d.Verdict)
		}
	}
}

func TestAVerdictTurnsAroundWithItsMeasurements(t *testing.T) {
	t.Parallel()
	opposite := map[benchmark.Verdict]benchmark.Verdict{
		benchmark.Better: benchmark.Worse, benchmark.Worse: benchmark.Better, benchmark.Noise: benchmark.Noise, benchmark.Unclear: benchmark.Unclear,
	}
	rates := rapid.SliceOfN(rapid.Float64Range(1, 1000), 5, 20)
	rapid.Check(t, func(t *rapid.T) {
		a, b := measured(100, rates.Draw(t, "a")...), measured(100, rates.Draw(t, "b")...)
		there, back, self := benchmark.Compare(a, b), benchmark.Compare(b, a), benchmark.Compare(a, a)
		for i, d := range there {
			if back[i].Verdict != opposite[d.Verdict] {
				t.Errorf("%s: got %s one way and %s the other", d.Quantity, d.Verdict, back[i].Verdict)
			}
			if self[i].Verdict != benchmark.Noise {
				t.Errorf("%s: a measurement is %s than itself", d.Quantity, self[i].Verdict)
			}
			gap := max(d.New.Low/d.Old.High, d.Old.Low/d.New.High)
			if told := d.Verdict != benchmark.Noise; told && (gap <= 1 || gap < d.Old.High/d.Old.Low || gap < d.New.High/d.New.Low) {
				t.Errorf("%s: %v and %v are not apart and are called %s", d.Quantity, d.Old, d.New, d.Verdict)
			}
			for _, s := range []benchmark.Spread{d.Old, d.New} {
				if s.Low > s.Median || s.Median > s.High {
					t.Errorf("%s: the median of %v is out of its range", d.Quantity, s)
				}
			}
		}
	})
}

func TestWarningsNameWhatElseDiffers(t *testing.T) {
	t.Parallel()
	a, b := measured(100, 1, 1, 1, 1, 1), measured(100, 1, 1, 1, 1, 1)
	a.Conditions.Input = benchmark.Input{From: "a.json", Bytes: 2, SHA256: "1"}
	b.Conditions.Input = benchmark.Input{From: "b.json", Bytes: 2, SHA256: "1"} // the same under another name
	if got := benchmark.Warnings(a, b); len(got) > 0 {
		t.Errorf("got %q of measurements under the same conditions", got)
	}
	a.Conditions.Engine, b.Conditions.Engine = "e1", "e2"
	a.Conditions.Digest = "sha256:111111111111111"
	a.Conditions.Machine, b.Conditions.Machine = benchmark.Machine{OS: "linux", Arch: "arm64", CPUs: 4}, benchmark.Machine{OS: "linux", Arch: "amd64", CPU: "X", CPUs: 2}
	a.Conditions.Concurrency, b.Conditions.Concurrency = 1, 2
	a.Conditions.Sandbox, b.Conditions.Sandbox = "strict", "none"
	b.Conditions.Input.SHA256, b.Failed, b.Interrupted = "2", 5, true
	want := []string{
		"the task's content differs: sha256:111111111111 was recorded, this is sha256:0",
		"the input differs: a.json (2 bytes) was recorded, this is b.json (2 bytes)",
		"the engine differs: e1 was recorded, this is e2",
		"the machine differs: linux/arm64 with 4 CPUs was recorded, this is linux/amd64 with 2 CPUs (X)",
		"the sandbox differs: strict was recorded, this is none",
		"the number of executions at once differs: 1 was recorded, this is 2",
		"in the new measurement 5 of 505 executions failed; what failed is not compared",
		"the new measurement was interrupted",
	}
	if diff := cmp.Diff(want, benchmark.Warnings(a, b)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	a.Conditions.Task, b.Conditions.Task = "one", "two"
	if got := benchmark.Warnings(a, b)[0]; got != "the task differs: one was recorded, this is two" {
		t.Errorf("of two tasks: got %q", got)
	}
}
