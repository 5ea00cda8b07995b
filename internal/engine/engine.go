// Package engine knows the JavaScript engines of this machine: it finds the Node
// that is to run tasks, asks it what it is, installs one and takes it away. How a
// task is run in it is package workerpool's business, and package node's.
package engine

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/js"
)

// A Config says which engines there are to find. With the zero Config that is the
// built-in one alone.
type Config struct {
	// Default is what a task runs in that names no engine. Default EngineQuickJS.
	Default ratchet.Engine
	// Node is the path of the Node that the operator wants, and no other. Default:
	// the newest that is installed in Dir, else the one in Path.
	Node string
	// Dir is where engines are installed. Empty: nowhere.
	Dir string
	// Path lists folders to look for node in, as the variable PATH does. Empty: none.
	Path string
	// Home is passed on to the Node that is asked what it is, since a version
	// manager's node is a script that looks there.
	Home string
	// Answer bounds how long a Node may take to say what it is. Default 10 s.
	Answer time.Duration
	// Again is how long a Node that was not usable is not asked again. Default 5 s.
	Again time.Duration
}

// Engines are those of this machine. It is safe for concurrent use.
type Engines struct {
	config Config

	mu    sync.Mutex // held while a Node is asked, so that one is
	node  ratchet.EngineInfo
	err   error
	asked time.Time
}

// New returns the Engines of a configuration. It looks for nothing yet.
func New(c Config) *Engines {
	c.Default = c.Default.Or(ratchet.EngineQuickJS)
	if c.Answer <= 0 {
		c.Answer = 10 * time.Second
	}
	if c.Again <= 0 {
		c.Again = 5 * time.Second
	}
	return &Engines{config: c}
}

// Default is what a task runs in that names no engine.
func (e *Engines) Default() ratchet.Engine { return e.config.Default }

// VersionOf names an engine and its version, as recordings and measurements keep
// it: "node-24.4.1". Of a Node that is not usable it is "node".
func (e *Engines) VersionOf(ctx context.Context, name ratchet.Engine) string {
	if name != ratchet.EngineNode {
		return js.Version
	}
	node, err := e.Node(ctx)
	if err != nil { // whatever is run says so
		return string(name)
	}
	return string(name) + "-" + node.Version
}

// Check reports why tasks of the engine cannot run on this machine.
func (e *Engines) Check(ctx context.Context, name ratchet.Engine) error {
	switch name.Or(e.config.Default) {
	case ratchet.EngineQuickJS:
		return nil
	case ratchet.EngineNode:
		_, err := e.Node(ctx)
		return err
	default:
		_, err := ratchet.ParseEngine(string(name))
		return err
	}
}

// Node returns the Node that runs tasks; its Path is of the program itself, where
// a version manager has a script. It is looked for and asked the first time; one
// that is usable stays the one, one that is not is looked for again after a while,
// since somebody may have installed it meanwhile. The error is a *ratchet.Error
// that says what to do.
func (e *Engines) Node(ctx context.Context) (ratchet.EngineInfo, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.node.Usable {
		return e.node, nil
	}
	if e.err != nil && time.Since(e.asked) < e.config.Again {
		return ratchet.EngineInfo{}, e.err
	}
	info, err := e.find(ctx)
	if ctx.Err() != nil {
		return ratchet.EngineInfo{}, context.Cause(ctx) // says nothing about the machine
	}
	e.node, e.err, e.asked = info, err, time.Now()
	return info, err
}

// find returns the Node that is meant, if it is usable.
func (e *Engines) find(ctx context.Context) (ratchet.EngineInfo, error) {
	found := e.candidates()
	if len(found) == 0 {
		return ratchet.EngineInfo{}, unavailable("no Node was found: engines.node.path names none, none is installed%s, and PATH has none; %s", in(e.config.Dir), remedy)
	}
	first := found[0]
	node, err := e.probe(ctx, first.path)
	if err != nil {
		return ratchet.EngineInfo{}, first.unavailable(err)
	}
	info := e.info(first)
	info.Path, info.Version, info.Usable, info.Chosen = node.path, node.version, true, true
	return info, nil
}

// info is what is known of a candidate before it is asked.
func (e *Engines) info(c candidate) ratchet.EngineInfo {
	return ratchet.EngineInfo{
		Name: ratchet.EngineNode, Path: c.path, Source: string(c.source), Version: c.version,
		Default: e.config.Default == ratchet.EngineNode,
	}
}

const remedy = "ratchet engine install node puts one there"

func in(dir string) string {
	if dir == "" {
		return ""
	}
	return " in " + dir
}

// cannot begins the error of the engine node.
const cannot = "the engine \"node\" cannot run tasks here: "

// unavailable is the error of the engine node.
func unavailable(format string, args ...any) *ratchet.Error {
	return ratchet.Errorf(ratchet.ReasonEngineUnavailable, cannot+format, args...)
}

// problem is the error where it is known of which engine it is.
func problem(err error) string { return strings.TrimPrefix(ratchet.AsError(err).Message, cannot) }

// unavailable says why the candidate is of no use, and what would be.
func (c candidate) unavailable(err error) *ratchet.Error {
	what := remedy
	switch c.source {
	case Configured:
		what = "engines.node.path names it; let it name another, or none"
	case Installed:
		what = "ratchet engine remove node@" + c.version + " and ratchet engine install node put it right"
	}
	return unavailable("%w; %s", err, what)
}

// Chosen tells of the engines that tasks run in, usable or not: the built-in one,
// and one Node at most. It asks no more than Node does.
func (e *Engines) Chosen(ctx context.Context) []ratchet.EngineInfo {
	node, err := e.Node(ctx)
	if err != nil {
		node = ratchet.EngineInfo{Name: ratchet.EngineNode, Default: e.config.Default == ratchet.EngineNode, Problem: problem(err)}
		if found := e.candidates(); len(found) > 0 {
			node.Path, node.Source, node.Version, node.Chosen = found[0].path, string(found[0].source), found[0].version, true
		}
	}
	return []ratchet.EngineInfo{e.builtIn(), node}
}

// builtIn is the engine that is part of this program.
func (e *Engines) builtIn() ratchet.EngineInfo {
	return ratchet.EngineInfo{
		Name: ratchet.EngineQuickJS, Version: strings.TrimPrefix(js.Version, "quickjs-"), Path: ratchet.BuiltIn, Source: ratchet.BuiltIn,
		Usable: true, Chosen: true, Default: e.config.Default == ratchet.EngineQuickJS,
	}
}

// List tells of every engine that there is, usable or not, and of those that are
// missing. All are asked anew.
func (e *Engines) List(ctx context.Context) []ratchet.EngineInfo {
	all := []ratchet.EngineInfo{e.builtIn()}
	found := e.candidates()
	for i, c := range found {
		info := e.info(c)
		info.Chosen = i == 0
		node, err := e.probe(ctx, c.path)
		if old, ok := errors.AsType[*tooOldError](err); ok {
			info.Version = old.version
		}
		if err != nil {
			info.Problem = err.Error()
		} else {
			info.Version, info.Usable = node.version, true
		}
		all = append(all, info)
	}
	if len(found) == 0 {
		_, err := e.find(ctx)
		all = append(all, ratchet.EngineInfo{
			Name: ratchet.EngineNode, Default: e.config.Default == ratchet.EngineNode, Problem: problem(err),
		})
	}
	return all
}

// nodeDir is where Nodes are installed, each in a folder named for its version.
func nodeDir(dir string) string { return filepath.Join(dir, "node") }
