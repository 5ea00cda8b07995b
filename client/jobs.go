package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// SubmitJob asks for a job, which the server then has durably.
func (c *Client) SubmitJob(ctx context.Context, job ratchet.JobRequest) (*ratchet.Job, error) {
	r := write(http.MethodPost, "/jobs")
	r.repeat = job.IdempotencyKey != ""
	return send[ratchet.Job](ctx, c, r, job)
}

// SubmitJobs asks for up to ratchet.MaxBatch jobs, all or none.
func (c *Client) SubmitJobs(ctx context.Context, jobs []ratchet.JobRequest) ([]ratchet.Job, error) {
	r := write(http.MethodPost, "/jobs/batch")
	r.repeat = !slices.ContainsFunc(jobs, func(j ratchet.JobRequest) bool { return j.IdempotencyKey == "" })
	all, err := send[[]ratchet.Job](ctx, c, r, struct {
		Jobs []ratchet.JobRequest `json:"jobs"`
	}{jobs})
	if err != nil {
		return nil, err
	}
	return *all, nil
}

// Jobs reads a page of the jobs.
func (c *Client) Jobs(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Job], error) {
	return list[ratchet.Job](ctx, c, "/jobs", q)
}

// Job reads a job, once it is finished or wait is over, which may be at most 10
// minutes; done says which.
func (c *Client) Job(ctx context.Context, id ratchet.JobID, wait time.Duration) (job *ratchet.Job, done bool, err error) {
	query := url.Values{}
	if wait > 0 {
		query.Set("wait", ratchet.Duration(wait).String())
	}
	job, err = get[ratchet.Job](ctx, c, jobPath(id), query)
	if err != nil {
		return nil, false, err
	}
	return job, job.State.Terminal(), nil
}

// waitFor is how long one request of Wait takes.
const waitFor = 30 * time.Second

// Wait reads a job once it is finished. It waits until ctx ends, and as Events
// does, also while the server is started again. A job that failed is no error:
// see its status.
func (c *Client) Wait(ctx context.Context, id ratchet.JobID) (*ratchet.Job, error) {
	var kept contact
	for wait := time.Duration(0); ; {
		job, done, err := c.Job(ctx, id, wait)
		switch {
		case done:
			return job, nil
		case err == nil:
			kept.made()
			wait = waitFor
		case ctx.Err() != nil:
			return nil, fmt.Errorf("wait for %s: %w", id, context.Cause(ctx))
		case c.options.Retries < 0 || !kept.again(ctx, err):
			return nil, err
		}
	}
}

// CancelJob stops a job. One that runs is stopped soon after.
func (c *Client) CancelJob(ctx context.Context, id ratchet.JobID) (*ratchet.Job, error) {
	return act[ratchet.Job](ctx, c, http.MethodPost, jobPath(id)+"/cancel")
}

// RetryJob repeats a failed or cancelled job as a new one, or lets one that waits
// for its time start now.
func (c *Client) RetryJob(ctx context.Context, id ratchet.JobID) (*ratchet.Job, error) {
	return act[ratchet.Job](ctx, c, http.MethodPost, jobPath(id)+"/retry")
}

// A Bulk names many jobs, the oldest first.
type Bulk struct {
	Filters []ratchet.Filter // a job passes all of them; at least one
	Limit   int              // at most so many; default 10,000
	DryRun  bool             // only count them
}

// CancelJobs cancels many jobs.
func (c *Client) CancelJobs(ctx context.Context, b Bulk) (*ratchet.BulkResult, error) {
	return c.bulk(ctx, "/jobs/cancel", b)
}

// RetryJobs retries many jobs. A failed job that was repeated already is not
// repeated again.
func (c *Client) RetryJobs(ctx context.Context, b Bulk) (*ratchet.BulkResult, error) {
	return c.bulk(ctx, "/jobs/retry", b)
}

func (c *Client) bulk(ctx context.Context, path string, b Bulk) (*ratchet.BulkResult, error) {
	r := write(http.MethodPost, path)
	r.query = filters(b.Filters)
	if b.Limit > 0 {
		r.query.Set("limit", strconv.Itoa(b.Limit))
	}
	if b.DryRun {
		r.query.Set("dryRun", "true")
	}
	return answered[ratchet.BulkResult](ctx, c, r)
}

// ExplainJob says why a job waits, failed or will be tried again.
func (c *Client) ExplainJob(ctx context.Context, id ratchet.JobID) (*ratchet.Explanation, error) {
	return get[ratchet.Explanation](ctx, c, jobPath(id)+"/explain", nil)
}

// Executions reads a page of the executions.
func (c *Client) Executions(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Execution], error) {
	return list[ratchet.Execution](ctx, c, "/executions", q)
}

// Execution reads an execution.
func (c *Client) Execution(ctx context.Context, id ratchet.ExecutionID) (*ratchet.Execution, error) {
	return get[ratchet.Execution](ctx, c, "/executions/"+id.String(), nil)
}

// Logs reads log lines of an execution, of at least the level, from the one with
// the number offset on; total is how many there are.
func (c *Client) Logs(ctx context.Context, id ratchet.ExecutionID, level ratchet.LogLevel, offset, limit int) (lines []ratchet.LogEntry, total int, err error) {
	query := url.Values{"level": {level.String()}}
	if offset > 0 {
		query.Set("offset", strconv.Itoa(offset))
	}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	a, err := c.do(ctx, read("/executions/"+id.String()+"/logs", query), &lines)
	if err != nil {
		return nil, 0, err
	}
	if a.meta.Total != nil {
		total = *a.meta.Total
	}
	return lines, total, nil
}

func jobPath(id ratchet.JobID) string { return "/jobs/" + id.String() }
