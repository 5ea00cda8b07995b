package main_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/client"
	"github.com/ratchet-runner/ratchet-go/internal/invariant"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

// longForm says how often a fault is tried: fewer times but for make torture.
func longForm(short, long int) int {
	if os.Getenv("RATCHET_TORTURE") != "" {
		return long
	}
	return short
}

// notUnderRace skips a test whose server would be the instrumented test binary.
func notUnderRace(t *testing.T) {
	t.Helper()
	if os.Getenv("RATCHET_TEST_WORKER") != "" {
		t.Skip("the server would be this instrumented binary, too slow for rounds of kills; go test without -race runs it")
	}
}

// A mortal is a server that is killed and started again on the same database.
type mortal struct {
	*process
	t        *testing.T
	dir      string
	url      string
	database string
	args     []string
	client   *client.Client
}

func newMortal(t *testing.T, database string, args ...string) *mortal {
	t.Helper()
	port := freePort(t)
	m := &mortal{t: t, dir: t.TempDir(), url: "http://127.0.0.1:" + port, database: database}
	m.args = append([]string{"serve", "--port", port, "--slots", "4", "--log-level", "error"}, args...)
	if database != "" {
		m.args = append(m.args, "--database", database)
	}
	var err error
	if m.client, err = client.New(m.url, client.Options{Retries: -1}); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *mortal) start() {
	m.t.Helper()
	m.process = start(m.t, m.dir, m.args...)
	m.stderr.until("listens on")
}

// kill ends the server at once, and returns when it and its workers are gone.
func (m *mortal) kill() {
	m.t.Helper()
	workers, err := m.client.Workers(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	var pidfds []int
	for _, w := range workers {
		if fd, err := unix.PidfdOpen(w.PID, 0); err == nil {
			pidfds = append(pidfds, fd)
		}
	}
	if err := m.Process.Kill(); err != nil {
		m.t.Fatal(err)
	}
	_ = m.Wait() // it was killed, which is an error to it
	for _, fd := range pidfds {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(patience.Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			n, err = 1, nil
		}
		if err != nil || n == 0 {
			m.t.Errorf("a worker outlived its server (%v)", err)
		}
		unix.Close(fd)
	}
}

// stop ends the server gracefully.
func (m *mortal) stop() {
	m.t.Helper()
	if err := m.Process.Signal(syscall.SIGTERM); err != nil {
		m.t.Fatal(err)
	}
	if err := m.Wait(); err != nil {
		if e, ok := errors.AsType[*exec.ExitError](err); !ok || e.ExitCode() != 143 {
			m.t.Errorf("the server ended with %v", err)
		}
	}
}

// tasks of the load, by name: what they do, and what their metadata says beside.
func loadTasks() map[string][2]string {
	return map[string][2]string{
		"add":    {`(i) => ({ sum: i.a + i.b })`, ``},
		"slow":   {`(i) => new Promise((done) => setTimeout(() => done({ sum: i.a + i.b }), 120))`, `, "slots": 4`},
		"gated":  {`(i) => new Promise((done) => setTimeout(() => done({ sum: i.a + i.b }), 20))`, `, "concurrency": {"max": 2}`},
		"flaky":  {`(i, c) => { if (c.attempt < 3) throw new Error("not yet"); return { sum: i.a + i.b }; }`, `, "retry": {"maxAttempts": 3, "initialDelay": "50ms", "maxDelay": "60ms"}`},
		"short":  {`(i, c) => { c.log("begun"); return new Promise((done) => setTimeout(() => done({ sum: i.a + i.b }), 150)); }`, ``},
		"nap":    {`(i) => new Promise((done) => setTimeout(() => done({ sum: i.a + i.b }), 3000))`, ``},
		"doomed": {`() => { throw Object.assign(new Error("never"), { retryable: false }); }`, ``},
	}
}

func (m *mortal) register() {
	m.t.Helper()
	for name, task := range loadTasks() {
		dir := filepath.Join(m.dir, "tasks", name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			m.t.Fatal(err)
		}
		write(m.t, dir, "main.js", task[0])
		write(m.t, dir, "metadata.json", fmt.Sprintf(`{"name": %q, "version": "1.0.0"%s}`, name, task[1]))
	}
	cmd := exec.CommandContext(m.t.Context(), "ratchet", "task", "import", filepath.Join(m.dir, "tasks"), "--server", m.url)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("register: %v\n%s", err, out)
	}
}

// A load submits jobs and remembers what was accepted.
type load struct {
	mu       sync.Mutex
	random   *rand.Rand
	n        int
	unsure   []ratchet.JobRequest // sent, and nobody knows whether they arrived
	accepted []ratchet.JobID

	destinations []ratchet.Destination // of each job
}

