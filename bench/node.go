package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/node"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// inNode is the Node to compare with as the engine of tasks: Node against itself.
type inNode struct{ node.Runtime }

func (inNode) Default() ratchet.Engine { return ratchet.EngineNode }

func (n inNode) Node(context.Context) (ratchet.EngineInfo, error) {
	return ratchet.EngineInfo{Name: ratchet.EngineNode, Path: n.Path, Version: n.Version, Usable: true}, nil
}

// runtime is the Node to compare with.
func (b *bench) runtime() (node.Runtime, error) {
	if b.node == "" {
		return node.Runtime{}, errNoNode
	}
	path, err := exec.LookPath(b.node)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	return node.Runtime{Path: path, Version: strings.TrimPrefix(version(b.ctx, b.node), "v")}, err
}

// nodeRig is a rig whose tasks run in Node.
func (b *bench) nodeRig(config workerpool.Config) (*rig, error) {
	found, err := b.runtime()
	if err != nil {
		return nil, err
	}
	config.Node = found
	r, err := b.rig(config)
	if err != nil {
		return nil, err
	}
	r.executor.SetEngines(inNode{found})
	return r, nil
}

// mixTime is how long a program of the mix is repeated for in plain Node, so that
// the engine is measured and not what surrounds an execution.
const mixTime = 100 * time.Millisecond

// plainMix runs a program in a new process of plain Node, and prints how long it
// took, in milliseconds, from its source to its result.
const plainMix = `const s = require("fs").readFileSync(process.argv[1], "utf8"), n = +process.argv[2], t = performance.now();
new (require("vm").Script)(s + "\n;(async () => { let r; for (let i = 0; i < " + n + "; i++) r = await bench(); return r })").runInThisContext()()
  .then((r) => { JSON.stringify(r); console.log(performance.now() - t) })`

// nodeMix runs each program of the mix as a task in a worker that runs Node, and
// in plain Node of the same version. Both begin cold: the one in a fresh context,
// the other in a fresh process.
func nodeMix(b *bench) error {
	files, err := filepath.Glob("bench/programs/mix/*.js")
	if err != nil {
		return err
	}
	r, err := b.nodeRig(workerpool.Config{Running: 1})
	if err != nil {
		return err
	}
	defer r.close()
	rounds := b.rounds
	b.rounds = min(rounds, 11)
	defer func() { b.rounds = rounds }()
	product, worst, worstName := 1.0, 0.0, ""
	for _, file := range files {
		ratio, err := b.mixed(r, file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".js")
		product *= ratio
		if ratio > worst {
			worst, worstName = ratio, name
		}
	}
	b.report(fmt.Sprintf("engine node against plain Node of the same version, %d programs", len(files)), "≤ 1.1×",
		"%.2f× (geometric mean; most %.2f× in %s)", math.Pow(product, 1/float64(len(files))), worst, worstName)
	return nil
}

// mixed is the ratio for one program.
func (b *bench) mixed(r *rig, file string) (float64, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	plain := func(n int) (time.Duration, error) {
		out, err := exec.CommandContext(b.ctx, b.node, "-e", plainMix, file, strconv.Itoa(n)).Output()
		if err != nil {
			return 0, err
		}
		took, err := strconv.ParseFloat(string(bytes.TrimSpace(out)), 64)
		return time.Duration(took * float64(time.Millisecond)), err
	}
	n := 1
	for ; ; n *= 2 {
		took, err := plain(n)
		if err != nil {
			return 0, err
		}
		if took >= mixTime {
			break
		}
	}
	d := &workerpool.Domain{
		Key: file, Engine: ratchet.EngineNode, Memory: 512 << 20, Slots: 1,
		Program: workerpool.Program{
			File: "task.js", Kind: string(bundle.Script),
			Source: append(source, "\n;(async (n) => { let r; for (let i = 0; i < n; i++) r = await bench(); return r })"...),
		},
	}
	m1, m2, ratio, err := b.pair(func() (time.Duration, error) {
		start := time.Now()
		done, err := r.pool.Run(b.ctx, d, time.Minute, number(n))
		if err == nil && done.Failure != nil {
			err = fmt.Errorf("%s: %s", done.Failure.Kind, done.Failure.Message)
		}
		return time.Since(start), err
	}, func() (time.Duration, error) { return plain(n) })
	fmt.Fprintf(os.Stderr, "  %s %.2f× (%v against %v)\n", strings.TrimSuffix(filepath.Base(file), ".js"), ratio, round(m1), round(m2))
	return ratio, err
}

