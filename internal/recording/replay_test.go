package recording_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/recording"
)

// everything uses all that a Timeline makes repeatable, and all that can come of
// a request.
const everything = `async ({ base }, context) => {
  const seen = [];
  const note = (what) => seen.push([what, Date.now(), performance.now()]);
  setTimeout(() => note("timer"), 3);
  await Promise.all(["third", "first", "second"].map(async (name) => {
    const response = await fetch(base + "/" + name, { method: "POST", body: crypto.randomUUID() });
    note(name + ": " + await response.text());
  }));
  for (const path of ["/missing", "/reset", "/loop"]) {
    try { note((await fetch(base + path)).status); } catch (e) { note(e.message); }
  }
  const binary = new Uint8Array(await (await fetch(base + "/binary")).arrayBuffer());
  await new Promise((resolve) => setTimeout(resolve, 20));
  console.log("rolled", Math.random(), new Date());
  return {
    seen, binary: [...binary], random: [Math.random(), crypto.randomUUID(), ...crypto.getRandomValues(new Uint8Array(4))],
    context: [context.executionId, context.attempt, context.deadline],
  };
}`

// outOfOrder answers first, second and third in this order, however they come.
func outOfOrder(t testing.TB) (url string) {
	first, second := make(chan struct{}), make(chan struct{})
	return newServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/first":
			defer close(first)
		case "/second":
			<-first
			defer close(second)
		case "/third":
			<-second
		case "/missing":
			http.NotFound(w, r)
		case "/reset":
			panic(http.ErrAbortHandler)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/binary":
			_, _ = w.Write([]byte{0, 0xff, 0xfe, 'x', 0x80})
		}
	}).URL
}

func TestAReplayDoesTheSameAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	r, x := l.record(t, executor.Request{Bundle: script(t, everything), Attempt: 3, Job: ratchet.NewID[ratchet.Job]()}, map[string]any{"base": outOfOrder(t)})
	if x.Error != nil {
		t.Fatal(x.Error)
	}
	if n := len(r.Exchanges()); n != 7 {
		t.Fatalf("got %d requests, want 7", n)
	}
	for range 3 {
		c, again := l.replay(t, r, nil, nil)
		wantEqual(t, c)
		if string(again.Output) != string(x.Output) {
			t.Errorf("replayed %s\nrecorded %s", again.Output, x.Output)
		}
		if len(again.Logs) != 1 || !again.Logs[0].Time.Equal(x.Logs[0].Time) || again.Logs[0].Message != x.Logs[0].Message {
			t.Errorf("replayed %+v, recorded %+v", again.Logs, x.Logs)
		}
		if again.ID != x.ID || again.Job != x.Job || again.Attempt != 3 {
			t.Errorf("got execution %s of %s, attempt %d", again.ID, again.Job, again.Attempt)
		}
	}
}

func TestASynchronousTaskIsReplayed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/limited" {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
		}
		fmt.Fprintf(w, `{"path": %q}`, r.URL.Path)
	})
	b := load(t, folder{
		"metadata.json": `{"name": "sync", "version": "1.0.0", "fetch": "sync"}`,
		"main.js": `({ base }) => {
			const seen = [fetch(base + "/a").body, Date.now()];
			try { fetch(base + "/limited"); } catch (e) { seen.push(e.name, e.retryAfter, Date.now()); }
			seen.push(fetch(base + "/b", { method: "POST" }, { n: Math.random() }).body);
			return seen;
		}`,
	})
	r, x := l.record(t, executor.Request{Bundle: b}, map[string]any{"base": s.URL})
	if x.Error != nil {
		t.Fatal(x.Error)
	}
	c, _ := l.replay(t, r, nil, nil)
	wantEqual(t, c)
	if x := r.Exchanges()[2]; x.Number() != 3 || x.Call != 1<<31|3 || !x.Taken || x.Asked == 0 {
		t.Errorf("got %+v", x)
	}
}

