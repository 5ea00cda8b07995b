// Package metrics counts what happens and writes it in the text format of
// Prometheus. What is counted, and under which names, is left to others.
package metrics

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Registry is a set of metrics. The zero Registry has none. It is safe for
// concurrent use; metrics are added before it is written for the first time.
type Registry struct {
	families []family
	writing  sync.Mutex // probes are not asked twice at once
}

// A family is all series of one name.
type family interface{ write(b *strings.Builder) }

// A head is what is said of a name before its values.
type head struct{ name, help, kind string }

func (h head) write(b *strings.Builder) {
	help := strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(h.help)
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n", h.name, help, h.name, h.kind)
}

// WriteTo writes all metrics as they are now.
func (r *Registry) WriteTo(w io.Writer) (int64, error) {
	r.writing.Lock()
	defer r.writing.Unlock()
	var b strings.Builder
	for _, f := range r.families {
		f.write(&b)
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// ServeHTTP answers with all metrics.
func (r *Registry) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = r.WriteTo(w) // who asked has gone away
}

// labels writes names and values as {a="b",c="d"}; extra is one more, "" for none.
func labels(names, values []string, extra string) string {
	if len(names) == 0 && extra == "" {
		return ""
	}
	var b strings.Builder
	b.WriteByte('{')
	escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(name + `="` + escape.Replace(strings.ToValidUTF8(values[i], "\uFFFD")) + `"`)
	}
	if extra != "" && len(names) > 0 {
		b.WriteByte(',')
	}
	b.WriteString(extra + "}")
	return b.String()
}

func number(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// series keeps a value for each combination of label values.
type series[T any] struct {
	head
	names []string

	mu     sync.Mutex
	values map[string]*entry[T]
}

type entry[T any] struct {
	labels []string
	value  T
}

// at calls f with the value of the labels. It panics if they are not as many as
// the names: that is a mistake of whoever counts.
func (s *series[T]) at(values []string, f func(*T)) {
	if len(values) != len(s.names) {
		panic(fmt.Sprintf("metrics: %s has the labels %q, got %q", s.name, s.names, values))
	}
	key := strings.Join(values, "\x00")
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.values[key]
	if e == nil {
		e = &entry[T]{labels: slices.Clone(values)}
		if s.values == nil {
			s.values = map[string]*entry[T]{}
		}
		s.values[key] = e
	}
	f(&e.value)
}

// each calls f with each value, in the order of their labels.
func (s *series[T]) each(f func(labels []string, v *T)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := make([]string, 0, len(s.values))
	for key := range s.values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		f(s.values[key].labels, &s.values[key].value)
	}
}

// A Counter counts what only grows.
type Counter struct{ series[float64] }

// Counter adds a counter. Its name ends in _total.
func (r *Registry) Counter(name, help string, labels ...string) *Counter {
	c := &Counter{series[float64]{head: head{name, help, "counter"}, names: labels}}
	r.families = append(r.families, c)
	if len(labels) == 0 {
		c.Add(0) // so that it is there from the beginning
	}
	return c
}

// Add counts v more for the values of the labels.
func (c *Counter) Add(v float64, values ...string) {
	c.at(values, func(n *float64) { *n += v })
}

func (c *Counter) write(b *strings.Builder) {
	c.head.write(b)
	c.each(func(values []string, v *float64) {
		fmt.Fprintf(b, "%s%s %s\n", c.name, labels(c.names, values, ""), number(*v))
	})
}

// A Histogram counts how many observations were at most how large.
type Histogram struct {
	series[distribution]
	buckets []float64
}

type distribution struct {
	counts []uint64 // by bucket; the last is beyond all of them
	sum    float64
	count  uint64
}

// Histogram adds a histogram with these upper bounds, which ascend.
func (r *Registry) Histogram(name, help string, buckets []float64, labels ...string) *Histogram {
	h := &Histogram{series[distribution]{head: head{name, help, "histogram"}, names: labels}, buckets}
	r.families = append(r.families, h)
	return h
}

// Observe counts v for the values of the labels.
func (h *Histogram) Observe(v float64, values ...string) {
	i, _ := slices.BinarySearch(h.buckets, v)
	h.at(values, func(d *distribution) {
		if d.counts == nil {
			d.counts = make([]uint64, len(h.buckets)+1)
		}
		d.counts[i]++
		d.sum += v
		d.count++
	})
}

func (h *Histogram) write(b *strings.Builder) {
	h.head.write(b)
	h.each(func(values []string, d *distribution) {
		var below uint64
		for i, n := range d.counts {
			below += n
			bound := math.Inf(1)
			if i < len(h.buckets) {
				bound = h.buckets[i]
			}
			fmt.Fprintf(b, "%s_bucket%s %d\n", h.name, labels(h.names, values, `le="`+number(bound)+`"`), below)
		}
		fmt.Fprintf(b, "%s_sum%s %s\n", h.name, labels(h.names, values, ""), number(d.sum))
		fmt.Fprintf(b, "%s_count%s %d\n", h.name, labels(h.names, values, ""), d.count)
	})
}

// A probe is asked for its values when they are wanted.
type probe struct {
	head
	names []string
	ask   func(emit func(v float64, values ...string))
}

// Gauge adds what goes up and down; ask emits it, once for each combination of
// label values.
func (r *Registry) Gauge(name, help string, ask func(emit func(v float64, values ...string)), labels ...string) {
	r.families = append(r.families, &probe{head{name, help, "gauge"}, labels, ask})
}

// Count adds a counter that somebody else keeps.
func (r *Registry) Count(name, help string, ask func(emit func(v float64, values ...string)), labels ...string) {
	r.families = append(r.families, &probe{head{name, help, "counter"}, labels, ask})
}

func (p *probe) write(b *strings.Builder) {
	p.head.write(b)
	p.ask(func(v float64, values ...string) {
		fmt.Fprintf(b, "%s%s %s\n", p.name, labels(p.names, values, ""), number(v))
	})
}
