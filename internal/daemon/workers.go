package daemon

import (
	"strings"
	"sync"

	"github.com/ratchet-runner/ratchet-go"
)

// taskNames remembers which task a version is of, for those who look at workers.
type taskNames struct {
	mu       sync.Mutex
	byDigest map[string]string
}

// mostNames is how many are remembered.
const mostNames = 10_000

func (n *taskNames) note(digest, task string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.byDigest == nil || len(n.byDigest) >= mostNames {
		n.byDigest = map[string]string{}
	}
	n.byDigest[digest] = task
}

func (n *taskNames) of(digest string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.byDigest[digest]
}

// workers lists the worker processes of this server.
type workers struct{ daemon *Daemon }

// Workers lists them as clients see them.
func (w workers) Workers() []ratchet.Worker {
	d := w.daemon
	all := []ratchet.Worker{}
	for _, p := range d.pool.Workers() {
		one := ratchet.Worker{
			ID: p.ID, Node: d.store.Node(), PID: p.PID, Engine: p.Engine,
			Running: p.Running, Served: p.Served, LastUsed: p.LastUsed,
		}
		// The key is namespace, engine, digest, and what sets workers of one version apart.
		if parts := strings.Split(p.Key, "/"); len(parts) > 2 {
			one.Digest = parts[2]
			one.Task = d.names.of(one.Digest)
		}
		all = append(all, one)
	}
	return all
}

// finished is told of each attempt that ended.
func (d *Daemon) finished(j *ratchet.Job, x *ratchet.Execution) {
	d.numbers.finished(j, x)
	d.names.note(x.VersionDigest, x.Task)
}