// next is a job to submit: one of which nobody knows whether it arrived, else a
// new one.
func (l *load) next() ratchet.JobRequest {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.unsure); n > 0 {
		r := l.unsure[n-1]
		l.unsure = l.unsure[:n-1]
		return r
	}
	l.n++
	names := []string{"add", "add", "add", "slow", "gated", "gated", "flaky", "doomed"}
	r := ratchet.JobRequest{
		Task:           names[l.random.IntN(len(names))],
		Input:          json.RawMessage(fmt.Sprintf(`{"a": %d, "b": %d}`, l.n, l.random.IntN(1000))),
		IdempotencyKey: "load-" + strconv.Itoa(l.n),
		Priority:       ratchet.Priority(l.random.IntN(4) - 1),
		Destinations:   l.destinations,
	}
	if l.random.IntN(10) == 0 {
		r.Delay = ratchet.Duration(time.Duration(l.random.IntN(300)) * time.Millisecond)
	}
	return r
}

// submit sends jobs until the server is gone or ctx ends, and tells enough of each that was
// accepted.
func (l *load) submit(ctx context.Context, c *client.Client, enough chan<- ratchet.JobID) {
	for ctx.Err() == nil {
		r := l.next()
		job, err := c.SubmitJob(ctx, r)
		l.mu.Lock()
		if err != nil {
			l.unsure = append(l.unsure, r)
			l.mu.Unlock()
			return
		}
		l.accepted = append(l.accepted, job.ID)
		cancel := l.random.IntN(25) == 0
		l.mu.Unlock()
		if cancel {
			_, _ = c.CancelJob(ctx, job.ID) // it may have ended, or the server
		}
		select {
		case enough <- job.ID:
		case <-ctx.Done():
		}
	}
}

// round has several submitters send jobs until n were accepted.
func (l *load) round(ctx context.Context, c *client.Client, n int, over func()) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	accepted := make(chan ratchet.JobID)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() { l.submit(ctx, c, accepted) })
	}
	enough := make(chan struct{})
	wg.Go(func() { // they go on while the server is killed
		for i := 0; ; i++ {
			if i == n {
				close(enough)
			}
			select {
			case <-accepted:
			case <-ctx.Done():
				return
			}
		}
	})
	select {
	case <-enough:
	case <-ctx.Done():
	}
	over()
	stop()
	wg.Wait()
}

// settle sends again what nobody knows of whether it arrived.
func (l *load) settle(t *testing.T, c *client.Client) {
	t.Helper()
	for len(l.unsure) > 0 {
		job, err := c.SubmitJob(t.Context(), l.next())
		if err != nil {
			t.Fatal(err)
		}
		l.accepted = append(l.accepted, job.ID)
	}
}

// history is all that the server has, once every job is finished.
func (m *mortal) history(l *load) *invariant.History {
	m.t.Helper()
	l.settle(m.t, m.client)
	h := &invariant.History{Accepted: l.accepted, Output: func(j ratchet.Job) []byte {
		var in struct{ A, B int }
		if err := json.Unmarshal(j.Input, &in); err != nil {
			m.t.Error(err)
		}
		return fmt.Appendf(nil, `{"sum":%d}`, in.A+in.B)
	}}
	ctx := m.t.Context()
	all := ratchet.Query{Limit: ratchet.MaxLimit}
	for j, err := range client.Each(ctx, all, m.client.Jobs) {
		if err != nil {
			m.t.Fatal(err)
		}
		waiting, stop := context.WithTimeoutCause(ctx, 2*patience, fmt.Errorf("%s is still %s", j.ID, j.State))
		for done := j.State.Terminal(); !done; {
			got, now, err := m.client.Job(waiting, j.ID, patience)
			if err != nil {
				m.t.Fatalf("wait for %s: %v (%v)", j.ID, err, context.Cause(waiting))
			}
			done, j = now, *got
		}
		stop()
		if len(j.Input) == 0 { // lists may leave it out
			got, _, err := m.client.Job(ctx, j.ID, 0)
			if err != nil {
				m.t.Fatal(err)
			}
			j = *got
		}
		h.Jobs = append(h.Jobs, j)
	}
	for x, err := range client.Each(ctx, all, m.client.Executions) {
		if err != nil {
			m.t.Fatal(err)
		}
		h.Executions = append(h.Executions, x)
	}
	h.Retry = ratchet.Retry{}
	return h
}

