package graphql

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// maxKeys is how many things are asked for at once.
const maxKeys = ratchet.MaxLimit

// A loader gets things by their keys, many at once. Whoever answers with a list
// tells what may be asked of it; the first who asks gets it for all. So nobody
// waits for others to ask, and a list costs one query, however long.
type loader[K comparable, V any] struct {
	fetch func(context.Context, []K) (map[K]V, error)

	mu       sync.Mutex
	expected []K
	loaded   map[K]*loading[V]
}

// A loading is a thing that is there or on its way.
type loading[V any] struct {
	done  chan struct{}
	value V
	err   error
}

func newLoader[K comparable, V any](fetch func(context.Context, []K) (map[K]V, error)) *loader[K, V] {
	return &loader[K, V]{fetch: fetch, loaded: map[K]*loading[V]{}}
}

// expect notes keys that may be asked for. Zero ones are left out.
func (l *loader[K, V]) expect(keys ...K) {
	var zero K
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		if key != zero && l.loaded[key] == nil {
			l.expected = append(l.expected, key)
		}
	}
}

// errUnloaded is left behind by a fetch that panicked.
var errUnloaded = errors.New("what was asked for was not fetched")

// load returns the thing with the key; the zero V if there is none.
func (l *loader[K, V]) load(ctx context.Context, key K) (v V, err error) {
	l.mu.Lock()
	one, known := l.loaded[key]
	if known {
		l.mu.Unlock()
		select {
		case <-one.done:
			return one.value, one.err
		case <-ctx.Done():
			return v, ctx.Err()
		}
	}
	keys, ones := l.claim(key)
	l.mu.Unlock()
	values, err := map[K]V(nil), errUnloaded
	defer func() {
		for i, one := range ones {
			one.value, one.err = values[keys[i]], err
			close(one.done)
		}
	}()
	values, err = l.fetch(ctx, keys)
	return values[key], err
}

// claim takes the key, and expected ones with it. The lock is held.
func (l *loader[K, V]) claim(key K) (keys []K, ones []*loading[V]) {
	take := func(key K) {
		if l.loaded[key] == nil {
			one := &loading[V]{done: make(chan struct{})}
			l.loaded[key] = one
			keys, ones = append(keys, key), append(ones, one)
		}
	}
	take(key)
	for len(keys) < maxKeys && len(l.expected) > 0 {
		take(l.expected[0])
		l.expected = l.expected[1:]
	}
	return keys, ones
}

// loaders are those of one answer.
type loaders struct {
	svc       *service.Service
	tasks     *loader[ratchet.TaskID, *ratchet.Task]
	named     *loader[string, *ratchet.Task]
	jobs      *loader[ratchet.JobID, *ratchet.Job]
	schedules *loader[ratchet.ScheduleID, *ratchet.Schedule]

	mu         sync.Mutex
	owners     map[ratchet.JobID]int // jobs whose executions may be asked for, with how many they have
	executions map[int]*loader[ratchet.JobID, []ratchet.Execution]
}

type loadersKey struct{}

// loading returns a context with loaders that know nothing yet.
func (h *Handler) loading(ctx context.Context) context.Context {
	l := &loaders{svc: h.svc, owners: map[ratchet.JobID]int{}, executions: map[int]*loader[ratchet.JobID, []ratchet.Execution]{}}
	l.tasks = newLoader(l.fetchTasks)
	l.named = newLoader(l.fetchNamed)
	l.jobs = newLoader(l.fetchJobs)
	l.schedules = newLoader(l.fetchSchedules)
	return context.WithValue(ctx, loadersKey{}, l)
}

func loadersOf(ctx context.Context) *loaders { return ctx.Value(loadersKey{}).(*loaders) }

// byID asks for the things with the IDs.
func byID[K comparable](field string, keys []K, text func(K) string) ratchet.Query {
	values := make([]string, len(keys))
	for i, key := range keys {
		values[i] = text(key)
	}
	return ratchet.Query{Filters: []ratchet.Filter{{Field: field, Op: ratchet.OpIn, Values: values}}, Limit: len(keys), Uncounted: true}
}

// indexed returns the things by their keys.
func indexed[K comparable, V any](items []V, key func(*V) K) map[K]*V {
	all := make(map[K]*V, len(items))
	for i := range items {
		all[key(&items[i])] = &items[i]
	}
	return all
}

