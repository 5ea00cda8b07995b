package workerpool_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// ask starts an execution that asks its handler something and waits, and
// returns once it does.
func ask(t *testing.T, p *workerpool.Pool, d *workerpool.Domain) (request, string, <-chan ending) {
	t.Helper()
	c := newCaller("ask")
	ended := launch(t.Context(), p, d, c)
	return await(t, "the request", c.requests), <-c.worker, ended
}

// waiting waits until n executions wait for a worker.
func waiting(t *testing.T, p *workerpool.Pool, n int) {
	t.Helper()
	for p.Waiting() != n {
		if t.Context().Err() != nil {
			t.Fatalf("got %d waiting, want %d", p.Waiting(), n)
		}
		runtime.Gosched()
	}
}

func TestOneWorkerServesOneTaskAgain(t *testing.T) {
	t.Parallel()
	p := newScripted(t, workerpool.Config{})
	out, first := run(t, p, scripted("a"), "one")
	if out != "one" {
		t.Errorf("got %s, want one", out)
	}
	if _, again := run(t, p, scripted("a"), "two"); again != first {
		t.Errorf("got worker %s, want %s again", again, first)
	}
}

// Not only by turns: executions of many domains at once, in random order.
func TestAWorkerNeverServesTwoDomains(t *testing.T) {
	t.Parallel()
	const domains, executions = 7, 300
	p := newScripted(t, workerpool.Config{Running: 3, Resident: 4, Recycle: 20, Spare: 1})
	p.Warm()
	var mu sync.Mutex
	served := map[string]string{}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range executions / 8 {
				d := scripted(fmt.Sprint("domain ", rand.IntN(domains)))
				d.Slots = 2
				out, worker := run(t, p, d, d.Key)
				if out != d.Key {
					t.Errorf("got %s, want %s", out, d.Key)
				}
				mu.Lock()
				if other, ok := served[worker]; ok && other != d.Key {
					t.Errorf("worker %s served %s and %s", worker, other, d.Key)
				}
				served[worker] = d.Key
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

func TestFreshDomainsGetAProcessForEachExecution(t *testing.T) {
	t.Parallel()
	p := newScripted(t, workerpool.Config{})
	d := scripted("a")
	d.Fresh = true
	seen := map[string]bool{}
	for range 5 {
		_, worker := run(t, p, d, "1")
		if seen[worker] {
			t.Errorf("worker %s served twice", worker)
		}
		seen[worker] = true
	}
	if pids := p.Pids(); len(pids) > 0 {
		t.Errorf("got %v still resident", pids)
	}
}

func TestAWorkerIsRecycledAfterSoManyExecutions(t *testing.T) {
	t.Parallel()
	p := newScripted(t, workerpool.Config{Recycle: 3})
	var workers []string
	for range 9 {
		_, worker := run(t, p, scripted("a"), "1")
		workers = append(workers, worker)
	}
	for i := range workers {
		if same := workers[i] == workers[i/3*3]; !same {
			t.Errorf("execution %d: got worker %s, want %s", i, workers[i], workers[i/3*3])
		}
	}
	if distinct := len(slices.Compact(workers)); distinct != 3 {
		t.Errorf("got %d workers for 9 executions, want 3: %v", distinct, workers)
	}
}

func TestTheWorkerUnusedLongestMakesRoom(t *testing.T) {
	t.Parallel()
	p := newScripted(t, workerpool.Config{Running: 1, Resident: 2})
	_, a := run(t, p, scripted("a"), "1")
	_, b := run(t, p, scripted("b"), "1")
	if _, again := run(t, p, scripted("a"), "1"); again != a {
		t.Errorf("a: got worker %s, want %s", again, a)
	}
	run(t, p, scripted("c"), "1") // b goes
	if n := len(p.Pids()); n != 2 {
		t.Errorf("got %d resident workers, want 2", n)
	}
	if _, again := run(t, p, scripted("a"), "1"); again != a {
		t.Errorf("a after c: got worker %s, want %s", again, a)
	}
	if _, again := run(t, p, scripted("b"), "1"); again == b {
		t.Errorf("b after c: got worker %s, want a new one", again)
	}
}

func TestWorkersStartedAtOnceStayWithinTheBound(t *testing.T) {
	t.Parallel()
	p := newScripted(t, workerpool.Config{Running: 4, Resident: 4})
	for i := range 3 {
		run(t, p, scripted(fmt.Sprint("idle ", i)), "1")
	}
	var ends []<-chan ending
	var callers []*caller
	for i := range 4 {
		c := newCaller("ask")
		callers, ends = append(callers, c), append(ends, launch(t.Context(), p, scripted(fmt.Sprint("busy ", i)), c))
	}
	var held []request
	for _, c := range callers {
		held = append(held, await(t, "the request", c.requests))
	}
	if n := len(p.Pids()); n > 4 {
		t.Errorf("got %d resident workers, want 4", n)
	}
	for i, r := range held {
		r.reply("1")
		if e := await(t, "the end", ends[i]); e.err != nil {
			t.Error(e.err)
		}
	}
}

func TestWaitersAreServedInTheOrderTheyCame(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]func(int) string{
		"of one domain":    func(int) string { return "a" },
		"of other domains": func(i int) string { return fmt.Sprint(i) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newScripted(t, workerpool.Config{Running: 1, Resident: 3})
			held, _, ended := ask(t, p, scripted("a"))
			const n = 6
			callers := make([]*caller, n)
			ends := make([]<-chan ending, n)
			for i := range n {
				callers[i] = newCaller("ask")
				ends[i] = launch(t.Context(), p, scripted(key(i)), callers[i])
				waiting(t, p, i+1)
			}
			for i := range n {
				held.reply("1")
				if e := await(t, "the end", ended); e.err != nil {
					t.Fatal(e.err)
				}
				held, ended = await(t, fmt.Sprint("execution ", i), callers[i].requests), ends[i]
				for later := i + 1; later < n; later++ {
					select {
					case <-callers[later].worker:
						t.Fatalf("execution %d started before its turn", later)
					default:
					}
				}
			}
			held.reply("1")
			if e := await(t, "the last end", ended); e.err != nil {
				t.Fatal(e.err)
			}
		})
	}
}

