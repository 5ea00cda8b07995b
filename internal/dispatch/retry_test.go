package dispatch_test

import (
	"encoding/json"
	"math"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/dispatch"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func always(chance float64) func() float64 { return func() float64 { return chance } }

func TestWhatMayPassIsRetriedAndNothingElse(t *testing.T) {
	t.Parallel()
	threw := func(data string) *ratchet.Error {
		e := ratchet.Errorf(ratchet.ReasonExecutionFailed, "Error: no")
		e.Data = json.RawMessage(data)
		return e
	}
	for _, c := range []struct {
		err  *ratchet.Error
		want bool
	}{
		{nil, false},
		{threw(``), true},
		{threw(`{"status": 503}`), true},
		{threw(`{"retryable": true}`), true},
		{threw(`{"retryable": false}`), false},
		{threw(`{"retryable": false, "retryAfter": 5}`), false},
		{threw(`{"retryable": "no"}`), true}, // it does not say so
		{threw(`[`), true},
		{ratchet.Errorf(ratchet.ReasonExecutionTimeout, "x"), true},
		{ratchet.Errorf(ratchet.ReasonWorker, "x"), true},
		{ratchet.Errorf(ratchet.ReasonInternal, "x"), true},
		{ratchet.Errorf(ratchet.ReasonStorageConnection, "x"), true},
		{ratchet.Errorf(ratchet.ReasonSyntax, "x"), false},
		{ratchet.Errorf(ratchet.ReasonNoFunction, "x"), false},
		{ratchet.Errorf(ratchet.ReasonInputInvalid, "x"), false},
		{ratchet.Errorf(ratchet.ReasonOutputNotJSON, "x"), false},
		{ratchet.Errorf(ratchet.ReasonOutputInvalid, "x"), false},
		{ratchet.Errorf(ratchet.ReasonOutputTooLarge, "x"), false},
		{ratchet.Errorf(ratchet.ReasonMemoryLimit, "x"), false},
		{ratchet.Errorf(ratchet.ReasonCPULimit, "x"), false},
		{ratchet.Errorf(ratchet.ReasonRecursionLimit, "x"), false},
		{ratchet.Errorf(ratchet.ReasonLogLimit, "x"), false},
		{ratchet.Errorf(ratchet.ReasonNeverSettles, "x"), false},
		{ratchet.Errorf(ratchet.ReasonExecutionCancelled, "x"), false},
		{ratchet.Errorf(ratchet.ReasonTaskVersion, "x"), false},
		{ratchet.Errorf(ratchet.ReasonConfig, "x"), false},
	} {
		if got := !dispatch.RetryAt(ratchet.Retry{}, 1, c.err, noon(), always(0.5)).IsZero(); got != c.want {
			t.Errorf("%+v: got retried %v, want %v", c.err, got, c.want)
		}
	}
}

func TestATaskMaySayWhenToTryAgain(t *testing.T) {
	t.Parallel()
	const never = time.Duration(-1)
	for data, want := range map[string]time.Duration{
		`{"retryAfter": 90}`:      90 * time.Second,
		`{"retryAfter": 0.25}`:    250 * time.Millisecond,
		`{"retryAfter": "120"}`:   2 * time.Minute,
		`{"retryAfter": "1m30s"}`: 90 * time.Second,
		`{"retryAfter": "5d"}`:    5 * 24 * time.Hour,
		`{"retryAfter": " 10s "}`: 10 * time.Second,
		`{"retryAfter": 0}`:       0,
		`{"retryAfter": -7}`:      0,
		`{"retryAfter": 1e300}`:   time.Duration(ratchet.MaxRetryDelay),
		`{"retryAfter": "2000h"}`: time.Duration(ratchet.MaxRetryDelay),
		`{"retryAfter": "` + noon().Add(time.Hour).Format(http.TimeFormat) + `"}`:  time.Hour,
		`{"retryAfter": "` + noon().Add(time.Hour).Format(time.RFC3339) + `"}`:     time.Hour,
		`{"retryAfter": "` + noon().Add(-time.Hour).Format(http.TimeFormat) + `"}`: 0,
		`{"retryAfter": "soon"}`:   never,
		`{"retryAfter": null}`:     never,
		`{"retryAfter": true}`:     never,
		`{"retryAfter": "NaN"}`:    never,
		`{"retryAfter": {"s": 1}}`: never,
		`{"other": 1}`:             never,
		`[1]`:                      never,
		`{`:                        never,
		``:                         never,
	} {
		got, told := dispatch.RetryAfter(json.RawMessage(data), noon())
		if told != (want != never) || told && got != want {
			t.Errorf("%s: got %v, %v; want %v", data, got, told, want)
		}
	}
}

func TestDelaysGrowUpToTheirBoundAndAreSpread(t *testing.T) {
	t.Parallel()
	failure := ratchet.Errorf(ratchet.ReasonExecutionFailed, "Error: no")
	rapid.Check(t, func(t *rapid.T) {
		policy := ratchet.Retry{
			MaxAttempts:  rapid.IntRange(1, ratchet.MaxAttempts).Draw(t, "attempts"),
			InitialDelay: ratchet.Duration(rapid.Int64Range(1, int64(ratchet.MaxRetryDelay)).Draw(t, "initial")),
			Factor:       rapid.Float64Range(1, ratchet.MaxFactor).Draw(t, "factor"),
			Jitter:       rapid.Float64Range(0.01, 1).Draw(t, "jitter"),
		}
		policy.MaxDelay = max(policy.InitialDelay, ratchet.Duration(rapid.Int64Range(1, int64(ratchet.MaxRetryDelay)).Draw(t, "max")))
		if wrong := policy.Validate(); len(wrong) > 0 {
			t.Fatalf("the policy is not valid: %+v", wrong)
		}
		chance := rapid.Float64Range(0, 0.999).Draw(t, "chance")
		n := rapid.IntRange(1, ratchet.MaxAttempts+5).Draw(t, "attempt")
		at := dispatch.RetryAt(policy, n, failure, noon(), always(chance))
		if again := n < policy.MaxAttempts; again != !at.IsZero() {
			t.Fatalf("after attempt %d of %d: got %v", n, policy.MaxAttempts, at)
		} else if !again {
			return
		}
		delay := at.Sub(noon())
		plain := min(float64(policy.InitialDelay)*math.Pow(policy.Factor, float64(n-1)), float64(policy.MaxDelay))
		if low, high := plain*(1-policy.Jitter)-1, plain*(1+policy.Jitter)+1; float64(delay) < low || float64(delay) > high {
			t.Fatalf("got %v, want %v ± %v", delay, time.Duration(plain), policy.Jitter)
		}
		if later := dispatch.RetryAt(policy, n, failure, noon(), always(chance+0.0005)); later.Before(at) {
			t.Fatalf("a greater chance gives an earlier time")
		}
		told := ratchet.Errorf(ratchet.ReasonExecutionFailed, "Error: busy")
		told.Data = json.RawMessage(`{"retryAfter": 60}`)
		if at := dispatch.RetryAt(policy, n, told, noon(), always(chance)); at.Before(noon().Add(time.Minute)) {
			t.Fatalf("told to wait a minute, it comes after %v", at.Sub(noon()))
		}
	})
}
