package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// How many jobs a run of throughput has, and how many runs.
const (
	durableJobs = 5000
	durableRuns = 3
)

// durable is jobs from the request that submits them to the committed result.
func durable(b *bench) error {
	return b.throughput("SQLite, synchronous FULL", "≥ 1,000/s, beyond ≥ 1,600/s", nil)
}

// durablePostgres is durable with another database.
func durablePostgres(b *bench) error {
	return withPostgres(b.ctx, func(url string) error {
		return b.throughput("PostgreSQL, fsync on", "≥ 600/s, beyond ≥ 1,000/s", []string{"--database", url})
	})
}

func (b *bench) throughput(database, asked string, flags []string) error {
	return b.serving(flags, func(s *server, _ string) error {
		var rates, own, workers []float64
		for range durableRuns {
			rate, u, err := s.rate(durableJobs)
			if err != nil {
				return err
			}
			rates = append(rates, rate)
			own = append(own, perJob(u.server, durableJobs))
			workers = append(workers, perJob(u.workers, durableJobs))
		}
		b.report(fmt.Sprintf("jobs one by one over REST (%d connections) through a sandboxed worker, a fresh VM each, to the committed result; %s", clients, database), asked,
			"%.0f/s (%s); CPU a job: server %.2f ms, workers %.2f ms", median(rates), spread(rates), median(own), median(workers))
		return nil
	})
}

// rate is how many jobs a second the server does, and what it used for them.
func (s *server) rate(jobs int) (float64, usage, error) {
	before, err := s.used()
	if err != nil {
		return 0, usage{}, err
	}
	took, err := s.load(jobs)
	if err != nil {
		return 0, usage{}, err
	}
	after, err := s.used()
	return float64(jobs) / took.Seconds(), usage{after.server - before.server, after.workers - before.workers, after.resident}, err
}

func perJob(d time.Duration, jobs int) float64 {
	return float64(d.Microseconds()) / 1000 / float64(jobs)
}

func spread(list []float64) string {
	return fmt.Sprintf("%.0f to %.0f in %d runs", percentile(list, 0), percentile(list, 100), len(list))
}

var queueLine = regexp.MustCompile(`BenchmarkQueue/(\w+)\S*\s.*?([\d.]+) cpu-ms/job\s+([\d.]+) jobs/s`)

