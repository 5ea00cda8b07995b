package service

import (
	"context"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// knownFor is how long what a task says is taken for true after it was read:
// other servers may change it meanwhile. What this one changes it knows at once.
const knownFor = 250 * time.Millisecond

// knownTasks keeps the tasks that jobs are submitted to, by the text that names
// them.
type knownTasks struct {
	mu      sync.Mutex
	changes int // of tasks so far
	kept    map[string]knownTask
}

type knownTask struct {
	task *ratchet.Task // nobody may change it
	read time.Time
}

// knownTask is findTask for those who submit again and again.
func (s *Service) knownTask(ctx context.Context, ref string) (*ratchet.Task, error) {
	k, now := &s.tasks, s.clock()
	k.mu.Lock()
	kept, found := k.kept[ref]
	changes := k.changes
	k.mu.Unlock()
	if age := now.Sub(kept.read); found && age >= 0 && age < knownFor {
		return kept.task, nil
	}
	t, err := s.findTask(ctx, ref)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.changes != changes {
		return t, nil // which may be from before the change
	}
	if k.kept == nil || len(k.kept) >= maxRemembered {
		k.kept = map[string]knownTask{}
	}
	k.kept[ref] = knownTask{t, now}
	return t, nil
}

// forgetTasks has all tasks read again: one was changed.
func (s *Service) forgetTasks() {
	s.tasks.mu.Lock()
	defer s.tasks.mu.Unlock()
	s.tasks.changes++
	s.tasks.kept = nil
}
