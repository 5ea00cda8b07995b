package workerpool_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// Tasks of real workers. They say that they run by a line in the log.
const (
	endless = `(i, c) => { c.log("here"); for (;;); }`
	patient = `(i, c) => new Promise((done) => { c.log("here"); setTimeout(() => done(i), i); })`
)

// begin starts an execution in a real worker and returns once the task runs.
func begin(t *testing.T, ctx context.Context, p *workerpool.Pool, d *workerpool.Domain, input string) (worker string, ended <-chan ending) {
	t.Helper()
	c := newCaller(input)
	ended = launch(ctx, p, d, c)
	await(t, "the line that the task logs", c.logs)
	return <-c.worker, ended
}

func kill(t *testing.T, worker string) {
	t.Helper()
	if err := unix.Kill(pidOf(t, worker), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func TestAKilledWorkerIsNoticedAndReplaced(t *testing.T) {
	t.Parallel()
	p := newPool(t, workerpool.Config{})
	d := domain("a", endless)
	worker, ended := begin(t, t.Context(), p, d, "1")
	kill(t, worker)
	e := await(t, "the end", ended)
	death, ok := errors.AsType[*workerpool.DeathError](e.err)
	if !ok || death.Status != "signal: killed" || death.Cause != nil {
		t.Errorf("got %+v, want a DeathError of a kill that was not ours", e.err)
	}
	out, next := run(t, p, domain("b", "(i) => i + 1"), "41")
	if out != "42" || next == worker {
		t.Errorf("got %s from worker %s, want 42 from another than %s", out, next, worker)
	}
}

// Nobody was told yet that there would be an execution: nothing is lost.
func TestAWorkerKilledWhileIdleCostsNoExecution(t *testing.T) {
	t.Parallel()
	p := newPool(t, workerpool.Config{})
	d := domain("a", "(i) => i + 1")
	for range 10 {
		_, worker := run(t, p, d, "1")
		pidfd, err := unix.PidfdOpen(pidOf(t, worker), 0)
		if err != nil {
			t.Fatal(err)
		}
		kill(t, worker)
		ended(t, pidfd)
		unix.Close(pidfd)
		if out, _ := run(t, p, d, "41"); out != "42" {
			t.Errorf("got %s, want 42", out)
		}
	}
}

// What a worker has said nothing of did nothing: it may run elsewhere, once.
func TestAWorkerKilledWithoutAWordIsReplacedOnce(t *testing.T) {
	t.Parallel()
	p := newPool(t, workerpool.Config{})
	c := newCaller("1")
	end := launch(t.Context(), p, domain("a", "() => { for (;;); }"), c)
	for killed := 0; ; killed++ {
		select {
		case worker := <-c.worker:
			kill(t, worker)
		case e := <-end:
			if death, ok := errors.AsType[*workerpool.DeathError](e.err); !ok || !death.Killed || killed < 2 {
				t.Errorf("got %v after %d killed workers, want a DeathError after two", e.err, killed)
			}
			return
		}
	}
}

func TestNeighboursOfAKilledWorkerAllLearnOfIt(t *testing.T) {
	t.Parallel()
	p := newPool(t, workerpool.Config{})
	d := domain("a", patient)
	d.Slots = 3
	var workers []string
	var ends []<-chan ending
	for range 3 {
		worker, ended := begin(t, t.Context(), p, d, "60000")
		workers, ends = append(workers, worker), append(ends, ended)
	}
	if len(slices.Compact(workers)) != 1 {
		t.Fatalf("got workers %v, want one", workers)
	}
	kill(t, workers[0])
	for _, c := range ends {
		e := await(t, "the end", c)
		if _, ok := errors.AsType[*workerpool.DeathError](e.err); !ok {
			t.Errorf("got %v, want a DeathError", e.err)
		}
	}
}

func TestNeighboursOfAnExecutionOverItsLimitGoOn(t *testing.T) {
	t.Parallel()
	p := newPool(t, workerpool.Config{})
	d := domain("a", `(i, c) => {
		if (i === "bomb") { const all = []; for (;;) all.push(new Array(1000).fill(1)); }
		return new Promise((done) => { c.log("here"); setTimeout(() => done(i), i); });
	}`)
	d.Slots = 2
	worker, ended := begin(t, t.Context(), p, d, "300")
	bomb := newCaller(`"bomb"`)
	done, err := p.Run(t.Context(), d, wall, bomb)
	if err != nil || done.Failure == nil || done.Failure.Kind != "memory" {
		t.Errorf("the bomb: got %+v, %v, want a failure of kind memory", done, err)
	}
	if w := <-bomb.worker; w != worker {
		t.Errorf("the bomb ran in %s, want %s", w, worker)
	}
	if e := await(t, "the neighbour", ended); e.err != nil || string(e.done.Output) != "300" {
		t.Errorf("the neighbour: got %+v, %v, want 300", e.done, e.err)
	}
	if out, again := run(t, p, d, "1"); out != "1" || again == worker {
		t.Errorf("afterwards: got %s from %s, want 1 from another worker", out, again)
	}
}

func TestAnEndlessTaskIsStoppedWhenTimeIsUp(t *testing.T) {
	t.Parallel()
	p := newPool(t, workerpool.Config{})
	c := newCaller("1")
	done, err := p.Run(t.Context(), domain("a", endless), 200*time.Millisecond, c)
	if !errors.Is(err, workerpool.ErrWall) {
		t.Errorf("got %v, want ErrWall", err)
	}
	if done == nil || done.CPU == 0 {
		t.Errorf("got %+v, want the processor time that it took until it stopped", done)
	}
}

// The task is told to stop while its VM is still being made.
func TestACancelThatComesBeforeTheTaskRunsStopsIt(t *testing.T) {
	t.Parallel()
	p := newPool(t, workerpool.Config{Grace: time.Minute}) // no kill comes to the rescue
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		c := newCaller("1")
		ended := launch(ctx, p, domain("a", endless), c)
		<-c.worker
		cancel()
		if e := await(t, "the end", ended); !errors.Is(e.err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", e.err)
		}
	}
}

// What a worker does for a short execution leaves the runtime's monitor thread
// asleep. A long one needs it: without it the loop keeps the one processor that a
// worker has, and no other goroutine reads that it is cancelled.
func TestALoopInAWorkerThatWasIdleHearsThatItIsCancelled(t *testing.T) {
	t.Parallel()
	for name, loop := range map[string]string{"of calls": "for (;;);", "of promises": "for (;;) await null;"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, workerpool.Config{Grace: time.Minute}) // no kill comes to the rescue
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			d := domain("a", `async (loop, c) => { await fetch("http://a/"); if (loop) { c.log("here"); `+loop+` } return 1; }`)
			once := newCaller("false") // loads what the answer needs, which wakes the monitor too
			ended := launch(ctx, p, d, once)
			await(t, "the first request", once.requests).reply("")
			if e := await(t, "the first end", ended); e.err != nil || e.done.Failure != nil {
				t.Fatalf("got %+v, %v, want an end without failure", e.done, e.err)
			}
			c := newCaller("true")
			ended = launch(ctx, p, d, c)
			request := await(t, "the request", c.requests)
			awaitRest(t, pidOf(t, <-c.worker))
			request.reply("")
			await(t, "the line that the task logs", c.logs)
			cancel()
			if e := await(t, "the end", ended); !errors.Is(e.err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", e.err)
			}
		})
	}
}

