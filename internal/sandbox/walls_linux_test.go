//go:build !race

package sandbox_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// noUserNamespaces is a kernel or container that has none.
var noUserNamespaces = sandbox.Outer{
	Nr: unix.SYS_CLONE, Mask: unix.CLONE_NEWUSER, Value: unix.CLONE_NEWUSER, Errno: unix.EPERM, Before: "user namespaces",
}

func TestEveryProbeIsBlockedOnEveryThread(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		outer []sandbox.Outer
		level sandbox.Level
	}{
		{"strict", nil, sandbox.LevelStrict},
		{"without user namespaces", []sandbox.Outer{noUserNamespaces}, sandbox.LevelReduced},
	} {
		for _, user := range users {
			t.Run(test.name+" as "+user.name, func(t *testing.T) {
				t.Parallel()
				o := runServer(t, user.root, scenario{Probe: true, Outer: test.outer})
				if o.Report.Level != test.level {
					t.Errorf("got %v, want level %s", o.Report, test.level)
				}
				if got, want := len(o.Probes), veterans+2; got != want {
					t.Errorf("probed %d threads, want %d", got, want)
				}
				for thread, verdicts := range o.Probes {
					for _, p := range probes {
						if v, tried := verdicts[p.name]; !tried || !v.Blocked {
							t.Errorf("%s, on thread %s: got %+v (tried: %t), want it blocked", p.name, thread, v, tried)
						}
					}
				}
				t.Logf("%d probes on %d threads blocked; %v", len(probes), len(o.Probes), o.Report)
			})
		}
	}
}

// Without this the test above would prove nothing.
func TestEveryProbeIsOpenWithoutLayers(t *testing.T) {
	t.Parallel()
	for _, user := range users {
		t.Run(user.name, func(t *testing.T) {
			t.Parallel()
			s := without(sandbox.Layers()...)
			s.Probe = true
			o := runServer(t, user.root, s)
			if o.Report.Level != sandbox.LevelNone {
				t.Errorf("got %v, want level none", o.Report)
			}
			open := 0
			for _, p := range probes {
				v := o.Probes[onFresh][p.name]
				switch {
				case p.never != "":
					t.Logf("not counted: %s: %s (%s)", p.name, p.never, v.Err)
				case p.root != "" && !user.root:
					t.Logf("closed to this user anyway: %s: %s (%s)", p.name, p.root, v.Err)
					if v.Err == "" {
						t.Errorf("%s: got open, though it %s", p.name, p.root)
					}
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

// The layers under seccomp hold by themselves what they are for.
func TestOtherWallsStandWithoutSeccomp(t *testing.T) {
	t.Parallel()
	held := []string{
		// empty root and Landlock
		"open a file", "list the root", "stat a file", "create a file", "write to a file", "make a directory",
		// namespaces
		"read the server's memory", "read the server's environment", "process_vm_readv the server", "ptrace the server",
		"kill the server", "pidfd_open the server", "connect to the server's unix socket",
		// namespaces and Landlock
		"connect to the server's port", "bind a port",
		// capabilities
		"mount", "umount", "chroot", "pivot_root", "make a device", "open by handle", "socket packet", "socket raw",
		"setresuid to another", "unshare the network", "setns to the server's network", "sethostname", "bpf", "fsopen",
		// MDWE
		"mmap writable and executable", "mprotect writable to executable", "pkey_mprotect writable to executable",
	}
	for _, user := range users {
		t.Run(user.name, func(t *testing.T) {
			t.Parallel()
			s := without(sandbox.LayerSeccomp)
			s.Probe = true
			verdicts := runServer(t, user.root, s).Probes[onFresh]
			for _, name := range held {
				if v, tried := verdicts[name]; !tried || v.Err == "" {
					t.Errorf("%s: got open (tried: %t), want it held by another layer", name, tried)
				}
			}
		})
	}
}
