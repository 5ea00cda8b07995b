// Command bench measures Ratchet's figures and prints them as a table beside
// what was asked. Every figure that compares is a ratio of two things taken in
// turn in one run, so that the machine's own speed drops out.
//
//	go run ./bench                  all figures
//	go run ./bench -only warm,cold  some
//
// The figures against Node need one of version 22 or newer, found through
// -node, else in bench/node_modules (npm ci in bench), else on the PATH. Those of
// the server want PostgreSQL, and peers the packages of bench/peers (npm ci there)
// and redis-server too; each is started in a folder of its own, and ended.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/ratchet-runner/ratchet-go/internal/worker"
)

// A figure is one measurement.
type figure struct {
	name    string
	measure func(*bench) error
}

// figures lists what can be measured, in the order of the table.
func figures() []figure {
	return []figure{
		{"cold", cold},
		{"interleaved", interleaved},
		{"warm", warm},
		{"host", hostOverhead},
		{"prelude", preludeCost},
		{"spawn", spawn},
		{"memory", idleMemory},
		{"init", initWork},
		{"fetch", fetchWaits},
		{"tests", tests},
		{"record", recording},
		{"replay", replaying},
		{"node-mix", nodeMix},
		{"node-warm", nodeWarm},
		{"node-spawn", nodeSpawn},
		{"node-memory", nodeMemory},
		{"durable", durable},
		{"durable-pg", durablePostgres},
		{"peers", peers},
		{"queue", queueAlone},
		{"latency", latency},
		{"run", runWarm},
		{"idle", idle},
		{"restart", restarting},
		{"deliveries", deliveries},
		{"deliveries-pg", deliveriesPostgres},
		{"plugins", plugins},
		{"resilience", resilient},
		{"kept", keptResult},
	}
}

// bench is one run of the command.
type bench struct {
	ctx     context.Context
	ratchet string // the command under test
	node    string // empty: none found
	rounds  int
	rows    []row
}

// A row is one line of the table.
type row struct{ what, asked, measured string }

func (b *bench) report(what, asked, format string, args ...any) {
	b.rows = append(b.rows, row{what, asked, fmt.Sprintf(format, args...)})
	fmt.Fprintf(os.Stderr, "%s: %s\n", what, b.rows[len(b.rows)-1].measured)
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "worker" { // as in the command: workers are the server's own binary
		if err := worker.Main(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// Whatever ends it, even a reader of its output that goes away, servers and
	// databases are ended too.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	only := flag.String("only", "", "figures to measure, separated by commas; default all")
	node := flag.String("node", "", "the Node to compare with")
	given := flag.String("ratchet", "", "the command to measure; default: this tree's, built for it")
	rounds := flag.Int("rounds", 31, "runs of each whole-process figure")
	flag.Parse()
	dir, err := os.MkdirTemp("", "ratchet-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{ctx: ctx, ratchet: filepath.Join(dir, "ratchet"), rounds: *rounds, node: findNode(ctx, *node)}
	if *given != "" {
		if b.ratchet, err = filepath.Abs(*given); err != nil {
			return err
		}
	} else if err := b.build(); err != nil {
		return err
	}
	wanted := strings.Split(*only, ",")
	for _, f := range figures() {
		if *only != "" && !slices.Contains(wanted, f.name) {
			continue
		}
		if err := f.measure(b); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	fmt.Printf("%s, %s/%s, %d CPUs, node %s\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), version(ctx, b.node))
	fmt.Println("| what | asked | measured |\n|---|---|---|")
	for _, r := range b.rows {
		fmt.Printf("| %s | %s | %s |\n", r.what, r.asked, r.measured)
	}
	return nil
}

// build builds the command under test.
func (b *bench) build() error {
	build := exec.CommandContext(b.ctx, "go", "build", "-o", b.ratchet, "./cmd/ratchet")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build ratchet (run bench from the repository's root): %w", err)
	}
	return nil
}

// findNode returns a Node of version 22 or newer, or "".
func findNode(ctx context.Context, given string) string {
	for _, path := range []string{given, "bench/node_modules/node/bin/node", "node"} {
		v := version(ctx, path)
		var major int
		if _, err := fmt.Sscanf(v, "v%d.", &major); err == nil && major >= 22 {
			return path
		}
	}
	return ""
}

func version(ctx context.Context, node string) string {
	if node == "" {
		return "none"
	}
	out, err := exec.CommandContext(ctx, node, "--version").Output()
	if err != nil {
		return "none"
	}
	return strings.TrimSpace(string(out))
}
