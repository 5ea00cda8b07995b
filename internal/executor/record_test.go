package executor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

func TestEveryFieldOfTheRecordIsFilled(t *testing.T) {
	t.Parallel()
	server := newServer(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "pong") })
	b := load(t, folder{
		"metadata.json": `{"name": "full", "version": "1.2.3", "permissions": {"env": ["KEY"]}}`,
		"main.js": `async (input, context) => {
			context.log.warn("began", { step: 1 });
			context.progress(0.5, "half");
			const text = await (await fetch(input.url, { method: "POST", body: "ping!" })).text();
			return { text, key: context.env("KEY"), context };
		}`,
	})
	req := executor.Request{
		Bundle: b, ID: ratchet.NewID[ratchet.Execution](), Job: ratchet.NewID[ratchet.Job](), Attempt: 3,
		Env: map[string]string{"KEY": "value"},
	}
	before := time.Now()
	e := execute(t, newExecutor(t, workerpool.Config{}), req, fmt.Sprintf(`{"url": %q}`, server.URL))
	if e.Error != nil {
		t.Fatalf("got %+v", e.Error)
	}
	record := reflect.ValueOf(*e)
	for i := range record.NumField() {
		// It completed, and computed little; the node is known to the server alone.
		if name := record.Type().Field(i).Name; record.Field(i).IsZero() != (name == "Error" || name == "Node" || name == "Hint") {
			t.Errorf("%s is %v", name, record.Field(i))
		}
	}
	if e.ID != req.ID || e.Job != req.Job || e.Attempt != 3 || e.Task != "full" || e.VersionDigest != b.Digest {
		t.Errorf("got execution %s of job %s, attempt %d, of %s %s", e.ID, e.Job, e.Attempt, e.Task, e.VersionDigest)
	}
	var out struct {
		Text, Key string
		Context   struct {
			ExecutionID, TaskID, TaskVersion, JobID string
			Attempt                                 int
			Deadline                                time.Time
		}
	}
	if err := json.Unmarshal(e.Output, &out); err != nil {
		t.Fatal(err)
	}
	c := out.Context
	if out.Text != "pong" || out.Key != "value" || c.ExecutionID != e.ID.String() || c.JobID != e.Job.String() ||
		c.Attempt != 3 || c.TaskID != "full" || c.TaskVersion != "1.2.3" {
		t.Errorf("the task saw %+v", out)
	}
	if wall := c.Deadline.Sub(e.StartedAt); wall < 30*time.Second-time.Millisecond || wall > 30*time.Second {
		t.Errorf("got a deadline %v after the start, want 30 s", wall)
	}
	times := []time.Time{before, e.QueuedAt, e.StartedAt, e.Logs[0].Time, e.FinishedAt}
	if !slices.IsSortedFunc(times, time.Time.Compare) {
		t.Errorf("times are out of order: %v", times)
	}
	l := e.Logs[0]
	if len(e.Logs) != 1 || l.Level != ratchet.LevelWarn || l.Message != "began" || string(l.Fields) != `{"step":1}` {
		t.Errorf("got logs %+v", e.Logs)
	}
	if e.Progress != (ratchet.Progress{Value: 0.5, Message: "half"}) {
		t.Errorf("got progress %+v", e.Progress)
	}
	f := e.Fetches[0]
	if len(e.Fetches) != 1 || f.Method != ratchet.MethodPost || "http://"+f.Host != server.URL || f.Status != 200 ||
		f.Sent != 5 || f.Received != 4 || f.Duration <= 0 || f.StartedAt.Before(e.StartedAt) || f.Error != nil {
		t.Errorf("got fetches %+v", e.Fetches)
	}
}

