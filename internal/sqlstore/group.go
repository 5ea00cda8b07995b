package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// maxGroup is how many writes share a transaction at most: the first of them
// waits for the last.
const maxGroup = 128

// A group lets writes that wait for each other share one transaction of SQLite,
// and so one flush to the disk. Each is in a savepoint of its own: one that fails
// takes nothing with it. The first writer leads: it runs what has come together
// meanwhile, then the next that waits leads.
type group struct {
	store *Store

	mu      sync.Mutex
	leading bool
	waiting []*groupWrite
}

// A groupWrite is one write of a group.
type groupWrite struct {
	f    func(*tx) error
	tx   *tx
	err  error
	done chan bool // true: lead the next group; false: done
}

// do runs f in a transaction and returns when it is durable or has failed. ctx
// is not one that ends: a write that its caller gave up would take the others
// with it.
func (g *group) do(ctx context.Context, f func(*tx) error) (*tx, error) {
	w := &groupWrite{f: f, done: make(chan bool, 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, w)
	lead := !g.leading
	g.leading = true
	g.mu.Unlock()
	if lead || <-w.done {
		g.lead(ctx, w)
	}
	return w.tx, w.err
}

// lead runs the writes that wait, of which own is the first, and hands over.
func (g *group) lead(ctx context.Context, own *groupWrite) {
	g.mu.Lock()
	n := min(len(g.waiting), maxGroup)
	batch := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	g.mu.Unlock()

	g.run(ctx, batch)

	g.mu.Lock()
	if len(g.waiting) > 0 {
		g.waiting[0].done <- true
	} else {
		g.leading, g.waiting = false, nil
	}
	g.mu.Unlock()
	for _, w := range batch {
		if w != own {
			w.done <- false
		}
	}
}

// run runs the writes in one transaction and gives each its error. When the
// whole transaction is lost, each is tried alone: what was too much for the disk
// may have been one of them.
func (g *group) run(ctx context.Context, batch []*groupWrite) {
	err := g.together(ctx, batch)
	if err == nil {
		return
	}
	if len(batch) == 1 {
		batch[0].err = err
		return
	}
	for _, w := range batch {
		w.err = g.together(ctx, []*groupWrite{w})
	}
}

// together runs the writes in one transaction. An error is of all of them: then
// none was committed.
func (g *group) together(ctx context.Context, batch []*groupWrite) (err error) {
	begun, err := g.store.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, rollbackError(begun.Rollback()))
		}
	}()
	for _, w := range batch {
		w.tx = &tx{conn: sqlConn{begun, true}, store: g.store, lite: begun}
		if len(batch) == 1 {
			if err := guarded(w.f, w.tx); err != nil {
				return err
			}
			continue
		}
		if w.err = inSavepoint(ctx, begun, w); w.err != nil && endsTransaction(w.err) {
			return w.err
		}
	}
	if err := begun.Commit(); err != nil {
		return err
	}
	for _, w := range batch { // here, so that it is in the order of the commits
		if w.err == nil {
			g.store.committed(w.tx)
		}
	}
	return nil
}

func inSavepoint(ctx context.Context, begun *sql.Tx, w *groupWrite) error {
	if _, err := begun.ExecContext(ctx, "SAVEPOINT w"); err != nil {
		return err
	}
	err := guarded(w.f, w.tx)
	if err != nil && endsTransaction(err) {
		return err
	}
	if err != nil {
		if _, undo := begun.ExecContext(ctx, "ROLLBACK TO w"); undo != nil {
			return errors.Join(err, undo)
		}
	}
	_, release := begun.ExecContext(ctx, "RELEASE w")
	return errors.Join(err, release)
}