// awaitRest waits until every thread of a process waits to be woken, and none
// for time to pass.
func awaitRest(t *testing.T, pid int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 30_000 {
		<-tick.C
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
		if err != nil || len(threads) == 0 {
			t.Fatalf("threads of %d: %v, %v", pid, threads, err)
		}
		if !slices.ContainsFunc(threads, func(thread string) bool {
			call, err := os.ReadFile(thread)
			if errors.Is(err, os.ErrPermission) {
				t.Skip("only root sees what a worker's threads wait in")
			}
			number, _, _ := strings.Cut(string(call), " ")
			return number != fmt.Sprint(unix.SYS_FUTEX) && number != fmt.Sprint(unix.SYS_EPOLL_PWAIT)
		}) {
			return
		}
	}
	t.Fatalf("process %d does not come to rest", pid)
}

func TestAnIdleWorkerIsEnded(t *testing.T) {
	t.Parallel()
	p := newPool(t, workerpool.Config{Idle: time.Millisecond, Watch: time.Millisecond})
	_, worker := run(t, p, domain("a", "(i) => i"), "1")
	pidfd, err := unix.PidfdOpen(pidOf(t, worker), 0)
	if errors.Is(err, unix.ESRCH) {
		return // gone already
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	ended(t, pidfd)
}

// ended waits for the end of a process.
func ended(t *testing.T, pidfd int) {
	t.Helper()
	const bound = 20_000 // ms
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, bound)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			t.Fatalf("still alive after %d ms (%v)", bound, err)
		}
		return
	}
}

