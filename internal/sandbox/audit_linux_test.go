//go:build !race

package sandbox_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// An audit is what /proc says about a process, seen from outside.
type audit struct {
	Descriptors map[string]string
	Environment []string
	UIDMap      string
	GIDMap      string
	OOMScore    string
	// Status is each field's value, all values joined if threads differ.
	Status  map[string]string
	Threads int
	Root    string // what is in its root directory
	Mounts  string
	NS      map[string]string
	OwnNS   map[string]string // the server's
	Limits  string
}

func auditProcess(pid int) (audit, error) {
	a := audit{Descriptors: make(map[string]string), Status: make(map[string]string)}
	dir := fmt.Sprintf("/proc/%d", pid)
	fds, err := os.ReadDir(dir + "/fd")
	if err != nil {
		return a, nil // an unprivileged server cannot look into a process that is not dumpable
	}
	for _, fd := range fds {
		to, err := os.Readlink(dir + "/fd/" + fd.Name())
		if err != nil {
			return a, err
		}
		a.Descriptors[fd.Name()] = to
	}
	environ, err := os.ReadFile(dir + "/environ")
	if err != nil {
		return a, err
	}
	a.Environment = strings.FieldsFunc(string(environ), func(r rune) bool { return r == 0 })
	for name, field := range map[string]*string{
		"uid_map": &a.UIDMap, "gid_map": &a.GIDMap, "oom_score_adj": &a.OOMScore, "mounts": &a.Mounts, "limits": &a.Limits,
	} {
		text, err := os.ReadFile(dir + "/" + name)
		if err != nil {
			return a, err
		}
		*field = strings.TrimSpace(string(text))
	}
	a.NS, a.OwnNS = namespacesOf(dir), namespacesOf("/proc/self")
	return a, a.readStatus(dir)
}

func namespacesOf(dir string) map[string]string {
	all := make(map[string]string)
	for _, ns := range []string{"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"} {
		all[ns], _ = os.Readlink(dir + "/ns/" + ns)
	}
	return all
}

// readStatus gathers what the status of every thread says; values that differ
// between threads are joined.
func (a *audit) readStatus(dir string) error {
	threads, err := filepath.Glob(dir + "/task/*/status")
	if err != nil {
		return err
	}
	for _, path := range threads {
		status, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // a fresh thread that has ended
		}
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(status)) {
			name, value, _ := strings.Cut(line, ":")
			value = strings.Join(strings.Fields(value), " ")
			if old, ok := a.Status[name]; ok && old != value {
				value = old + "|" + value
			}
			a.Status[name] = value
		}
	}
	a.Threads = len(threads)
	return nil
}

func TestWorkerHasNothingOfTheServer(t *testing.T) {
	t.Parallel()
	for _, user := range users {
		t.Run(user.name, func(t *testing.T) {
			t.Parallel()
			const slot = 7
			o := runServer(t, user.root, scenario{Slot: slot})
			a := o.Audit
			if len(a.Descriptors) == 0 {
				t.Fatal("the server could not look into its own worker's namespaces")
			}
			for fd, to := range a.Descriptors {
				allowed := map[string][]string{"0": {"/dev/null"}, "1": {"/dev/null"}, "2": {"pipe:"}, "3": {"socket:"}}[fd]
				if allowed == nil { // the Go runtime's poller
					allowed = []string{"anon_inode:[eventpoll]", "anon_inode:[eventfd]"}
				}
				if !slices.ContainsFunc(allowed, func(prefix string) bool { return strings.HasPrefix(to, prefix) }) {
					t.Errorf("descriptor %s is %s, want %v", fd, to, allowed)
				}
			}
			want := []string{"GOMAXPROCS=2", "GODEBUG=containermaxprocs=0,updatemaxprocs=0", "TZ=UTC"}
			if !slices.Equal(a.Environment, want) {
				t.Errorf("environment: got %q, want %q", a.Environment, want)
			}
			uid := os.Getuid()
			if os.Getuid() == 0 {
				uid = unprivileged
			}
			if user.root {
				uid = sandbox.FirstSlot + slot
			}
			for what, got := range map[string]string{"uid_map": a.UIDMap, "gid_map": a.GIDMap} {
				if got, want := strings.Fields(got), []string{"0", fmt.Sprint(uid), "1"}; !slices.Equal(got, want) {
					t.Errorf("%s: got %v, want %v", what, got, want)
				}
			}
			auditStatus(t, a, uid, user.root)
			for ns, id := range a.NS {
				if id == "" || id == a.OwnNS[ns] {
					t.Errorf("%s namespace: got %q, the server's is %q", ns, id, a.OwnNS[ns])
				}
			}
			if a.OOMScore != "1000" {
				t.Errorf("oom_score_adj: got %s, want 1000", a.OOMScore)
			}
			if want := "none / tmpfs ro,nosuid,nodev,noexec"; !strings.HasPrefix(a.Mounts, want) || strings.Contains(a.Mounts, "\n") {
				t.Errorf("mounts: got %q, want only %q …", a.Mounts, want)
			}
			if o.Usage.RSS < 1<<20 || o.Usage.CPU <= 0 || o.PSS < 1<<20 || o.Limit != "" {
				t.Errorf("usage %+v, pss %d %s, limit %q", o.Usage, o.PSS, o.PSSErr, o.Limit)
			}
		})
	}
}

// auditStatus checks what has to hold on every thread.
func auditStatus(t *testing.T, a audit, uid int, groupsDropped bool) {
	t.Helper()
	want := map[string]string{
		"Seccomp": "2", "NoNewPrivs": "1",
		"CapEff": strings.Repeat("0", 16), "CapPrm": strings.Repeat("0", 16),
		"CapInh": strings.Repeat("0", 16), "CapAmb": strings.Repeat("0", 16),
		"Uid": strings.TrimSpace(strings.Repeat(fmt.Sprint(uid, " "), 4)),
	}
	if groupsDropped {
		want["Groups"] = ""
	}
	for field, value := range want {
		if got := a.Status[field]; got != value {
			t.Errorf("%s of the threads: got %q, want %q", field, got, value)
		}
	}
	if a.Threads <= veterans {
		t.Errorf("got %d threads, want the main one and %d veterans", a.Threads, veterans)
	}
}
