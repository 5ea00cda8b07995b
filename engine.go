package ratchet

import (
	"slices"
	"strings"
)

// An Engine names what runs a task's JavaScript. The empty Engine is the
// configured default, which is EngineQuickJS unless somebody says otherwise.
type Engine string

// The engines.
const (
	EngineQuickJS Engine = "quickjs" // QuickJS inside Ratchet's own binary: always there, quick to start
	EngineNode    Engine = "node"    // a Node.js on the machine: V8's speed, full Intl, WebAssembly, a debugger
)

// MinNode is the least major version of Node that Ratchet runs tasks with: the
// oldest that Node's authors still mend, and the first that knows --permission
// (from 22.13).
const MinNode = 22

// Engines returns every Engine, the built-in one first.
func Engines() []Engine { return []Engine{EngineQuickJS, EngineNode} }

// ParseEngine parses an engine's name.
func ParseEngine(s string) (Engine, error) {
	if e := Engine(s); slices.Contains(Engines(), e) {
		return e, nil
	}
	names := make([]string, len(Engines()))
	for i, e := range Engines() {
		names[i] = string(e)
	}
	return "", Errorf(ReasonEngineUnknown, "Invalid engine: '%s'. Supported engines are: %s", s, strings.Join(names, ", "))
}

// UnmarshalText reads what [ParseEngine] accepts.
func (e *Engine) UnmarshalText(b []byte) (err error) {
	*e, err = ParseEngine(string(b))
	return err
}

func (e Engine) problem() error {
	_, err := ParseEngine(string(e))
	return err
}

// Or returns e, or the other if e is empty.
func (e Engine) Or(other Engine) Engine { return orElse(e, other) }

// BuiltIn is the Path of an engine that is part of Ratchet's own binary.
const BuiltIn = "built in"

// An EngineInfo is what a machine knows of one engine, at the time it looked.
type EngineInfo struct {
	Name    Engine `json:"name"`
	Version string `json:"version,omitempty"` // as the engine itself says it, such as "24.4.1"; empty if it could not be asked
	Path    string `json:"path,omitempty"`    // of its binary, or BuiltIn; empty if there is none
	// Source is where it was found: BuiltIn, "configured", "installed" (by
	// ratchet engine install) or "PATH".
	Source  string `json:"source,omitempty"`
	Default bool   `json:"default"` // what a task runs in that names no engine
	// Chosen tells the one of several Nodes that tasks run in.
	Chosen  bool   `json:"chosen"`
	Usable  bool   `json:"usable"`
	Problem string `json:"problem,omitempty"` // why it is not usable, and what would help
	// Level is how well its workers are isolated, such as "strict"; empty while
	// no worker of it has started.
	Level string `json:"level,omitempty"`
}
