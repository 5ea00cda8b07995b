package recording_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/recording"
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

// A lab runs and replays.
type lab struct {
	online  *executor.Executor
	offline *executor.Executor // has no client
}

func newLab(t testing.TB) *lab {
	t.Helper()
	config := workerpool.Config{Running: 2}
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
	return &lab{executor.New(pool, client), executor.New(pool, nil)}
}

func newServer(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// A folder is the files of a task by name.
type folder map[string]string

func load(t testing.TB, files folder) *bundle.Bundle {
	t.Helper()
	dir := t.TempDir()
	if files["metadata.json"] == "" {
		files["metadata.json"] = `{"name": "test", "version": "1.2.3", "permissions": {"env": ["TOKEN", "PIN"]}}`
	}
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := bundle.Load(t.Context(), dir, bundle.Options{})
	if err != nil {
		t.Fatalf("load the task: %v %+v", err, ratchet.AsError(err).Details)
	}
	return b
}

func script(t testing.TB, source string) *bundle.Bundle { return load(t, folder{"main.js": source}) }

// record runs the request with the input and returns the recording of it, read
// back from its folder.
func (l *lab) record(t testing.TB, req executor.Request, input any) (*recording.Recording, *ratchet.Execution) {
	t.Helper()
	text, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	req.Input = text
	r, req := recording.Record(req, l.online.Outside(), recording.Origin{Ratchet: "1.0.0", Engine: "quickjs", TaskPath: "task"})
	x := l.online.Execute(t.Context(), req)
	dir := filepath.Join(t.TempDir(), "recording")
	if err := r.Write(dir, x); err != nil {
		t.Fatal(err)
	}
	rec, err := recording.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return rec, x
}

// replay replays the recording on the bundle, its own if that is nil.
func (l *lab) replay(t testing.TB, r *recording.Recording, b *bundle.Bundle, env map[string]string) (*recording.Comparison, *ratchet.Execution) {
	t.Helper()
	if b == nil {
		var err error
		if b, err = r.Bundle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	p := recording.NewReplay(r, env)
	x := l.offline.Execute(t.Context(), p.Request(b))
	return p.Compare(x), x
}

// wantEqual fails the test unless the replay did as recorded.
func wantEqual(t testing.TB, c *recording.Comparison) {
	t.Helper()
	if !c.Equal() {
		text, _ := json.MarshalIndent(c, "", "  ")
		t.Fatalf("the replay differs: %s", text)
	}
}

// files are the names and contents of a recording's files.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
