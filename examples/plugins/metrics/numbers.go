package main

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
)

// buckets are the bounds of durations, in seconds.
func buckets() []float64 { return []float64{0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60} }

// A key is what is counted apart.
type key struct{ task, state string }

// numbers are what is counted.
type numbers struct {
	mu       *sync.Mutex
	jobs     map[key]int64
	attempts map[key]int64
	took     map[string]*histogram // by task
}

// A histogram counts durations by bucket.
type histogram struct {
	counts []int64 // up to each bound
	sum    float64
	all    int64
}

func newNumbers() numbers {
	return numbers{mu: new(sync.Mutex), jobs: map[key]int64{}, attempts: map[key]int64{}, took: map[string]*histogram{}}
}

func (n numbers) job(task, state string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.jobs[key{task, state}]++
}

func (n numbers) attempt(task, state string, took time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.attempts[key{task, state}]++
	h := n.took[task]
	if h == nil {
		h = &histogram{counts: make([]int64, len(buckets()))}
		n.took[task] = h
	}
	for i, most := range buckets() {
		if took.Seconds() <= most {
			h.counts[i]++
		}
	}
	h.sum += took.Seconds()
	h.all++
}

// totals are what the server is told.
func (n numbers) totals() map[string]float64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := map[string]float64{}
	for k, v := range n.jobs {
		all["jobs_"+k.state] += float64(v)
	}
	for _, v := range n.attempts {
		all["attempts"] += float64(v)
	}
	return all
}

// text is all of it in Prometheus' text format.
func (n numbers) text() []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	var b bytes.Buffer
	counter := func(name, help string, of map[key]int64) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s counter\n", name, help, name)
		for _, k := range slices.SortedFunc(maps.Keys(of), func(a, b key) int { return cmp.Or(cmp.Compare(a.task, b.task), cmp.Compare(a.state, b.state)) }) {
			fmt.Fprintf(&b, "%s{task=%q,state=%q} %d\n", name, k.task, k.state, of[k])
		}
	}
	counter("ratchet_plugin_jobs_total", "Jobs that ended.", n.jobs)
	counter("ratchet_plugin_attempts_total", "Attempts that ended.", n.attempts)
	const took = "ratchet_plugin_attempt_duration_seconds"
	fmt.Fprintf(&b, "# HELP %s How long attempts took.\n# TYPE %s histogram\n", took, took)
	for _, task := range slices.Sorted(maps.Keys(n.took)) {
		h := n.took[task]
		for i, most := range buckets() {
			fmt.Fprintf(&b, "%s_bucket{task=%q,le=%q} %d\n", took, task, strconv.FormatFloat(most, 'g', -1, 64), h.counts[i])
		}
		fmt.Fprintf(&b, "%s_bucket{task=%q,le=\"+Inf\"} %d\n%s_sum{task=%q} %g\n%s_count{task=%q} %d\n", took, task, h.all, took, task, h.sum, took, task, h.all)
	}
	return b.Bytes()
}
