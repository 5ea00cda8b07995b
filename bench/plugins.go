package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// pluginJobs is how many jobs each half of a pair runs, and pluginWaits how many
// are waited for one by one.
const (
	pluginPairs = 10
	pluginJobs  = 1000
	pluginWaits = 200
)

// plugins is a server with an enabled hook plugin against the same one with it
// disabled, in turn.
func plugins(b *bench) error {
	return in(func(dir string) error {
		folder := filepath.Join(dir, "plugins")
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		names := []string{"one", "every"}
		for _, name := range names {
			build := exec.CommandContext(b.ctx, "go", "build", "-o", filepath.Join(folder, "ratchet-plugin-"+name), "./bench/programs/hookplugin")
			if out, err := build.CombinedOutput(); err != nil {
				return fmt.Errorf("build the plugin: %w: %s", err, out)
			}
		}
		s, err := b.serve(dir)
		if err != nil {
			return err
		}
		err = errors.Join(b.register(s, dir, "noop", noop), s.warm())
		for _, name := range names {
			if err == nil {
				err = b.hooked(s, name)
			}
		}
		return errors.Join(err, s.stop(os.Interrupt))
	})
}

// hooked measures with one plugin.
func (b *bench) hooked(s *server, name string) error {
	var off, on, offWait, onWait []time.Duration
	var ratios []float64
	for range pluginPairs {
		load, wait, err := s.loadAndWait()
		if err != nil {
			return err
		}
		off, offWait = append(off, load), append(offWait, wait)
		if err := s.want(http.StatusOK, http.MethodPost, "/api/v1/plugins/"+name+"/enable", "{}", nil); err != nil {
			return err
		}
		if load, wait, err = s.loadAndWait(); err != nil {
			return err
		}
		on, onWait = append(on, load), append(onWait, wait)
		if err := s.want(http.StatusOK, http.MethodPost, "/api/v1/plugins/"+name+"/disable", "", nil); err != nil {
			return err
		}
		ratios = append(ratios, float64(off[len(off)-1])/float64(load))
	}
	if failed, err := s.count("failed,cancelled"); err != nil || failed > 0 {
		return errors.Join(err, fmt.Errorf("%d jobs failed", failed))
	}
	var p ratchet.Plugin
	if err := s.want(http.StatusOK, http.MethodGet, "/api/v1/plugins/"+name, "", &p); err != nil {
		return err
	}
	calls, each := int64(0), []string{}
	for _, c := range p.Calls {
		if calls += c.Calls; c.Failed > 0 {
			return fmt.Errorf("%s: %d of %d calls failed: %s", c.Operation, c.Failed, c.Calls, c.LastError)
		}
		each = append(each, fmt.Sprintf("%s %v", c.Operation, time.Duration(c.P50).Round(time.Microsecond)))
	}
	rate := func(d time.Duration) float64 { return pluginJobs / d.Seconds() }
	b.report("a plugin's hook, "+name+": throughput against none", "≥ 0.90×", "%.2f× (%.0f against %.0f jobs/s)", median(ratios), rate(median(on)), rate(median(off)))
	b.report("a plugin's hook, "+name+": a job that is waited for, p50", "≤ 0.3 ms more", "%+.2f ms (%v against %v)", (median(onWait)-median(offWait)).Seconds()*1000, round(median(onWait)), round(median(offWait)))
	b.report("a plugin's hook, "+name+": one call under load, p50", "≤ 0.3 ms", "%s (%d calls)", strings.Join(each, ", "), calls)
	return nil
}

// loadAndWait is how long many jobs take together, and the median of one that is
// waited for while the server does nothing else.
func (s *server) loadAndWait() (load, wait time.Duration, err error) {
	if load, err = s.runAll(pluginJobs); err != nil {
		return 0, 0, err
	}
	var waits []time.Duration
	for n := range pluginWaits {
		began := time.Now()
		if err := s.want(http.StatusOK, http.MethodPost, "/api/v1/tasks/noop/run?wait=30s", fmt.Sprintf(`{"n":%d}`, n), nil); err != nil {
			return 0, 0, err
		}
		waits = append(waits, time.Since(began))
	}
	return load, median(waits), nil
}
