package executor

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// Engines knows the engines of this machine; package engine does.
type Engines interface {
	// Default is what a task runs in that names no engine.
	Default() ratchet.Engine
	// Node returns the Node that tasks run in, or an *ratchet.Error that says why
	// there is none.
	Node(ctx context.Context) (ratchet.EngineInfo, error)
}

// SetEngines lets tasks run in other engines than the built-in one. It is called
// before the Executor is used.
func (x *Executor) SetEngines(e Engines) { x.engines = e }

// EngineOf is what a task runs in if somebody asks for the engine; empty asks for
// none.
func (x *Executor) EngineOf(asked ratchet.Engine, b *bundle.Bundle) ratchet.Engine {
	e := asked.Or(b.Engine)
	if e == "" && x.engines != nil {
		e = x.engines.Default()
	}
	return e.Or(ratchet.EngineQuickJS)
}

// ready makes sure that the execution's engine is there. There is never another in
// its place: the two differ in what tasks can tell.
func (r *run) ready(ctx context.Context, x *Executor) *ratchet.Error {
	switch {
	case r.engine == ratchet.EngineQuickJS:
		return nil
	case r.engine != ratchet.EngineNode:
		_, err := ratchet.ParseEngine(string(r.engine))
		return ratchet.AsError(err)
	case x.engines == nil:
		return ratchet.Errorf(ratchet.ReasonEngineUnavailable, "the engine %q cannot run tasks here", r.engine)
	}
	info, err := x.engines.Node(ctx)
	if err != nil {
		return r.lost(err)
	}
	return x.use(info)
}

// Debugging is what an Executor does otherwise while debuggers look into tasks.
type Debugging struct {
	// Root is where the files of a task lie. Default: where it was loaded from.
	Root func(b *bundle.Bundle) string
}

// Debug has the code of tasks in Node lead debuggers to the author's own files,
// and lifts their limits of time and memory: nobody is quick while looking on. It
// is called before the Executor is used.
func (x *Executor) Debug(d Debugging) {
	if d.Root == nil {
		d.Root = func(b *bundle.Bundle) string { return b.Root }
	}
	x.debug = &d
}

// debugMemory is what a task may have at least while it is debugged.
const debugMemory = ratchet.GB

// lift takes the limits off that would end a task that stands still.
func (r *run) lift(x *Executor) {
	if x.debug == nil || r.engine != ratchet.EngineNode {
		return
	}
	r.debug = x.debug
	if !r.probe {
		r.limits.Wall, r.limits.CPU, r.limits.Memory = ratchet.MaxWall, ratchet.MaxWall, max(r.limits.Memory, debugMemory)
	}
}

// source is what the engine reads.
func (r *run) source() []byte {
	b := r.req.Bundle
	if r.debug == nil {
		return b.Code
	}
	comment, err := b.SourceMap.Inline(r.debug.Root(b))
	if err != nil { // then it is debugged as it is
		return b.Code
	}
	return slices.Concat(b.Code, comment)
}

// hintAfter is how much processor time in QuickJS is worth a hint: a few times
// what starting another engine costs.
const hintAfter = 200 * time.Millisecond

// maxHinted bounds the versions of which it is remembered that they had the hint.
const maxHinted = 10_000

// hint tells, once for each version, of a task that computes so much that V8 would
// be worth its start. Nobody is told who chose the engine for this execution.
func (r *run) hint(x *Executor, done *workerpool.Done) {
	if done == nil || r.probe || r.engine != ratchet.EngineQuickJS || r.req.Engine != "" || time.Duration(done.CPU) <= hintAfter {
		return
	}
	if !x.firstHint(r.req.Bundle.Digest) {
		return
	}
	text := fmt.Sprintf(`this took %d ms of CPU in QuickJS; "engine": "node" in metadata.json would run it in V8`, time.Duration(done.CPU).Milliseconds())
	entry := ratchet.LogEntry{Time: time.Now(), Level: ratchet.LevelInfo, Message: text, Fields: json.RawMessage(ratchet.HintFields)}
	r.mu.Lock()
	r.record.Hint = text
	logged := r.req.Timeline == nil // what is compared with another run says the same as it
	if logged {                     // whatever the limit: it is not the task that says it
		r.record.Logs = append(r.record.Logs, entry)
	}
	r.mu.Unlock()
	if logged && r.req.OnLog != nil {
		r.req.OnLog(entry)
	}
}

// firstHint reports whether the version had no hint yet.
func (x *Executor) firstHint(digest string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, had := x.hinted[digest]; had {
		return false
	}
	if len(x.hinted) >= maxHinted || x.hinted == nil {
		x.hinted = map[string]struct{}{}
	}
	x.hinted[digest] = struct{}{}
	return true
}

// use has the pool run tasks in the Node.
func (x *Executor) use(node ratchet.EngineInfo) *ratchet.Error {
	x.pool.UseNode(node.Path, node.Version)
	return nil
}
