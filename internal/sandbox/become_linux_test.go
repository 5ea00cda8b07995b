//go:build !race

package sandbox_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/node"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// becomeProbe is the life of a worker that becomes a program: a plain binary of
// this package, in the place of Node, that tries the probes from inside.
func becomeProbe(opts sandbox.Options, a assignment) (sandbox.Report, error) {
	text, err := json.Marshal(a)
	if err != nil {
		return sandbox.Report{}, err
	}
	return sandbox.Become(opts, sandbox.Program{
		Files: a.Program, Keep: []int{3},
		Args: []string{"became", sandbox.ReportArg, string(text)},
		Env:  []string{"GOMAXPROCS=2", "LD_LIBRARY_PATH=/lib:/lib/x86_64-linux-gnu"},
	})
}

// became is the main of the program that a worker became.
func became(report, assigned string) error {
	var a assignment
	var o outcome
	if err := errors.Join(json.Unmarshal([]byte(assigned), &a), json.Unmarshal([]byte(report), &o.Report)); err != nil {
		return err
	}
	conn := os.NewFile(3, "server")
	o.Probes = probeAll(a.Target, nil, false)
	if err := json.NewEncoder(conn).Encode(o); err != nil {
		return err
	}
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		return err
	}
	return nil
}

// forced are the probes that a program such as Node forces open, and why.
func forced() map[string]string {
	compiles := "V8 compiles to memory that it writes and runs"
	return map[string]string{
		"mmap writable and executable":    compiles,
		"mmap executable":                 compiles,
		"mprotect writable to executable": compiles,
	}
}

// absent reports whether a probe of a file failed because the root does not
// hold it: there opening is not refused, for the loader opens its libraries.
func absent(name string, v verdict) bool {
	return slices.Contains([]string{"open a file", "read the server's environment", "read the server's memory"}, name) &&
		strings.Contains(v.Err, "no such file")
}

func TestEveryProbeIsBlockedInAProgramThatAWorkerBecame(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		outer []sandbox.Outer
		level sandbox.Level
	}{
		{"node", nil, sandbox.LevelNode},
		{"without user namespaces", []sandbox.Outer{noUserNamespaces}, sandbox.LevelReduced},
	} {
		for _, user := range users {
			t.Run(test.name+" as "+user.name, func(t *testing.T) {
				t.Parallel()
				o := runServer(t, user.root, scenario{Program: plainProgram(t), Outer: test.outer})
				if o.Report.Level != test.level {
					t.Errorf("got %v, want level %s", o.Report, test.level)
				}
				blocked := 0
				for _, p := range probes {
					v, tried := o.Probes[onFresh][p.name]
					if why, open := forced()[p.name]; open {
						if !tried || v.Err != "" {
							t.Errorf("%s: got %+v, want it open: %s", p.name, v, why)
						}
						continue
					}
					if !tried || !v.Blocked && !absent(p.name, v) {
						t.Errorf("%s: got %+v (tried: %t), want it blocked", p.name, v, tried)
						continue
					}
					blocked++
				}
				t.Logf("%d of %d probes blocked; %v", blocked, len(probes), o.Report)
			})
		}
	}
}

// Without this the test above would prove nothing.
func TestEveryProbeIsOpenInAProgramWithoutLayers(t *testing.T) {
	t.Parallel()
	for _, user := range users {
		t.Run(user.name, func(t *testing.T) {
			t.Parallel()
			s := without(sandbox.Layers()...)
			s.Program = plainProgram(t)
			o := runServer(t, user.root, s)
			if o.Report.Level != sandbox.LevelNone {
				t.Errorf("got %v, want level none", o.Report)
			}
			open := 0
			for _, p := range probes {
				v := o.Probes[onFresh][p.name]
				switch {
				case p.never != "", p.root != "" && !user.root:
				case v.Err != "":
					t.Errorf("%s: got %q, want it open", p.name, v.Err)
				default:
					open++
				}
			}
			t.Logf("%d of %d probes open", open, len(probes))
			if open < 41 {
				t.Errorf("%d probes open, want at least 41", open)
			}
		})
	}
}

// What the root, Landlock and the namespaces are for they hold without seccomp.
func TestOtherWallsStandInAProgramWithoutSeccomp(t *testing.T) {
	t.Parallel()
	held := []string{
		"open a file", "list the root", "stat a file", "create a file", "write to a file", "make a directory",
		"read the server's memory", "read the server's environment", "process_vm_readv the server", "ptrace the server",
		"kill the server", "pidfd_open the server", "connect to the server's unix socket", "connect to the server's port", "bind a port",
		"mount", "umount", "chroot", "pivot_root", "make a device", "open by handle", "socket packet", "socket raw",
		"setresuid to another", "unshare the network", "setns to the server's network", "sethostname", "bpf", "fsopen",
	}
	for _, user := range users {
		t.Run(user.name, func(t *testing.T) {
			t.Parallel()
			s := without(sandbox.LayerSeccomp)
			s.Program = plainProgram(t)
			verdicts := runServer(t, user.root, s).Probes[onFresh]
			for _, name := range held {
				if v, tried := verdicts[name]; !tried || v.Err == "" {
					t.Errorf("%s: got open (tried: %t), want it held by another layer", name, tried)
				}
			}
		})
	}
}

// A program that seccomp would not surround is not executed.
func TestNoProgramWithoutSeccomp(t *testing.T) {
	t.Parallel()
	o := runServer(t, false, scenario{Program: plainProgram(t), Without: []sandbox.Layer{sandbox.LayerSeccomp}})
	if !strings.Contains(o.Failed, sandbox.ErrNoSeccomp.Error()) || o.Probes != nil {
		t.Errorf("got %q and %d probes, want a refusal", o.Failed, len(o.Probes))
	}
}

// plainProgram is this test binary, where every user can read and execute it, and
// the libraries that it needs where it was built with cgo.
func plainProgram(t *testing.T) []sandbox.File {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "ratchet-program-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "program")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(path, self, 0o755)); err != nil {
		t.Fatal(err)
	}
	files, err := node.Runtime{Path: path}.Files()
	if err != nil {
		t.Fatal(err)
	}
	return files
}
