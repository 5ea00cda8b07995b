package main_test

import (
	"archive/zip"
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ratchet-runner/ratchet-go/internal/cli"
	"github.com/ratchet-runner/ratchet-go/internal/feature"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

var update = flag.Bool("update", false, "write the expected output in testdata/script anew")

// TestMain makes the test binary the ratchet command, and what that starts as
// /proc/self/exe: a worker, and what becomes a plugin.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "worker" || os.Args[1] == "plugin-launch") {
		os.Exit(cli.Main(context.Background(), cli.OS()))
	}
	testscript.Main(suite{m}, map[string]func(){
		"ratchet": func() { os.Exit(cli.Main(context.Background(), world())) },
		"exits":   exits,
		"lacking": lacking,
	})
}

// A suite is all tests, and the database server that some of them start.
type suite struct{ *testing.M }

// Run implements testscript.TestingM.
func (s suite) Run() int {
	defer storetest.Stop()
	return s.M.Run()
}

// world is this process, but that its workers are the plain build that
// RATCHET_TEST_WORKER names, if it does: under the race detector a worker would
// be twenty times as slow.
func world() cli.World {
	w := cli.OS()
	if worker := os.Getenv("RATCHET_TEST_WORKER"); worker != "" {
		w.Worker = []string{worker, "worker"}
	}
	return w
}

// exits is the command "exits CODE ratchet ARG…": it succeeds if ratchet ends
// with that code.
func exits() {
	w := world()
	want, err := strconv.Atoi(w.Args[0])
	if err != nil || w.Args[1] != "ratchet" {
		fmt.Fprintln(os.Stderr, "usage: exits CODE ratchet ARG…")
		os.Exit(2)
	}
	w.Args = w.Args[2:]
	if got := cli.Main(context.Background(), w); got != want {
		fmt.Fprintf(os.Stderr, "EXIT CODE: got %d, want %d\n", got, want)
		os.Exit(1)
	}
}

// The scripts are the specification of the command line: one for each command,
// and for each kind of bad input.
func TestScripts(t *testing.T) {
	t.Parallel()
	params := scripts(t, nil)
	params.Dir = filepath.Join("testdata", "script")
	testscript.Run(t, params)
}

// scripts is how scripts are run, with variables beside those that all of them
// have.
func scripts(t *testing.T, env map[string]string) testscript.Params {
	server := newServer(t)
	return testscript.Params{
		Condition: func(condition string) (bool, error) {
			if condition == "node" { // by default tasks run in Node
				return env["RATCHET_EXECUTION_ENGINE"] == "node", nil
			}
			return built(condition)
		},
		UpdateScripts:      *update,
		RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			examples, err := filepath.Abs(filepath.Join("..", "..", "examples"))
			if err != nil {
				return err
			}
			_, port, err := net.SplitHostPort(server.Listener.Addr().String())
			e.Setenv("EXAMPLES", examples)
			e.Setenv("URL", server.URL)
			e.Setenv("PORT", port)
			e.Setenv("RATCHET_TEST_WORKER", os.Getenv("RATCHET_TEST_WORKER"))
			for name, value := range env {
				e.Setenv(name, value)
			}
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"archive": archive, "nest": nest, "listening": listening, "remember": remember, "receiver": receiving, "until": until},
	}
}

// built is the condition of a script that needs a feature, as in "[!server] skip":
// whether this program was built with it.
func built(condition string) (bool, error) {
	for _, f := range feature.All() {
		if f.Tag == "no"+condition {
			return f.In, nil
		}
	}
	return false, fmt.Errorf("there is no condition %q", condition)
}

// newServer returns a server of what can come of a request.
func newServer(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"method": %q, "agent": %q}`, r.Method, r.UserAgent())
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/bytes?n=5", http.StatusFound) })
	mux.HandleFunc("/reset", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/never", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/10GB", func(w http.ResponseWriter, _ *http.Request) {
		block := make([]byte, 64<<10)
		for range 10 << 30 / len(block) {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/bytes", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		_, _ = w.Write(bytes.Repeat([]byte("x"), n))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// archive is the command "archive FILE.zip KIND": a zip with a task, and what
// the kind says is odd about it.
func archive(ts *testscript.TestScript, _ bool, args []string) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(name, text string, mode os.FileMode) {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(mode)
		w, err := z.CreateHeader(h)
		ts.Check(err)
		_, err = w.Write([]byte(text))
		ts.Check(err)
	}
	dir := ""
	if args[1] == "folder" {
		dir = "inner/"
	}
	add(dir+"metadata.json", `{"name": "zipped", "version": "1.0.0"}`, 0o644)
	add(dir+"main.js", `(input) => ({ zipped: true })`, 0o644)
	switch args[1] {
	case "root", "folder":
	case "slip":
		add("../../evil.js", `"evil"`, 0o644)
	case "absolute":
		add("/etc/evil.js", `"evil"`, 0o644)
	case "symlink":
		add("secret.json", "/etc/passwd", os.ModeSymlink|0o777)
	case "bomb":
		add("zeros.txt", strings.Repeat("\x00", 32<<20), 0o644)
	default:
		ts.Fatalf("archive: unknown kind %s", args[1])
	}
	ts.Check(z.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o600))
}

// nest is the command "nest FILE DEPTH": a JSON text of arrays in arrays.
func nest(ts *testscript.TestScript, _ bool, args []string) {
	depth, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Repeat("[", depth)+strings.Repeat("]", depth)), 0o600))
}