// A number is the input of an execution that asks nobody anything.
type number int

func (n number) Start(*workerpool.Execution) workerpool.Run {
	return workerpool.Run{Input: []byte(strconv.Itoa(int(n))), Context: []byte(`{}`)}
}
func (number) Request(*workerpool.Execution, *workerpool.Request)   {}
func (number) Log(*workerpool.Execution, *workerpool.Log)           {}
func (number) Progress(*workerpool.Execution, *workerpool.Progress) {}

// nodeWarm is warm in Node.
func nodeWarm(b *bench) error {
	t, err := b.load("bench/programs/order")
	if err != nil {
		return err
	}
	r, err := b.nodeRig(workerpool.Config{Running: 2})
	if err != nil {
		return err
	}
	defer r.close()
	latencies, _, err := drive(b, r, []*bundle.Bundle{t}, 1, 3000)
	if err != nil {
		return err
	}
	b.report("engine node: warm execution, fresh context, both schemas checked: one at a time", "p50 ≤ 1.5 ms, beyond ≤ 0.7 ms",
		"p50 %v, p99 %v", round(percentile(latencies, 50)), round(percentile(latencies, 99)))
	_, rate, err := drive(b, r, []*bundle.Bundle{t}, 3, 6000)
	if err != nil {
		return err
	}
	b.report("engine node: the same, two workers on 2 CPUs", "", "%.0f/s", rate)
	return nil
}

// nodeSpawn is spawn in Node.
func nodeSpawn(b *bench) error {
	found, err := b.runtime()
	if err != nil {
		return err
	}
	pool := workerpool.New(workerpool.Config{Node: found})
	defer pool.Close()
	level := sandbox.Level("")
	m1, m2, ratio, err := b.pair(
		func() (time.Duration, error) {
			start := time.Now()
			report, err := pool.ProbeOf(ratchet.EngineNode)
			level = report.Level
			return time.Since(start), err
		},
		func() (time.Duration, error) { return b.timed(b.node, "-e", "0") },
	)
	if err != nil {
		return err
	}
	b.report(fmt.Sprintf("engine node: sandboxed worker (%s), spawn to ready, against `node -e 0`", level), "≤ 1.4×, beyond ≤ 1.2×",
		"%.2f× (%v against %v)", ratio, round(m1), round(m2))
	return nil
}

// nodeMemory is idleMemory in Node, with one worker alone and with four, which
// share the pages of the binary.
func nodeMemory(b *bench) error {
	t, err := b.load("bench/programs/order")
	if err != nil {
		return err
	}
	for _, workers := range []int{1, 4} {
		pss, err := b.idlePSS(t, workers)
		if err != nil {
			return err
		}
		b.report(fmt.Sprintf("engine node: idle worker after 500 executions, proportional set size, %d resident", workers), "≤ 50 MB, beyond ≤ 40 MB", "%.1f MB", pss)
	}
	return nil
}

// restTime is after how long a worker is idle: half a second after its last
// execution it gives memory back.
const restTime = 2 * time.Second

// idlePSS is the mean of so many idle workers, megabytes.
func (b *bench) idlePSS(t *bundle.Bundle, workers int) (float64, error) {
	r, err := b.nodeRig(workerpool.Config{Running: 1})
	if err != nil {
		return 0, err
	}
	defer r.close()
	for i := range workers {
		one := *t
		one.Digest += strconv.Itoa(i) // a domain, and so a worker, of its own
		for range 500 {
			if _, err := r.once(b, &one, order); err != nil {
				return 0, err
			}
		}
	}
	time.Sleep(restTime)
	total := int64(0)
	pids := r.pool.PIDs()
	for _, pid := range pids {
		pss, err := sandbox.PSS(pid)
		if err != nil {
			return 0, err
		}
		total += pss
	}
	if len(pids) != workers {
		return 0, fmt.Errorf("%d workers are resident, want %d", len(pids), workers)
	}
	return float64(total) / float64(workers) / (1 << 20), nil
}
