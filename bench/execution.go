package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// rig is an executor over real sandboxed workers.
type rig struct {
	pool     *workerpool.Pool
	client   *egress.Client
	executor *executor.Executor
}

func (b *bench) rig(config workerpool.Config) (*rig, error) {
	client, err := egress.New(egress.Config{AllowCIDR: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, MaxConns: 2000})
	if err != nil {
		return nil, err
	}
	pool := workerpool.New(config)
	return &rig{pool, client, executor.New(pool, client)}, nil
}

func (r *rig) close() {
	r.pool.Close()
	r.client.Close()
}

func (r *rig) once(b *bench, t *bundle.Bundle, in string) (*ratchet.Execution, error) {
	x := r.executor.Execute(b.ctx, executor.Request{Bundle: t, Input: json.RawMessage(in)})
	if x.Error != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, x.Error)
	}
	return x, nil
}

func (b *bench) load(path string) (*bundle.Bundle, error) {
	return bundle.Load(b.ctx, path, bundle.Options{ParentModules: true})
}

// An order is a small input that both schemas of bench/programs/order check.
const order = `{"orderId":"ord_1234567","customer":{"id":42,"name":"Ada Lovelace","vip":true},` +
	`"items":[{"sku":"A-1","qty":3,"price":19.99},{"sku":"B-7","qty":1,"price":250.5},{"sku":"C-3","qty":12,"price":1.25}],"coupon":"SAVE10"}`

// warm is one execution after another on workers that know the task.
func warm(b *bench) error {
	t, err := b.load("bench/programs/order")
	if err != nil {
		return err
	}
	r, err := b.rig(workerpool.Config{Running: 2})
	if err != nil {
		return err
	}
	defer r.close()
	latencies, _, err := drive(b, r, []*bundle.Bundle{t}, 1, 5000)
	if err != nil {
		return err
	}
	b.report("warm execution, fresh VM, both schemas checked: one at a time", "p50 ≤ 1 ms, p99 ≤ 5 ms; beyond p50 ≤ 0.5 ms",
		"p50 %v, p99 %v", round(percentile(latencies, 50)), round(percentile(latencies, 99)))
	before, err := cpu(r)
	if err != nil {
		return err
	}
	const n = 12000
	_, rate, err := drive(b, r, []*bundle.Bundle{t}, 3, n)
	if err != nil {
		return err
	}
	after, err := cpu(r)
	if err != nil {
		return err
	}
	b.report("the same, two workers on 2 CPUs", "≥ 1,500/s, beyond ≥ 3,000/s", "%.0f/s, %.2f ms CPU an execution (server and workers)",
		rate, float64(after-before)/n/1e6)
	return nil
}

// cpu is the processor time of this process and of its running workers.
func cpu(r *rig) (time.Duration, error) {
	total := time.Duration(0)
	for _, pid := range append(r.pool.PIDs(), os.Getpid()) {
		m, err := sandbox.OpenMeter(pid)
		if err != nil {
			return 0, err
		}
		u, err := m.Read()
		m.Close()
		if err != nil {
			return 0, err
		}
		total += u.CPU
	}
	return total, nil
}

// drive runs n executions of the tasks in turn, some at once, after a warm-up,
// and returns their latencies and the rate a second.
func drive(b *bench, r *rig, tasks []*bundle.Bundle, atOnce, n int) ([]time.Duration, float64, error) {
	var mu sync.Mutex
	var latencies []time.Duration
	var failed error
	parallel := func(n int, keep bool) time.Duration {
		var wg sync.WaitGroup
		var next atomic.Int64
		start := time.Now()
		for range atOnce {
			wg.Go(func() {
				for i := next.Add(1); i <= int64(n); i = next.Add(1) {
					start := time.Now()
					_, err := r.once(b, tasks[int(i)%len(tasks)], order)
					d := time.Since(start)
					mu.Lock()
					if keep {
						latencies = append(latencies, d)
					}
					if err != nil {
						failed = err
					}
					stop := failed != nil
					mu.Unlock()
					if stop {
						return
					}
				}
			})
		}
		wg.Wait()
		return time.Since(start)
	}
	parallel(max(200, 2*len(tasks)*atOnce), false)
	took := parallel(n, true)
	return latencies, float64(n) / took.Seconds(), failed
}