func TestLogsComeInOrderAndAtOnce(t *testing.T) {
	t.Parallel()
	x := newExecutor(t, workerpool.Config{})
	var told []ratchet.LogEntry
	req := executor.Request{
		Bundle: script(t, `async (n, c) => {
			for (let i = 0; i < n; i++) { if (i % 10 === 0) await null; (i % 2 ? console.error : c.log)("line " + i); }
			return null;
		}`),
		OnLog: func(l ratchet.LogEntry) { told = append(told, l) },
	}
	e := execute(t, x, req, "300")
	wantOutput(t, e, "null")
	for i, l := range e.Logs {
		level := []ratchet.LogLevel{ratchet.LevelInfo, ratchet.LevelError}[i%2]
		if want := fmt.Sprint("line ", i); l.Message != want || l.Level != level {
			t.Fatalf("line %d: got %s %q, want %s %q", i, l.Level, l.Message, level, want)
		}
	}
	if len(e.Logs) != 300 || !reflect.DeepEqual(told, e.Logs) {
		t.Errorf("got %d lines and was told %d, want 300 and the same", len(e.Logs), len(told))
	}
}

func TestProgressIsToldAndTheLastIsKept(t *testing.T) {
	t.Parallel()
	x := newExecutor(t, workerpool.Config{})
	var told []ratchet.Progress
	req := executor.Request{
		Bundle:     script(t, `(i, c) => { c.progress(0, "go"); c.progress(0.25); c.progress(1, "done"); return i }`),
		OnProgress: func(p ratchet.Progress) { told = append(told, p) },
	}
	e := execute(t, x, req, "1")
	wantOutput(t, e, "1")
	want := []ratchet.Progress{{Value: 0, Message: "go"}, {Value: 0.25}, {Value: 1, Message: "done"}}
	if !slices.Equal(told, want) || e.Progress != want[2] {
		t.Errorf("was told %v, kept %v, want %v", told, e.Progress, want)
	}
}

// Whatever a task says, the record of it can be stored.
func TestOddTextsDoNotBreakTheRecord(t *testing.T) {
	t.Parallel()
	x := newExecutor(t, workerpool.Config{})
	for name, source := range map[string]string{
		"lone surrogates":             `(i, c) => { console.log("\ud800"); c.log("\udfff x", { a: "\ud800" }); c.progress(0.1, "\ud800"); return 1 }`,
		"NUL":                         `(i, c) => { console.log("a\0b"); c.log("\0"); return "\0" }`,
		"fields that are no object":   `(i, c) => { c.log("a", 1); c.log("b", "text"); c.log("c", [1]); c.log("d", null); return 1 }`,
		"fields that are no JSON":     `(i, c) => { c.log("a", () => 1); c.log("b", Symbol()); return 1 }`,
		"fields with a getter":        `(i, c) => { try { c.log("a", { get x() { throw 1 } }) } catch {} return 1 }`,
		"fields that are a cycle":     `(i, c) => { const o = {}; o.o = o; try { c.log("a", o) } catch {} return 1 }`,
		"fields with a BigInt":        `(i, c) => { try { c.log("a", { n: 1n }) } catch {} return 1 }`,
		"progress without end":        `(i, c) => { try { c.progress(Infinity) } catch {} try { c.progress(NaN) } catch {} return 1 }`,
		"progress of another type":    `(i, c) => { try { c.progress("x") } catch {} try { c.progress({}, {}) } catch {} return 1 }`,
		"errors with lone surrogates": `() => { throw Object.assign(new TypeError("\ud800".repeat(9)), { name: "\ud801", code: "\ud802" }) }`,
		"a long error":                `() => { throw new Error("é".repeat(20001)) }`,
		"a long error, odd":           `() => { throw new Error("x" + "é".repeat(20001)) }`,
		"a long name":                 `() => { throw Object.assign(new Error("m"), { name: "€".repeat(1000) }) }`,
		"a long stack":                `() => { const e = new Error("m"); e.stack = "    at é".repeat(20000); throw e }`,
		"a rejection, unhandled":      `() => { Promise.reject("\ud800"); Promise.reject(new Error("é".repeat(1e5))); return 1 }`,
		"a function with an odd name": `() => { const f = { ["\ud800"]() { throw new Error("m") } }; f["\ud800"]() }`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := execute(t, x, executor.Request{Bundle: script(t, source)}, "{}")
			if e.Error != nil {
				wantError(t, e, ratchet.ReasonExecutionFailed)
			}
			for _, l := range e.Logs {
				if len(l.Fields) > 0 && l.Fields[0] != '{' {
					t.Errorf("got fields %s, want an object", l.Fields)
				}
			}
		})
	}
}

