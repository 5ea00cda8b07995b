package service

import (
	"context"
	"slices"

	"github.com/ratchet-runner/ratchet-go"
)

// answer completes a job that would start now with a result that is kept for it,
// unless the request wants it run.
func (b *submitter) answer(j *ratchet.Job, r *ratchet.JobRequest) {
	if r.Cache != nil && !*r.Cache {
		j.Cache = ratchet.CacheBypass
		return
	}
	if b.results == nil || j.State != ratchet.JobQueued {
		return
	}
	if output, ok := b.results.Find(j.TaskID, j.VersionDigest, j.Input); ok {
		j.Cache, j.Output, j.FinishedAt = ratchet.CacheHit, slices.Clone(output), b.now
		j.State = ratchet.JobCompleted
		j.Status = j.State.Status()
	}
}

// purgeTask forgets what is kept of a task.
func (s *Service) purgeTask(ctx context.Context, in TaskRef) (None, error) {
	t, err := s.findTask(ctx, in.Task)
	if err != nil {
		return None{}, err
	}
	s.purge(t)
	return None{}, nil
}

// purge forgets results that may rest on what has just changed.
func (s *Service) purge(t *ratchet.Task) {
	if s.results != nil {
		s.results.Purge(t.Name)
	}
}

func (s *Service) listCaches(context.Context, None) ([]ratchet.Cache, error) {
	if s.results == nil {
		return []ratchet.Cache{}, nil
	}
	return []ratchet.Cache{s.results.Describe()}, nil
}
