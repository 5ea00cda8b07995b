//go:build !race

package sandbox_test

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// refuse is an outer filter that refuses a call.
func refuse(nr uint32, errno syscall.Errno) []sandbox.Outer {
	return []sandbox.Outer{{Nr: nr, Errno: errno}}
}

// refusePrctl is an outer filter that refuses one option of prctl.
func refusePrctl(option uint64, errno syscall.Errno) []sandbox.Outer {
	return []sandbox.Outer{{Nr: unix.SYS_PRCTL, Mask: ^uint64(0), Value: option, Errno: errno}}
}

func refuseUserNamespaces(errno syscall.Errno) []sandbox.Outer {
	o := noUserNamespaces
	o.Errno = errno
	return []sandbox.Outer{o}
}

func TestMissingLayerIsNamedAndTheOthersStand(t *testing.T) {
	t.Parallel()
	namespaces := []sandbox.Layer{sandbox.LayerNamespaces, sandbox.LayerRoot}
	for _, test := range []struct {
		name    string
		outer   []sandbox.Outer
		missing []sandbox.Layer
		why     string
	}{
		{"no Landlock in the kernel", refuse(unix.SYS_LANDLOCK_CREATE_RULESET, unix.ENOSYS), []sandbox.Layer{sandbox.LayerLandlock}, "function not implemented"},
		{"Landlock disabled at boot", refuse(unix.SYS_LANDLOCK_CREATE_RULESET, unix.EOPNOTSUPP), []sandbox.Layer{sandbox.LayerLandlock}, "not supported"},
		{"no MDWE", refusePrctl(unix.PR_SET_MDWE, unix.EINVAL), []sandbox.Layer{sandbox.LayerMDWE}, "invalid argument"},
		{"no pivot_root", refuse(unix.SYS_PIVOT_ROOT, unix.EPERM), []sandbox.Layer{sandbox.LayerRoot}, "pivot_root: operation not permitted"},
		{"no mount (AppArmor)", refuse(unix.SYS_MOUNT, unix.EACCES), []sandbox.Layer{sandbox.LayerRoot}, "permission denied"},
		{"no capset", refuse(unix.SYS_CAPSET, unix.EPERM), []sandbox.Layer{sandbox.LayerCapabilities}, "operation not permitted"},
		{"no dumpable", refusePrctl(unix.PR_SET_DUMPABLE, unix.EINVAL), []sandbox.Layer{sandbox.LayerNotDumpable}, "invalid argument"},
		{"no limits", refuse(unix.SYS_PRLIMIT64, unix.EPERM), []sandbox.Layer{sandbox.LayerRlimits}, "core: operation not permitted"},
		{"user namespaces forbidden", refuseUserNamespaces(unix.EPERM), namespaces, "operation not permitted"},
		{"user namespaces used up", refuseUserNamespaces(unix.ENOSPC), namespaces, "no space left"},
		{"no user namespaces in the kernel", refuseUserNamespaces(unix.EINVAL), namespaces, "invalid argument"},
	} {
		for _, user := range users {
			t.Run(test.name+" as "+user.name, func(t *testing.T) {
				t.Parallel()
				o := runServer(t, user.root, scenario{Outer: test.outer, Live: true})
				if o.Failed != "" || o.Report.Level != sandbox.LevelReduced {
					t.Errorf("got %v, error %q, want level reduced", o.Report, o.Failed)
				}
				var missing []sandbox.Layer
				for _, m := range o.Report.Missing {
					missing = append(missing, m.Layer)
				}
				if !slices.Equal(missing, test.missing) {
					t.Errorf("missing: got %s, want %s", joined(missing), joined(test.missing))
				}
				if len(o.Report.Missing) > 0 && !strings.Contains(o.Report.Missing[0].Why, test.why) {
					t.Errorf("why: got %q, want %q in it", o.Report.Missing[0].Why, test.why)
				}
				var want []sandbox.Layer
				for _, l := range sandbox.Layers() {
					if !slices.Contains(test.missing, l) && (l != sandbox.LayerUID || user.root) {
						want = append(want, l)
					}
				}
				if !slices.Equal(o.Report.Active, want) {
					t.Errorf("active: got %s, want %s", joined(o.Report.Active), joined(want))
				}
			})
		}
	}
}

