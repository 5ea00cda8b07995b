package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// What the figures against Node are answered with where there is none.
var errNoNode = errors.New("no Node of version 22 or newer: run npm ci in bench, or give -node")

const input = `{"num1": 5, "num2": 10}`

// timed runs a command and returns how long the whole process took.
func (b *bench) timed(name string, args ...string) (time.Duration, error) {
	cmd := exec.CommandContext(b.ctx, name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%s: %w: %s", name, err, stderr.Bytes())
	}
	return time.Since(start), nil
}

// pair runs two measurements in turn and returns the medians of both and of the
// ratios first/second.
func (b *bench) pair(first, second func() (time.Duration, error)) (m1, m2 time.Duration, ratio float64, err error) {
	var ones, twos []time.Duration
	var ratios []float64
	for i := range b.rounds + 2 {
		d1, err := first()
		if err != nil {
			return 0, 0, 0, err
		}
		d2, err := second()
		if err != nil {
			return 0, 0, 0, err
		}
		if i < 2 {
			continue // to warm the disk's cache
		}
		ones, twos, ratios = append(ones, d1), append(twos, d2), append(ratios, float64(d1)/float64(d2))
	}
	return median(ones), median(twos), median(ratios), nil
}

func median[T int | int64 | float64 | time.Duration](list []T) T { return percentile(list, 50) }

func percentile[T int | int64 | float64 | time.Duration](list []T, p int) T {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}

func round(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(time.Microsecond)
	}
	return d.Round(100 * time.Microsecond)
}

// cold is `ratchet run` of a small task against Node running the same function.
func cold(b *bench) error {
	if b.node == "" {
		return errNoNode
	}
	m1, m2, ratio, err := b.pair(
		func() (time.Duration, error) {
			return b.timed(b.ratchet, "run", "examples/addition", "--input", input)
		},
		func() (time.Duration, error) { return b.timed(b.node, "bench/addition.js", input) },
	)
	if err != nil {
		return err
	}
	b.report("`ratchet run` of addition, cold, against Node running the same function", "≤ 1.0×, beyond ≤ 0.6×",
		"%.2f× (%v against %v)", ratio, round(m1), round(m2))
	return nil
}

// spawn is a sandboxed worker, from the order to its ready message, against an
// empty Node process.
func spawn(b *bench) error {
	if b.node == "" {
		return errNoNode
	}
	pool := workerpool.New(workerpool.Config{})
	defer pool.Close()
	level := sandbox.Level("")
	m1, m2, ratio, err := b.pair(
		func() (time.Duration, error) {
			start := time.Now()
			report, err := pool.Probe()
			level = report.Level
			return time.Since(start), err
		},
		func() (time.Duration, error) { return b.timed(b.node, "-e", "0") },
	)
	if err != nil {
		return err
	}
	b.report(fmt.Sprintf("sandboxed worker (%s), spawn to ready, against `node -e 0`", level), "≤ 0.5×, beyond ≤ 0.25×",
		"%.2f× (%v against %v)", ratio, round(m1), round(m2))
	return nil
}

var initLine = regexp.MustCompile(`^init (\S+) @\S+ ms, (\S+) ms clock`)

// initWork adds up what package initialisation costs each command and worker.
func initWork(b *bench) error {
	var sums []float64
	var worst string
	for range b.rounds {
		cmd := exec.CommandContext(b.ctx, b.ratchet, "version")
		cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Run(); err != nil {
			return err
		}
		sum, most := 0.0, 0.0
		for line := range bytes.Lines(stderr.Bytes()) {
			m := initLine.FindSubmatch(line)
			if m == nil {
				continue
			}
			ms, err := strconv.ParseFloat(string(m[2]), 64)
			if err != nil {
				return err
			}
			if sum += ms; ms > most {
				most, worst = ms, string(m[1])
			}
		}
		sums = append(sums, sum)
	}
	b.report("init work of everything linked", "≤ 10 ms, beyond ≤ 4 ms", "%.1f ms (most in %s)", median(sums), worst)
	return nil
}
