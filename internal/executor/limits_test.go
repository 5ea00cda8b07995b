package executor_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

func TestEachLimitHasItsOwnErrorThatSaysWhereToRaiseIt(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, eachLimitHasItsOwnErrorThatSaysWhereToRaiseIt)
}

func eachLimitHasItsOwnErrorThatSaysWhereToRaiseIt(t *testing.T, engine ratchet.Engine) {
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, strings.Repeat("x", 600))
	})
	x := newExecutorOf(t, engine, workerpool.Config{})
	for name, c := range map[string]struct {
		source string
		limits ratchet.Limits
		reason ratchet.Reason
		says   string // a pattern: the limit, and the use where it is known
		flag   string
		field  string
	}{
		"time, waiting": {
			`() => new Promise((done) => setTimeout(done, 60000))`,
			ratchet.Limits{Wall: second / 5},
			ratchet.ReasonExecutionTimeout, `within .*200ms`, "--timeout", "timeout",
		},
		"time, running": {
			`() => { for (;;); }`,
			ratchet.Limits{Wall: second / 5},
			ratchet.ReasonExecutionTimeout, `within .*200ms`, "--timeout", "timeout",
		},
		"processor time": {
			`() => { for (;;); }`,
			ratchet.Limits{CPU: second / 5},
			ratchet.ReasonCPULimit, `[2-9]\d\d(\.\d+)?ms of processor time, more than the 200ms`, "--max-cpu", "limits.cpu",
		},
		"processor time, a little at a time": {
			`async () => { for (;;) await new Promise((done) => setTimeout(done)); }`,
			ratchet.Limits{CPU: second / 5},
			ratchet.ReasonCPULimit, `[2-9]\d\d(\.\d+)?ms of processor time, more than the 200ms`, "--max-cpu", "limits.cpu",
		},
		"memory": {
			`() => { const all = []; for (;;) all.push(new Array(1000).fill(1)); }`,
			ratchet.Limits{Memory: 16 * ratchet.MB},
			ratchet.ReasonMemoryLimit, `16MB`, "--memory", "memory",
		},
		"output": {
			`() => "x".repeat(3000)`,
			ratchet.Limits{Output: 1000},
			ratchet.ReasonOutputTooLarge, `is 2\.9KB, more than the 1000B`, "--max-output", "limits.output",
		},
		"logs": {
			`() => { for (let i = 0; i < 1000; i++) console.log("line " + i); return 1 }`,
			ratchet.Limits{Logs: 1000},
			ratchet.ReasonLogLimit, `logged .*more than the 1000B`, "--max-logs", "limits.logs",
		},
		"requests": {
			`async (url) => { for (;;) await fetch(url); }`,
			ratchet.Limits{Fetches: 3},
			ratchet.ReasonFetchLimit, `request number 4, more than the 3 `, "--max-fetches", "limits.fetches",
		},
		"requests, at once": {
			`(url) => Promise.all(Array.from({ length: 10 }, () => fetch(url)))`,
			ratchet.Limits{Fetches: 3},
			ratchet.ReasonFetchLimit, `request number 4, more than the 3 `, "--max-fetches", "limits.fetches",
		},
		"bytes received": {
			`async (url) => { for (;;) await fetch(url).then((r) => r.text(), () => {}); }`,
			ratchet.Limits{FetchBytes: 2000},
			ratchet.ReasonFetchBytesLimit, `came to more than the 2KB`, "--max-fetch-bytes", "limits.fetchBytes",
		},
		"bytes sent": {
			`async (url) => { for (;;) await fetch(url, { method: "POST", body: "x".repeat(1500) }).catch(() => {}); }`,
			ratchet.Limits{FetchBytes: 2000},
			ratchet.ReasonFetchBytesLimit, `came to more than the 2KB`, "--max-fetch-bytes", "limits.fetchBytes",
		},
		"recursion": {
			`function f(n) { return 1 + f(n + 1) } f`,
			ratchet.Limits{Recursion: 500},
			ratchet.ReasonRecursionLimit, `deeper than 500 levels`, "--max-recursion", "limits.recursion",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := execute(t, x, executor.Request{Bundle: script(t, c.source), Limits: c.limits}, fmt.Sprintf("%q", server.URL))
			err := wantError(t, e, c.reason)
			if engine == ratchet.EngineNode && c.reason == ratchet.ReasonRecursionLimit {
				if !strings.Contains(err.Message, "the stack of V8") { // it cannot be raised
					t.Errorf("got %q, want the stack of V8 in it", err.Message)
				}
				return
			}
			if !regexp.MustCompile(c.says).MatchString(err.Message) {
				t.Errorf("got %q, want a match of %q", err.Message, c.says)
			}
			if !strings.Contains(err.Message, c.flag+" or "+fmt.Sprintf("%q", c.field)) {
				t.Errorf("got %q, want %s and %s in it", err.Message, c.flag, c.field)
			}
			if err.Code != ratchet.CodeTaskFailed {
				t.Errorf("got code %s, want task_failed", err.Code)
			}
		})
	}
}

