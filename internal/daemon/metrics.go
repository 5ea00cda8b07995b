package daemon

import (
	"context"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/metrics"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// numbers is what the server counts. docs/operations.md lists it.
type numbers struct {
	registry   metrics.Registry
	off        bool // nobody will ask
	states     *metrics.Counter
	executions *metrics.Counter
	duration   *metrics.Histogram
	latency    *metrics.Histogram
	requests   *metrics.Counter
	served     *metrics.Histogram
	operations *metrics.Counter
	operation  *metrics.Histogram
	deliveries *metrics.Counter
	lag        *metrics.Histogram
}

func newNumbers(off bool) *numbers {
	n := &numbers{off: off}
	r := &n.registry
	seconds := []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800}
	n.states = r.Counter("ratchet_job_transitions_total", "Jobs that came into a state, by the store of this server.", "state")
	n.executions = r.Counter("ratchet_executions_total", "Attempts that ended here.", "task", "state", "reason")
	n.duration = r.Histogram("ratchet_execution_duration_seconds", "From the start of an attempt to its end.", seconds, "task")
	n.latency = r.Histogram("ratchet_queue_latency_seconds", "From when an attempt was due to its start.", seconds, "priority")
	n.requests = r.Counter("ratchet_http_requests_total", "Requests that were answered.", "method", "route", "status")
	n.served = r.Histogram("ratchet_http_request_duration_seconds", "From the headers of a request to the end of its answer.", seconds, "route")
	n.operations = r.Counter("ratchet_operations_total", "Operations of the catalogue that ended; code is ok, or that of the error.", "operation", "code")
	n.operation = r.Histogram("ratchet_operation_duration_seconds", "How long operations took.", seconds, "operation")
	n.deliveries = r.Counter("ratchet_deliveries_total", "Deliveries that came to their end here: delivered, or failed for good.", "type", "result")
	n.lag = r.Histogram("ratchet_delivery_lag_seconds", "From the end of a job to the end of the delivery of its result.", seconds, "type")
	return n
}

// delivered counts a delivery that came to its end.
func (n *numbers) delivered(d ratchet.Delivery) {
	n.deliveries.Add(1, string(d.Type), string(d.State))
	if d.State == ratchet.DeliveryDelivered && !d.FinishedAt.IsZero() {
		n.lag.Observe(max(d.FinishedAt.Sub(d.CreatedAt), 0).Seconds(), string(d.Type))
	}
}

// published counts what the store publishes.
func (n *numbers) published(events []ratchet.Event) {
	if n.off {
		return
	}
	for i := range events {
		if events[i].Type == ratchet.EventJob {
			n.states.Add(1, string(events[i].State))
		}
	}
}

// finished counts an attempt.
func (n *numbers) finished(j *ratchet.Job, x *ratchet.Execution) {
	if n.off {
		return
	}
	reason := ""
	if x.Error != nil {
		reason = string(x.Error.Reason)
	}
	n.executions.Add(1, x.Task, string(x.State), reason)
	n.duration.Observe(x.Elapsed().Seconds(), x.Task)
	if !x.QueuedAt.IsZero() && !x.StartedAt.IsZero() {
		n.latency.Observe(max(x.StartedAt.Sub(x.QueuedAt), 0).Seconds(), j.Priority.String())
	}
}

// used counts an operation.
func (n *numbers) used(u service.Use) {
	if n.off {
		return
	}
	code := string(u.Code)
	if code == "" {
		code = "ok"
	}
	n.operations.Add(1, u.Operation, code)
	n.operation.Observe(u.Took.Seconds(), u.Operation)
}

// answered counts a request.
func (n *numbers) answered(method, route string, status int, took time.Duration) {
	if n.off {
		return
	}
	n.requests.Add(1, method, route, strconv.Itoa(status))
	n.served.Observe(took.Seconds(), route)
}

