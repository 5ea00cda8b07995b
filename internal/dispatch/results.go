package dispatch

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/cache"
)

// A settlement keeps what came of an attempt, and lets go on who waits for it. mark
// is that of before the attempt was claimed.
type settlement func(x *ratchet.Execution, mark uint64)

func unsettled(*ratchet.Execution, uint64) {}

// mark notes what has been purged so far.
func (d *Dispatcher) mark() uint64 {
	if d.config.Results == nil {
		return 0
	}
	return d.config.Results.Mark()
}

// kept is the record of an attempt whose result is there already, or was made by
// another while it waited; nil if it is to be run. Attempts that would make the
// same result at the same time wait for the first of them.
func (d *Dispatcher) kept(ctx context.Context, a *attempt, b *bundle.Bundle, mark uint64) (*ratchet.Execution, settlement) {
	c, results := a.claim, d.config.Results
	if results == nil || b.CacheTTL == 0 || c.Job.Cache == ratchet.CacheBypass {
		return nil, unsettled
	}
	key, err := cache.KeyOf(c.Job.TaskID, c.Version.Digest, c.Job.Input)
	if err != nil {
		return nil, unsettled // the executor says what is wrong with it
	}
	output, done, err := results.Join(ctx, key)
	switch {
	case err != nil:
		return failed(ctx, c, err), unsettled
	case done == nil:
		return a.notRun(output), unsettled
	}
	shared := d.config.SharedResults
	if shared != nil {
		if output, left, found := shared.Get(ctx, key, c.PurgedAt); found {
			results.Keep(key, c.Job.Task, c.Version.Digest, output, left, mark)
			done()
			return a.notRun(output), unsettled
		}
	}
	return nil, func(x *ratchet.Execution, mark uint64) {
		if x.State == ratchet.ExecutionCompleted {
			output := slices.Clone(x.Output)
			results.Keep(key, c.Job.Task, c.Version.Digest, output, time.Duration(b.CacheTTL), mark)
			if shared != nil {
				shared.Put(key, c.PurgedAt, output, time.Duration(b.CacheTTL))
			}
		}
		done()
	}
}

// notRun is the record of an attempt for which a result was kept.
func (a *attempt) notRun(output json.RawMessage) *ratchet.Execution {
	a.log(ratchet.LogEntry{Time: time.Now(), Level: ratchet.LevelInfo, Message: "nothing was run: a result for the same version and input was kept"})
	c := a.claim
	return &ratchet.Execution{
		ID: c.Lease.Execution, Task: c.Job.Task, VersionDigest: c.Version.Digest, State: ratchet.ExecutionCompleted,
		Input: c.Job.Input, Output: slices.Clone(output), FinishedAt: time.Now(),
	}
}
