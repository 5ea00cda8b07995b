package workerpool_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/internal/worker"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// The test binary is also a worker, a child that breaks the protocol, and a
// server to be killed.
func TestMain(m *testing.M) {
	if err := sandbox.CloseInherited(); err != nil { // as main does
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if len(os.Args) > 2 {
		var err error
		switch os.Args[1] {
		case "worker":
			err = worker.Main(os.Args[2])
		case "impostor":
			err = impostor(os.Args[2])
		case "server":
			err = serve()
		default:
			goleak.VerifyTestMain(m)
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, os.Args[1]+":", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// workerCommand is what pools of real workers start: this binary, or a plain one
// where this one has the race detector in it.
func workerCommand() []string {
	if plain := os.Getenv("RATCHET_TEST_WORKER"); plain != "" {
		return []string{plain, "worker"}
	}
	return nil
}

func newPool(t testing.TB, config workerpool.Config) *workerpool.Pool {
	t.Helper()
	if config.Command == nil {
		config.Command = workerCommand()
	}
	p := workerpool.New(config)
	t.Cleanup(p.Close)
	return p
}

// newScripted returns a pool of impostors that do as their inputs say.
func newScripted(t testing.TB, config workerpool.Config) *workerpool.Pool {
	t.Helper()
	config.Command = []string{"/proc/self/exe", "impostor", "obedient"}
	return newPool(t, config)
}

const mb = 1 << 20

// domain is a task of one script.
func domain(key, source string) *workerpool.Domain {
	return &workerpool.Domain{
		Key:     key,
		Program: workerpool.Program{File: "task.js", Kind: "script", Source: []byte(source)},
		Memory:  32 * mb, Recursion: 5000,
	}
}

// scripted is a domain for impostors, whose memory is not bounded: with the race
// detector in them they reserve the half of all addresses.
func scripted(key string) *workerpool.Domain {
	return &workerpool.Domain{Key: key, Memory: 1 << 44, Recursion: 5000}
}

// caller is a Handler that says what to run and keeps what it is told.
type caller struct {
	input    string
	worker   chan string // gets the worker's name when the execution starts
	logs     chan string
	requests chan request
}

type request struct {
	x *workerpool.Execution
	m *workerpool.Request
}

func (r request) reply(body string) {
	r.x.Reply(&workerpool.Reply{Call: r.m.Call, Head: []byte(`{"status":200,"headers":[]}`), Body: []byte(body)})
}

func newCaller(input string) *caller {
	return &caller{input: input, worker: make(chan string, 1), logs: make(chan string, 100), requests: make(chan request, 100)}
}

func (c *caller) Start(x *workerpool.Execution) workerpool.Run {
	select {
	case <-c.worker: // it died before it was told
	default:
	}
	c.worker <- x.Worker()
	return workerpool.Run{Input: []byte(c.input), Context: []byte(`{"executionId":"e"}`), CPU: int64(time.Minute), Output: mb}
}

func (c *caller) Request(x *workerpool.Execution, m *workerpool.Request) {
	select {
	case c.requests <- request{x, m}:
	default:
	}
}

func (c *caller) Log(_ *workerpool.Execution, m *workerpool.Log) {
	select {
	case c.logs <- m.Message:
	default:
	}
}

func (c *caller) Progress(*workerpool.Execution, *workerpool.Progress) {}

const wall = time.Minute

// run runs one execution that must succeed, and returns its output and worker.
func run(t testing.TB, p *workerpool.Pool, d *workerpool.Domain, input string) (output, worker string) {
	t.Helper()
	c := newCaller(input)
	done, err := p.Run(t.Context(), d, wall, c)
	if err != nil {
		t.Fatalf("run %s: %v", d.Key, err)
	}
	if done.Failure != nil {
		t.Fatalf("run %s: %+v", d.Key, *done.Failure)
	}
	return string(done.Output), <-c.worker
}

// An ending is what Run returned.
type ending struct {
	done *workerpool.Done
	err  error
}

// launch starts an execution in the background.
func launch(ctx context.Context, p *workerpool.Pool, d *workerpool.Domain, c *caller) <-chan ending {
	ended := make(chan ending, 1)
	go func() {
		done, err := p.Run(ctx, d, wall, c)
		ended <- ending{done, err}
	}()
	return ended
}

// await waits for a value that must come.
func await[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	timer := time.NewTimer(30 * time.Second)
	defer timer.Stop()
	select {
	case v := <-c:
		return v
	case <-timer.C:
		t.Fatalf("%s did not come", what)
		panic("unreachable")
	}
}

// pidOf is the process that a worker's name names.
func pidOf(t testing.TB, worker string) int {
	t.Helper()
	var pid int
	if _, err := fmt.Sscanf(strings.TrimPrefix(worker, "pid-"), "%d", &pid); err != nil {
		t.Fatalf("no process in %q: %v", worker, err)
	}
	return pid
}