// watch adds what the parts know themselves.
func (d *Daemon) watch() {
	r := &d.numbers.registry
	r.Gauge("ratchet_executions_running", "Executions now.", metrics.Value(func() int { return d.dispatcher.Stats().Running }))
	r.Gauge("ratchet_execution_slots", "Executions that this server runs at once.", metrics.Value(func() int { return d.dispatcher.Stats().Slots }))
	r.Count("ratchet_attempts_claimed_total", "Attempts begun here.", metrics.Value(func() int64 { return d.dispatcher.Stats().Claimed }))
	r.Count("ratchet_retries_total", "Attempts that failed and are followed by another.", metrics.Value(func() int64 { return d.dispatcher.Stats().Retried }))
	r.Count("ratchet_handed_back_total", "Attempts lost to a stop, or to what happened to a neighbour in the same worker.", metrics.Value(func() int64 { return d.dispatcher.Stats().HandedBack }))
	r.Count("ratchet_rescued_total", "Jobs taken over from servers that died.", metrics.Value(func() int64 { return d.dispatcher.Stats().Rescued }))
	r.Count("ratchet_stale_writes_total", "Writes refused because their lease was lost.", metrics.Value(d.store.Stale))
	r.Gauge("ratchet_workers", "Worker processes now.", metrics.Value(func() int { return len(d.pool.PIDs()) }))
	r.Gauge("ratchet_event_readers", "Clients that follow the stream of events now.", metrics.Value(func() int {
		now, _ := d.hub.Readers()
		return now
	}))
	r.Count("ratchet_event_readers_dropped_total", "Readers of the stream that were too slow.", metrics.Value(func() int64 {
		_, dropped := d.hub.Readers()
		return dropped
	}))
	r.Count("ratchet_breaker_opened_total", "How often the breaker of a host opened, of the requests of tasks.", metrics.Value(d.hosts.Opened))
	r.Count("ratchet_breaker_refused_total", "Requests of tasks that failed at once because the breaker of their host was open.", metrics.Value(d.hosts.Refused))
	r.Gauge("ratchet_breaker_state", "Of hosts whose breaker ever opened, the 100 that did last: 0 closed, 1 half-open, 2 open.", d.breakers, "host")
	each := func(number func(ratchet.Cache) int64) func(func(float64, ...string)) {
		return func(emit func(float64, ...string)) {
			for _, c := range d.caches.Caches() {
				emit(float64(number(c)), c.Name)
			}
		}
	}
	r.Count("ratchet_cache_hits_total", "What was kept when it was wanted.", each(func(c ratchet.Cache) int64 { return c.Hits }), "cache")
	r.Count("ratchet_cache_misses_total", "What was not kept when it was wanted, and might have been.", each(func(c ratchet.Cache) int64 { return c.Misses }), "cache")
	r.Count("ratchet_cache_evicted_total", "What was forgotten for want of room, or because its time was over.", each(func(c ratchet.Cache) int64 { return c.Evicted }), "cache")
	r.Gauge("ratchet_cache_bytes", "Size of what is kept, about.", each(func(c ratchet.Cache) int64 { return int64(c.Size) }), "cache")
	together := func() (c ratchet.Cache) {
		if d.together != nil {
			c = d.together.Describe()
		}
		return c
	}
	r.Count("ratchet_shared_cache_errors_total", "How often the results that servers share could not be asked for in time.", metrics.Value(func() int64 { return together().Errors }))
	r.Gauge("ratchet_shared_cache_away", "1 while they cannot.", func(emit func(float64, ...string)) {
		away := 0.0
		if together().Away {
			away = 1
		}
		emit(away)
	})
	waiting := &counted{ask: func(ctx context.Context) (int, error) { return d.store.Waiting(ctx, d.config.Queue.MaxWaiting) }}
	r.Gauge("ratchet_jobs_waiting", "Jobs that have not begun, up to queue.max_waiting.", func(emit func(float64, ...string)) {
		if n, ok := waiting.get(d.life); ok {
			emit(float64(n))
		}
	})
	if d.deliveries != nil {
		due := &counted{ask: d.pendingDeliveries}
		r.Gauge("ratchet_deliveries_pending", "Deliveries that wait for an attempt, up to 10,000.", func(emit func(float64, ...string)) {
			if n, ok := due.get(d.life); ok {
				emit(float64(n))
			}
		})
		r.Gauge("ratchet_delivery_lanes", "Hosts and plugins that results are on their way to: free to take more, full, or left alone because they failed.", func(emit func(float64, ...string)) {
			n := d.deliveries.Lanes()
			emit(float64(n.Free), "free")
			emit(float64(n.Full), "full")
			emit(float64(n.Resting), "resting")
		}, "state")
	}
	if file := d.databaseFile(); file != "" {
		r.Gauge("ratchet_database_bytes", "Size of the files of the SQLite database.", func(emit func(float64, ...string)) {
			for _, part := range []string{"", "-wal"} {
				if info, err := os.Stat(file + part); err == nil {
					emit(float64(info.Size()), "main"+part)
				}
			}
		}, "file")
	}
	r.Gauge("ratchet_build_info", "The version of Ratchet and the level of its sandbox.", func(emit func(float64, ...string)) {
		emit(1, d.options.Version, d.Sandbox())
	}, "version", "sandbox")
	r.Process(d.started)
}

// breakersShown bounds the hosts that metrics name.
const breakersShown = 100

// breakers tells the state of the breakers that opened last.
func (d *Daemon) breakers(emit func(float64, ...string)) {
	all := d.hosts.Breakers()
	slices.SortFunc(all, func(a, b ratchet.Breaker) int { return b.OpenedAt.Compare(a.OpenedAt) })
	for _, b := range all[:min(len(all), breakersShown)] {
		state := map[ratchet.BreakerState]float64{ratchet.BreakerHalfOpen: 1, ratchet.BreakerOpen: 2}[b.State]
		emit(state, b.Host)
	}
}

// How long a count of the store is taken for true, and how long it may take.
const (
	countedFor  = 5 * time.Second
	countedTime = 2 * time.Second
)

// counted is a number that costs the store something.
type counted struct {
	ask func(context.Context) (int, error)

	mu    sync.Mutex
	at    time.Time
	value int
	ok    bool
}

func (c *counted) get(ctx context.Context) (value int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.at) > countedFor {
		ctx, cancel := context.WithTimeout(ctx, countedTime)
		defer cancel()
		n, err := c.ask(ctx)
		c.at, c.value, c.ok = time.Now(), n, err == nil
	}
	return c.value, c.ok
}
