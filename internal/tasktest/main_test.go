package tasktest_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/internal/tasktest"
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

// config returns a Config whose tasks may reach this machine.
func config(t *testing.T) tasktest.Config {
	t.Helper()
	var c workerpool.Config
	if plain := os.Getenv("RATCHET_TEST_WORKER"); plain != "" {
		c.Command = []string{plain, "worker"} // this binary has the race detector in it
	}
	pool := workerpool.New(c)
	t.Cleanup(pool.Close)
	client, err := egress.New(egress.Config{AllowCIDR: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return tasktest.Config{
		Executor: executor.New(pool, client), Parallel: 2,
		Load: func(ctx context.Context, path string) (*bundle.Bundle, error) {
			return bundle.Load(ctx, path, bundle.Options{})
		},
	}
}

// A folder is the files of a task by name.
type folder map[string]string

// write makes the task in a new folder; one without metadata gets some.
func (f folder) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if f["metadata.json"] == "" {
		f["metadata.json"] = `{"name": "task", "version": "1.0.0"}`
	}
	for name, text := range f {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