func (l *loaders) fetchTasks(ctx context.Context, keys []ratchet.TaskID) (map[ratchet.TaskID]*ratchet.Task, error) {
	p, err := l.svc.ListTasks.Call(ctx, byID("id", keys, ratchet.TaskID.String))
	return indexed(p.Items, func(t *ratchet.Task) ratchet.TaskID { return t.ID }), err
}

func (l *loaders) fetchNamed(ctx context.Context, keys []string) (map[string]*ratchet.Task, error) {
	p, err := l.svc.ListTasks.Call(ctx, byID("name", keys, func(name string) string { return name }))
	return indexed(p.Items, func(t *ratchet.Task) string { return t.Name }), err
}

func (l *loaders) fetchJobs(ctx context.Context, keys []ratchet.JobID) (map[ratchet.JobID]*ratchet.Job, error) {
	p, err := l.svc.ListJobs.Call(ctx, byID("id", keys, ratchet.JobID.String))
	l.sawJobs(p.Items...)
	return indexed(p.Items, func(j *ratchet.Job) ratchet.JobID { return j.ID }), err
}

func (l *loaders) fetchSchedules(ctx context.Context, keys []ratchet.ScheduleID) (map[ratchet.ScheduleID]*ratchet.Schedule, error) {
	p, err := l.svc.ListSchedules.Call(ctx, byID("id", keys, ratchet.ScheduleID.String))
	l.sawSchedules(p.Items...)
	return indexed(p.Items, func(s *ratchet.Schedule) ratchet.ScheduleID { return s.ID }), err
}

// sawJobs notes what may be asked of jobs that are answered with.
func (l *loaders) sawJobs(jobs ...ratchet.Job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range jobs {
		j := &jobs[i]
		l.tasks.expect(j.TaskID)
		l.schedules.expect(j.Schedule)
		l.owners[j.ID] = j.Attempts + j.Losses
		for _, executions := range l.executions {
			executions.expect(j.ID)
		}
	}
}

func (l *loaders) sawExecutions(executions ...ratchet.Execution) {
	for i := range executions {
		l.jobs.expect(executions[i].Job)
		l.named.expect(executions[i].Task)
	}
}

func (l *loaders) sawSchedules(schedules ...ratchet.Schedule) {
	for i := range schedules {
		l.tasks.expect(schedules[i].TaskID)
		l.jobs.expect(schedules[i].LastJob)
	}
}

// executionsOf returns the last executions of a job, the newest first.
func (l *loaders) executionsOf(ctx context.Context, job ratchet.JobID, last int) ([]ratchet.Execution, error) {
	l.mu.Lock()
	of := l.executions[last]
	if of == nil {
		of = newLoader(func(ctx context.Context, jobs []ratchet.JobID) (map[ratchet.JobID][]ratchet.Execution, error) {
			return l.fetchExecutions(ctx, jobs, last)
		})
		for id := range l.owners {
			of.expect(id)
		}
		l.executions[last] = of
	}
	l.mu.Unlock()
	return of.load(ctx, job)
}

// fetchExecutions reads the executions of the jobs from the newest on, until each
// has as many as were asked for, or as it has.
func (l *loaders) fetchExecutions(ctx context.Context, jobs []ratchet.JobID, last int) (map[ratchet.JobID][]ratchet.Execution, error) {
	missing, all := map[ratchet.JobID]int{}, 0
	var begun []ratchet.JobID
	l.mu.Lock()
	for _, id := range jobs {
		n, known := l.owners[id]
		if !known {
			n = last
		}
		if n > 0 {
			begun, missing[id], all = append(begun, id), min(n, last), all+n
		}
	}
	l.mu.Unlock()
	found := map[ratchet.JobID][]ratchet.Execution{}
	q := byID("jobId", begun, ratchet.JobID.String)
	q.Sort = []ratchet.Sort{{Field: "id", Desc: true}}
	for q.Limit = cmp.Or(min(all, maxKeys), 1); len(missing) > 0; {
		p, err := l.svc.ListExecutions.Call(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, e := range p.Items {
			if missing[e.Job] == 0 {
				continue
			}
			found[e.Job] = append(found[e.Job], e)
			if missing[e.Job]--; missing[e.Job] == 0 {
				delete(missing, e.Job)
			}
		}
		l.sawExecutions(p.Items...)
		if q.After = p.Next; p.Next == "" {
			break
		}
	}
	return found, nil
}
