//go:build !race

package sandbox_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// A program is what a test's server launches.
type program struct {
	Path    string // of this binary, where all may read it
	Profile sandbox.Profile
	Outer   []sandbox.Outer
}

// Of a program: how it was confined, and what its probes found.
type launching struct {
	Report sandbox.Report
	Failed string
	Probes map[string]verdict
}

// serveProgram is the main of a server that launches a program.
func serveProgram(arg string) error {
	var s program
	if err := json.Unmarshal([]byte(arg), &s); err != nil {
		return err
	}
	if err := sandbox.CloseInherited(); err != nil {
		return err
	}
	if err := sandbox.Install(s.Outer); err != nil {
		return fmt.Errorf("outer filter: %w", err)
	}
	secret := bytes.Clone([]byte(secretText))
	there, cleanup, err := offer(secret)
	if err != nil {
		return err
	}
	defer cleanup()
	text, err := json.Marshal(there)
	if err != nil {
		return err
	}
	launcher := sandbox.NewLauncher([]string{"/proc/self/exe", "plugin-launch"})
	defer launcher.Close()
	said, says, err := os.Pipe()
	if err != nil {
		return err
	}
	s.Profile.Read = append(s.Profile.Read, s.Path)
	cmd := &exec.Cmd{Path: s.Path, Args: []string{"program", "program", string(text)}, Stdout: says, Stderr: os.Stderr, Env: []string{}}
	var o launching
	o.Report, err = launcher.Start(cmd, s.Profile)
	_ = says.Close()
	if err != nil {
		o.Failed = err.Error()
		return json.NewEncoder(os.Stdout).Encode(o)
	}
	// A probe may leave a process behind that holds the pipe: those go first.
	late := time.AfterFunc(time.Minute, func() { sandbox.KillProgram(cmd) })
	sandbox.AwaitProgram(cmd)
	late.Stop()
	_ = cmd.Wait()
	if err := said.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	found, err := io.ReadAll(said)
	if err != nil && len(found) == 0 {
		return err
	}
	runtime.KeepAlive(secret)
	if err := json.Unmarshal(found, &o.Probes); err != nil {
		return fmt.Errorf("%w in %q (%s)", err, found, cmd.ProcessState)
	}
	return json.NewEncoder(os.Stdout).Encode(o)
}

// beProgram tries the probes.
func beProgram(arg string) error {
	var there target
	if err := json.Unmarshal([]byte(arg), &there); err != nil {
		return err
	}
	verdicts := map[string]verdict{}
	th := newThread()
	th.run(func() { probeHere(there, verdicts) })
	return json.NewEncoder(os.Stdout).Encode(verdicts)
}

// launchProgram has a server of its own launch a program.
func launchProgram(t *testing.T, root bool, s program) launching {
	t.Helper()
	if root && os.Getuid() != 0 {
		t.Skip("needs root")
	}
	dir, err := os.MkdirTemp("", "ratchet-program-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.Path = filepath.Join(dir, "program")
	copyFile(t, s.Path, "/proc/self/exe", 0o755)
	arg, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	stderr := new(bytes.Buffer)
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "program-server", string(arg))
	cmd.Env, cmd.Stderr = []string{"RATCHET_SECRET=" + secretText}, stderr
	if !root && os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: unprivileged, Gid: unprivileged}}
	}
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatalf("server: %v\n%s", err, stderr)
	}
	var o launching
	if err := json.Unmarshal(stdout, &o); err != nil {
		t.Fatalf("server: %v in %s\n%s", err, stdout, stderr)
	}
	return o
}

// notAProgramsBusiness are the probes that no program may succeed in, whatever it
// needs.
var notAProgramsBusiness = []string{
	"read the server's memory", "write the server's memory", "read the server's environment", "process_vm_readv the server",
	"process_vm_writev the server", "ptrace the server", "kill the server", "tgkill the server", "tkill the server",
	"pidfd_getfd of the server", "pidfd_send_signal to the server", "prlimit the server",
	"open a file", "create a file", "write to a file", "truncate a file", "chmod a file", "make a directory", "make a symlink",
	"make a hard link", "make a fifo", "make a device", "rename a file", "open by handle",
	"socket MPTCP", "socket packet", "socket raw", "connect to the server's unix socket",
	"clone3", "clone into a user namespace", "unshare file descriptors", "unshare the network", "setns to the server's network",
	"io_uring_setup", "keyctl", "add_key", "request_key", "userfaultfd", "bpf", "perf_event_open", "fsopen", "personality",
	"kexec_load", "init_module", "mount", "umount", "chroot", "pivot_root", "setresuid to another", "setgroups", "sethostname",
}

