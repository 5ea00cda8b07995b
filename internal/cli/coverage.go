package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/inspector"
	"github.com/ratchet-runner/ratchet-go/internal/node"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// lcovFile is where coverage is written if nobody says.
const lcovFile = "lcov.info"

// A coverer counts which lines of tasks their tests run. The zero coverer counts
// nothing.
type coverer struct {
	file string // of lcov; empty: nothing is counted

	mu      sync.Mutex
	workers map[string]*coveredWorker
	tasks   map[string]*inspector.Coverage // by the task's folder
	order   []string
	failed  error
}

type coveredWorker struct {
	session *inspector.Session
	once    sync.Once
	err     error
}

// inspection is how workers are started.
func (c *coverer) inspection() workerpool.Inspection {
	if c.file == "" {
		return workerpool.Inspection{}
	}
	return workerpool.Inspection{Kind: node.Inspected, Started: func(t workerpool.Target) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.workers == nil {
			c.workers = map[string]*coveredWorker{}
		}
		c.workers[t.Worker] = &coveredWorker{session: inspector.NewSession(t.Conn)}
	}}
}

// begin has every worker count before it runs code.
func (c *coverer) begin(ctx context.Context) {
	c.mu.Lock()
	all := make([]*coveredWorker, 0, len(c.workers))
	for _, w := range c.workers {
		all = append(all, w)
	}
	c.mu.Unlock()
	for _, w := range all {
		w.once.Do(func() { w.err = w.session.Cover(ctx) })
	}
}

// ran takes what an execution has run.
func (c *coverer) ran(ctx context.Context, b *bundle.Bundle, x *ratchet.Execution) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.workers[x.Worker]
	if w == nil {
		return
	}
	err := w.err
	if err == nil {
		if c.tasks == nil {
			c.tasks = map[string]*inspector.Coverage{}
		}
		if c.tasks[b.Root] == nil {
			c.tasks[b.Root] = &inspector.Coverage{}
			c.order = append(c.order, b.Root)
		}
		err = c.tasks[b.Root].Add(ctx, w.session, b)
	}
	if err != nil && !errors.Is(err, inspector.ErrGone) && ctx.Err() == nil && c.failed == nil { // one that was killed takes with it what it ran
		c.failed = err
	}
}

func (c *coverer) close() {
	for _, w := range c.workers {
		w.session.Close()
	}
}

// tell prints the table and writes the file.
func (c *coverer) tell(a *app) error {
	if c.file == "" {
		return nil
	}
	if c.failed != nil {
		return fmt.Errorf("count what ran: %w", c.failed)
	}
	var table, lcov strings.Builder
	row := func(cells ...string) {
		fmt.Fprintf(&table, "%s\n", strings.TrimRight(fmt.Sprintf("%-40s %14s %14s  %s", cells[0], cells[1], cells[2], cells[3]), " "))
	}
	row("coverage", "lines", "functions", "not run")
	var ran, lines, called, functions int
	for _, root := range c.order {
		for _, f := range c.tasks[root].Files() {
			path := filepath.Join(root, filepath.FromSlash(f.File))
			l, ls := f.Ran()
			n, ns := f.Called()
			ran, lines, called, functions = ran+l, lines+ls, called+n, functions+ns
			row(harmless(shownPath(path)), share(l, ls), share(n, ns), f.Missed())
			lcov.WriteString(f.LCOV(path))
		}
	}
	row("in all", share(ran, lines), share(called, functions), "")
	if err := os.WriteFile(c.file, []byte(lcov.String()), 0o644); err != nil {
		return ratchet.Errorf(ratchet.ReasonIO, "cannot write %s: %w", c.file, plain(err))
	}
	return a.print(table.String())
}

// shownPath is relative to the working directory, where that is shorter.
func shownPath(path string) string {
	if dir, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(dir, path); err == nil && len(rel) < len(path) {
			return rel
		}
	}
	return path
}

func share(part, all int) string {
	if all == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/%d %5.1f%%", part, all, 100*float64(part)/float64(all))
}