// interleaved is twenty tasks in turn against one.
func interleaved(b *bench) error {
	one, err := b.load("bench/programs/order")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "ratchet-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var many []*bundle.Bundle
	for i := range 20 {
		path := filepath.Join(dir, strconv.Itoa(i))
		if err := os.CopyFS(path, os.DirFS("bench/programs/order")); err != nil {
			return err
		}
		metadata := fmt.Sprintf(`{"name": "order-%d", "version": "1.0.0"}`, i)
		if err := os.WriteFile(filepath.Join(path, "metadata.json"), []byte(metadata), 0o644); err != nil {
			return err
		}
		t, err := b.load(path)
		if err != nil {
			return err
		}
		many = append(many, t)
	}
	r, err := b.rig(workerpool.Config{Running: 2})
	if err != nil {
		return err
	}
	defer r.close()
	var ratios []float64
	for range 5 {
		_, single, err := drive(b, r, []*bundle.Bundle{one}, 2, 3000)
		if err != nil {
			return err
		}
		_, mixed, err := drive(b, r, many, 2, 3000)
		if err != nil {
			return err
		}
		ratios = append(ratios, mixed/single)
	}
	b.report("20 tasks interleaved against one repeated, executions/s", "≥ 0.7×, beyond ≥ 0.9×", "%.2f×", median(ratios))
	return nil
}

// idleMemory is what a worker weighs after 500 executions.
func idleMemory(b *bench) error {
	t, err := b.load("bench/programs/order")
	if err != nil {
		return err
	}
	r, err := b.rig(workerpool.Config{Running: 1})
	if err != nil {
		return err
	}
	defer r.close()
	for range 500 {
		if _, err := r.once(b, t, order); err != nil {
			return err
		}
	}
	for _, pid := range r.pool.PIDs() {
		pss, err := sandbox.PSS(pid)
		if err != nil {
			return err
		}
		b.report("idle worker after 500 executions, proportional set size", "≤ 15 MB, beyond ≤ 10 MB", "%.1f MB", float64(pss)/(1<<20))
	}
	return nil
}

// fetchWaits is many executions of one task that each wait a second on a server.
func fetchWaits(b *bench) error {
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		timer := time.NewTimer(time.Second)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-req.Context().Done():
		}
		_, _ = w.Write([]byte("hello")) // the client judges what arrived
	}))
	defer slow.Close()
	hosts, _, err := egress.ParseAllowNet([]string{"127.0.0.1"})
	if err != nil {
		return err
	}
	t, err := b.load("bench/programs/wait")
	if err != nil {
		return err
	}
	for _, c := range []struct {
		n     int
		asked string
	}{{200, "≤ 3 s, ≤ 300 MB"}, {1000, "beyond ≤ 4 s"}} {
		r, err := b.rig(workerpool.Config{})
		if err != nil {
			return err
		}
		in := fmt.Sprintf(`{"url": %q}`, slow.URL)
		if _, err := r.once(b, t, in); err != nil {
			r.close()
			return err
		}
		stop, peaks := make(chan struct{}), make(chan int64)
		go func() { peaks <- peak(r, stop) }()
		start := time.Now()
		errs := make(chan error, c.n)
		for range c.n {
			go func() {
				x := r.executor.Execute(b.ctx, executor.Request{Bundle: t, Input: json.RawMessage(in), Hosts: hosts})
				if x.Error != nil {
					errs <- x.Error
					return
				}
				errs <- nil
			}()
		}
		var failed error
		for range c.n {
			if err := <-errs; err != nil {
				failed = err
			}
		}
		took := time.Since(start)
		close(stop)
		high := <-peaks
		r.close()
		if failed != nil {
			return failed
		}
		b.report(fmt.Sprintf("%d executions each waiting 1 s on fetch", c.n), c.asked, "%.2f s, %d MB in all (workers and server)",
			took.Seconds(), high>>20)
	}
	return nil
}

// peak is the most memory that this process and its workers held at once.
func peak(r *rig, stop chan struct{}) (high int64) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		sum := int64(0)
		for _, pid := range append(r.pool.PIDs(), os.Getpid()) {
			if m, err := sandbox.OpenMeter(pid); err == nil {
				if u, err := m.Read(); err == nil {
					sum += u.RSS
				}
				m.Close()
			}
		}
		high = max(high, sum)
		select {
		case <-tick.C:
		case <-stop:
			return high
		}
	}
}