// queueAlone is what the store does without anything to run: submit, claim and
// finish. The benchmark is internal/sqlstore's own.
func queueAlone(b *bench) error {
	cmd := exec.CommandContext(b.ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkQueue$", "-benchtime", "5000x", "-count", strconv.Itoa(durableRuns), "./internal/sqlstore")
	cmd.Env = append(os.Environ(), "RATCHET_TEST_FSYNC=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	rates, cpu := map[string][]float64{}, map[string][]float64{}
	for _, m := range queueLine.FindAllStringSubmatch(string(out), -1) {
		rate, err := strconv.ParseFloat(m[3], 64)
		ms, err2 := strconv.ParseFloat(m[2], 64)
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		rates[m[1]], cpu[m[1]] = append(rates[m[1]], rate), append(cpu[m[1]], ms)
	}
	for _, d := range []struct{ name, text, asked string }{
		{"sqlite", "SQLite, synchronous FULL", "≥ 3,000/s, beyond ≥ 5,000/s"},
		{"postgres", "PostgreSQL, fsync on", "≥ 2,500/s, beyond ≥ 4,000/s"},
	} {
		if len(rates[d.name]) == 0 {
			return fmt.Errorf("no figure for %s in: %s", d.name, out)
		}
		b.report("the queue alone: submit, claim, finish; "+d.text, d.asked, "%.0f/s (%s); CPU a job in this process: %.2f ms", median(rates[d.name]), spread(rates[d.name]), median(cpu[d.name]))
	}
	return nil
}

// answers is how many times latencies are taken.
const answers = 400

// latency is how soon a job starts on a system that has nothing else to do.
func latency(b *bench) error {
	return b.serving(nil, func(s *server, _ string) error {
		var waits []time.Duration
		for range answers {
			time.Sleep(15 * time.Millisecond) // what the last one left to do is done
			var job ratchet.Job
			asked := time.Now()
			if err := s.want(http.StatusAccepted, http.MethodPost, "/api/v1/jobs", `{"task":"noop","input":{"n":1}}`, &job); err != nil {
				return err
			}
			if err := s.want(http.StatusOK, http.MethodGet, "/api/v1/jobs/"+job.ID.String()+"?wait=10s", "", nil); err != nil {
				return err
			}
			var runs []ratchet.Execution
			if err := s.want(http.StatusOK, http.MethodGet, "/api/v1/executions?jobId="+job.ID.String(), "", &runs); err != nil {
				return err
			}
			if len(runs) != 1 {
				return fmt.Errorf("job %s has %d executions", job.ID, len(runs))
			}
			waits = append(waits, runs[0].StartedAt.Sub(asked))
		}
		b.report("from sending a job to its start, on an idle system", "p50 ≤ 3 ms, p99 ≤ 15 ms; beyond p99 ≤ 6 ms", "p50 %v, p99 %v", round(percentile(waits, 50)), round(percentile(waits, 99)))
		return nil
	})
}

// runWarm is a task that is run and waited for.
func runWarm(b *bench) error {
	return b.serving(nil, func(s *server, _ string) error {
		var took []time.Duration
		for range answers {
			start := time.Now()
			if err := s.want(http.StatusOK, http.MethodPost, "/api/v1/tasks/noop/run?wait=10s", `{"n":1}`, nil); err != nil {
				return err
			}
			took = append(took, time.Since(start))
		}
		b.report("`POST /tasks/{task}/run?wait`, warm", "p50 ≤ 5 ms, beyond ≤ 2 ms", "p50 %v, p99 %v", round(percentile(took, 50)), round(percentile(took, 99)))
		return batch(b, s)
	})
}

// batch is 1,000 jobs in one request.
func batch(b *bench, s *server) error {
	const jobs = 1000
	body := `{"jobs":[` + strings.TrimSuffix(strings.Repeat(`{"task":"noop","input":{"n":1}},`, jobs), ",") + `]}`
	var took []time.Duration
	for range 5 {
		start := time.Now()
		if err := s.want(http.StatusAccepted, http.MethodPost, "/api/v1/jobs/batch", body, nil); err != nil {
			return err
		}
		took = append(took, time.Since(start))
		if err := s.drained(); err != nil {
			return err
		}
	}
	b.report("1,000 jobs submitted in one request", "", "%v", round(median(took)))
	return nil
}

// drained waits until no job is left.
func (s *server) drained() error {
	for {
		if left, err := s.count("queued,running,retrying"); err != nil || left == 0 {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// idleTime is how long an idle server is watched.
const idleTime = time.Minute

// idle is what a server takes that has nothing to do.
func idle(b *bench) error {
	return b.serving(nil, func(s *server, dir string) error {
		time.Sleep(5 * time.Second) // what it does soon after its work
		before, err := s.used()
		first, err2 := commits(dir)
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		time.Sleep(idleTime)
		after, err := s.used()
		last, err2 := commits(dir)
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		used := after.server + after.workers - before.server - before.workers
		b.report("an idle server (SQLite) after 800 jobs, with its workers", "≤ 0.5 % CPU, ≤ 80 MB; beyond ≤ 5 writes a minute",
			"%.2f %% CPU, server %d MB and with workers %d MB, %d writes in %v", 100*used.Seconds()/idleTime.Seconds(),
			memory(s.cmd.Process.Pid, "Rss")>>20, after.resident>>20, last-first, idleTime)
		return nil
	})
}

// commits is how many transactions have written to the SQLite file since it was
// opened: a number in the header of the index of its journal.
func commits(dir string) (uint32, error) {
	f, err := os.Open(filepath.Join(dir, "ratchet.db-shm"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var header [12]byte
	if _, err := f.ReadAt(header[:], 0); err != nil {
		return 0, err
	}
	return binary.NativeEndian.Uint32(header[8:]), nil
}

// sleeper says a word first: a worker that dies before that is replaced without
// anybody noticing.
const sleeper = `async () => { console.log("begun"); await new Promise((done) => setTimeout(done, 20000)); }`

// restarting is how soon work goes on after a server was killed, and after a
// worker was.
func restarting(b *bench) error {
	var restarts, rescues []time.Duration
	for range max(3, b.rounds/4) {
		err := in(func(dir string) error {
			if err := b.asleep(dir); err != nil {
				return err
			}
			begun := time.Now()
			s, err := b.serve(dir)
			if err != nil {
				return err
			}
			started, err := s.startedAfter(begun)
			restarts = append(restarts, started.Sub(begun))
			if err == nil {
				var rescue time.Duration
				rescue, err = s.rescue()
				rescues = append(rescues, rescue)
			}
			return errors.Join(err, s.kill())
		})
		if err != nil {
			return err
		}
	}
	b.report("a server killed with `kill -9`: from its next start to the first of its jobs running again", "≤ 2 s", "%v, at most %v in %d", round(median(restarts)), round(percentile(restarts, 100)), len(restarts))
	b.report("a worker killed in the middle of a job: until the job runs again (the retry asked for at once)", "≤ 1 s", "%v, at most %v in %d", round(median(rescues)), round(percentile(rescues, 100)), len(rescues))
	return nil
}

// asleep leaves a server behind that was killed while jobs ran.
func (b *bench) asleep(dir string) error {
	s, err := b.serve(dir)
	if err != nil {
		return err
	}
	err = b.register(s, dir, "sleeper", sleeper)
	for range 4 {
		if err == nil {
			err = s.want(http.StatusAccepted, http.MethodPost, "/api/v1/jobs", `{"task":"sleeper","retry":{"initialDelay":"1ms"},"maxAttempts":5}`, nil)
		}
	}
	if err == nil {
		_, err = s.startedAfter(time.Time{})
	}
	return errors.Join(err, s.kill())
}

// rescue kills a worker in the middle of a job and returns how long it took until
// a job ran again.
func (s *server) rescue() (time.Duration, error) {
	pid, err := s.busyWorker()
	if err != nil {
		return 0, err
	}
	time.Sleep(200 * time.Millisecond) // it has said its word
	struck := time.Now()
	if err := kill(pid); err != nil {
		return 0, err
	}
	started, err := s.startedAfter(struck)
	return started.Sub(struck), err
}

// startedAfter waits for an execution that started after the time.
func (s *server) startedAfter(t time.Time) (time.Time, error) {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		var runs []ratchet.Execution
		if err := s.want(http.StatusOK, http.MethodGet, "/api/v1/executions?state=running", "", &runs); err != nil {
			return time.Time{}, err
		}
		first := time.Time{}
		for i := range runs {
			if at := runs[i].StartedAt; at.After(t) && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
		if !first.IsZero() {
			return first, nil
		}
	}
	return time.Time{}, errors.New("no job runs after 30 s")
}

// busyWorker waits for a worker that runs something, and is its process.
func (s *server) busyWorker() (int, error) {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		var workers []ratchet.Worker
		if err := s.want(http.StatusOK, http.MethodGet, "/api/v1/workers", "", &workers); err != nil {
			return 0, err
		}
		for i := range workers {
			if workers[i].Running > 0 {
				return workers[i].PID, nil
			}
		}
	}
	return 0, errors.New("no worker is busy after 30 s")
}

func kill(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}
