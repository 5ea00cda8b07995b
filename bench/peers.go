package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
)

// A peer is another queue, and how it is run.
type peer struct {
	name, script, asked string
	concurrency         []int // to choose the fastest from
	redis               bool
	chosen              int
	rates               []float64
}

const (
	peerJobs  = 3000
	peerSlots = "64" // of 8, 16, 32 and 64 the fastest for Ratchet, as the concurrency below is for each
)

// peers runs the same function through other queues, in turn with Ratchet on both
// databases, everything on the same disk and flushed at each commit.
func peers(b *bench) error {
	if b.node == "" {
		return errNoNode
	}
	if _, err := os.Stat("bench/peers/node_modules"); err != nil {
		return errors.New("run npm ci in bench/peers")
	}
	list := []*peer{
		{name: "BullMQ, sandboxed processors", script: "bullmq.mjs", asked: "≥ 1×", concurrency: []int{4, 8, 16}, redis: true},
		{name: "graphile-worker, in process", script: "graphile.mjs", asked: "≥ 0.25×, beyond ≥ 0.5×", concurrency: []int{10, 24, 48}},
		{name: "pg-boss, in process", script: "pgboss.mjs", asked: "≥ 0.25×, beyond ≥ 0.5×", concurrency: []int{4, 8, 16}},
	}
	return withRedis(b.ctx, func(redis string) error {
		return withPostgres(b.ctx, func(postgres string) error {
			return b.serving([]string{"--slots", peerSlots}, func(lite *server, _ string) error {
				return b.serving([]string{"--slots", peerSlots, "--database", postgres}, func(pg *server, _ string) error {
					return b.against(list, redis, postgres, lite, pg)
				})
			})
		})
	})
}

func (b *bench) against(list []*peer, redis, postgres string, lite, pg *server) error {
	at := func(p *peer) string {
		if p.redis {
			return redis
		}
		return postgres
	}
	for _, p := range list {
		best := 0.0
		for _, c := range p.concurrency {
			rate, err := b.peer(p.script, c, at(p), peerJobs/3)
			if err != nil {
				return err
			}
			if rate > best {
				best, p.chosen = rate, c
			}
		}
	}
	var onLite, onPostgres []float64
	for range durableRuns {
		for _, r := range []struct {
			server *server
			rates  *[]float64
		}{{lite, &onLite}, {pg, &onPostgres}} {
			rate, _, err := r.server.rate(peerJobs)
			if err != nil {
				return err
			}
			*r.rates = append(*r.rates, rate)
		}
		for _, p := range list {
			rate, err := b.peer(p.script, p.chosen, at(p), peerJobs)
			if err != nil {
				return err
			}
			p.rates = append(p.rates, rate)
		}
	}
	for _, p := range list {
		ratios := func(ours []float64) (list []float64) {
			for i := range ours {
				list = append(list, ours[i]/p.rates[i])
			}
			return list
		}
		b.report(fmt.Sprintf("with %s slots against %s (concurrency %d)", peerSlots, p.name, p.chosen), p.asked, "SQLite %.2f×, PostgreSQL %.2f× (%.0f/s and %.0f/s against %.0f/s)",
			median(ratios(onLite)), median(ratios(onPostgres)), median(onLite), median(onPostgres), median(p.rates))
	}
	return nil
}

// peer runs jobs through another queue and returns how many a second it did.
func (b *bench) peer(script string, concurrency int, where string, jobs int) (float64, error) {
	cmd := exec.CommandContext(b.ctx, b.node, "--no-warnings", "bench/peers/"+script, strconv.Itoa(jobs), strconv.Itoa(concurrency), where)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", script, err)
	}
	var result struct {
		PerSecond float64 `json:"perSecond"`
	}
	err = json.Unmarshal(out, &result)
	return result.PerSecond, err
}

// withRedis runs f with the port of a Redis that flushes every write to the disk.
func withRedis(ctx context.Context, f func(port string) error) error {
	return in(func(dir string) error {
		port, err := freePort()
		if err != nil {
			return err
		}
		text := strconv.Itoa(port)
		cmd := exec.CommandContext(ctx, "redis-server", "--port", text, "--bind", "127.0.0.1", "--dir", dir, "--appendonly", "yes", "--appendfsync", "always", "--save", "")
		if err := cmd.Start(); err != nil {
			return err
		}
		err = serving(ctx, "redis-cli", "-p", text, "ping")
		if err == nil {
			err = f(text)
		}
		return errors.Join(err, ended(cmd, os.Interrupt))
	})
}

// ended ends a process and waits for it. What it says of being ended is no
// failure.
func ended(cmd *exec.Cmd, signal os.Signal) error {
	if err := cmd.Process.Signal(signal); err != nil {
		return err
	}
	_ = cmd.Wait()
	return nil
}