func TestAFailureIsRecordedAndReplayed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := newServer(t, func(http.ResponseWriter, *http.Request) {})
	for name, tt := range map[string]struct {
		source string
		limits ratchet.Limits
		want   ratchet.Reason
	}{
		"thrown":        {`async ({ base }) => { await fetch(base); console.warn("now"); throw Object.assign(new RangeError("no"), { code: 7 }); }`, ratchet.Limits{}, ratchet.ReasonExecutionFailed},
		"not JSON":      {`() => () => 1`, ratchet.Limits{}, ratchet.ReasonOutputNotJSON},
		"never settles": {`() => new Promise(() => {})`, ratchet.Limits{}, ratchet.ReasonNeverSettles},
		"fetches":       {`async ({ base }) => { for (;;) await fetch(base); }`, ratchet.Limits{Fetches: 3}, ratchet.ReasonFetchLimit},
		"fetches, all":  {`({ base }) => Promise.all(Array.from({ length: 9 }, () => fetch(base)))`, ratchet.Limits{Fetches: 3}, ratchet.ReasonFetchLimit},
		"logs":          {`() => { for (;;) console.log("0123456789"); }`, ratchet.Limits{Logs: 100}, ratchet.ReasonLogLimit},
		"memory":        {`() => { const a = []; for (;;) a.push(new Array(1e4).fill(a.length)); }`, ratchet.Limits{Memory: ratchet.MinMemory}, ratchet.ReasonMemoryLimit},
		"output":        {`() => "x".repeat(1000)`, ratchet.Limits{Output: 100}, ratchet.ReasonOutputTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, x := l.record(t, executor.Request{Bundle: script(t, tt.source), Limits: tt.limits}, map[string]any{"base": s.URL})
			if x.Error == nil || x.Error.Reason != tt.want {
				t.Fatalf("got %+v, want %s", x.Error, tt.want)
			}
			if r.Error == nil || r.Error.Reason != tt.want || r.Meta.Reason != tt.want || r.Output != nil || r.Meta.State != x.State {
				t.Errorf("recorded %+v, %s, %s, output %s", r.Error, r.Meta.State, r.Meta.Reason, r.Output)
			}
			c, _ := l.replay(t, r, nil, nil)
			wantEqual(t, c)
		})
	}
}

// A replay does not wait, so that nothing stops it where the recorded execution
// was stopped.
func TestOfAnExecutionThatTookTooLongTheStartIsCompared(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := newServer(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/quick" {
			<-r.Context().Done()
		}
	})
	source := `async ({ base }) => { await fetch(base + "/quick"); console.log("asking"); await fetch(base + "/never"); console.log("done"); return 1; }`
	r, x := l.record(t, executor.Request{Bundle: script(t, source), Limits: ratchet.Limits{Wall: ratchet.Duration(300e6)}}, map[string]any{"base": s.URL})
	if x.Error == nil || x.Error.Reason != ratchet.ReasonExecutionTimeout {
		t.Fatalf("got %+v", x.Error)
	}
	if last := r.Exchanges()[1]; last.Response != nil || last.Error != nil || last.Taken {
		t.Errorf("got an answer that never came: %+v", last)
	}
	c, _ := l.replay(t, r, nil, nil)
	wantEqual(t, c)
	if !c.Cut {
		t.Error("it does not say that it was cut")
	}
	c, _ = l.replay(t, r, script(t, strings.Replace(source, "asking", "other", 1)), nil)
	if c.Logs == nil {
		t.Error("another log before the end is no difference")
	}
}

func TestAnAnswerThatTheTaskDidNotWaitForComesAfterAllElse(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := newServer(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	r, x := l.record(t, executor.Request{Bundle: script(t, `async ({ base }) => {
		const late = fetch(base).then(() => "answer", () => "failure");
		return Promise.race([late, new Promise((r) => setTimeout(r, 10, "timer"))]);
	}`)}, map[string]any{"base": s.URL})
	if string(x.Output) != `"timer"` {
		t.Fatalf("got %s %v", x.Output, x.Error)
	}
	c, _ := l.replay(t, r, nil, nil)
	wantEqual(t, c)
}

func TestWhatDiffersIsReported(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, `{"path": %q}`, r.URL.Path) })
	const source = `async ({ base }) => {
		const get = async (path) => (await (await fetch(base + path, { headers: { "x-n": "1" } })).json()).path;
		const a = await get("/a");
		const b = await get("/b");
		const c = await (await fetch(base + "/c", { method: "POST", body: JSON.stringify({ a, b }) })).json();
		console.log("three", { a });
		return { a, b, c: c.path };
	}`
	r, x := l.record(t, executor.Request{Bundle: script(t, source)}, map[string]any{"base": s.URL})
	if x.Error != nil {
		t.Fatal(x.Error)
	}
	kinds := func(c *recording.Comparison) (list []string) {
		for _, d := range c.Requests {
			title := strings.ReplaceAll(d.Title, s.URL, "")
			list = append(list, fmt.Sprintf("%s #%d %s", d.Kind, d.Number, title))
		}
		return list
	}
	for name, tt := range map[string]struct {
		old, new string
		requests []string
		result   bool
		logs     bool
	}{
		"a comment":     {"const a", "/* a */ const a", nil, false, false},
		"the output":    {"c: c.path", "c: 1", nil, true, false},
		"a log":         {`"three"`, `"four"`, nil, false, true},
		"a header":      {`"x-n": "1"`, `"x-n": "2"`, []string{"changed #1 GET /a", "changed #2 GET /b"}, false, false},
		"a body":        {"{ a, b })", "{ a, b: 0 })", []string{"changed #3 POST /c"}, false, false},
		"a redirect":    {`method: "POST"`, `redirect: "error", method: "POST"`, []string{"changed #3 POST /c"}, false, false},
		"one fewer":     {`await get("/b")`, `"/b"`, []string{"not made #2 GET /b"}, false, false},
		"one more":      {`const b`, `await get("/new").catch(() => {}); const b`, []string{"unrecorded #2 GET /new"}, false, false},
		"another order": {`const a = await get("/a");`, `const b0 = await get("/b"); const a = await get("/a");`, []string{"moved #2 GET /a", "unrecorded #3 GET /b", "not made #3 POST /c"}, true, true},
		"another URL":   {`base + "/c"`, `base + "/d"`, []string{"unrecorded #3 POST /d", "not made #3 POST /c"}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := strings.Replace(source, tt.old, tt.new, 1)
			if changed == source {
				t.Fatal("nothing was changed")
			}
			c, _ := l.replay(t, r, script(t, changed), nil)
			if got := kinds(c); !slices.Equal(got, tt.requests) {
				t.Errorf("got requests %q, want %q", got, tt.requests)
			}
			if (c.Result != nil) != tt.result || (c.Logs != nil) != tt.logs {
				t.Errorf("got result %+v, logs %+v", c.Result, c.Logs)
			}
			if c.Equal() != (tt.requests == nil && !tt.result && !tt.logs) {
				t.Errorf("equal is %v", c.Equal())
			}
		})
	}
}