func TestWorkerWithoutSeccompRefusesUnlessInsecure(t *testing.T) {
	t.Parallel()
	for name, outer := range map[string][]sandbox.Outer{
		"EINVAL":          refuse(unix.SYS_SECCOMP, unix.EINVAL),
		"EPERM":           refuse(unix.SYS_SECCOMP, unix.EPERM),
		"no no_new_privs": refusePrctl(unix.PR_SET_NO_NEW_PRIVS, unix.EINVAL),
	} {
		for _, user := range users {
			t.Run(name+" as "+user.name, func(t *testing.T) {
				t.Parallel()
				o := runServer(t, user.root, scenario{Outer: outer})
				if !strings.Contains(o.Failed, "seccomp is missing") || o.Report.Level != sandbox.LevelReduced {
					t.Errorf("strict: got %v, error %q, want it to refuse", o.Report, o.Failed)
				}
				o = runServer(t, user.root, scenario{Outer: outer, Insecure: true})
				if o.Failed != "" || o.Report.Level != sandbox.LevelReduced || o.Report.Has(sandbox.LayerSeccomp) {
					t.Errorf("insecure: got %v, error %q, want level reduced without seccomp", o.Report, o.Failed)
				}
			})
		}
	}
}

func TestUnprivilegedWorkerIsStrictWithoutAUserOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, user := range users {
		t.Run(user.name, func(t *testing.T) {
			t.Parallel()
			o := runServer(t, user.root, scenario{})
			if o.Report.Level != sandbox.LevelStrict || len(o.Report.Missing) != 0 {
				t.Errorf("got %v, want strict", o.Report)
			}
			if got := o.Report.Has(sandbox.LayerUID); got != user.root {
				t.Errorf("own user id: got %t, want %t", got, user.root)
			}
		})
	}
}

// A container whose root is a user with 65,536 ids outside.
func TestServerThatIsRootInAUserNamespaceHasOtherSlotIDs(t *testing.T) {
	t.Parallel()
	const slot = 7 + 3*(1<<15) // comes round
	cmd, stderr := serverCommand(t, true, scenario{Slot: slot})
	ids := []syscall.SysProcIDMap{{HostID: 100_000, Size: 1 << 16}}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids, GidMappingsEnableSetgroups: true,
		Credential: &syscall.Credential{},
	}
	o := outcomeOf(t, cmd, stderr)
	if o.Report.Level != sandbox.LevelStrict || !o.Report.Has(sandbox.LayerUID) {
		t.Errorf("got %v, want strict with a user id", o.Report)
	}
	if got, want := strings.Fields(o.Audit.UIDMap), []string{"0", "65526", "1"}; !slices.Equal(got, want) {
		t.Errorf("uid_map: got %v, want %v", got, want)
	}
}

func TestBinaryThatOnlyRootMayExecuteRunsUnderTheServersUser(t *testing.T) {
	t.Parallel()
	cmd, stderr := serverCommand(t, true, scenario{})
	cmd.Path = filepath.Join(t.TempDir(), "ratchet")
	copyFile(t, cmd.Path, "/proc/self/exe", 0o700)
	o := outcomeOf(t, cmd, stderr)
	want := []sandbox.MissingLayer{{Layer: sandbox.LayerUID, Why: "the server could not change the user: permission denied"}}
	if !slices.Equal(o.Report.Missing, want) {
		t.Errorf("missing: got %v, want %v", o.Report.Missing, want)
	}
}

func copyFile(t *testing.T, to, from string, mode os.FileMode) {
	t.Helper()
	src, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, mode)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(dst, src); err != nil {
		t.Fatal(err)
	}
	if err := dst.Close(); err != nil {
		t.Fatal(err)
	}
}