func TestAWaiterThatGivesUpLeavesItsPlaceToTheNext(t *testing.T) {
	t.Parallel()
	p := newScripted(t, workerpool.Config{Running: 1})
	held, _, ended := ask(t, p, scripted("a"))
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("nobody wants it any more")
	impatient := launch(ctx, p, scripted("b"), newCaller("1"))
	waiting(t, p, 1)
	patient := launch(t.Context(), p, scripted("c"), newCaller("1"))
	waiting(t, p, 2)
	cancel(why)
	if e := await(t, "the end of the wait", impatient); !errors.Is(e.err, why) {
		t.Errorf("got %v, want %v", e.err, why)
	}
	held.reply("1")
	for _, c := range []<-chan ending{ended, patient} {
		if e := await(t, "the end", c); e.err != nil {
			t.Error(e.err)
		}
	}
}

// Waiters give up at the moment at which they are served: no place may be lost.
func TestNoPlaceIsLostToWaitersThatGiveUp(t *testing.T) {
	t.Parallel()
	p := newScripted(t, workerpool.Config{Running: 2, Resident: 3})
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			for j := range 60 {
				ctx, cancel := context.WithCancel(t.Context())
				ended := launch(ctx, p, scripted(fmt.Sprint((i+j)%3)), newCaller("1"))
				for range rand.IntN(200) {
					runtime.Gosched()
				}
				cancel()
				<-ended
			}
		})
	}
	all.Wait()
	// Both places are there: two executions run at once.
	a, _, endA := ask(t, p, scripted("0"))
	b, _, endB := ask(t, p, scripted("1"))
	a.reply("1")
	b.reply("1")
	for _, c := range []<-chan ending{endA, endB} {
		if e := await(t, "the end", c); e.err != nil {
			t.Error(e.err)
		}
	}
}

