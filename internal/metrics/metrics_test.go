package metrics_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/ratchet-runner/ratchet-go/internal/metrics"
)

func text(t *testing.T, r *metrics.Registry) string {
	t.Helper()
	var b strings.Builder
	if _, err := r.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestMetricsAreWrittenAsPrometheusReadsThem(t *testing.T) {
	t.Parallel()
	var r metrics.Registry
	jobs := r.Counter("jobs_total", "Jobs.\nAll \\ of them.", "state", "task")
	r.Counter("stale_total", "None so far.")
	took := r.Histogram("took_seconds", "How long.", []float64{0.1, 1}, "task")
	r.Gauge("running", "Now.", metrics.Value(func() int { return 3 }))
	r.Gauge("size", "By kind.", func(emit func(float64, ...string)) {
		emit(1.5, "a")
		emit(1e12, "b")
	}, "kind")
	jobs.Add(1, "done", "b")
	jobs.Add(1, "done", "a\"\\\n\xff")
	jobs.Add(2, "done", "b")
	for _, v := range []float64{0.1, 0.5, 7} {
		took.Observe(v, "a")
	}
	want := `# HELP jobs_total Jobs.\nAll \\ of them.
# TYPE jobs_total counter
jobs_total{state="done",task="a\"\\\n�"} 1
jobs_total{state="done",task="b"} 3
# HELP stale_total None so far.
# TYPE stale_total counter
stale_total 0
# HELP took_seconds How long.
# TYPE took_seconds histogram
took_seconds_bucket{task="a",le="0.1"} 1
took_seconds_bucket{task="a",le="1"} 2
took_seconds_bucket{task="a",le="+Inf"} 3
took_seconds_sum{task="a"} 7.6
took_seconds_count{task="a"} 3
# HELP running Now.
# TYPE running gauge
running 3
# HELP size By kind.
# TYPE size gauge
size{kind="a"} 1.5
size{kind="b"} 1e+12
`
	if diff := cmp.Diff(want, text(t, &r)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Prometheus's own linter parses it, and knows the conventions.
func TestTheProcessIsDescribedAsUsual(t *testing.T) {
	t.Parallel()
	var r metrics.Registry
	r.Process(time.Now())
	r.Histogram("took_seconds", "How long.", []float64{1}, "task").Observe(2, `a"b`)
	got := text(t, &r)
	problems, err := promlint.New(strings.NewReader(got)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("got %v, %v:\n%s", problems, err, got)
	}
	if !strings.Contains(got, "go_goroutines ") {
		t.Errorf("got %s", got)
	}
}

func TestCountingIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	var r metrics.Registry
	c := r.Counter("n_total", "N.", "worker")
	h := r.Histogram("h", "H.", []float64{1})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 1000 {
				c.Add(1, "a")
				h.Observe(float64(i % 3))
			}
		})
	}
	all.Wait()
	got := text(t, &r)
	for _, want := range []string{"n_total{worker=\"a\"} 8000\n", "h_count 8000\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
}
