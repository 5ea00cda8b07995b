package workerpool

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/node"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// A kind of worker process: those of one kind can be bound to the same domains.
type kind struct {
	engine ratchet.Engine
	node   node.Runtime // of engine node
	heap   int64        // of engine node: bytes of JavaScript memory, which a process has from its start
}

// kindOf is the kind of worker that a domain wants. The lock is held.
func (p *Pool) kindOf(d *Domain) kind {
	return p.kind(d.Engine, int64(max(d.Slots, 1))*d.Memory)
}

func (p *Pool) kind(engine ratchet.Engine, memory int64) kind {
	if engine != ratchet.EngineNode {
		return kind{engine: ratchet.EngineQuickJS}
	}
	return kind{engine: engine, node: p.config.Node, heap: memory}
}

// UseNode has the workers that are started from now on run the Node at path.
func (p *Pool) UseNode(path, version string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.config.Node = node.Runtime{Path: path, Version: version}
}

func (p *Pool) hasNode() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.config.Node.IsZero()
}

// probeMemory is the memory of a worker that is only probed.
const probeMemory = 128 << 20

// ErrNoNode is what a domain that wants Node gets where there is none.
var ErrNoNode = errors.New("there is no Node.js to run this task with")

// A RuntimeError says that the Node that is there does not run.
type RuntimeError struct {
	Path string
	Err  error
}

func (e *RuntimeError) Error() string { return "Node at " + e.Path + " does not run: " + e.Err.Error() }

func (e *RuntimeError) Unwrap() error { return e.Err }

// unready is the error of a worker of the kind that did not become ready.
func (k kind) unready(err error) error {
	if k.engine == ratchet.EngineNode && !errors.Is(err, ErrClosed) {
		return &RuntimeError{k.node.Path, err}
	}
	return err
}

// baggage are the descriptors, beside its socket, that a worker is started with.
type baggage struct {
	files     []*os.File
	own       []*os.File // closed once it is started
	inspector *os.File   // our end of the socket of its inspector; nil if it has none
}

// close gives up what only the worker needs, and what nobody has taken.
func (b baggage) close() {
	for _, f := range b.own {
		f.Close()
	}
	if b.inspector != nil {
		b.inspector.Close()
	}
}

// brings returns what a worker of the kind is started with.
func (p *Pool) brings(k kind) (baggage, error) {
	if k.engine != ratchet.EngineNode {
		return baggage{}, nil
	}
	if k.node.IsZero() {
		return baggage{}, ErrNoNode
	}
	program, err := p.program(k)
	if err != nil {
		return baggage{}, k.unready(err)
	}
	program = node.Inspect(program, p.config.Inspection.Kind)
	// A kernel or container that has no such mounts still has the paths.
	mounts, err := sandbox.OpenMounts(program.Files)
	if err == nil {
		program.Files = slices.Clone(program.Files)
	}
	for i := range mounts {
		program.Files[i].Mount = node.MountDescriptor + i
	}
	b := baggage{own: mounts}
	if b.files, err = p.described(program, &b.own); err != nil {
		b.close()
		return baggage{}, err
	}
	if p.config.Inspection.Kind != node.NotInspected {
		err = b.inspected()
	} else {
		b.files = append(b.files, nil) // the place of the inspector's
	}
	b.files = append(b.files, mounts...)
	return b, err
}

// described are the descriptors that tell a worker what to become and to run; it
// adds to those that are closed once it is started.
func (p *Pool) described(program sandbox.Program, own *[]*os.File) ([]*os.File, error) {
	text, err := json.Marshal(program)
	if err != nil {
		return nil, err
	}
	guest, err := p.guestFile()
	if err != nil {
		return nil, err
	}
	launch, err := sealed("ratchet-launch", text)
	if err != nil {
		return nil, err
	}
	*own = append(*own, launch)
	return []*os.File{guest, launch}, nil
}

// program is what workers of the kind become. Which libraries a binary of a
// hundred megabytes needs is read once.
func (p *Pool) program(k kind) (sandbox.Program, error) {
	p.mu.Lock()
	program, known := p.programs[k]
	p.mu.Unlock()
	if known {
		return program, nil
	}
	program, err := k.node.Program(k.heap)
	if err != nil {
		return sandbox.Program{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.programs[k] = program
	return program, nil
}

// guestFile is what Node workers run, in memory that all of them share and none
// can change.
func (p *Pool) guestFile() (*os.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.guest != nil {
		return p.guest, nil
	}
	text, err := node.Guest()
	if err != nil {
		return nil, err
	}
	file, err := sealed("ratchet-guest", text)
	if err != nil {
		return nil, err
	}
	p.guest = file
	return file, nil
}

// Memory that a Node process needs beyond what its executions may have: for V8
// it is code, the new generation, and what its other threads have.
const nodeDataHeadroom = 72 << 20

// dataLimit is how much private memory the worker's process may have.
func (w *worker) dataLimit(now sandbox.Usage) int64 {
	d := w.domain
	slots := int64(max(d.Slots, 1))
	if w.kind.engine == ratchet.EngineNode {
		return now.Data + slots*(d.Memory+d.Memory/4) + nodeDataHeadroom + w.pool.config.Inspection.headroom()
	}
	// One VM more than slots: an execution may begin before the VM of the last
	// one is closed.
	return (slots+1)*(d.Memory+d.Memory/4) + dataHeadroom
}

// A CPUError is the cause of death of a worker whose execution used more
// processor time than it may.
type CPUError struct{ Used time.Duration }

func (e *CPUError) Error() string {
	return fmt.Sprintf("its execution used %v of processor time", e.Used.Round(time.Millisecond))
}

// limitCPU notes what processor time an execution may use. In Node nothing can
// look at a clock while code runs, so it is looked at from here; QuickJS looks
// itself, and by the thread.
func (w *worker) limitCPU(x *Execution, limit time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.kind.engine != ratchet.EngineNode || limit <= 0 || w.meter == nil {
		return
	}
	if usage, err := w.meter.Read(); err == nil {
		// Neighbours in the process count too.
		x.cpu = [2]time.Duration{usage.CPU, usage.CPU + limit*time.Duration(max(w.domain.Slots, 1))}
	}
}

// overCPU is the cause to end the worker for, if it has used too much. The lock
// is held.
func (w *worker) overCPU(used time.Duration) error {
	for _, x := range w.execs {
		if x.cpu[1] > 0 && used > x.cpu[1] {
			return &CPUError{Used: used - x.cpu[0]}
		}
	}
	return nil
}
