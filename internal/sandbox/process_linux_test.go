// Not under the race detector, whose runtime needs more system calls and memory
// than a worker has.

//go:build !race

package sandbox_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// The test binary is also the two processes under test: "server", which stands
// for Ratchet and is started as root and as an unprivileged user, and "worker",
// which the server starts with a Spawner.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		var err error
		switch os.Args[1] {
		case "server":
			err = serve(os.Args[2])
		case "worker":
			err = work(os.Args[2])
		case "became":
			err = became(os.Args[2], os.Args[3])
		case "program-server":
			err = serveProgram(os.Args[2])
		case "plugin-launch":
			err = sandbox.Launch(os.Args[2:])
		case "program":
			err = beProgram(os.Args[2])
		default:
			os.Exit(m.Run())
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, os.Args[1]+":", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A scenario is what the server of a test does.
type scenario struct {
	Insecure bool
	Without  []sandbox.Layer
	Outer    []sandbox.Outer // around the server and all it starts
	Slot     int
	Probe    bool
	Timed    bool
	Live     bool           // use the Go runtime after Enter
	Hog      bool           // allocate past the memory limit in the end
	Linger   bool           // print the outcome, then wait to be killed
	Program  []sandbox.File // what the worker becomes, to probe from inside it
}

// Of the worker: which user's and how it went.
type outcome struct {
	PID    int
	Report sandbox.Report
	Failed string // what Enter said
	// Probes is the result on each thread, by name of thread and probe: "" is open.
	Probes map[string]map[string]verdict
	Took   map[sandbox.Layer]time.Duration
	Audit  audit
	Usage  sandbox.Usage
	PSS    int64
	PSSErr string
	Limit  string // error of LimitMemory
	Ended  string // how the worker's process ended
}

// A verdict on a probe: what it returned, and whether that was a refusal.
type verdict struct {
	Err     string `json:",omitempty"`
	Blocked bool   `json:",omitempty"`
}

// The worker's threads that probes run on.
const (
	onEntered = "entered" // the one that called Enter
	onFresh   = "fresh"   // one made after Enter
	onVeteran = "veteran" // those made before, of which there are some
	veterans  = 3
)

// unprivileged is the user that a test's server is when it is not root.
const unprivileged = 4242

// runServer runs a scenario in a server of its own and returns the outcome. With
// root false the server is an unprivileged user, which needs a test that is root
// or is unprivileged already.
func runServer(t testing.TB, root bool, s scenario) outcome {
	t.Helper()
	cmd, stderr := serverCommand(t, root, s)
	return outcomeOf(t, cmd, stderr)
}

func outcomeOf(t testing.TB, cmd *exec.Cmd, stderr *bytes.Buffer) outcome {
	t.Helper()
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatalf("server: %v\n%s", err, stderr)
	}
	var o outcome
	if err := json.Unmarshal(stdout, &o); err != nil {
		t.Fatalf("server: %v in %s\n%s", err, stdout, stderr)
	}
	return o
}

func serverCommand(t testing.TB, root bool, s scenario) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	if root && os.Getuid() != 0 {
		t.Skip("needs root")
	}
	arg, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	stderr := new(bytes.Buffer)
	cmd := exec.Command("/proc/self/exe", "server", string(arg))
	cmd.Env = []string{"PATH=/usr/bin:/bin", "RATCHET_SECRET=" + secretText}
	cmd.Stderr = stderr
	cmd.ExtraFiles = []*os.File{os.Stderr} // left open by whoever launched the server
	if !root && os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: unprivileged, Gid: unprivileged}}
	}
	return cmd, stderr
}

// serve is the server's main.
func serve(arg string) error {
	var s scenario
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
	spawner := sandbox.NewSpawner()
	defer spawner.Close()
	o, err := host(spawner, s, there)
	runtime.KeepAlive(secret)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(o)
}