// serve is the life of a server to be killed: it prints the workers of two
// executions, one of which spins and one of which waits.
func serve() error {
	p := workerpool.New(workerpool.Config{Command: workerCommand()})
	for _, source := range []string{endless, patient} {
		c := newCaller("3600000")
		go func() { _, _ = p.Run(context.Background(), domain(source, source), time.Hour, c) }()
		<-c.logs
		fmt.Println(<-c.worker)
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func TestNoWorkerOutlivesAServerThatIsKilled(t *testing.T) {
	t.Parallel()
	server := exec.CommandContext(t.Context(), "/proc/self/exe", "server", "now")
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Wait() }() // it is killed, so that it fails
	var pidfds []int
	lines := bufio.NewScanner(out)
	for len(pidfds) < 2 && lines.Scan() {
		pidfd, err := unix.PidfdOpen(pidOf(t, lines.Text()), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(pidfd)
		pidfds = append(pidfds, pidfd)
	}
	if len(pidfds) != 2 {
		t.Fatalf("the server named %d workers, want 2: %v", len(pidfds), lines.Err())
	}
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, pidfd := range pidfds {
		ended(t, pidfd)
	}
}

// status is the value of a field in a /proc status file.
func status(t *testing.T, path, field string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); name == field {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	t.Fatalf("%s has no %s", path, field)
	return ""
}

func TestAWorkerHasNothingOfTheServers(t *testing.T) {
	t.Parallel()
	if !sandbox.Supported() {
		t.Skip("no sandbox on this platform")
	}
	if _, err := os.Open(os.DevNull); err != nil { // one more descriptor of ours that must not get there
		t.Fatal(err)
	}
	p := newPool(t, workerpool.Config{})
	worker, ended := begin(t, t.Context(), p, domain("a", patient), "1000")
	dir := fmt.Sprintf("/proc/%d", pidOf(t, worker))

	fds, err := os.ReadDir(dir + "/fd")
	if err != nil {
		t.Skipf("this user may not look into a worker: %v", err)
	}
	for _, fd := range fds {
		to, err := os.Readlink(dir + "/fd/" + fd.Name())
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := strings.Cut(to, "[")
		want := map[string]string{"0": os.DevNull, "1": os.DevNull, "2": "pipe:", "3": "socket:"}[fd.Name()]
		if want == "" { // the Go runtime's poller
			if to == "anon_inode:[eventpoll]" || to == "anon_inode:[eventfd]" {
				continue
			}
		}
		if kind != want {
			t.Errorf("descriptor %s is %s, want %q", fd.Name(), to, want)
		}
	}
	environ, err := os.ReadFile(dir + "/environ")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(string(environ), "\x00"), "\x00")
	if want := []string{"GOMAXPROCS=1", "GODEBUG=containermaxprocs=0,updatemaxprocs=0", "TZ=UTC"}; !slices.Equal(got, want) {
		t.Errorf("got environment %q, want %q", got, want)
	}
	want := map[string]string{
		"Seccomp": "2", "NoNewPrivs": "1",
		"CapEff": strings.Repeat("0", 16), "CapPrm": strings.Repeat("0", 16),
	}
	report, ok := p.Report()
	if !ok {
		t.Error("the pool has no report of a worker that runs")
	}
	if report.Level != sandbox.LevelStrict {
		t.Errorf("got %v, want every layer", report)
	}
	threads, err := filepath.Glob(dir + "/task/*/status")
	if err != nil || len(threads) == 0 {
		t.Fatalf("got threads %v, %v", threads, err)
	}
	for _, thread := range threads {
		for field, want := range want {
			if got := status(t, thread, field); got != want {
				t.Errorf("%s of %s: got %s, want %s", field, thread, got, want)
			}
		}
	}
	if e := await(t, "the end", ended); e.err != nil {
		t.Error(e.err)
	}
}

func descriptors(t *testing.T) (open []string) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil {
			open = append(open, fd.Name()+" "+to)
		}
	}
	return open
}

// children are the processes that this one has.
func children(t *testing.T) (pids []string) {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		if text, err := os.ReadFile(list); err == nil { // a thread may end meanwhile
			pids = append(pids, strings.Fields(string(text))...)
		}
	}
	return pids
}

// Not parallel: it counts what the process has.
func TestCloseLeavesNothing(t *testing.T) {
	if len(descriptors(t)) == 0 {
		t.Skip("no /proc to look at")
	}
	p := workerpool.New(workerpool.Config{Command: workerCommand()}) // opens what stays open: the runtime's poller
	run(t, p, domain("a", "(i) => i"), "1")
	p.Close()
	before, goroutines := len(descriptors(t)), goleak.IgnoreCurrent()

	for name, use := range map[string]func(p *workerpool.Pool) []<-chan ending{
		"while nothing was started": func(*workerpool.Pool) []<-chan ending { return nil },
		"while executions run": func(p *workerpool.Pool) (ends []<-chan ending) {
			slotted := domain("slotted", patient)
			slotted.Slots = 4
			for _, d := range []*workerpool.Domain{domain("a", endless), domain("b", patient), slotted, slotted} {
				_, ended := begin(t, t.Context(), p, d, "60000")
				ends = append(ends, ended)
			}
			return ends
		},
		"while workers start": func(p *workerpool.Pool) (ends []<-chan ending) {
			p.Warm()
			for i := range 6 {
				ends = append(ends, launch(t.Context(), p, domain(fmt.Sprint(i), endless), newCaller("1")))
			}
			return ends
		},
		"while a probe is made": func(p *workerpool.Pool) []<-chan ending {
			ended := make(chan ending, 1)
			go func() {
				_, err := p.Probe()
				ended <- ending{err: err}
			}()
			return []<-chan ending{ended}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 5 {
				p := workerpool.New(workerpool.Config{Command: workerCommand(), Spare: 2, Running: 6})
				ends := use(p)
				var closers sync.WaitGroup
				closers.Go(p.Close)
				closers.Go(p.Close)
				closers.Wait()
				for _, ended := range ends {
					await(t, "the end", ended)
				}
			}
			if left := children(t); len(left) > 0 {
				t.Errorf("processes %v are left", left)
			}
			if open := descriptors(t); len(open) != before {
				t.Errorf("got %d descriptors, want %d: %v", len(open), before, open)
			}
			if err := goleak.Find(goroutines); err != nil {
				t.Error(err)
			}
		})
	}
}
