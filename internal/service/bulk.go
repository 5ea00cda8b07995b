package service

import (
	"context"
	"fmt"
	"slices"

	"github.com/ratchet-runner/ratchet-go"
)

// Bounds of an operation on many jobs.
const (
	maxBulk  = 10_000
	bulkPage = 200 // jobs read, and submitted, at once: each has its input with it
)

// cancelJobs cancels the jobs that pass the filters and are not finished.
func (s *Service) cancelJobs(ctx context.Context, in BulkJobs) (*ratchet.BulkResult, error) {
	return s.bulk(ctx, in, func(ctx context.Context, jobs []ratchet.Job, r *ratchet.BulkResult) error {
		for i := range jobs {
			if jobs[i].State.Terminal() || jobs[i].CancelRequested {
				r.Skipped++
				continue
			}
			if in.DryRun {
				continue
			}
			_, err := s.store.Cancel(ctx, jobs[i].ID)
			if err := tally(r, err); err != nil {
				return err
			}
		}
		return nil
	})
}

// retryJobs repeats the jobs that pass the filters and failed or were cancelled,
// unless that was done before, and starts those that wait for a time.
func (s *Service) retryJobs(ctx context.Context, in BulkJobs) (*ratchet.BulkResult, error) {
	return s.bulk(ctx, in, func(ctx context.Context, jobs []ratchet.Job, r *ratchet.BulkResult) error {
		repeated, err := s.repeated(ctx, jobs)
		if err != nil {
			return err
		}
		b := s.submitter(false)
		var subs []ratchet.Submission
		for i := range jobs {
			j := &jobs[i]
			switch {
			case j.State != ratchet.JobScheduled && j.State != ratchet.JobRetrying && j.State != ratchet.JobFailed && j.State != ratchet.JobCancelled,
				repeated[j.ID]:
				r.Skipped++
			case in.DryRun:
			case j.State.Terminal():
				sub, wrong, err := b.repetition(ctx, j)
				if err != nil {
					return err
				}
				if err := wrong.err(); err != nil {
					refused(r, j, err)
				} else {
					subs = append(subs, sub)
				}
			default:
				_, err := s.store.Hasten(ctx, j.ID)
				if err := tally(r, err); err != nil {
					return err
				}
			}
		}
		return s.submitRepetitions(ctx, subs, r)
	})
}

func (s *Service) submitRepetitions(ctx context.Context, subs []ratchet.Submission, r *ratchet.BulkResult) error {
	if len(subs) == 0 {
		return nil
	}
	if err := s.admit(ctx, len(subs)); err != nil {
		return err
	}
	if _, err := s.store.Submit(ctx, subs); err != nil {
		s.withdraw(len(subs))
		return err
	}
	r.Changed += len(subs)
	return nil
}

// repeated returns which of the jobs another one repeats.
func (s *Service) repeated(ctx context.Context, jobs []ratchet.Job) (map[ratchet.JobID]bool, error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	var ids []string
	for i := range jobs {
		ids = append(ids, jobs[i].ID.String())
	}
	found := map[ratchet.JobID]bool{}
	for q := (ratchet.Query{Limit: ratchet.MaxLimit, Filters: []ratchet.Filter{{Field: "retryOf", Op: ratchet.OpIn, Values: ids}}}); ; {
		page, err := s.store.Jobs(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("look for retries: %w", err)
		}
		for i := range page.Items {
			found[page.Items[i].RetryOf] = true
		}
		if page.Next == "" {
			return found, nil
		}
		q.After = page.Next
	}
}

// bulk gives the jobs that pass the filters to act, the oldest first and a page at
// a time. What an error interrupts has been done up to there, and is told.
func (s *Service) bulk(ctx context.Context, in BulkJobs, act func(context.Context, []ratchet.Job, *ratchet.BulkResult) error) (*ratchet.BulkResult, error) {
	limit, err := checkBulk(in)
	if err != nil {
		return nil, err
	}
	r, began := &ratchet.BulkResult{}, s.now()
	q := ratchet.Query{Filters: in.Filters, Sort: []ratchet.Sort{{Field: "id"}}}
	for {
		q.Limit = min(bulkPage, limit-r.Matched)
		page, err := s.store.Jobs(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list jobs: %w", err)
		}
		// What this very call submits passes the filters too, and is not meant.
		jobs := slices.DeleteFunc(page.Items, func(j ratchet.Job) bool {
			return !j.RetryOf.IsZero() && !j.CreatedAt.Before(began)
		})
		r.Matched += len(jobs)
		if err := act(ctx, jobs, r); err != nil {
			if failure, known := ratchetError(err); known && r.Changed > 0 {
				r.More = true
				r.Errors = append(r.Errors, ratchet.Detail{Message: "stopped before the end: " + failure.Message})
				return r, nil
			}
			return nil, err
		}
		if page.Next == "" || r.Matched >= limit {
			r.More = page.Next != ""
			return r, nil
		}
		q.After = page.Next
	}
}

func checkBulk(in BulkJobs) (limit int, err error) {
	var wrong problems
	if len(in.Filters) == 0 {
		wrong.wrong("/filters", "filters are missing", `at least one, such as {"status": "failed"}`, "")
	}
	if in.Limit < 0 || in.Limit > maxBulk {
		wrong.wrong("/limit", "the limit is out of bounds", fmt.Sprintf("1 to %d", maxBulk), fmt.Sprint(in.Limit))
	}
	if in.Limit == 0 {
		in.Limit = maxBulk
	}
	return in.Limit, wrong.err()
}

// tally counts what became of one job. That its state has changed since it was
// read is no error; what is not about this job alone is returned.
func tally(r *ratchet.BulkResult, err error) error {
	failure, known := ratchetError(err)
	switch {
	case err == nil:
		r.Changed++
	case known && failure.Code == ratchet.CodeConflict, known && failure.Code == ratchet.CodeNotFound:
		r.Skipped++
	default:
		return err
	}
	return nil
}

// refused notes why a job could not be changed.
func refused(r *ratchet.BulkResult, j *ratchet.Job, err error) {
	r.Skipped++
	if len(r.Errors) < maxProblems {
		r.Errors = append(r.Errors, ratchet.Detail{Pointer: "/" + j.ID.String(), Message: err.Error()})
	}
}
