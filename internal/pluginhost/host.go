// Package pluginhost finds, starts, supervises and calls plugins, and is the
// registry of what they provide. What the operator sets for them is kept by
// others; what is asked of them on a job's way is their callers' business.
//
// A plugin is a process, a WebAssembly module or a value within the server, and in
// each case the other side of one conversation of package ipc. It is started when
// it is first needed, or at once if a job's way leads past it, and again when it
// has died, each time later. Whatever it does wrong ends its process and the calls
// that it was given, nothing else.
package pluginhost

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/resilience"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

// A Config says where plugins are and what they may take. The zero Config has none
// but those built in.
type Config struct {
	// Dirs are folders of plugins: ratchet-plugin-NAME, ratchet-plugin-NAME.wasm, or
	// either in a folder NAME of its own. The first that has a name has it.
	Dirs []string
	// Data is where each plugin's own folder, NAME.data, is. Default: the first of Dirs.
	Data string
	// BuiltIn are plugins compiled into the server. They come before those in Dirs.
	BuiltIn []plugin.Plugin
	// Version is the server's.
	Version string

	Budget      time.Duration // of a hook or a submit, if its settings have none. Default: 1 s
	CallBudget  time.Duration // of any other call. Default: 30 s
	StartBudget time.Duration // of a start, and of reading a manifest. Default: 10 s
	StopBudget  time.Duration // of a stop; then it is killed. Default: 5 s
	Grace       time.Duration // for a call that is over its budget to end; then the plugin hangs and is killed. Default: 10 s
	Idle        time.Duration // after which a plugin that only answers calls is stopped. Default: 5 min
	Check       time.Duration // between looks at health and numbers. Default: 15 s
	Events      int           // that wait for one plugin; more are dropped. Default: 1,000
	Memory      ratchet.Size  // of a plugin that needs no more. Default: 256 MB
	Flood       int           // bytes a second that a plugin may say unasked. Default: 8 MB

	// Breaker says when a plugin that fails is left alone, and how many calls it gets
	// at once. Its zero value works.
	Breaker resilience.Config
	// Restart spaces out the starts of a plugin that dies. Default: 100 ms, doubled up
	// to 30 s.
	Restart ratchet.Retry

	// Launcher is the command that confines itself and then becomes a plugin. Default:
	// this executable with the argument "plugin-launch".
	Launcher []string
	// Insecure starts plugins where the kernel cannot confine them.
	Insecure bool
	// Log gets what operators should know, and what plugins log. Default: nothing is
	// logged.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Budget = cmp.Or(c.Budget, time.Second)
	c.CallBudget = cmp.Or(c.CallBudget, 30*time.Second)
	c.StartBudget = cmp.Or(c.StartBudget, 10*time.Second)
	c.StopBudget = cmp.Or(c.StopBudget, 5*time.Second)
	c.Grace = cmp.Or(c.Grace, 10*time.Second)
	c.Idle = cmp.Or(c.Idle, 5*time.Minute)
	c.Check = cmp.Or(c.Check, 15*time.Second)
	c.Events = cmp.Or(c.Events, 1000)
	c.Memory = cmp.Or(c.Memory, 256*ratchet.MB)
	c.Flood = cmp.Or(c.Flood, 8<<20)
	if c.Data == "" && len(c.Dirs) > 0 {
		c.Data = c.Dirs[0]
	}
	for i, dir := range c.Dirs {
		if abs, err := filepath.Abs(dir); err == nil {
			c.Dirs[i] = abs
		}
	}
	if abs, err := filepath.Abs(c.Data); err == nil && c.Data != "" {
		c.Data = abs
	}
	c.Breaker.InAll = cmp.Or(c.Breaker.InAll, 1<<16)
	c.Breaker.Percent = cmp.Or(c.Breaker.Percent, -1) // one hook that hangs is enough, however many others answer
	c.Restart = c.Restart.Or(ratchet.Retry{
		InitialDelay: ratchet.Duration(100 * time.Millisecond), MaxDelay: ratchet.Duration(30 * time.Second), Factor: 2,
	})
	if len(c.Launcher) == 0 {
		c.Launcher = []string{"/proc/self/exe", "plugin-launch"}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// A Host has the plugins of one node. It is safe for concurrent use.
type Host struct {
	config   Config
	log      *slog.Logger
	breakers *resilience.Hosts
	files    files
	wasm     *compiled
	routes   atomic.Pointer[routes] // of the enabled plugins; nil: there are none

	tasks sync.WaitGroup // everything that the host does by itself

	mu       sync.Mutex
	entries  map[string]*entry // that are built in or were ever set or found
	launcher *sandbox.Launcher
	closed   bool
	stop     chan struct{} // closed when Run ends
}

// New returns a Host that has started nothing.
func New(c Config) *Host {
	c.Dirs = slices.Clone(c.Dirs)
	c = c.withDefaults()
	h := &Host{
		config: c, log: c.Log, breakers: resilience.NewHosts(c.Breaker),
		entries: map[string]*entry{}, stop: make(chan struct{}), wasm: newCompiled(),
	}
	h.files.host = h
	return h
}

// Run supervises the plugins until ctx ends, then stops them. It is called once.
func (h *Host) Run(ctx context.Context) error {
	ticker := time.NewTicker(h.config.Check)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			h.check(ctx)
		case <-ctx.Done():
			h.close(context.WithoutCancel(ctx))
			return nil
		}
	}
}

// close stops every plugin, those that need others before those.
func (h *Host) close(ctx context.Context) {
	h.mu.Lock()
	h.closed = true
	close(h.stop)
	h.mu.Unlock()
	h.routes.Store(nil)
	for _, e := range slices.Backward(h.order()) {
		e.halt(ctx, errStopped)
	}
	h.tasks.Wait()
	if err := h.wasm.close(ctx); err != nil {
		h.log.ErrorContext(ctx, "compiled WebAssembly cannot be given back", slog.Any("error", err))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.launcher != nil {
		h.launcher.Close()
	}
}

var errStopped = errors.New("the server stops")

// begin runs f as a task of the host, unless it is closed.
func (h *Host) begin(f func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.tasks.Go(f)
	return true
}

// theLauncher starts the thread of sandboxed plugins with the first of them.
func (h *Host) theLauncher() (*sandbox.Launcher, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errStopped
	}
	if h.launcher == nil {
		h.launcher = sandbox.NewLauncher(h.config.Launcher)
	}
	return h.launcher, nil
}

// entry returns that of a name, made if there is none.
func (h *Host) entry(name string) *entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.entries[name]
	if e == nil {
		e = newEntry(h, name)
		h.entries[name] = e
	}
	return e
}

// known returns the entry of a name, nil if there is none.
func (h *Host) known(name string) *entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.entries[name]
}

// all returns the entries, by name.
func (h *Host) all() []*entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]*entry, 0, len(h.entries))
	for _, name := range slices.Sorted(maps.Keys(h.entries)) {
		list = append(list, h.entries[name])
	}
	return list
}

// check looks at the health and the numbers of what runs, and stops what nobody
// has called for long.
func (h *Host) check(ctx context.Context) {
	for _, e := range h.all() {
		h.begin(func() { e.check(ctx) })
	}
}

// Breakers lists the plugins that failed so much that they are left alone for a
// while, and are not forgotten, by name.
func (h *Host) Breakers() []ratchet.Breaker {
	all := h.breakers.Breakers()
	for i := range all {
		all[i].Kind = ratchet.BreakerPlugin
	}
	return all
}