func TestSlotsShareAWorkerAndAreBounded(t *testing.T) {
	t.Parallel()
	p := newScripted(t, workerpool.Config{Running: 1})
	d := scripted("a")
	d.Slots = 3
	var held []request
	var ends []<-chan ending
	var worker string
	for i := range 3 {
		r, w, ended := ask(t, p, d)
		if i > 0 && w != worker {
			t.Errorf("execution %d: got worker %s, want %s", i, w, worker)
		}
		worker, held, ends = w, append(held, r), append(ends, ended)
	}
	fourth := newCaller("1")
	last := launch(t.Context(), p, d, fourth)
	waiting(t, p, 1)
	held[1].reply("1")
	if e := await(t, "the fourth", last); e.err != nil {
		t.Error(e.err)
	}
	if w := <-fourth.worker; w != worker {
		t.Errorf("the fourth: got worker %s, want %s", w, worker)
	}
	held[0].reply("1")
	held[2].reply("1")
	for _, c := range ends {
		if e := await(t, "the end", c); e.err != nil {
			t.Error(e.err)
		}
	}
}

// They came while the worker was being started.
func TestSlotsOfANewWorkerAreGivenToThoseWhoWait(t *testing.T) {
	t.Parallel()
	p := newScripted(t, workerpool.Config{Running: 1})
	d := scripted("a")
	d.Slots = 20
	var callers []*caller
	var ends []<-chan ending
	for range d.Slots {
		c := newCaller("ask")
		callers, ends = append(callers, c), append(ends, launch(t.Context(), p, d, c))
	}
	var held []request
	for _, c := range callers {
		held = append(held, await(t, "the request", c.requests))
	}
	for i, r := range held {
		r.reply("1")
		if e := await(t, "the end", ends[i]); e.err != nil {
			t.Error(e.err)
		}
	}
}

func TestACancelledExecutionEndsAndItsWorkerIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	p := newScripted(t, workerpool.Config{})
	ctx, cancel := context.WithCancelCause(t.Context())
	c := newCaller("ask")
	ended := launch(ctx, p, scripted("a"), c)
	await(t, "the request", c.requests)
	why := errors.New("changed my mind")
	cancel(why)
	if e := await(t, "the end", ended); !errors.Is(e.err, why) {
		t.Errorf("got %v, want %v", e.err, why)
	}
	if _, worker := run(t, p, scripted("a"), "1"); worker == <-c.worker {
		t.Errorf("worker %s was used again", worker)
	}
}

func TestSpareWorkersAreTakenFirst(t *testing.T) {
	t.Parallel()
	p := newScripted(t, workerpool.Config{Spare: 1})
	p.Warm()
	for len(p.Pids()) == 0 {
		if t.Context().Err() != nil {
			t.Fatal("no spare came")
		}
		runtime.Gosched()
	}
	spare := p.Pids()[0]
	if _, worker := run(t, p, scripted("a"), "1"); pidOf(t, worker) != spare {
		t.Errorf("got worker %s, want the spare one, %d", worker, spare)
	}
}

func TestAClosedPoolRefuses(t *testing.T) {
	t.Parallel()
	p := newScripted(t, workerpool.Config{Running: 1})
	_, _, running := ask(t, p, scripted("a"))
	queued := launch(t.Context(), p, scripted("b"), newCaller("1"))
	waiting(t, p, 1)
	p.Close()
	for name, c := range map[string]<-chan ending{"running": running, "queued": queued} {
		if e := await(t, name, c); !errors.Is(e.err, workerpool.ErrClosed) {
			t.Errorf("%s: got %v, want ErrClosed", name, e.err)
		}
	}
	if _, err := p.Run(t.Context(), scripted("a"), wall, newCaller("1")); !errors.Is(err, workerpool.ErrClosed) {
		t.Errorf("afterwards: got %v, want ErrClosed", err)
	}
	if _, err := p.Probe(); !errors.Is(err, workerpool.ErrClosed) {
		t.Errorf("probe: got %v, want ErrClosed", err)
	}
	p.Warm()
	p.Close()
}
