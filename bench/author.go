package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// have reports an error if the command under test does not know a command, or
// that command not a flag.
func (b *bench) have(command, flag string) error {
	out, err := exec.CommandContext(b.ctx, b.ratchet, "help", command).Output()
	switch {
	case err != nil:
		return fmt.Errorf("there is no ratchet %s", command)
	case !strings.Contains(string(out), flag):
		return fmt.Errorf("ratchet %s has no %s", command, flag)
	}
	return nil
}

// in runs f with a folder that is gone afterwards.
func in(f func(dir string) error) error {
	dir, err := os.MkdirTemp("", "ratchet-bench")
	if err != nil {
		return err
	}
	return errors.Join(f(dir), os.RemoveAll(dir))
}

// tests is `ratchet test` of 50 tasks with 10 small tests each.
func tests(b *bench) error {
	if err := b.have("test", ""); err != nil {
		return err
	}
	return in(func(dir string) error {
		const tasks, each = 50, 10
		for i := range tasks {
			task := filepath.Join(dir, fmt.Sprintf("task-%02d", i))
			if err := os.CopyFS(task, os.DirFS("examples/addition")); err != nil {
				return err
			}
			if err := os.RemoveAll(filepath.Join(task, "tests")); err != nil {
				return err
			}
			metadata := fmt.Sprintf(`{"name": "task-%02d", "version": "1.0.0"}`, i)
			if err := os.WriteFile(filepath.Join(task, "metadata.json"), []byte(metadata), 0o644); err != nil {
				return err
			}
			if err := os.Mkdir(filepath.Join(task, "tests"), 0o755); err != nil {
				return err
			}
			for n := range each {
				text := fmt.Sprintf(`{"input": {"num1": %d, "num2": %d}, "expected_output": {"sum": %d, "product": %d}}`, i, n, i+n, i*n)
				if err := os.WriteFile(filepath.Join(task, "tests", fmt.Sprintf("%d.json", n)), []byte(text), 0o644); err != nil {
					return err
				}
			}
		}
		var took []time.Duration
		for range max(3, b.rounds/4) {
			d, err := b.timed(b.ratchet, "test", dir)
			if err != nil {
				return err
			}
			took = append(took, d)
		}
		b.report("`ratchet test` of 500 small tests of 50 tasks", "≤ 5 s, beyond ≤ 2 s", "%v", round(median(took)))
		return nil
	})
}

// fetcher is a task that makes n requests, ten at once.
const fetcher = `async ({ url, n }) => {
	let sum = 0;
	for (let i = 0; i < n; i += 10) {
		const batch = Array.from({ length: Math.min(10, n - i) }, (_, j) => fetch(url + "/" + (i + j)).then((r) => r.json()));
		for (const { value } of await Promise.all(batch)) sum += value;
	}
	return sum;
}`

// fetching writes the task and starts a server for it. The arguments are those
// of a run of the task that makes n requests.
func (b *bench) fetching(dir string, n int) (args []string, stop func(), err error) {
	task := filepath.Join(dir, "fetcher.js")
	if err := os.WriteFile(task, []byte(fetcher), 0o644); err != nil {
		return nil, nil, err
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		value, _ := strconv.Atoi(strings.TrimPrefix(req.URL.Path, "/"))
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]int{"value": value}) // the client judges what arrived
	}))
	in := fmt.Sprintf(`{"url": %q, "n": %d}`, server.URL, n)
	return []string{"run", task, "--input", in, "--allow-net", "127.0.0.1", "--max-fetches", strconv.Itoa(n)}, server.Close, nil
}

// recording is a run that is recorded against one that is not.
func recording(b *bench) error {
	if err := b.have("run", "--record"); err != nil {
		return err
	}
	return in(func(dir string) error {
		args, stop, err := b.fetching(dir, 5)
		if err != nil {
			return err
		}
		defer stop()
		n := 0
		on, off, ratio, err := b.pair(
			func() (time.Duration, error) {
				n++ // a recording wants a folder that is not there yet
				return b.timed(b.ratchet, append(args, "--record", filepath.Join(dir, strconv.Itoa(n)))...)
			},
			func() (time.Duration, error) { return b.timed(b.ratchet, args...) },
		)
		if err != nil {
			return err
		}
		b.report("`ratchet run` of a task with 5 fetches, recording on against off", "≤ 1.2×, beyond ≤ 1.1×",
			"%.2f× (%v against %v)", ratio, round(on), round(off))
		return nil
	})
}

// replaying is the replay of a long recording.
func replaying(b *bench) error {
	if err := errors.Join(b.have("run", "--record"), b.have("replay", "")); err != nil {
		return err
	}
	return in(func(dir string) error {
		args, stop, err := b.fetching(dir, 1000)
		if err != nil {
			return err
		}
		record := filepath.Join(dir, "recording")
		_, err = b.timed(b.ratchet, append(args, "--record", record)...)
		stop() // a replay makes no requests
		if err != nil {
			return err
		}
		var took []time.Duration
		for range max(3, b.rounds/4) {
			d, err := b.timed(b.ratchet, "replay", record)
			if err != nil {
				return err
			}
			took = append(took, d)
		}
		b.report("`ratchet replay` of a recording with 1,000 fetches", "≤ 1 s", "%v", round(median(took)))
		return nil
	})
}