func TestTheLedgerHoldsRequestsThatFail(t *testing.T) {
	t.Parallel()
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/missing":
			http.NotFound(w, r)
		case "/large":
			fmt.Fprint(w, strings.Repeat("x", 5000))
		case "/reset":
			panic(http.ErrAbortHandler)
		}
	})
	b := script(t, `async (base) => {
		const codes = [];
		for (const url of ["/missing", "/large", "/reset", "//10.1.2.3/"]) {
			try { codes.push((await fetch(new URL(url, base))).status); } catch (e) { codes.push(e.code); }
		}
		return codes;
	}`)
	e := execute(t, newExecutor(t, workerpool.Config{}), executor.Request{Bundle: b, Limits: ratchet.Limits{FetchBody: 4000}}, fmt.Sprintf("%q", server.URL))
	wantOutput(t, e, `[404,"BODY_TOO_LARGE","NETWORK_ERROR","EGRESS_REFUSED"]`)
	var reasons []string
	for _, f := range e.Fetches {
		if f.Error != nil {
			reasons = append(reasons, fmt.Sprintf("%s %v %d %s", f.Method, f.Host == strings.TrimPrefix(server.URL, "http://"), f.Status, f.Error.Reason))
		} else {
			reasons = append(reasons, fmt.Sprintf("%s %v %d", f.Method, f.Host == strings.TrimPrefix(server.URL, "http://"), f.Status))
		}
	}
	want := []string{"GET true 404", "GET true 0 BODY_TOO_LARGE", "GET true 0 NETWORK_ERROR", "GET false 0 EGRESS_REFUSED"}
	if !slices.Equal(reasons, want) {
		t.Errorf("got %q, want %q", reasons, want)
	}
}

func TestOnlyDeclaredEnvironmentReachesATask(t *testing.T) {
	t.Parallel()
	x := newExecutor(t, workerpool.Config{})
	b := load(t, folder{
		"metadata.json": `{"name": "env", "version": "1.0.0", "permissions": {"env": ["TOKEN", "OTHER"]}}`,
		"main.js":       `(i, c) => [c.env("TOKEN"), c.env("OTHER") === undefined, c.env("PATH") === undefined, c.env("__proto__") === undefined, process.env.TOKEN, Object.keys(process.env).length, JSON.stringify(c).includes("secret")]`,
	})
	e := execute(t, x, executor.Request{Bundle: b, Env: map[string]string{"TOKEN": "secret"}}, "{}")
	wantOutput(t, e, `["secret",true,true,true,"secret",1,false]`)

	e = execute(t, x, executor.Request{Bundle: b, Env: map[string]string{"UNKNOWN": "1"}}, "{}")
	if err := wantError(t, e, ratchet.ReasonValidation); !strings.Contains(err.Message, "UNKNOWN") || !strings.Contains(err.Message, "permissions.env") {
		t.Errorf("got %q, want the name and where to declare it", err.Message)
	}
}

func TestInputAndOutputAreHeldAgainstTheirSchemas(t *testing.T) {
	t.Parallel()
	x := newExecutor(t, workerpool.Config{})
	schema := `{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}`
	b := load(t, folder{"main.js": `(i) => ({ n: i.n === 2 ? "two" : i.n })`, "input.schema.json": schema, "output.schema.json": schema})
	wantOutput(t, execute(t, x, executor.Request{Bundle: b}, `{"n": 1}`), `{"n":1}`)

	e := execute(t, x, executor.Request{Bundle: b}, `{"n": "one"}`)
	err := wantError(t, e, ratchet.ReasonInputInvalid)
	if len(err.Details) != 1 || err.Details[0].Pointer != "/n" || !e.StartedAt.IsZero() || e.Worker != "" {
		t.Errorf("got details %+v, started %v in %s", err.Details, e.StartedAt, e.Worker)
	}
	e = execute(t, x, executor.Request{Bundle: b}, `{"n": 2}`)
	err = wantError(t, e, ratchet.ReasonOutputInvalid)
	if len(err.Details) != 1 || err.Details[0].Pointer != "/n" || len(e.Output) > 0 {
		t.Errorf("got details %+v, output %s", err.Details, e.Output)
	}
	for _, input := range []string{"", "{", `{"n": 1e400}`, `{"n": "\ud800"}`, "\xff"} {
		wantError(t, execute(t, x, executor.Request{Bundle: b}, input), ratchet.ReasonInputInvalid)
	}
}

