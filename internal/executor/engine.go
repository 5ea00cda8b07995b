package executor

import (
	"context"
	"encoding/json"
	"fmt"
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