// ofTheNetwork are those that a program without network may not succeed in either.
var ofTheNetwork = []string{
	"socket TCP", "socket UDP", "socket TCP over IPv6", "socket unix", "socket netlink", "connect to the server's port", "bind a port",
}

func TestAProgramIsHeldIn(t *testing.T) {
	t.Parallel()
	noNamespaces := refuseUserNamespaces(syscall.EPERM)
	for _, test := range []struct {
		name    string
		profile sandbox.Profile
		outer   []sandbox.Outer
		level   sandbox.Level
		more    []string // that must be blocked, too
		open    []string // that must not
	}{
		{"narrow", sandbox.Profile{}, nil, sandbox.LevelStrict, ofTheNetwork, []string{"fork", "socketpair", "mmap executable"}},
		{"with the network", sandbox.Profile{Network: true}, nil, sandbox.LevelStrict, []string{"bind a port"}, []string{"socket TCP", "connect to the server's port"}},
		{"that listens", sandbox.Profile{Listen: true}, nil, sandbox.LevelStrict, []string{"connect to the server's port"}, []string{"socket TCP", "bind a port"}},
		{"without namespaces", sandbox.Profile{}, noNamespaces, sandbox.LevelReduced, ofTheNetwork, []string{"fork"}},
	} {
		for _, user := range users {
			t.Run(test.name+" as "+user.name, func(t *testing.T) {
				t.Parallel()
				o := launchProgram(t, user.root, program{Profile: test.profile, Outer: test.outer})
				if o.Failed != "" || o.Report.Level != test.level {
					t.Fatalf("got %v, %s, want level %s", o.Report, o.Failed, test.level)
				}
				for _, name := range append(slices.Clone(notAProgramsBusiness), test.more...) {
					if v, tried := o.Probes[name]; !tried || v.Err == "" {
						t.Errorf("%s: got open (tried: %t), want it blocked", name, tried)
					}
				}
				for _, name := range test.open {
					if v := o.Probes[name]; v.Err != "" {
						t.Errorf("%s: got %q, want it open", name, v.Err)
					}
				}
			})
		}
	}
}

func TestAProgramThatCannotBeHeldInIsNotStarted(t *testing.T) {
	t.Parallel()
	landlock := refuse(unix.SYS_LANDLOCK_CREATE_RULESET, syscall.ENOSYS)[0]
	namespaces := refuseUserNamespaces(syscall.EPERM)
	for name, outer := range map[string][]sandbox.Outer{
		"without seccomp": refuse(unix.SYS_SECCOMP, syscall.ENOSYS),
		"with neither a root of its own nor Landlock": append(namespaces[:len(namespaces):len(namespaces)], landlock),
	} {
		for _, insecure := range []bool{false, true} {
			t.Run(fmt.Sprint(name, insecure), func(t *testing.T) {
				t.Parallel()
				o := launchProgram(t, false, program{Profile: sandbox.Profile{Insecure: insecure}, Outer: outer})
				if refused := strings.Contains(o.Failed, sandbox.ErrUnconfined.Error()); refused == insecure {
					t.Errorf("got %q, %v", o.Failed, o.Report)
				}
			})
		}
	}
}

func TestAProgramThatIsNotThereIsSaidSo(t *testing.T) {
	t.Parallel()
	launcher := sandbox.NewLauncher([]string{"/proc/self/exe", "plugin-launch"})
	defer launcher.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for path, want := range map[string]string{"/no/such/program": "no such file", "/etc/hostname": "what it may see", "/usr": "permission denied"} {
		cmd := &exec.Cmd{Path: path, Args: []string{"program"}, Env: []string{}, Stdin: null}
		if _, err := launcher.Start(cmd, sandbox.Profile{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
	if _, err := launcher.Start(&exec.Cmd{Path: "/usr/bin/true", Args: []string{"true"}}, sandbox.Profile{Read: []string{"/no/such/file"}}); err == nil || !strings.Contains(err.Error(), "/no/such/file") {
		t.Errorf("got %v", err)
	}
}