func TestInputArrivesAsItIs(t *testing.T) {
	t.Parallel()
	x := newExecutor(t, workerpool.Config{})
	b := script(t, `(i) => i`)
	for _, input := range []string{
		`{"a":"quote \" and \\ and \n newline","b":"\u2028"}`, `{"__proto__":{"x":1},"constructor":1}`, `["\u0000"]`, `1e308`, `-0.5`,
		`null`, `"` + strings.Repeat("é", 100_000) + `"`,
	} {
		e := execute(t, x, executor.Request{Bundle: b}, input)
		if e.Error != nil {
			t.Errorf("%.60s: got %v", input, e.Error)
			continue
		}
		var got, want any
		if json.Unmarshal(e.Output, &got) != nil || json.Unmarshal([]byte(input), &want) != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %.60s, want %.60s", e.Output, input)
		}
	}
}

func TestCancellationEndsAnExecution(t *testing.T) {
	t.Parallel()
	x := newExecutor(t, workerpool.Config{})
	hit := make(chan struct{}, 1)
	server := newServer(t, func(_ http.ResponseWriter, r *http.Request) {
		hit <- struct{}{}
		<-r.Context().Done() // the request goes with the execution
	})
	running := make(chan struct{}, 1)
	for name, req := range map[string]executor.Request{
		"in a loop": {Bundle: script(t, `(i, c) => { c.log("here"); for (;;); }`), OnLog: func(ratchet.LogEntry) { running <- struct{}{} }},
		"in fetch":  {Bundle: script(t, `(url) => fetch(url)`)},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				select {
				case <-running:
				case <-hit:
				}
				cancel()
			}()
			req.Input = json.RawMessage(fmt.Sprintf("%q", server.URL))
			e := x.Execute(ctx, req)
			check(t, e)
			wantError(t, e, ratchet.ReasonExecutionCancelled)
			if e.State != ratchet.ExecutionCancelled {
				t.Errorf("got state %s, want cancelled", e.State)
			}
		})
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("before it began"))
	e := x.Execute(ctx, executor.Request{Bundle: script(t, "(i) => i"), Input: json.RawMessage("1")})
	check(t, e)
	wantError(t, e, ratchet.ReasonExecutionCancelled)
}

