package workerpool

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ratchet-runner/ratchet-go/internal/node"
)

// An Inspection has somebody look on from inside Node workers: a debugger, or who
// counts what code ran. It is for who develops a task, on the task's own machine.
type Inspection struct {
	// Kind is whether, and how. Default: nobody looks on.
	Kind node.Inspection
	// Started is told of each worker, before it runs anything. Conn speaks the
	// inspector's protocol, a message a line; whoever gets it closes it. It must
	// not wait.
	Started func(t Target)
}

// inspectorHeadroom is what looking on takes: a thread with a V8 of its own, and
// what the inspector remembers of scripts and counts.
const inspectorHeadroom = 1 << 30

func (i Inspection) headroom() int64 {
	if i.Kind == node.NotInspected {
		return 0
	}
	return inspectorHeadroom
}

// A Target is a worker that somebody may look into.
type Target struct {
	Worker string // as in Execution.Worker
	Conn   io.ReadWriteCloser
}

// inspected adds the worker's end of a socket for its inspector to what it is
// started with.
func (b *baggage) inspected() error {
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	if err := setBlocking(theirs); err != nil { // it is read by a thread of its own
		return errors.Join(err, ours.Close(), theirs.Close())
	}
	b.inspector = ours
	b.files = append(b.files, theirs)
	b.own = append(b.own, theirs)
	return nil
}

// introduce hands the worker's inspector over. It returns what nobody has taken.
func (p *Pool) introduce(w *worker, inspector *os.File) *os.File {
	if inspector == nil || p.config.Inspection.Started == nil {
		return inspector
	}
	p.config.Inspection.Started(Target{Worker: w.name(), Conn: inspector})
	return nil
}

// name is what executions call the worker.
func (w *worker) name() string { return fmt.Sprintf("pid-%d", w.cmd.Process.Pid) }
