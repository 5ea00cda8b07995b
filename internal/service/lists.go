package service

import (
	"context"

	"github.com/ratchet-runner/ratchet-go"
)

// The lists are the store's, which knows what it can be asked and checks that.

func (s *Service) listTasks(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Task], error) {
	return s.store.Tasks(ctx, q)
}

func (s *Service) listJobs(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Job], error) {
	return s.store.Jobs(ctx, q)
}

func (s *Service) listExecutions(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Execution], error) {
	return s.store.Executions(ctx, q)
}

func (s *Service) listSchedules(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Schedule], error) {
	return s.store.Schedules(ctx, q)
}

func (s *Service) listDeliveries(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Delivery], error) {
	return s.store.Deliveries(ctx, q)
}

func (s *Service) listKeys(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Key], error) {
	return s.store.Keys(ctx, q)
}

func (s *Service) listNodes(ctx context.Context, _ None) ([]ratchet.Node, error) {
	return s.store.Nodes(ctx)
}
