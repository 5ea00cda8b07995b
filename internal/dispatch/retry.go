package dispatch

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/resilience"
)

// retryAt is when a job is attempted again whose attempt, the so-manieth, ended
// with err at the time now; zero if it is not. chance, which gives numbers from 0
// up to 1, spreads jobs that failed together.
func retryAt(policy ratchet.Retry, attempts int, err *ratchet.Error, now time.Time, chance func() float64) time.Time {
	policy = policy.Or(ratchet.DefaultRetry())
	if err == nil || attempts >= policy.MaxAttempts || !mayPass(err) {
		return time.Time{}
	}
	if after, told := retryAfter(err.Data, now); told {
		// Never before the time told; spread like a first delay.
		return now.Add(after + time.Duration(chance()*policy.Jitter*float64(policy.InitialDelay)))
	}
	return now.Add(resilience.Delay(policy, attempts, chance))
}

// chances is a source of chance of the job's own. It gives the same numbers at
// every attempt, so that a delay can rest on the one before, which nobody kept.
func chances(id ratchet.JobID) func() float64 {
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:]))).Float64
}

// mayPass reports whether what ended an attempt may not happen to the next one.
func mayPass(err *ratchet.Error) bool {
	switch err.Reason {
	case ratchet.ReasonExecutionFailed: // the task threw: it knows best
		var said struct {
			Retryable *bool `json:"retryable"`
		}
		return json.Unmarshal(err.Data, &said) != nil || said.Retryable == nil || *said.Retryable
	case ratchet.ReasonInternal, ratchet.ReasonSandboxUnavailable, ratchet.ReasonEngineUnavailable: // ours, not the task's
		return true
	case ratchet.ReasonSyntax, ratchet.ReasonNoFunction, ratchet.ReasonInputInvalid, ratchet.ReasonValidation,
		ratchet.ReasonOutputNotJSON, ratchet.ReasonOutputInvalid, ratchet.ReasonOutputTooLarge,
		ratchet.ReasonRecursionLimit, ratchet.ReasonMemoryLimit, ratchet.ReasonCPULimit, ratchet.ReasonLogLimit,
		ratchet.ReasonFetchLimit, ratchet.ReasonFetchBytesLimit, ratchet.ReasonNeverSettles,
		ratchet.ReasonExecutionCancelled:
		return false // the same code would do the same again, or nobody wants it to
	default:
		return err.Retryable()
	}
}

// retryAfter reads the property of that name of a thrown error: seconds as a
// number, a duration such as "30s", or a date as HTTP or RFC 3339 writes it. What
// it cannot read it passes over.
func retryAfter(data json.RawMessage, now time.Time) (after time.Duration, told bool) {
	var said struct {
		RetryAfter json.RawMessage `json:"retryAfter"`
	}
	if len(data) == 0 || json.Unmarshal(data, &said) != nil || len(said.RetryAfter) == 0 {
		return 0, false
	}
	var text string
	if json.Unmarshal(said.RetryAfter, &text) != nil {
		text = string(said.RetryAfter) // a number
	}
	text = strings.TrimSpace(text)
	most := time.Duration(ratchet.MaxRetryDelay)
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if math.IsNaN(seconds) {
			return 0, false
		}
		return time.Duration(max(min(seconds, most.Seconds()), 0) * float64(time.Second)), true
	}
	if d, err := ratchet.ParseDuration(text); err == nil {
		return max(min(time.Duration(d), most), 0), true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		at, err = time.Parse(time.RFC3339, text)
	}
	if err != nil {
		return 0, false
	}
	return max(min(at.Sub(now), most), 0), true
}