// host starts a worker, lets it work and looks at it.
func host(spawner *sandbox.Spawner, s scenario, there target) (outcome, error) {
	cmd, conn, err := spawn(spawner, s)
	if err != nil {
		return outcome{}, err
	}
	defer conn.Close()
	o, err := converse(conn, assignment{Program: s.Program, Probe: s.Probe, Timed: s.Timed, Live: s.Live, Hog: s.Hog, Target: there})
	if err != nil {
		return outcome{}, err
	}
	o.PID = cmd.Process.Pid
	if err := o.look(); err != nil {
		return outcome{}, err
	}
	if s.Linger {
		_ = os.RemoveAll(there.Dir) // no defer runs after kill -9
		if err := json.NewEncoder(os.Stdout).Encode(o); err != nil {
			return outcome{}, err
		}
		for {
			_ = unix.Pause()
		}
	}
	if err := conn.Close(); err != nil { // the worker ends when it reads the end
		return outcome{}, err
	}
	_ = cmd.Wait()
	o.Ended = cmd.ProcessState.String()
	return o, nil
}

// converse is what the server and a worker say to each other.
func converse(conn *os.File, a assignment) (outcome, error) {
	if err := json.NewEncoder(conn).Encode(a); err != nil {
		return outcome{}, err
	}
	var o outcome
	if err := json.NewDecoder(conn).Decode(&o); err != nil {
		return outcome{}, fmt.Errorf("outcome of the worker: %w", err)
	}
	return o, nil
}

// look fills in what the server can see of a worker.
func (o *outcome) look() (err error) {
	if o.Audit, err = auditProcess(o.PID); err != nil {
		return err
	}
	meter, err := sandbox.OpenMeter(o.PID)
	if err != nil {
		return err
	}
	defer meter.Close()
	if o.Usage, err = meter.Read(); err != nil {
		return err
	}
	if o.PSS, err = sandbox.PSS(o.PID); err != nil {
		o.PSSErr = err.Error()
	}
	if err := sandbox.LimitMemory(o.PID, 512<<20); err != nil {
		o.Limit = err.Error()
	}
	return nil
}

// spawn starts a worker as workerpool does.
func spawn(spawner *sandbox.Spawner, s scenario) (*exec.Cmd, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "worker"), os.NewFile(uintptr(fds[1]), "server")
	defer theirs.Close()
	cmd := exec.Command("/proc/self/exe", "worker")
	cmd.Env = []string{"GOMAXPROCS=2", "GODEBUG=containermaxprocs=0,updatemaxprocs=0", "TZ=UTC"}
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{theirs}
	opts := sandbox.Options{Insecure: s.Insecure, Program: s.Program != nil, Without: s.Without}
	if _, err := spawner.Start(cmd, opts, s.Slot); err != nil {
		ours.Close()
		return nil, nil, err
	}
	return cmd, ours, nil
}

// offer lays out what the worker shall not reach.
func offer(secret []byte) (target, func(), error) {
	there := target{PID: os.Getpid(), Secret: uintptr(unsafe.Pointer(&secret[0]))}
	there.Socket = fmt.Sprintf("@ratchet-%d", there.PID)
	// Where Yama is on, only a process that agrees can be traced by its child.
	_ = unix.Prctl(unix.PR_SET_PTRACER, ^uintptr(0), 0, 0, 0)
	port, err := listen(unix.AF_INET, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	if err != nil {
		return target{}, nil, err
	}
	there.Port = port.(*unix.SockaddrInet4).Port
	if _, err := listen(unix.AF_UNIX, &unix.SockaddrUnix{Name: there.Socket}); err != nil {
		return target{}, nil, err
	}
	if there.Dir, err = os.MkdirTemp("/tmp", "ratchet-sandbox-"); err != nil {
		return target{}, nil, err
	}
	cleanup := func() { _ = os.RemoveAll(there.Dir) }
	return there, cleanup, os.WriteFile(there.path("file"), []byte("x"), 0o600)
}

// listen opens a socket for as long as the process lives. (Package net would
// make the test binary a cgo one.)
func listen(family int, addr unix.Sockaddr) (unix.Sockaddr, error) {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(unix.Bind(fd, addr), unix.Listen(fd, 16)); err != nil {
		return nil, err
	}
	return unix.Getsockname(fd)
}

// An assignment is what the worker shall do, said before it enters.
type assignment struct {
	Probe, Timed, Live, Hog bool
	Program                 []sandbox.File
	Target                  target
}

// work is the worker's main.
func work(arg string) error {
	if err := sandbox.CloseInherited(); err != nil {
		return err
	}
	opts, err := sandbox.ParseArg(arg)
	if err != nil {
		return err
	}
	runtime.LockOSThread() // the main thread is the one that enters
	conn := os.NewFile(3, "server")
	var a assignment
	if err := json.NewDecoder(conn).Decode(&a); err != nil {
		return err
	}
	if opts.Program {
		report, err := becomeProbe(opts, a)
		return json.NewEncoder(conn).Encode(outcome{Report: report, Failed: err.Error()})
	}
	threads := make(map[string]*thread)
	for i := range veterans {
		threads[fmt.Sprint(onVeteran, i)] = newThread()
	}
	var o outcome
	if a.Timed {
		if o.Took, err = sandbox.EnterTimed(opts); err != nil {
			return err
		}
	} else if o.Report, err = sandbox.Enter(opts); err != nil {
		o.Failed, a = err.Error(), assignment{}
	}
	if a.Probe {
		o.Probes = probeAll(a.Target, threads, o.Report.Has(sandbox.LayerSeccomp))
	}
	if a.Live {
		if err := live(); err != nil {
			return err
		}
	}
	if err := json.NewEncoder(conn).Encode(o); err != nil {
		return err
	}
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		return err
	}
	if a.Hog {
		hog(1 << 30)
	}
	return nil
}

