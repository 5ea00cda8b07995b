// Package sandbox confines a worker process: no network, no files, no exec, no
// children, and nothing left of the server but one inherited socket. What is
// said over that socket belongs to package ipc, when a worker is spawned and
// killed to package workerpool.
//
// A worker is the server's own binary, started again. The confinement has two
// halves. The server's half is set at clone time by a [Spawner]: a new session,
// death with the server, new namespaces, another user id. The worker's half is
// [Enter], called once the engine is warm and before any task code is seen. Each
// half is made of layers; no layer trusts another, and a layer that the kernel
// refuses is named in the [Report] with the reason. Only seccomp is
// indispensable: without it Enter fails.
//
// The order within Enter matters: limits, then the empty root (which needs
// capabilities), then the capabilities go, then no_new_privs (which Landlock and
// seccomp need once capabilities are gone), then Landlock, and seccomp last,
// because it forbids the calls that set up all the others.
//
// Workers are not put in a cgroup: a delegated v2 hierarchy would want the
// server itself moved to a leaf first. Memory is bounded by [LimitMemory] and by
// the watchdog that reads a [Meter].
package sandbox

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Layer is one of the walls around a worker.
type Layer string

// The layers, in the order in which they come up. The first three are the
// server's half.
const (
	LayerPdeathsig    Layer = "pdeathsig"    // the worker dies with the server
	LayerNamespaces   Layer = "namespaces"   // own user, mount, pid, net, ipc, uts and cgroup namespace
	LayerUID          Layer = "uid"          // a user id of its own; only where the server is root
	LayerOOMScore     Layer = "oom-score"    // first to go when the machine runs out of memory
	LayerRlimits      Layer = "rlimits"      // no core, no file growth, no locked memory, 32 descriptors
	LayerRoot         Layer = "empty-root"   // / is an empty read-only file system
	LayerCapabilities Layer = "capabilities" // none, not even over its own namespaces
	LayerNoNewPrivs   Layer = "no-new-privs" // exec can gain nothing
	LayerNotDumpable  Layer = "not-dumpable" // no core, no ptrace, no /proc/PID/mem by its like
	LayerMDWE         Layer = "mdwe"         // no memory is ever both writable and executable
	LayerLandlock     Layer = "landlock"     // no file, no TCP, no signal to the outside
	LayerSeccomp      Layer = "seccomp"      // three dozen system calls, all others refused
)

// Layers returns every layer, in order.
func Layers() []Layer {
	return []Layer{
		LayerPdeathsig, LayerNamespaces, LayerUID, LayerOOMScore, LayerRlimits, LayerRoot,
		LayerCapabilities, LayerNoNewPrivs, LayerNotDumpable, LayerMDWE, LayerLandlock, LayerSeccomp,
	}
}

// A Level sums a worker's layers up in one word.
type Level string

// The levels.
const (
	LevelStrict  Level = "strict"  // every layer
	LevelReduced Level = "reduced" // some layers are missing; the Report names them
	LevelNone    Level = "none"    // no layer at all: development only
)

// ErrNoSeccomp is why Enter refuses: the one indispensable layer is missing.
var ErrNoSeccomp = errors.New("seccomp is missing")

// A Report says which layers confine a worker, and why the others do not.
type Report struct {
	Level   Level          `json:"level"`
	Active  []Layer        `json:"active"`
	Missing []MissingLayer `json:"missing,omitempty"`
}

// A MissingLayer is a layer that a worker does without.
type MissingLayer struct {
	Layer Layer  `json:"layer"`
	Why   string `json:"why"`
}

// String is one line for a person: the level, and what is missing.
func (r Report) String() string {
	if len(r.Missing) == 0 {
		return string(r.Level)
	}
	missing := make([]string, len(r.Missing))
	for i, m := range r.Missing {
		missing[i] = fmt.Sprintf("%s (%s)", m.Layer, m.Why)
	}
	return fmt.Sprintf("%s: without %s", r.Level, strings.Join(missing, ", "))
}

// Has reports whether a layer is active.
func (r Report) Has(l Layer) bool { return slices.Contains(r.Active, l) }

// record files one layer under active or missing.
func (r *Report) record(l Layer, err error) {
	if err == nil {
		r.Active = append(r.Active, l)
		return
	}
	r.Missing = append(r.Missing, MissingLayer{Layer: l, Why: err.Error()})
}

