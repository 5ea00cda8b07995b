package executor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/node"
	"github.com/ratchet-runner/ratchet-go/internal/node/nodetest"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/internal/worker"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// The test binary is also the worker.
func TestMain(m *testing.M) {
	if err := sandbox.CloseInherited(); err != nil { // as main does
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if len(os.Args) == 3 && os.Args[1] == "worker" {
		if err := worker.Main(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// newExecutor returns an Executor whose tasks may reach this machine. They run in
// the engine that RATCHET_TEST_ENGINE names, by which a whole run of these tests
// can be had in Node.
func newExecutor(t testing.TB, config workerpool.Config) *executor.Executor {
	t.Helper()
	return newExecutorOf(t, ratchet.Engine(os.Getenv("RATCHET_TEST_ENGINE")), config)
}

// onEveryEngine runs a test on each engine.
func onEveryEngine(t *testing.T, test func(t *testing.T, engine ratchet.Engine)) {
	for _, engine := range ratchet.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, engine)
		})
	}
}

func newExecutorOf(t testing.TB, engine ratchet.Engine, config workerpool.Config) *executor.Executor {
	t.Helper()
	if plain := os.Getenv("RATCHET_TEST_WORKER"); plain != "" {
		config.Command = []string{plain, "worker"} // this binary has the race detector in it
	}
	pool := workerpool.New(config)
	t.Cleanup(pool.Close)
	client, err := egress.New(egress.Config{AllowCIDR: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	x := executor.New(pool, client)
	if engine == ratchet.EngineNode {
		x.SetEngines(nodeEngines{nodetest.Runtime(t)})
	}
	return x
}

// nodeEngines is a machine whose tasks run in Node.
type nodeEngines struct{ node.Runtime }

func (nodeEngines) Default() ratchet.Engine { return ratchet.EngineNode }
func (e nodeEngines) Node(context.Context) (ratchet.EngineInfo, error) {
	return ratchet.EngineInfo{Name: ratchet.EngineNode, Path: e.Path, Version: e.Version, Usable: true}, nil
}

// A folder is the files of a task by name.
type folder map[string]string

// load makes a bundle of a task; a folder without metadata gets some.
func load(t testing.TB, files folder) *bundle.Bundle {
	t.Helper()
	return loadFor(t, "", files)
}

func loadFor(t testing.TB, engine ratchet.Engine, files folder) *bundle.Bundle {
	t.Helper()
	dir := t.TempDir()
	if files["metadata.json"] == "" {
		files["metadata.json"] = `{"name": "test", "version": "1.2.3"}`
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := bundle.Load(t.Context(), dir, bundle.Options{Engine: engine})
	if err != nil {
		t.Fatalf("load the task: %v %+v", err, ratchet.AsError(err).Details)
	}
	return b
}

func script(t testing.TB, source string) *bundle.Bundle {
	t.Helper()
	return load(t, folder{"main.js": source})
}

// execute runs a request with an input, and checks what holds of every record.
func execute(t testing.TB, x *executor.Executor, req executor.Request, input string) *ratchet.Execution {
	t.Helper()
	req.Input = json.RawMessage(input)
	e := x.Execute(t.Context(), req)
	check(t, e)
	return e
}

func check(t testing.TB, e *ratchet.Execution) {
	t.Helper()
	if wrong := e.Validate(); len(wrong) > 0 && (e.Error == nil || e.Error.Reason != ratchet.ReasonInputInvalid) {
		t.Errorf("the record is not valid: %+v", wrong)
	}
	if !e.State.Terminal() || e.State != ratchet.EndState(e.Error) || e.FinishedAt.IsZero() {
		t.Errorf("got state %s, finished %v, with error %v", e.State, e.FinishedAt, e.Error)
	}
	if _, err := json.Marshal(e); err != nil {
		t.Errorf("the record cannot be stored: %v", err)
	}
}

// wantOutput fails the test unless the execution gave the output.
func wantOutput(t testing.TB, e *ratchet.Execution, want string) {
	t.Helper()
	if e.Error != nil {
		t.Fatalf("got %s: %s %+v\n%s", e.Error.Reason, e.Error.Message, e.Error.Details, e.Error.Stack)
	}
	if string(e.Output) != want {
		t.Errorf("got %s, want %s", e.Output, want)
	}
}

// wantError fails the test unless the execution ended for the reason.
func wantError(t testing.TB, e *ratchet.Execution, want ratchet.Reason) *ratchet.Error {
	t.Helper()
	if e.Error == nil {
		t.Fatalf("got output %.200s, want %s", e.Output, want)
	}
	if e.Error.Reason != want {
		t.Fatalf("got %s (%s), want %s", e.Error.Reason, e.Error.Message, want)
	}
	return e.Error
}

// newServer is an HTTP server on the loopback address.
func newServer(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

const second = ratchet.Duration(time.Second)