func newLoad(t *testing.T) *load {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return &load{random: rand.New(rand.NewPCG(seed, 1))}
}

// Whatever was accepted runs to exactly one end, though the server is killed again
// and again in the middle of it.
func TestNothingIsLostWhenTheServerIsKilled(t *testing.T) {
	t.Parallel()
	notUnderRace(t)
	m := newMortal(t, "")
	m.start()
	m.register()
	l := newLoad(t)
	ticks := m.tick()
	for range longForm(50, 200) {
		l.round(t.Context(), m.client, 10+l.random.IntN(40), m.kill)
		m.start()
	}
	restarted := time.Now()
	m.untick()
	h := m.history(l)
	t.Logf("%d jobs, %d executions; all finished %v after the last start", len(h.Jobs), len(h.Executions), time.Since(restarted).Round(time.Millisecond))
	if found := h.Violations(); len(found) > 0 {
		t.Errorf("%d rules broken:\n%s", len(found), strings.Join(found[:min(len(found), 20)], "\n"))
	}
	firedOnce(t, h, ticks)
	m.stop()
	out, err := exec.CommandContext(t.Context(), "ratchet", "db", "check", "--database", filepath.Join(m.dir, "ratchet.db")).CombinedOutput()
	if err != nil {
		t.Errorf("the database is not sound: %v\n%s", err, out)
	}
}

// tick has a job submitted every second, until untick.
func (m *mortal) tick() ratchet.ScheduleID {
	m.t.Helper()
	s, err := m.client.CreateSchedule(m.t.Context(), ratchet.ScheduleRequest{Name: "ticks", Task: "add", Every: ratchet.Duration(time.Second), Input: json.RawMessage(`{"a": 1, "b": 1}`)})
	if err != nil {
		m.t.Fatal(err)
	}
	return s.ID
}

func (m *mortal) untick() {
	m.t.Helper()
	if _, err := m.client.DisableSchedule(m.t.Context(), "ticks"); err != nil {
		m.t.Fatal(err)
	}
}

// firedOnce asks that a schedule of every second fired a job for each instant
// between the first and the last, and no two for one.
func firedOnce(t *testing.T, h *invariant.History, schedule ratchet.ScheduleID) {
	t.Helper()
	fired := map[time.Time]int{}
	var first, last time.Time
	for _, j := range h.Jobs {
		if j.Schedule != schedule {
			continue
		}
		fired[j.RunAt]++
		if first.IsZero() || j.RunAt.Before(first) {
			first = j.RunAt
		}
		if j.RunAt.After(last) {
			last = j.RunAt
		}
	}
	if len(fired) < 2 {
		t.Errorf("the schedule fired at %d instants, want several", len(fired))
		return
	}
	for at := first; !at.After(last); at = at.Add(time.Second) {
		if fired[at] != 1 {
			t.Errorf("the instant %v fired %d times", at, fired[at])
		}
	}
	if whole := int(last.Sub(first)/time.Second) + 1; len(fired) != whole {
		t.Errorf("got %d instants between %v and %v, want %d", len(fired), first, last, whole)
	}
}

// descriptors counts the open files of the server.
func (m *mortal) descriptors() int {
	m.t.Helper()
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", m.Process.Pid))
	if err != nil {
		m.t.Fatal(err)
	}
	return len(all)
}

// A worker that dies costs its execution an attempt and nobody anything else.
func TestKilledWorkersLoseNoJobAndLeakNothing(t *testing.T) {
	t.Parallel()
	notUnderRace(t)
	m := newMortal(t, "")
	m.start()
	m.register()
	submit := func() ratchet.JobID {
		job, err := m.client.SubmitJob(t.Context(), ratchet.JobRequest{
			Task: "short", Input: json.RawMessage(`{"a": 1, "b": 2}`),
			Retry: ratchet.Retry{MaxAttempts: 100, InitialDelay: ratchet.Duration(10 * time.Millisecond), MaxDelay: ratchet.Duration(20 * time.Millisecond)},
		})
		if err != nil {
			t.Fatal(err)
		}
		return job.ID
	}
	l := newLoad(t)
	for range 8 {
		l.accepted = append(l.accepted, submit())
	}
	before := m.descriptors()
	kills := longForm(200, 1000)
	killed := map[string]bool{}
	for len(killed) < kills {
		workers, err := m.client.Workers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range workers {
			if w.Running > 0 && !killed[w.ID] && unix.Kill(w.PID, unix.SIGKILL) == nil {
				killed[w.ID] = true
			}
		}
		stats, err := m.client.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if stats.Jobs[ratchet.StatusCompleted]+8 > len(l.accepted) {
			l.accepted = append(l.accepted, submit())
		}
	}
	h := m.history(l)
	if found := h.Violations(); len(found) > 0 {
		t.Errorf("%d rules broken:\n%s", len(found), strings.Join(found[:min(len(found), 20)], "\n"))
	}
	died := 0
	for _, x := range h.Executions {
		if x.Error != nil && x.Error.Reason == ratchet.ReasonWorker {
			died++
		}
	}
	const slack = 60 // of idle workers and connections
	after := m.descriptors()
	t.Logf("%d workers killed, %d attempts with them; %d descriptors before, %d after", len(killed), died, before, after)
	if died == 0 || after > before+slack {
		t.Errorf("got %d attempts that died and %d descriptors, want some, and at most %d", died, after, before+slack)
	}
	m.stop()
}

