package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/engine"
)

// engines are those of this machine, as the configuration here has them. Commands
// that run tasks themselves take only this of it.
func (a *app) engines() (*engine.Engines, error) {
	l, err := a.configuration(&configFlags{})
	if err != nil {
		return nil, err
	}
	return a.enginesOf(l), nil
}

func (a *app) enginesOf(l *config.Loaded) *engine.Engines {
	return engine.New(engine.Config{
		Default: ratchet.Engine(l.Execution.Engine), Node: l.Engines.Node.Path, Dir: a.enginesDir(l),
		Path: a.getenv("PATH"), Home: a.getenv("HOME"),
	})
}

// enginesDir is where engines are installed. A command that has no configuration
// finds there what another has installed, whatever folder both are called in: so
// it is one of the user's own, unless somebody has configured another.
func (a *app) enginesDir(l *config.Loaded) string {
	switch {
	case filepath.IsAbs(l.Engines.Dir):
		return l.Engines.Dir
	case l.Engines.Dir != "":
		return absolute(filepath.Join(l.Data.Dir, l.Engines.Dir))
	case l.From("data.dir") != "default" || a.ownDir() == "":
		return absolute(filepath.Join(l.Data.Dir, "engines"))
	default:
		return filepath.Join(a.ownDir(), "ratchet", "engines")
	}
}

func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		return whole
	}
	return path
}

// ownDir is where programs keep what is the user's, by the habit of the system;
// empty if there is no such place.
func (a *app) ownDir() string {
	if dir := a.getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	home := a.getenv("HOME")
	switch {
	case runtime.GOOS == "windows":
		return a.getenv("LocalAppData")
	case !isDir(home):
		return "" // such as a service's user
	case runtime.GOOS == "darwin":
		return filepath.Join(home, "Library", "Application Support")
	default:
		return filepath.Join(home, ".local", "share")
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return path != "" && err == nil && info.IsDir()
}

// An engineFlag is the engine that a flag names.
type engineFlag ratchet.Engine

// Set takes an engine's name.
func (f *engineFlag) Set(text string) error {
	e, err := ratchet.ParseEngine(text)
	*f = engineFlag(e)
	return err
}

func (f *engineFlag) String() string { return string(*f) }

// Type names the value in help texts.
func (*engineFlag) Type() string { return "engine" }

// engineNames lists the engines that tasks can run in, the default first.
func (a *app) engineNames(all []ratchet.EngineInfo) string {
	var names []string
	for _, e := range all {
		switch name := string(e.Name) + " " + e.Version; {
		case e.Usable && e.Default:
			names = append([]string{name}, names...)
		case e.Usable:
			names = append(names, name)
		case e.Default:
			names = append(names, a.err.yellow(string(e.Name)+" is missing"))
		}
	}
	return strings.Join(names, ", ")
}

// likely is what a task will run in, as far as that is known before it is read.
func (f *runFlags) likely(e *engine.Engines) ratchet.Engine {
	return ratchet.Engine(f.engine).Or(e.Default())
}