// The fields that the messages name are those that metadata.json has.
func TestLimitsInMetadataHold(t *testing.T) {
	t.Parallel()
	x := newExecutor(t, workerpool.Config{})
	for metadata, want := range map[string]ratchet.Reason{
		`"timeout": "150ms"`:            ratchet.ReasonExecutionTimeout,
		`"limits": {"cpu": "150ms"}`:    ratchet.ReasonCPULimit,
		`"memory": "16MB"`:              ratchet.ReasonMemoryLimit,
		`"limits": {"output": "1KB"}`:   ratchet.ReasonOutputTooLarge,
		`"limits": {"logs": "1KB"}`:     ratchet.ReasonLogLimit,
		`"limits": {"recursion": 200}`:  ratchet.ReasonRecursionLimit,
		`"limits": {"fetches": 1}`:      ratchet.ReasonFetchLimit,
		`"limits": {"fetchBytes": "9"}`: ratchet.ReasonFetchBytesLimit,
	} {
		t.Run(string(want), func(t *testing.T) {
			t.Parallel()
			b := load(t, folder{
				"metadata.json": `{"name": "limited", "version": "1.0.0", ` + metadata + `}`,
				"main.js": `async (reason) => {
					switch (reason) {
						case "EXECUTION_TIMEOUT": case "CPU_LIMIT": for (;;);
						case "MEMORY_LIMIT": { const all = []; for (;;) all.push(new Uint8Array(1 << 16)); }
						case "OUTPUT_TOO_LARGE": return "x".repeat(2000);
						case "LOG_LIMIT": for (;;) console.log("more");
						case "RECURSION_LIMIT": return (function f(n) { return n === 0 ? 0 : 1 + f(n - 1) })(2000);
						case "FETCH_LIMIT": for (;;) await fetch("http://127.0.0.1:1/").catch(() => {});
						case "FETCH_BYTES_LIMIT": await fetch("http://127.0.0.1:1/", { method: "POST", body: "0123456789" });
					}
				}`,
			})
			input, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			wantError(t, execute(t, x, executor.Request{Bundle: b}, string(input)), want)
		})
	}
}

func TestLimitsOutOfBoundsAreRefused(t *testing.T) {
	t.Parallel()
	x := newExecutor(t, workerpool.Config{})
	e := execute(t, x, executor.Request{Bundle: script(t, "(i) => i"), Limits: ratchet.Limits{Memory: 1, Recursion: 1}}, "1")
	if err := wantError(t, e, ratchet.ReasonValidation); len(err.Details) != 2 {
		t.Errorf("got details %+v, want two", err.Details)
	}
}

func TestResultsThatAreNoJSONAreExplained(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, resultsThatAreNoJSONAreExplained)
}

func resultsThatAreNoJSONAreExplained(t *testing.T, engine ratchet.Engine) {
	x := newExecutorOf(t, engine, workerpool.Config{})
	for source, want := range map[string]struct {
		reason ratchet.Reason
		says   string
	}{
		`() => undefined`:                           {ratchet.ReasonOutputNotJSON, "undefined"},
		`() => () => 1`:                             {ratchet.ReasonOutputNotJSON, "a function"},
		`() => Symbol("x")`:                         {ratchet.ReasonOutputNotJSON, "symbol"},
		`() => ({ a: [1n] })`:                       {ratchet.ReasonOutputNotJSON, "/a/0"},
		`() => { const o = {}; o.o = o; return o }`: {ratchet.ReasonOutputNotJSON, "/o"},
		`() => new Promise(() => {})`:               {ratchet.ReasonNeverSettles, "no timer and no request is pending"},
		`() => ["\ud800"]`:                          {ratchet.ReasonOutputNotJSON, "not JSON that can be passed on"},
		`5`:                                         {ratchet.ReasonNoFunction, "number"},
		`() => { throw null }`:                      {ratchet.ReasonExecutionFailed, "null"},
		`() => { throw undefined }`:                 {ratchet.ReasonExecutionFailed, "undefined"},
		`async () => { throw { message: 1 } }`:      {ratchet.ReasonExecutionFailed, "1"},
	} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			e := execute(t, x, executor.Request{Bundle: script(t, source)}, "{}")
			if err := wantError(t, e, want.reason); !strings.Contains(err.Message, want.says) {
				t.Errorf("got %q, want %q in it", err.Message, want.says)
			}
		})
	}
}