// poll asks again and again until done says so.
func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(3 * patience)
	for !done() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("still waiting until %s", what)
		}
	}
}

// running counts the executions that a node has.
func (m *mortal) running(node ratchet.NodeID) int {
	m.t.Helper()
	page, err := m.client.Executions(m.t.Context(), ratchet.Query{Limit: 100, Filters: []ratchet.Filter{
		{Field: "state", Values: []string{string(ratchet.ExecutionRunning)}},
		{Field: "node", Values: []string{node.String()}},
	}})
	if err != nil {
		m.t.Fatal(err)
	}
	return len(page.Items)
}

// node is who the server is among the nodes.
func (m *mortal) node() ratchet.NodeID {
	m.t.Helper()
	nodes, err := m.client.Nodes(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	for _, n := range nodes {
		if n.PID == m.Process.Pid {
			return n.ID
		}
	}
	m.t.Fatalf("process %d is none of the nodes %v", m.Process.Pid, nodes)
	return ratchet.NodeID{}
}

// Three servers on one PostgreSQL are one Ratchet: what a dead one and a stopped
// one held is run by the third, once, and what the stopped one writes when it goes
// on is refused.
func TestAClusterSurvivesADeadAndAStoppedNode(t *testing.T) {
	t.Parallel()
	notUnderRace(t)
	database := storetest.Postgres(t)
	nodes := make([]*mortal, 3)
	for i := range nodes {
		nodes[i] = newMortal(t, database)
		if i > 0 {
			nodes[i].args = append(nodes[i].args, "--data-dir", nodes[0].dir) // one key for secrets
		}
		nodes[i].start()
	}
	stopped, dead, third := nodes[0], nodes[1], nodes[2]
	third.register()
	ticks := third.tick()
	l := newLoad(t)
	for _, n := range nodes { // any node takes requests, and all work
		l.round(t.Context(), n.client, 40, func() {})
	}
	for i := range 24 {
		job, err := nodes[i%3].client.SubmitJob(t.Context(), ratchet.JobRequest{Task: "nap", Input: json.RawMessage(`{"a": 1, "b": 2}`), Priority: ratchet.PriorityUrgent})
		if err != nil {
			t.Fatal(err)
		}
		l.accepted = append(l.accepted, job.ID)
	}
	frozen, killed := stopped.node(), dead.node()
	poll(t, "both nodes run something", func() bool { return third.running(frozen) > 0 && third.running(killed) > 0 })
	stopped.signal(syscall.SIGSTOP)
	dead.kill()
	l.round(t.Context(), third.client, 40, func() {})
	poll(t, "the third node took everything over", func() bool { return third.running(frozen)+third.running(killed) == 0 })
	stopped.signal(syscall.SIGCONT)
	poll(t, "the writes of the node that was stopped were refused", func() bool {
		s, err := stopped.client.Stats(t.Context())
		return err == nil && s.Stale > 0
	})
	l.round(t.Context(), stopped.client, 20, func() {})
	third.untick()
	h := third.history(l)
	firedOnce(t, h, ticks)
	lost := 0
	by := map[ratchet.NodeID]int{}
	for _, x := range h.Executions {
		by[x.Node]++
		if x.State == ratchet.ExecutionLost {
			lost++
		}
	}
	t.Logf("%d jobs, %d executions, %d of them lost; by node %v", len(h.Jobs), len(h.Executions), lost, by)
	if len(by) != 3 || lost == 0 {
		t.Errorf("got executions by node %v and %d lost, want three nodes at work and some lost", by, lost)
	}
	if found := h.Violations(); len(found) > 0 {
		t.Errorf("%d rules broken:\n%s", len(found), strings.Join(found[:min(len(found), 20)], "\n"))
	}
	stopped.stop()
	third.stop()
}
