package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"github.com/ratchet-runner/ratchet-go"
)

// queue is River on one of the databases.
type queue interface {
	insert(ctx context.Context, t *tx, tickets []placed) error // in t
	// notify says that tickets are due; it does not wait.
	notify()
	// promote makes tickets available whose time has come, at most a thousand,
	// and says how many there were.
	promote(ctx context.Context) (int, error)
	// later returns when the tickets come due that are there, the first of them.
	later(ctx context.Context) ([]time.Time, error)
	migrate(ctx context.Context) error
	work(ctx context.Context, slots int, handle func(context.Context, ratchet.Ticket)) error
	close()
}

// A placed ticket has its place in the queue: not before a time, the greater
// priority first.
type placed struct {
	ratchet.Ticket
	at       time.Time
	priority ratchet.Priority
}

// enqueue adds a job's ticket, in this transaction. A time that is past, or none,
// means at once.
func (t *tx) enqueue(ctx context.Context, ticket ratchet.Ticket, at time.Time, priority ratchet.Priority) error {
	return t.enqueueAll(ctx, []placed{{ticket, at, priority}})
}

// enqueueAll adds tickets, in this transaction.
func (t *tx) enqueueAll(ctx context.Context, tickets []placed) error {
	if len(tickets) == 0 {
		return nil
	}
	now := time.Now()
	for i := range tickets {
		if tickets[i].at.After(now) {
			t.later = append(t.later, tickets[i].at)
		} else {
			tickets[i].at, t.tickets = time.Time{}, true
		}
	}
	if err := t.store.queue.insert(ctx, t, tickets); err != nil {
		return fmt.Errorf("add tickets to the queue: %w", err)
	}
	return nil
}

// ticketArgs is what River keeps of a ticket.
type ticketArgs struct {
	Job    string `json:"job"` // a UUID
	Number int    `json:"number"`
}

// Kind implements river.JobArgs.
func (ticketArgs) Kind() string { return "execution" }

// params says what River is to do with tickets.
func params(tickets []placed) []river.InsertManyParams {
	list := make([]river.InsertManyParams, len(tickets))
	for i, p := range tickets {
		list[i] = river.InsertManyParams{
			Args: ticketArgs{p.Job.UUID(), p.Number},
			// River tries a ticket once: what is tried again is the job.
			InsertOpts: &river.InsertOpts{MaxAttempts: 1, Priority: riverPriority(p.priority), ScheduledAt: p.at},
		}
	}
	return list
}

// riverPriority turns ours, where the greater goes first, into 1 to 4, where 1
// does.
func riverPriority(p ratchet.Priority) int {
	return min(max(int(ratchet.PriorityUrgent-p), 0), 3) + 1
}

// How River works here. The cooldown decides how soon after one look at the queue
// the next may come; polling is a net below the notifications.
const (
	fetchCooldown = 1 * time.Millisecond
	fetchPoll     = 5 * time.Second
	rescueAfter   = 24 * time.Hour // far beyond our own rescue
	keepFinished  = time.Minute
)

func riverConfig(s *Store) *river.Config {
	return &river.Config{
		ID: s.cfg.Node.String(), Logger: slog.New(warnings{s.cfg.Log.Handler()}),
		FetchCooldown: fetchCooldown, FetchPollInterval: fetchPoll,
		JobTimeout: -1, RescueStuckJobsAfter: rescueAfter, MaxAttempts: 1,
		CompletedJobRetentionPeriod: keepFinished, CancelledJobRetentionPeriod: keepFinished, DiscardedJobRetentionPeriod: keepFinished,
		LeaderElectionDisabled: s.kind == sqlite, // one process: it has nobody to elect, and an election is a write
	}
}

// warnings lets only those of River's messages through that may need somebody.
type warnings struct{ slog.Handler }

// Enabled implements slog.Handler.
func (w warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && w.Handler.Enabled(ctx, l)
}

// WithAttrs implements slog.Handler.
func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }

// A ticketWorker gives River's jobs to the handler.
type ticketWorker struct {
	river.WorkerDefaults[ticketArgs]
	stopping context.Context //nolint:containedctx // of Work, which makes the worker
	handle   func(context.Context, ratchet.Ticket)
}

// Work implements river.Worker. A ticket is done with when it has been handled,
// whatever came of it. One that was fetched while the work was being stopped goes
// back.
func (w *ticketWorker) Work(ctx context.Context, j *river.Job[ticketArgs]) error {
	if w.stopping.Err() != nil {
		return river.JobSnooze(0)
	}
	id, err := ratchet.ParseID[ratchet.Job](j.Args.Job)
	if err != nil {
		return river.JobCancel(err)
	}
	w.handle(ctx, ratchet.Ticket{Job: id, Number: j.Args.Number})
	return nil
}

// riverQueue is what the two databases have in common.
type riverQueue[T any] struct {
	store  *Store
	driver riverdriver.Driver[T]
	client *river.Client[T] // inserts
}

func newRiverQueue[T any](s *Store, driver riverdriver.Driver[T]) (riverQueue[T], error) {
	client, err := river.NewClient(driver, riverConfig(s))
	if err != nil {
		return riverQueue[T]{}, fmt.Errorf("prepare the queue: %w", err)
	}
	return riverQueue[T]{s, driver, client}, nil
}

