//go:build unix

package engine_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/engine"
)

func TestTheBuiltInEngineIsAlwaysThere(t *testing.T) {
	t.Parallel()
	e := engine.New(engine.Config{})
	for _, name := range []ratchet.Engine{"", ratchet.EngineQuickJS} {
		if err := e.Check(t.Context(), name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	failed(t, e.Check(t.Context(), "v8"), ratchet.ReasonEngineUnknown, "quickjs, node")
	all := e.List(t.Context())
	if len(all) != 2 || all[0].Name != ratchet.EngineQuickJS || !all[0].Usable || !all[0].Default || all[0].Path != ratchet.BuiltIn {
		t.Errorf("got %+v", all)
	}
	if all[1].Usable || !strings.Contains(all[1].Problem, "ratchet engine install node") {
		t.Errorf("of a missing Node: got %+v", all[1])
	}
}

func TestTheNodeThatIsMeantIsFoundInOrder(t *testing.T) {
	t.Parallel()
	path, configured, dir := node(t, "24.1.0"), node(t, "25.0.0"), t.TempDir()
	find := func(c engine.Config) ratchet.EngineInfo {
		t.Helper()
		n, err := engine.New(c).Node(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	c := engine.Config{Path: "relative" + string(os.PathListSeparator) + path, Dir: dir}
	if n := find(c); n.Version != "24.1.0" || n.Source != "PATH" || n.Path != filepath.Join(path, "node") {
		t.Errorf("in PATH: got %+v", n)
	}
	r := serve(t, map[string][]byte{"22.13.0": packed(t, "22.13.0"), "22.9.9": packed(t, "22.9.9"), "22.14.1": packed(t, "22.14.1")})
	for _, v := range []string{"22.14.1", "22.13.0"} {
		if _, err := engine.New(c).Install(t.Context(), engine.Wanted{Version: v, Registry: r.source()}); err != nil {
			t.Fatal(err)
		}
	}
	if n := find(c); n.Version != "22.14.1" || n.Source != "installed" {
		t.Errorf("the newest that is installed: got %+v", n)
	}
	c.Node = filepath.Join(configured, "node")
	if n := find(c); n.Version != "25.0.0" || n.Source != "configured" {
		t.Errorf("the configured one: got %+v", n)
	}
	c.Node = filepath.Join(configured, "missing")
	_, err := engine.New(c).Node(t.Context()) // and no other in its place
	unavailable(t, err, "there is no file "+c.Node, "engines.node.path")
}

func TestANodeThatCannotRunTasksIsToldApart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script string
		want   string
	}{
		"old":      {"#!/bin/sh\n[ \"$1\" = --version ] && { echo v20.20.2; exit; }\necho \"node: bad option: $1\" >&2; exit 9\n", "is Node 20.20.2, and tasks need 22.13, 23.5 or newer"},
		"crashing": {"#!/bin/sh\necho 'FATAL ERROR: v8::Startup' >&2; kill -ABRT $$\n", "does not start (signal: aborted): \"FATAL ERROR: v8::Startup\""},
		"no node":  {"#!/bin/sh\necho hello\n", "does not answer as Node does: it wrote \"hello\\n\""},
		"garbled":  {"not a program", "cannot be started: exec format error"},
		"open":     {"#!/bin/sh\nprintf '{\"version\":\"24.0.0\",\"confined\":false}'\n", "whose permission model does not hold"},
	} {
		_, err := engine.New(engine.Config{Path: program(t, c.script)}).Node(t.Context())
		unavailable(t, err, "the engine \"node\" cannot run tasks here", c.want, "ratchet engine install node")
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func TestANodeThatHangsIsEndedWithWhatItStarted(t *testing.T) {
	t.Parallel()
	dir := program(t, "#!/bin/sh\n/bin/sleep 600 & echo $! > \"$0.child\"; wait\n")
	begun := time.Now()
	_, err := engine.New(engine.Config{Path: dir, Answer: 300 * time.Millisecond}).Node(t.Context())
	unavailable(t, err, "did not answer within 300ms")
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	child, err := os.ReadFile(filepath.Join(dir, "node.child"))
	if err != nil {
		t.Fatal(err)
	}
	state, err := os.ReadFile("/proc/" + strings.TrimSpace(string(child)) + "/stat")
	if err == nil && !strings.Contains(string(state), ") Z ") {
		t.Errorf("the child lives: %s", state)
	}
}

func TestANodeIsNotGivenTheEnvironment(t *testing.T) {
	t.Setenv("NODE_OPTIONS", "--require /nowhere")
	dir := program(t, "#!/bin/sh\n[ -z \"$NODE_OPTIONS\" ] || exit 7\n"+strings.TrimPrefix(answering("24.0.0"), "#!/bin/sh\n"))
	if _, err := engine.New(engine.Config{Path: dir}).Node(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestANodeThatWasMissingIsFoundOnceItIsThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := engine.New(engine.Config{Path: dir, Again: time.Nanosecond})
	_, err := e.Node(t.Context())
	unavailable(t, err, "no Node was found")
	if err := os.Rename(filepath.Join(node(t, "24.0.0"), "node"), filepath.Join(dir, "node")); err != nil {
		t.Fatal(err)
	}
	if n, err := e.Node(t.Context()); err != nil || n.Version != "24.0.0" {
		t.Errorf("got %+v, %v", n, err)
	}
}

// The machine's own node, whatever it is, is told of by its version.
func TestTheNodeOfThisMachineIsAskedWhatItIs(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node in PATH")
	}
	out, err := exec.CommandContext(t.Context(), path, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	version := strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
	all := engine.New(engine.Config{Node: path}).List(t.Context())
	if got := all[1]; got.Version != version || got.Usable == (got.Problem != "") {
		t.Errorf("got %+v, want version %s", got, version)
	}
	if strings.HasPrefix(version, "20.") && !strings.Contains(all[1].Problem, "tasks need 22.13") {
		t.Errorf("of %s: got %+v", version, all[1])
	}
}
