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
	hits    int64
	misses  int64
}

// knownSize is about what a task takes.
const knownSize = 2 * ratchet.KB

// KnownTasks says which tasks are remembered, and how often one was.
func (s *Service) KnownTasks() ratchet.Cache {
	k := &s.tasks
	k.mu.Lock()
	defer k.mu.Unlock()
	return ratchet.Cache{Name: "tasks", Entries: len(k.kept), Size: ratchet.Size(len(k.kept)) * knownSize, MaxSize: maxRemembered * knownSize, Hits: k.hits, Misses: k.misses}
}

// ForgetTasks has all tasks read again.
func (s *Service) ForgetTasks() { s.forgetTasks() }

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
	age := now.Sub(kept.read)
	if found = found && age >= 0 && age < knownFor; found {
		k.hits++
	} else {
		k.misses++
	}
	k.mu.Unlock()
	if found {
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
