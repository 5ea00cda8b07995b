package benchmark

import (
	"fmt"
	"slices"
)

// A Verdict says what two measurements tell about one quantity.
type Verdict string

// The verdicts.
const (
	Better  Verdict = "better"  // by more than the noise
	Worse   Verdict = "worse"   // by more than the noise
	Noise   Verdict = "noise"   // no difference beyond the noise
	Unclear Verdict = "unclear" // too few executions to tell
)

// A Spread is what the slices of a measurement gave for one quantity: the
// median, and the range without the lowest and the highest tenth of them.
// Without slices it is one value, of the measurement as a whole.
type Spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// A Difference is one quantity in two measurements.
type Difference struct {
	Quantity Quantity `json:"quantity"`
	Old      Spread   `json:"old"`
	New      Spread   `json:"new"`
	Ratio    float64  `json:"ratio,omitzero"` // new/old; 0 if old is
	Verdict  Verdict  `json:"verdict"`
}

// A Quantity is what is compared, as the JSON form of a Slice calls it.
type Quantity string

// The quantities.
const (
	PerSecond  Quantity = "perSecond"
	P50        Quantity = "p50Ms"
	P90        Quantity = "p90Ms"
	P99        Quantity = "p99Ms"
	TaskCPU    Quantity = "taskCPUMs"
	TaskMemory Quantity = "taskMemory"
)

// A quantity says where a Quantity is found.
type quantity struct {
	name  Quantity
	slice func(Slice) float64
	whole func(*Measurement) float64
	more  bool // is better
	least int  // executions in a slice, for its value to mean anything
}

func quantities() []quantity {
	return []quantity{
		{PerSecond, func(s Slice) float64 { return s.PerSecond }, func(m *Measurement) float64 { return m.PerSecond }, true, 1},
		{P50, func(s Slice) float64 { return s.P50Ms }, func(m *Measurement) float64 { return m.Latency.P50Ms }, false, 1},
		{P90, func(s Slice) float64 { return s.P90Ms }, func(m *Measurement) float64 { return m.Latency.P90Ms }, false, 10},
		{P99, func(s Slice) float64 { return s.P99Ms }, func(m *Measurement) float64 { return m.Latency.P99Ms }, false, sliceWanted},
		{TaskCPU, func(s Slice) float64 { return s.TaskCPUMs }, func(m *Measurement) float64 { return m.CPU.TaskMs }, false, 1},
		{TaskMemory, func(s Slice) float64 { return float64(s.TaskMemory) }, func(m *Measurement) float64 { return float64(m.Memory.TaskMedian) }, false, 1},
	}
}

// leastDifference is the least that is worth telling.
const leastDifference = 0.05

// Compare holds a measurement against an older one. A difference is beyond the
// noise if it is 5 % or more and the spreads lie apart, as a ratio, by at least as
// much as either is wide. That they do not overlap is not enough: of 182 pairs of
// runs of one task, 3 s each on a machine with other work, that was so of p50 in
// 24 and of the rate in 18, for what is steady within a run differs from run to
// run. By this rule none of them differed in anything.
func Compare(before, after *Measurement) []Difference {
	var list []Difference
	for _, q := range quantities() {
		d := Difference{Quantity: q.name, Verdict: Unclear}
		var oldSlices, newSlices bool
		d.Old, oldSlices = q.spread(before)
		d.New, newSlices = q.spread(after)
		if d.Old.Median > 0 {
			d.Ratio = d.New.Median / d.Old.Median
		}
		if oldSlices && newSlices {
			d.Verdict = verdict(d.Old, d.New, q.more)
		}
		list = append(list, d)
	}
	return list
}

// spread returns the quantity in a measurement, and whether slices gave it.
func (q quantity) spread(m *Measurement) (_ Spread, fromSlices bool) {
	few := func(s Slice) bool { return s.Executions < q.least }
	if len(m.Slices) < leastSlices || slices.ContainsFunc(m.Slices, few) {
		v := q.whole(m)
		return Spread{v, v, v}, false
	}
	var values []float64
	for _, s := range m.Slices {
		values = append(values, q.slice(s))
	}
	return spreadOf(values), true
}

// spreadOf returns the spread of values, of which there is at least one.
func spreadOf(values []float64) Spread {
	values = slices.Sorted(slices.Values(values))
	n := len(values)
	cut := n / 10
	return Spread{
		Median: (values[(n-1)/2] + values[n/2]) / 2,
		Low:    values[cut], High: values[n-1-cut],
	}
}

func verdict(before, after Spread, moreIsBetter bool) Verdict {
	if before.Low <= 0 || after.Low <= 0 {
		return Noise // of what is nearly nothing no ratio tells
	}
	gap := max(after.Low/before.High, before.Low/after.High)
	wide := max(before.High/before.Low, after.High/after.Low)
	less, great := min(before.Median, after.Median), max(before.Median, after.Median)
	switch {
	case gap <= 1 || gap < wide || great/less < 1+leastDifference:
		return Noise
	case (after.Median > before.Median) == moreIsBetter:
		return Better
	default:
		return Worse
	}
}

// Warnings says what else than the task's speed may tell two measurements apart.
func Warnings(before, after *Measurement) []string {
	warnings := []string{}
	a, b := before.Conditions, after.Conditions
	differ := func(what string, before, after any) {
		if before != after {
			warnings = append(warnings, fmt.Sprintf("%s differs: %v was recorded, this is %v", what, before, after))
		}
	}
	if a.Task != b.Task {
		differ("the task", a.Task, b.Task)
	} else {
		differ("the task's content", short(a.Digest), short(b.Digest))
	}
	if a.Input.SHA256 != b.Input.SHA256 {
		warnings = append(warnings, fmt.Sprintf("the input differs: %s was recorded, this is %s", a.Input, b.Input))
	}
	differ("the engine", a.Engine, b.Engine)
	differ("the machine", a.Machine, b.Machine)
	differ("the sandbox", a.Sandbox, b.Sandbox)
	differ("the number of executions at once", a.Concurrency, b.Concurrency)
	for _, m := range []struct {
		name string
		*Measurement
	}{{"recorded", before}, {"new", after}} {
		if m.Failed > 0 {
			warnings = append(warnings, fmt.Sprintf("in the %s measurement %d of %d executions failed; what failed is not compared", m.name, m.Failed, m.Failed+m.Executions))
		}
		if m.Interrupted {
			warnings = append(warnings, "the "+m.name+" measurement was interrupted")
		}
	}
	return warnings
}

// short is a digest for people.
func short(digest string) string { return digest[:min(len(digest), len("sha256:")+12)] }

// String names the input in a sentence.
func (i Input) String() string { return fmt.Sprintf("%s (%d bytes)", i.From, i.Bytes) }