// settle decides the level. The OOM score protects the host's other processes
// rather than confining the worker, so it has no say.
func (r *Report) settle() {
	wall := func(m MissingLayer) bool { return m.Layer != LayerOOMScore }
	switch {
	case len(r.Active) == 0:
		r.Level = LevelNone
	case slices.ContainsFunc(r.Missing, wall):
		r.Level = LevelReduced
	default:
		r.Level = LevelStrict
	}
}

// why returns the reason recorded for a missing layer.
func (r Report) why(l Layer) string {
	for _, m := range r.Missing {
		if m.Layer == l {
			return m.Why
		}
	}
	return ""
}

// Options choose a worker's confinement. The zero Options are strict.
type Options struct {
	// Insecure lets a worker start without seccomp. Only
	// --insecure-allow-unsandboxed-workers sets it.
	Insecure bool
	// Program says that the worker becomes a [Program], of which it finds the
	// description at a descriptor that the two have agreed upon.
	Program bool
	// Without leaves layers off. Only tests set it.
	Without []Layer

	// parent is what the Spawner did of the server's half; 0 is done.
	parent map[Layer]syscall.Errno
}

var errLeftOff = errors.New("left off on request")

func (o Options) without(l Layer) bool { return slices.Contains(o.Without, l) }

// Arg returns the options as one command line argument, by which they reach the
// worker (its environment stays empty): "strict" or "insecure", then ",-LAYER"
// for a layer left off, ",program" for a worker that becomes one, ",+LAYER" for one the server's half has put up and
// ",!LAYER:ERRNO" for one it was refused.
func (o Options) Arg() string {
	words := []string{"strict"}
	if o.Insecure {
		words[0] = "insecure"
	}
	if o.Program {
		words = append(words, programWord)
	}
	for _, l := range Layers() {
		if o.without(l) {
			words = append(words, "-"+string(l))
		}
		if errno, ok := o.parent[l]; ok && errno == 0 {
			words = append(words, "+"+string(l))
		} else if ok {
			words = append(words, fmt.Sprintf("!%s:%d", l, int(errno)))
		}
	}
	return strings.Join(words, ",")
}

// ParseArg is the inverse of [Options.Arg].
func ParseArg(arg string) (Options, error) {
	words := strings.Split(arg, ",")
	if words[0] != "strict" && words[0] != "insecure" {
		return Options{}, fmt.Errorf("sandbox: argument %q: want strict or insecure first", arg)
	}
	o := Options{Insecure: words[0] == "insecure"}
	for _, word := range words[1:] {
		if err := o.parseWord(word); err != nil {
			return Options{}, fmt.Errorf("sandbox: argument %q: %w", arg, err)
		}
	}
	return o, nil
}

const programWord = "program"

func (o *Options) parseWord(word string) error {
	switch word {
	case "":
		return errors.New("empty word")
	case programWord:
		o.Program = true
		return nil
	}
	name, number, refused := strings.Cut(word[1:], ":")
	layer := Layer(name)
	if !slices.Contains(Layers(), layer) {
		return fmt.Errorf("no layer in %q", word)
	}
	switch sign := word[0]; {
	case sign == '-' && !refused:
		o.Without = append(o.Without, layer)
	case sign == '+' && !refused:
		o.note(layer, 0)
	case sign == '!' && refused:
		errno, err := strconv.ParseUint(number, 10, 16)
		if err != nil || errno == 0 {
			return fmt.Errorf("no error number in %q", word)
		}
		o.note(layer, syscall.Errno(errno))
	default:
		return fmt.Errorf("unknown word %q", word)
	}
	return nil
}

// note records what became of a layer of the server's half.
func (o *Options) note(l Layer, errno syscall.Errno) {
	if o.parent == nil {
		o.parent = make(map[Layer]syscall.Errno)
	}
	o.parent[l] = errno
}

// Supported reports whether this platform has a sandbox at all. Where it has
// none, workers are separate processes and no more: development only.
func Supported() bool { return runtime.GOOS == "linux" }

// Usage is what a worker has used.
type Usage struct {
	RSS  int64         // resident memory, bytes
	Data int64         // private writable memory, as LimitMemory counts it, bytes
	CPU  time.Duration // processor time of all threads, since it started
}