func TestAMissingRequestIsToldWithTheClosest(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := newServer(t, func(http.ResponseWriter, *http.Request) {})
	r, _ := l.record(t, executor.Request{Bundle: script(t, `async ({ base }) => { await fetch(base + "/users/1"); await fetch(base + "/orders/22/lines"); }`)}, map[string]any{"base": s.URL})
	c, x := l.replay(t, r, script(t, `async ({ base }) => { await fetch(base + "/orders/23/lines"); }`), nil)
	if want := "#2 GET " + s.URL + "/orders/22/lines"; len(c.Requests) != 3 || c.Requests[0].Closest != want {
		t.Errorf("got %+v, want the closest to be %s", c.Requests, want)
	}
	if x.Error == nil || !strings.Contains(x.Error.Message, "the recording has no request GET "+s.URL+"/orders/23/lines") || !strings.Contains(x.Error.Message, "/orders/22/lines") {
		t.Errorf("the task saw %+v", x.Error)
	}
}

// Which of many equal requests gets which answer must not depend on chance.
func TestEqualRequestsInParallelGetTheirOwnAnswersEachTime(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var mu sync.Mutex
	n := 0
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		n++
		fmt.Fprint(w, n)
	})
	const source = `async ({ base }) => { const all = []; for (let i = 0; i < 50; i++) all.push(fetch(base).then((r) => r.text())); return Promise.all(all); }`
	r, x := l.record(t, executor.Request{Bundle: script(t, source)}, map[string]any{"base": s.URL})
	c, _ := l.replay(t, r, nil, nil)
	wantEqual(t, c)
	shifted := script(t, strings.Replace(source, "const all", `await fetch(base + "/new").catch(() => {}); const all`, 1))
	first, _ := l.replay(t, r, shifted, nil)
	for range 5 {
		again, y := l.replay(t, r, shifted, nil)
		if a, b := jsonOf(first), jsonOf(again); a != b {
			t.Fatalf("got %s, then %s; recorded %s, replayed %s", a, b, x.Output, y.Output)
		}
	}
}

func jsonOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func BenchmarkRecord(b *testing.B) {
	l := newLab(b)
	s := newServer(b, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"n": 1}`) })
	task := script(b, `async ({ base }) => { for (let i = 0; i < 5; i++) await (await fetch(base)).json(); }`)
	input := json.RawMessage(fmt.Sprintf(`{"base": %q}`, s.URL))
	b.Run("off", func(b *testing.B) {
		for b.Loop() {
			l.online.Execute(b.Context(), executor.Request{Bundle: task, Input: input})
		}
	})
	b.Run("on", func(b *testing.B) {
		n, dir := 0, b.TempDir()
		for b.Loop() {
			n++
			r, req := recording.Record(executor.Request{Bundle: task, Input: input}, l.online.Outside(), recording.Origin{})
			if err := r.Write(fmt.Sprintf("%s/%d", dir, n), l.online.Execute(b.Context(), req)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
