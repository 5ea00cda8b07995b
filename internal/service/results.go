package service

import (
	"context"
	"slices"
	"strings"

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
	defer s.purge(t)
	return None{}, s.store.PurgeTask(ctx, t.ID)
}

// purge forgets what may rest on what has just changed of the task.
func (s *Service) purge(t *ratchet.Task) {
	if s.caches != nil {
		s.caches.PurgeTask(t.Name)
	}
}

func (s *Service) listCaches(context.Context, None) ([]ratchet.Cache, error) {
	if s.caches == nil {
		return []ratchet.Cache{}, nil
	}
	return s.caches.Caches(), nil
}

// A CacheRef names a cache.
type CacheRef struct {
	Name string `json:"name"`
}

// purgeCache forgets what a cache holds.
func (s *Service) purgeCache(ctx context.Context, in CacheRef) (None, error) {
	all, err := s.listCaches(ctx, None{})
	if err != nil {
		return None{}, err
	}
	names := make([]string, len(all))
	for i := range all {
		if names[i] = all[i].Name; names[i] == in.Name {
			defer s.caches.PurgeCache(in.Name)
			if in.Name != "results" && in.Name != "shared" {
				return None{}, nil
			}
			// What one server finds in the shared cache another one put there.
			return None{}, s.store.PurgeTask(ctx, ratchet.TaskID{})
		}
	}
	if len(all) == 0 {
		return None{}, ratchet.Errorf(ratchet.ReasonEntityNotFound, "there is no cache %q: this server keeps nothing", in.Name)
	}
	return None{}, ratchet.Errorf(ratchet.ReasonEntityNotFound, "there is no cache %q: there are %s", in.Name, strings.Join(names, ", "))
}