// live uses what the Go runtime and library do late or seldom.
func live() error {
	defer debug.FreeOSMemory()
	runtime.GC()
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for range 3 { // more threads, and loops that only a signal can preempt
		busy.Go(func() {
			runtime.LockOSThread()
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	hog(32 << 20)
	runtime.GC()
	<-time.After(time.Millisecond)
	close(stop)
	busy.Wait()
	if _, err := rand.Read(make([]byte, 1024)); err != nil {
		return err
	}
	var spent unix.Timespec
	return errors.Join(
		unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &spent),
		unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &spent),
	)
}

// hog touches that much memory.
func hog(size int) {
	mem := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		mem[i] = 1
	}
	runtime.KeepAlive(mem)
}

// A thread runs what it is given, always on the same thread.
type thread struct{ jobs chan func() }

func newThread() *thread {
	th := &thread{make(chan func())}
	started := make(chan struct{})
	sandbox.OnOwnThread(func() {
		close(started)
		for job := range th.jobs {
			job()
		}
	})
	<-started
	return th
}

func (th *thread) run(job func()) {
	done := make(chan struct{})
	th.jobs <- func() { defer close(done); job() }
	<-done
}

// probeAll tries every probe on every thread. With the doors open a probe
// changes its thread, so each has a fresh one and the others are left alone.
func probeAll(there target, threads map[string]*thread, confined bool) map[string]map[string]verdict {
	all := map[string]map[string]verdict{onFresh: {}}
	for _, p := range probes {
		fresh := newThread()
		fresh.run(func() { all[onFresh][p.name] = judge(p.try(there)) })
		close(fresh.jobs)
	}
	if !confined {
		return all
	}
	for name, th := range threads {
		verdicts := make(map[string]verdict)
		th.run(func() { probeHere(there, verdicts) })
		all[name] = verdicts
	}
	all[onEntered] = make(map[string]verdict)
	probeHere(there, all[onEntered])
	return all
}

func probeHere(there target, verdicts map[string]verdict) {
	for _, p := range probes {
		verdicts[p.name] = judge(p.try(there))
	}
}

// judge tells a refusal from a call that got through and failed otherwise.
func judge(err error) verdict {
	if err == nil {
		return verdict{}
	}
	refused := errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSYS)
	return verdict{Err: err.Error(), Blocked: refused}
}

// users are the two kinds of server that every test is run as.
var users = []struct {
	name string
	root bool
}{{"root", true}, {"unprivileged", false}}

func without(layers ...sandbox.Layer) scenario {
	return scenario{Insecure: true, Without: layers}
}

func joined(layers []sandbox.Layer) string {
	words := make([]string, len(layers))
	for i, l := range layers {
		words[i] = string(l)
	}
	return strings.Join(words, " ")
}
