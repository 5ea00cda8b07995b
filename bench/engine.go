package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/js"
)

// silent is a host that nobody asks anything.
type silent struct{}

func (silent) Request(uint32, string, string, []byte) {}
func (silent) Log(string, string, string)             {}
func (silent) Progress(float64, string)               {}

// execute runs a program in a fresh VM and returns how long that took, from the
// VM's birth to its end.
func execute(e *js.Engine, p *js.Program, in string) (time.Duration, error) {
	start := time.Now()
	vm, err := e.NewVM()
	if err != nil {
		return 0, err
	}
	out := vm.Run(p, js.Task{Input: []byte(in), Context: []byte(`{}`)}, silent{})
	vm.Close()
	if out.Failure != nil {
		return 0, fmt.Errorf("%s: %s", out.Failure.Kind, out.Failure.Message)
	}
	return time.Since(start), nil
}

// hostOverhead runs each program of the mix in our VM and in a bare one.
func hostOverhead(b *bench) error {
	files, err := filepath.Glob("bench/programs/mix/*.js")
	if err != nil {
		return err
	}
	e := js.New(js.Config{Memory: 512 << 20})
	defer e.Close()
	product, worst, worstName := 1.0, 0.0, ""
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		program, err := e.Compile(file, append(source, "\n;(() => bench())"...), js.Script)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		_, _, ratio, err := b.pair(
			func() (time.Duration, error) { return execute(e, program, "null") },
			func() (time.Duration, error) { return bare(string(source) + "\n;JSON.stringify(bench())") },
		)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".js")
		fmt.Fprintf(os.Stderr, "  %s %.2f×\n", name, ratio)
		product *= ratio
		if ratio > worst {
			worst, worstName = ratio, name
		}
	}
	b.report(fmt.Sprintf("our host against a bare QuickJS VM, %d programs", len(files)), "≤ 1.1×",
		"%.2f× (geometric mean; most %.2f× in %s)", math.Pow(product, 1/float64(len(files))), worst, worstName)
	return nil
}

// preludeCost is what a task pays for the globals it does not touch, and for
// those it does. It is the difference between two medians of many executions
// taken in turn.
func preludeCost(b *bench) error {
	e := js.New(js.Config{})
	defer e.Close()
	plain, err := e.Compile("plain.js", []byte(`(i) => i`), js.Script)
	if err != nil {
		return err
	}
	uses, err := e.Compile("uses.js", []byte(`(i) => {
  const u = new URL("https://user@example.com:8080/a/../b?x=1#h");
  const h = new Headers({ accept: "text/html", "x-path": u.pathname });
  return h.get("x-path") + u.searchParams.get("x");
}`), js.Script)
	if err != nil {
		return err
	}
	var bareTimes, plainTimes []time.Duration
	for i := range 3000 {
		d, err := bareSnapshotless()
		if err != nil {
			return err
		}
		p, err := execute(e, plain, `{"a": 1}`)
		if err != nil {
			return err
		}
		if i > 100 {
			bareTimes, plainTimes = append(bareTimes, d), append(plainTimes, p)
		}
	}
	untouched := median(plainTimes) - median(bareTimes)
	b.report("a whole execution with the prelude untouched, over one in a bare VM without prelude", "≤ 0.2 ms, beyond ≤ 0.02 ms",
		"%+.3f ms (%v against %v: restoring a snapshot is less than building a bare VM)", ms(untouched), round(median(plainTimes)), round(median(bareTimes)))
	var with, without []time.Duration
	for i := range 3000 {
		u, err := execute(e, uses, `{"a": 1}`)
		if err != nil {
			return err
		}
		p, err := execute(e, plain, `{"a": 1}`)
		if err != nil {
			return err
		}
		if i > 100 {
			with, without = append(with, u), append(without, p)
		}
	}
	b.report("a task that uses URL and Headers, over one that does not", "≤ 1 ms, beyond ≤ 0.3 ms", "%+.3f ms", ms(median(with)-median(without)))
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
