package service

import (
	"context"
	"fmt"

	"github.com/ratchet-runner/ratchet-go"
)

func (s *Service) listBreakers(context.Context, None) ([]ratchet.Breaker, error) {
	if s.guards == nil {
		return []ratchet.Breaker{}, nil
	}
	return s.guards.Breakers(), nil
}

func (s *Service) listWorkers(context.Context, None) ([]ratchet.Worker, error) {
	if s.workers == nil {
		return []ratchet.Worker{}, nil // a node that takes requests and runs nothing
	}
	return s.workers.Workers(), nil
}

func (s *Service) getStats(ctx context.Context, _ None) (*ratchet.Stats, error) {
	return s.store.Stats(ctx)
}

func (s *Service) pauseAll(ctx context.Context, _ None) (*ratchet.Stats, error) {
	return s.setPaused(ctx, true)
}

func (s *Service) resumeAll(ctx context.Context, _ None) (*ratchet.Stats, error) {
	return s.setPaused(ctx, false)
}

func (s *Service) setPaused(ctx context.Context, paused bool) (*ratchet.Stats, error) {
	if err := s.store.SetPaused(ctx, paused); err != nil {
		return nil, fmt.Errorf("set paused to %t: %w", paused, err)
	}
	return s.store.Stats(ctx)
}