func TestAStackNamesTheTasksOwnFiles(t *testing.T) {
	t.Parallel()
	x := newExecutor(t, workerpool.Config{})
	b := load(t, folder{
		"main.ts": "import { divide } from \"./math\";\n\ninterface Input { n: number }\n\nexport default async function main(input: Input): Promise<number> {\n  await null;\n  return divide(input.n);\n}\n",
		"math.ts": "type N = number;\n\nexport function divide(n: N): N {\n  if (n === 0) {\n    throw new RangeError(\"no zero, please\");\n  }\n  return 1 / n;\n}\n",
	})
	e := execute(t, x, executor.Request{Bundle: b}, `{"n": 0}`)
	err := wantError(t, e, ratchet.ReasonExecutionFailed)
	if err.Message != "RangeError: no zero, please" {
		t.Errorf("got message %q", err.Message)
	}
	lines := strings.Split(err.Stack, "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "    at divide (math.ts:5:") || !strings.HasPrefix(lines[1], "    at main (main.ts:7:") {
		t.Errorf("got stack\n%s", err.Stack)
	}
	if len(err.Details) != 1 || err.Details[0].File != "math.ts" || err.Details[0].Line != 5 || !strings.Contains(err.Details[0].Text, "throw new RangeError") {
		t.Errorf("got details %+v", err.Details)
	}
	wantOutput(t, execute(t, x, executor.Request{Bundle: b}, `{"n": 4}`), "0.25")
}

func TestPropertiesOfAnErrorAreKept(t *testing.T) {
	t.Parallel()
	x := newExecutor(t, workerpool.Config{})
	b := script(t, `() => { throw Object.assign(new Error("over quota"), { code: "QUOTA", retryable: true, left: { n: 0 } }) }`)
	err := wantError(t, execute(t, x, executor.Request{Bundle: b}, "{}"), ratchet.ReasonExecutionFailed)
	var got map[string]any
	want := map[string]any{"code": "QUOTA", "retryable": true, "left": map[string]any{"n": 0.0}}
	if json.Unmarshal(err.Data, &got) != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got data %s", err.Data)
	}
}

func TestARejectionThatNobodyHandlesIsAWarning(t *testing.T) {
	t.Parallel()
	x := newExecutor(t, workerpool.Config{})
	e := execute(t, x, executor.Request{Bundle: script(t, `async () => {
		Promise.reject(new RangeError("lost"));
		const late = Promise.reject(new Error("handled in the end"));
		await null;
		late.catch(() => {});
		return 1;
	}`)}, "{}")
	wantOutput(t, e, "1")
	if len(e.Logs) != 1 || e.Logs[0].Level != ratchet.LevelWarn || !strings.Contains(e.Logs[0].Message, "RangeError: lost") {
		t.Errorf("got logs %+v, want one warning", e.Logs)
	}
}

func TestSyncFetchWaitsForTheAnswer(t *testing.T) {
	t.Parallel()
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/limited" {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, body)
	})
	b := load(t, folder{
		"metadata.json": `{"name": "sync", "version": "1.0.0", "fetch": "sync"}`,
		"main.js": `(base) => {
			const r = fetch(base + "/a", { method: "POST" }, { n: 1 });
			let caught;
			try { fetch(base + "/limited"); } catch (e) { caught = [e.name, e.retryAfter, e instanceof RateLimitError]; }
			return { ok: r.ok, status: r.status, body: r.body, caught };
		}`,
	})
	e := execute(t, newExecutor(t, workerpool.Config{}), executor.Request{Bundle: b}, fmt.Sprintf("%q", server.URL))
	wantOutput(t, e, `{"ok":true,"status":200,"body":"POST /a {\"n\":1}","caught":["RateLimitError",7,true]}`)
	if len(e.Fetches) != 2 {
		t.Errorf("got %d fetches, want 2", len(e.Fetches))
	}
}

func TestManyExecutionsShareFewWorkers(t *testing.T) {
	t.Parallel()
	x := newExecutor(t, workerpool.Config{Running: 2, Resident: 3})
	var bundles []executor.Request
	for i := range 5 {
		bundles = append(bundles, executor.Request{Bundle: script(t, fmt.Sprintf(`(n) => ({ task: %d, n })`, i))})
	}
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			e := execute(t, x, bundles[i%5], fmt.Sprint(i))
			if want := fmt.Sprintf(`{"task":%d,"n":%d}`, i%5, i); e.Error != nil || string(e.Output) != want {
				t.Errorf("got %s, %v, want %s", e.Output, e.Error, want)
			}
		})
	}
	all.Wait()
}

// All of them wait at once: the server answers none before all have asked.
func TestSlotsLetExecutionsWaitTogether(t *testing.T) {
	t.Parallel()
	const n = 50
	var asked atomic.Int32
	complete := make(chan struct{})
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == n {
			close(complete)
		}
		select {
		case <-complete:
		case <-r.Context().Done():
		}
		fmt.Fprint(w, r.URL.Path[1:])
	})
	b := load(t, folder{
		"metadata.json": `{"name": "wait", "version": "1.0.0", "slots": 50}`,
		"main.js":       `async (i) => Number(await (await fetch(i.base + "/" + i.n)).text()) + 1`,
	})
	x := newExecutor(t, workerpool.Config{Running: 1})
	var all sync.WaitGroup
	var mu sync.Mutex
	workers := map[string]int{}
	for i := range n {
		all.Go(func() {
			e := execute(t, x, executor.Request{Bundle: b}, fmt.Sprintf(`{"base": %q, "n": %d}`, server.URL, i))
			if e.Error != nil || string(e.Output) != fmt.Sprint(i+1) {
				t.Errorf("got %s, %v, want %d", e.Output, e.Error, i+1)
			}
			mu.Lock()
			workers[e.Worker]++
			mu.Unlock()
		})
	}
	all.Wait()
	if len(workers) != 1 {
		t.Errorf("got workers %v, want one", workers)
	}
}
