package service

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

const (
	maxAhead = 1000 // jobs counted before a waiting one
	maxShown = 20   // executions of a job in its explanation
)

// facts are what an explanation is made of.
type facts struct {
	job        *ratchet.Job
	task       *ratchet.Task    // nil if it is gone
	version    *ratchet.Version // nil if it is gone
	rate       *ratchet.Rate    // of the newest version
	executions []ratchet.Execution
	holders    []ratchet.Job
	deliveries []ratchet.Delivery
	ahead      int // due jobs that go first; maxAhead for so many or more
	stats      *ratchet.Stats
	nodes      []ratchet.Node
	now        time.Time
}

// explainJob looks at all that a job's fate depends on, and says it.
func (s *Service) explainJob(ctx context.Context, in JobRef) (*ratchet.Explanation, error) {
	j, err := s.findJob(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	f := &facts{job: j, now: s.now()}
	if err := s.gather(ctx, f); err != nil {
		return nil, fmt.Errorf("explain job %s: %w", j.ID, err)
	}
	return f.explain(), nil
}

// gather asks the store for the facts that matter in the job's state.
func (s *Service) gather(ctx context.Context, f *facts) (err error) {
	j := f.job
	if f.task, err = gone(s.store.Task(ctx, j.TaskID.String())); err != nil {
		return err
	}
	if f.task != nil {
		if f.version, err = gone(s.store.Version(ctx, j.TaskID, j.VersionDigest)); err != nil {
			return err
		}
		newest, err := gone(s.store.Version(ctx, j.TaskID, ""))
		if err != nil {
			return err
		}
		if newest != nil {
			f.rate = newest.Rate
		}
	}
	executions, err := s.store.Executions(ctx, ratchet.Query{
		Filters: []ratchet.Filter{{Field: "jobId", Values: []string{j.ID.String()}}},
		Sort:    []ratchet.Sort{{Field: "id", Desc: true}}, Limit: maxShown,
	})
	if err != nil {
		return err
	}
	f.executions = executions.Items
	slices.Reverse(f.executions)
	if j.State.Terminal() {
		f.deliveries, err = s.deliveriesOf(ctx, j.ID)
		return err
	}
	if f.stats, err = s.store.Stats(ctx); err != nil {
		return err
	}
	if f.nodes, err = s.store.Nodes(ctx); err != nil {
		return err
	}
	if j.Concurrency != nil {
		if f.holders, err = s.store.Holders(ctx, j.Concurrency.Key); err != nil {
			return err
		}
	}
	if f.due() {
		f.ahead, err = s.ahead(ctx, j, f.now)
	}
	return err
}

// due reports whether the job waits only for its turn.
func (f *facts) due() bool {
	switch f.job.State {
	case ratchet.JobQueued:
		return true
	case ratchet.JobScheduled, ratchet.JobRetrying:
		return !f.job.RunAt.After(f.now)
	default:
		return false
	}
}

// gone makes nil of what is not there any more.
func gone[T any](v *T, err error) (*T, error) {
	if failure, known := ratchetError(err); known && failure.Code == ratchet.CodeNotFound {
		return nil, nil
	}
	return v, err
}

// ahead counts the due jobs of a greater priority, and those of the same one that
// have waited longer, up to maxAhead.
func (s *Service) ahead(ctx context.Context, j *ratchet.Job, now time.Time) (int, error) {
	queued := ratchet.Filter{Field: "state", Op: ratchet.OpIn, Values: []string{
		string(ratchet.JobQueued), string(ratchet.JobScheduled), string(ratchet.JobRetrying),
	}}
	due := ratchet.Filter{Field: "runAt", Op: ratchet.OpAtMost, Values: []string{now.Format(time.RFC3339Nano)}}
	earlier := ratchet.Filter{Field: "runAt", Op: ratchet.OpLess, Values: []string{j.RunAt.UTC().Format(time.RFC3339Nano)}}
	same := ratchet.Filter{Field: "priority", Values: []string{j.Priority.String()}}
	queries := [][]ratchet.Filter{{queued, due, earlier, same}}
	var greater []string
	for _, p := range ratchet.Priorities() {
		if p > j.Priority {
			greater = append(greater, p.String())
		}
	}
	if len(greater) > 0 {
		queries = append(queries, []ratchet.Filter{queued, due, {Field: "priority", Op: ratchet.OpIn, Values: greater}})
	}
	count := 0
	for _, filters := range queries {
		page, err := s.store.Jobs(ctx, ratchet.Query{Filters: filters, Limit: 1})
		if err != nil {
			return 0, err
		}
		if count += page.Total; page.Total < 0 {
			return maxAhead, nil
		}
	}
	return min(count, maxAhead), nil
}

// silence is how long a node has not beaten that is told to be gone: one alone
// with its database beats once a minute only.
const silence = 3 * time.Minute

// live returns the nodes that beat and take work.
func (f *facts) live() (nodes []ratchet.Node) {
	for _, n := range f.nodes {
		if f.now.Sub(n.BeatAt) < silence && !n.Stopping {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// host names the machine of a node.
func (f *facts) host(id ratchet.NodeID) string {
	for _, n := range f.nodes {
		if n.ID == id {
			return fmt.Sprintf("node %s (%s)", n.Host, id)
		}
	}
	return "node " + id.String()
}

// last returns the latest execution, nil if there is none.
func (f *facts) last() *ratchet.Execution {
	if len(f.executions) == 0 {
		return nil
	}
	return &f.executions[len(f.executions)-1]
}

// attempts is how often the job is attempted at most.
func (f *facts) attempts() int {
	r := f.job.Retry
	if f.version != nil {
		r = r.Or(f.version.Retry)
	}
	return r.Or(ratchet.DefaultRetry()).MaxAttempts
}