func (q *riverQueue[T]) migrate(ctx context.Context) error {
	m, err := rivermigrate.New(q.driver, &rivermigrate.Config{Logger: slog.New(warnings{q.store.cfg.Log.Handler()})})
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// promoteAtOnce is how many tickets become available in one transaction.
const promoteAtOnce = 1000

func (q *riverQueue[T]) work(ctx context.Context, slots int, handle func(context.Context, ratchet.Ticket)) error {
	cfg := riverConfig(q.store)
	cfg.Workers = river.NewWorkers()
	cfg.Queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: slots}}
	if err := river.AddWorkerSafely(cfg.Workers, &ticketWorker{stopping: ctx, handle: handle}); err != nil {
		return err
	}
	client, err := river.NewClient(q.driver, cfg)
	if err != nil {
		return err
	}
	if err := client.Start(detached(ctx)); err != nil {
		return err
	}
	<-ctx.Done()
	return client.Stop(detached(ctx))
}

// Work claims tickets and gives each to handle, at most slots at once, until ctx
// ends; it returns when the last handle has. The contexts of the handlers do not
// end with ctx.
func (s *Store) Work(ctx context.Context, slots int, handle func(context.Context, ratchet.Ticket)) error {
	promoting, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { s.promote(promoting) })
	err := s.queue.work(ctx, max(slots, 1), handle)
	stop()
	wg.Wait()
	return wrap("work on the queue", err)
}

// promoteNet is how long a ticket may be overdue that no alarm was set for: those
// of other nodes that died.
const promoteNet = 5 * time.Second

// promote makes tickets available when their time comes.
func (s *Store) promote(ctx context.Context) {
	if later, err := s.queue.later(ctx); err == nil {
		s.alarm.set(later)
	} else if ctx.Err() == nil {
		s.cfg.Log.WarnContext(ctx, "the times of waiting tickets were not read", slog.Any("error", err))
	}
	for ctx.Err() == nil {
		due, wait := s.alarm.take(time.Now(), promoteNet)
		if due {
			s.promoteDue(ctx)
			continue
		}
		timer := time.NewTimer(wait + time.Millisecond) // the queue's times may be rounded to milliseconds
		select {
		case <-ctx.Done():
		case <-s.alarm.changed:
		case <-timer.C:
			if wait == promoteNet {
				s.promoteDue(ctx)
			}
		}
		timer.Stop()
	}
}

// promoteDue makes all tickets available whose time has come, and says so: even
// if there are none, because then another node has done it just now.
func (s *Store) promoteDue(ctx context.Context) {
	for n := promoteAtOnce; n == promoteAtOnce; {
		var err error
		if n, err = s.queue.promote(ctx); err != nil {
			if ctx.Err() == nil {
				s.cfg.Log.WarnContext(ctx, "due tickets were not moved", slog.Any("error", err))
			}
			return
		}
		s.queue.notify()
	}
}

// finished removes from p the tickets that are done with and returns their IDs.
// River would keep their rows for a while; nobody looks at them.
func finished(p *riverdriver.JobSetStateIfRunningManyParams) (ids []int64, rest *riverdriver.JobSetStateIfRunningManyParams) {
	rest = &riverdriver.JobSetStateIfRunningManyParams{Now: p.Now, Schema: p.Schema}
	for i, state := range p.State {
		switch state {
		case rivertype.JobStateCompleted, rivertype.JobStateCancelled, rivertype.JobStateDiscarded:
			ids = append(ids, p.ID[i])
			continue
		default:
		}
		rest.ID = append(rest.ID, p.ID[i])
		rest.Attempt = append(rest.Attempt, p.Attempt[i])
		rest.ErrData = append(rest.ErrData, p.ErrData[i])
		rest.FinalizedAt = append(rest.FinalizedAt, p.FinalizedAt[i])
		rest.MetadataDoMerge = append(rest.MetadataDoMerge, p.MetadataDoMerge[i])
		rest.MetadataUpdates = append(rest.MetadataUpdates, p.MetadataUpdates[i])
		rest.ScheduledAt = append(rest.ScheduledAt, p.ScheduledAt[i])
		rest.State = append(rest.State, state)
	}
	return ids, rest
}

// An executor is River's, but for tickets that are done with: they are deleted.
type executor struct {
	riverdriver.Executor
	remove func(ctx context.Context, ids []int64) error
}

// JobSetStateIfRunningMany implements riverdriver.Executor.
func (e executor) JobSetStateIfRunningMany(ctx context.Context, p *riverdriver.JobSetStateIfRunningManyParams) ([]*rivertype.JobRow, error) {
	ids, rest := finished(p)
	if len(ids) > 0 {
		if err := e.remove(ctx, ids); err != nil {
			return nil, err
		}
	}
	if len(rest.ID) == 0 {
		return nil, nil
	}
	return e.Executor.JobSetStateIfRunningMany(ctx, rest)
}

// An inserter is River's executor in a transaction, but for inserting tickets:
// of River's job they need few columns, and no uniqueness.
type inserter struct {
	riverdriver.ExecutorTx
	insert func(ctx context.Context, jobs []*riverdriver.JobInsertFastParams) error
}

// JobInsertFastManyNoReturning implements riverdriver.Executor.
func (i inserter) JobInsertFastManyNoReturning(ctx context.Context, p *riverdriver.JobInsertFastManyParams) (int, error) {
	return len(p.Jobs), i.insert(ctx, p.Jobs)
}

// errNoListener ends a wait for notifications.
var errNoListener = errors.New("the listener is closed")
