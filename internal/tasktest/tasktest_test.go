package tasktest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/tasktest"
)

// run runs the tests of one task and returns them by file.
func run(t *testing.T, c tasktest.Config, task folder) (*tasktest.Task, map[string]*tasktest.Result) {
	t.Helper()
	tasks, err := c.Run(t.Context(), []string{task.write(t)})
	if err != nil {
		t.Fatal(err)
	}
	byFile := map[string]*tasktest.Result{}
	for _, r := range tasks[0].Tests {
		byFile[filepath.Base(r.File)] = r
	}
	return tasks[0], byFile
}

func TestHowATestEnds(t *testing.T) {
	t.Parallel()
	same := func(file string) string { return file }
	task := folder{
		"main.js": `async (input, context) => {
			if (input.fetch) { try { return (await fetch(input.fetch)).status; } catch { return "caught"; } }
			if (input.fail) throw new TypeError(input.fail);
			if (input.wait) await new Promise((r) => setTimeout(r, input.wait));
			if (input.undefined) return undefined;
			return { n: input.n, now: Date.now() - Date.parse("2025-01-01"), env: context.env("KEY"), id: context.executionId, chance: Math.random() };
		}`,
		"metadata.json":     `{"name": "task", "version": "1.0.0", "permissions": {"env": ["KEY"]}}`,
		"input.schema.json": `{"type": "object", "properties": {"n": {"type": "number"}}}`,
	}
	for _, c := range []struct {
		name, test string
		state      tasktest.State
		explained  string // message and what follows, in part
	}{
		{"differs", `{"input": {"n": 1}, "expected": {"n": 2}}`, tasktest.Failed, "the output is not what the test expects\n/chance: want nothing"},
		{"throws", `{"input": {"fail": "no"}, "expected": {"a":  1}}`, tasktest.Failed, "the task failed, and the test expects an output\ngot EXECUTION_FAILED: TypeError: no\nmain.js:3:"},
		{"throws and tells what was wanted", `{"input": {"fail": "no"}, "expected": {"a":  1}}`, tasktest.Failed, "\nwant {\"a\":1}"},
		{"must fail", `{"input": {"fail": "no"}, "should_fail": true}`, tasktest.Passed, ""},
		{"must fail so", `{"input": {"fail": "no"}, "should_fail": {"reason": "EXECUTION_FAILED", "message": "TypeError: no"}}`, tasktest.Passed, ""},
		{"must fail in one word", `{"input": {"fail": "no"}, "should_fail": ["EXECUTION_FAILED", "no"]}`, tasktest.Passed, ""},
		{"must fail for another reason", `{"input": {"fail": "no"}, "should_fail": {"reason": "INPUT_INVALID"}}`, tasktest.Failed, "want the reason INPUT_INVALID, got EXECUTION_FAILED"},
		{"must fail with another message", `{"input": {"fail": "no"}, "should_fail": {"message": "yes"}}`, tasktest.Failed, `its message does not have "yes"`},
		{"must fail with another word", `{"input": {"fail": "no"}, "should_fail": "yes"}`, tasktest.Failed, `"yes" is neither its reason nor in its message`},
		{"must fail, and does not", `{"input": {"undefined": 0}, "should_fail": true}`, tasktest.Failed, "the task should have failed, and did not\ngot {"},
		{"must refuse its input", `{"input": {"n": "1"}, "should_fail": {"reason": "INPUT_INVALID", "message": "/n: wrong type"}}`, tasktest.Passed, ""},
		{"refuses its input", `{"input": {"n": "1"}, "expected": 1}`, tasktest.Failed, "got INPUT_INVALID: the input breaks the task's input schema\n/n: wrong type"},
		{"has no mock", `{"input": {"fetch": "https://a.test/x"}, "expected": "caught", "mock": {"http": {"url": "b.test", "response": {}}}}`, tasktest.Failed, "the test has no mock for GET https://a.test/x\nno mock: GET https://a.test/x\nthe closest: line 1, GET b.test: its URL is another"},
		{"may not fail for want of a mock", `{"input": {"fetch": "https://a.test/"}, "should_fail": true}`, tasktest.Failed, "the test has no mock"},
		{"gives what it does not declare", `{"input": {}, "should_fail": true, "env": {"OTHER": "x"}}`, tasktest.Invalid, "the file is not a test that can be run\ntests/a.json:1:44: /env/OTHER: the task does not declare the environment variable OTHER"},
		{"is no JSON", `{"input": {},}`, tasktest.Invalid, "tests/a.json:1:14: not JSON: a comma too many before '}'"},
		{"expects nothing", "{\n\"input\": {}}", tasktest.Invalid, "tests/a.json:1:1: the test expects nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			files := folder{"tests/a.json": c.test}
			for name, text := range task {
				files[name] = text
			}
			_, results := run(t, config(t), files)
			r := results["a.json"]
			got := strings.Join(append([]string{r.Message}, r.Explain(same)...), "\n")
			if r.State != c.state || !strings.Contains(got, c.explained) || c.state == tasktest.Passed && got != "" {
				t.Errorf("got %s: %s\nwant %s: %s", r.State, got, c.state, c.explained)
			}
		})
	}
}

func TestATestHasAClockAndChanceOfItsOwn(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.Env = map[string]string{"KEY": "given", "OTHER": "given", "UNDECLARED": "given"}
	_, results := run(t, c, folder{
		"metadata.json": `{"name": "task", "version": "1.0.0", "timeout": "2h", "permissions": {"env": ["KEY", "OTHER"]}}`,
		"main.js": `async (input, context) => {
			await new Promise((r) => setTimeout(r, 3600000));
			const late = fetch("https://late.test/"), soon = fetch("https://soon.test/"), order = [];
			await Promise.all([late.then(() => order.push("late")), soon.then(() => order.push("soon"))]);
			return { now: new Date().toISOString(), id: context.executionId, order, env: [context.env("KEY"), context.env("OTHER")], chance: Math.floor(Math.random() * 1000) };
		}`,
		"tests/a.json": `{"input": {}, "now": "2030-05-06T07:08:09Z", "seed": 7, "env": {"KEY": "own"}, "expected": {
			"now": "2030-05-06T08:10:09.000Z", "id": "execution_00000000-0000-7000-8000-000000000001", "order": ["soon", "late"], "env": ["own", "given"], "chance": -1},
			"mock": {"http": [{"url": "late.test", "delay": "2m", "response": {}}, {"url": "soon.test", "delay": 0.5, "response": {}}]}}`,
		"tests/b.json": `{"input": {}, "seed": 7, "expected": null, "mock": {"http": {"url": ".test", "response": {}}}}`,
	})
	a, b := results["a.json"], results["b.json"]
	if len(a.Differences) != 1 || a.Differences[0].Pointer != "/chance" {
		t.Errorf("got %+v, want only the chance to differ", a.Explain(filepath.Base))
	}
	if !strings.Contains(string(b.Output), `"now":"2025-01-01T01:00:00.000Z"`) || !strings.Contains(string(b.Output), `"chance":`+a.Differences[0].Got+"}") {
		t.Errorf("got %s, want a fixed start, and of the same seed the chance %s", b.Output, a.Differences[0].Got)
	}
}

func TestATestMayGoOut(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "from outside") }))
	t.Cleanup(server.Close)
	_, results := run(t, config(t), folder{
		"main.js": `async (url) => [await (await fetch(url)).text(), await (await fetch("https://a.test/")).text(), new Date().getFullYear()]`,
		"tests/a.json": fmt.Sprintf(`{"input": %q, "network": true, "expected": ["from outside", "mocked", %d], "mock": {"http": {"url": "a.test", "response": {"body": "mocked"}}}}`,
			server.URL, time.Now().UTC().Year()),
		"tests/b.json": fmt.Sprintf(`{"input": %q, "network": true, "now": "2040-01-01", "expected": ["from outside", "mocked", 2040], "mock": {"http": {"url": "a.test", "response": {"body": "mocked"}}}}`, server.URL),
	})
	for name, r := range results {
		if r.State != tasktest.Passed {
			t.Errorf("%s: got %s %v", name, r.Message, r.Explain(filepath.Base))
		}
	}
}

func TestTheOldFetchIsAnsweredToo(t *testing.T) {
	t.Parallel()
	_, results := run(t, config(t), folder{
		"metadata.json": `{"name": "task", "version": "1.0.0", "fetch": "sync"}`,
		"main.js":       `(function (input) { const a = fetch("https://a.test/1"), b = fetch("https://a.test/2", { method: "POST" }, { x: 1 }); return [a.body, b.body.main.temp]; })`,
		"tests/a.json": `{"input": {}, "expected_output": ["one", 15.2], "mock": {"http": [
			{"url": "https://a.test/1", "response": {"body": "one"}},
			{"url": "https://a.test/2", "method": "POST", "request": {"body": {"x": 1}}, "response": {"body": {"main": {"temp": 15.2}}}}]}}`,
	})
	if r := results["a.json"]; r.State != tasktest.Passed || len(r.Warnings) > 0 {
		t.Errorf("got %s %v %v", r.Message, r.Explain(filepath.Base), r.Warnings)
	}
}

func TestTasksAreToldInOrderWhateverTheyTake(t *testing.T) {
	t.Parallel()
	var paths []string
	for i := range 6 {
		files := folder{"main.js": `({n}) => n`}
		for j := range i * 3 {
			files[fmt.Sprintf("tests/%02d.json", j)] = fmt.Sprintf(`{"name": "t%d", "input": {"n": %d}, "expected": %d}`, j, j, j)
		}
		if i == 3 {
			files["main.js"] = `(n) => {`
		}
		paths = append(paths, files.write(t))
	}
	paths = append(paths, filepath.Join(t.TempDir(), "nowhere"))
	c := config(t)
	c.Parallel = 4
	var done []string
	var last tasktest.Progress
	c.Done = func(task *tasktest.Task) { done = append(done, task.Path) }
	c.Step = func(p tasktest.Progress) { last = p }
	tasks, err := c.Run(t.Context(), paths)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(done, " ") != strings.Join(paths, " ") {
		t.Errorf("told of %q, want %q", done, paths)
	}
	if want := (tasktest.Progress{Tests: 3 + 6 + 12 + 15, Tasks: 7, All: 7}); last != want {
		t.Errorf("got %+v at last, want %+v", last, want)
	}
	for i, task := range tasks {
		broken := i == 3 || i == 6
		if (task.Error != nil) != broken {
			t.Errorf("task %d: got error %v", i, task.Error)
		}
		if !broken && len(task.Tests) != i*3 {
			t.Errorf("task %d: got %d tests, want %d", i, len(task.Tests), i*3)
		}
		for j, r := range task.Tests {
			if r.State != tasktest.Passed || r.Name != fmt.Sprint("t", j) {
				t.Errorf("task %d: got %s %s %s, want t%d in its place, passed", i, r.Name, r.State, r.Message, j)
			}
		}
	}
	if !errors.Is(tasks[6].Error, &ratchet.Error{Reason: ratchet.ReasonTaskNotFound}) {
		t.Errorf("got %v, want that there is no task", tasks[6].Error)
	}
}

func TestAFilterChoosesByNameOrFile(t *testing.T) {
	t.Parallel()
	for filter, want := range map[string]string{
		"^big":           "a.json",
		"tests/b":        "b.json",
		"big number|b.j": "a.json b.json",
		"broken":         "",
		"c.json":         "c.json",
	} {
		c := config(t)
		c.Filter = regexp.MustCompile(filter)
		task, _ := run(t, c, folder{
			"main.js":      `(n) => n`,
			"tests/a.json": `{"name": "big number", "input": 1e9, "expected": 1e9}`,
			"tests/b.json": `{"input": 1, "expected": 1}`,
			"tests/c.json": `{"name": "broken"`,
		})
		var got []string
		for _, r := range task.Tests {
			got = append(got, filepath.Base(r.File))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, want %q", filter, got, want)
		}
	}
}

func TestARunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	c := config(t)
	stop := errors.New("enough")
	c.Step = func(p tasktest.Progress) {
		if p.Tests == 1 {
			cancel(stop)
		}
	}
	files := folder{"main.js": `(n) => { for (; n;); return n; }`, "tests/0.json": `{"input": 0, "expected": 0}`}
	for i := range 5 {
		files[fmt.Sprintf("tests/%d.json", i+1)] = `{"input": 1, "expected": 1}` // never ends
	}
	if _, err := c.Run(ctx, []string{files.write(t)}); !errors.Is(err, stop) {
		t.Errorf("got %v, want %v", err, stop)
	}
}

func TestAnOutdatedTestIsWrittenAnew(t *testing.T) {
	t.Parallel()
	task, results := run(t, config(t), folder{
		"main.js":      `(n) => { if (n > 8) throw new Error("no"); return { n }; }`,
		"tests/a.json": "{\n  \"input\": 1,\n  \"expected_output\": { \"n\": 2 }\n}\n",
		"tests/b.json": `{"input": 9, "expected": 1}`,
		"tests/c.json": `{"input": 3, "expected": 1}`,
		"tests/d.json": `{"input": 3, "expected": {"n": 3}}`,
	})
	outdated := ""
	for _, name := range []string{"a.json", "b.json", "c.json", "d.json"} {
		if results[name].Outdated() {
			outdated += name + " "
		}
	}
	if outdated != "a.json c.json " {
		t.Errorf("got %s, want a.json and c.json", outdated)
	}
	if err := task.Update(results["a.json"]); err != nil || results["a.json"].State != tasktest.Updated {
		t.Errorf("got %v and %s", err, results["a.json"].State)
	}
	got, err := os.ReadFile(filepath.Join(task.Path, "tests/a.json"))
	if want := "{\n  \"input\": 1,\n  \"expected_output\": { \"n\": 1 }\n}\n"; err != nil || string(got) != want {
		t.Errorf("got %v %s, want %s", err, got, want)
	}
	if err := os.WriteFile(filepath.Join(task.Path, "tests/c.json"), []byte(`{"input": 4, "expected": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := task.Update(results["c.json"]); err == nil || !strings.Contains(err.Error(), "changed while the tests ran") {
		t.Errorf("got %v, want that the file changed", err)
	}
}

func TestTheTimeoutHoldsOnTheTestsClock(t *testing.T) {
	t.Parallel()
	const late = `"mock": {"http": {"url": "a.test", "delay": "10m", "response": {"body": "late"}}}}`
	_, results := run(t, config(t), folder{
		"main.js": `async (input) => {
			const answer = fetch("https://a.test/").then((r) => r.text());
			if (input.patience === undefined) {
				try { await answer; } catch {}
				return (await fetch("https://no.mock.test/")).status;
			}
			return Promise.race([answer, new Promise((r) => setTimeout(() => r("gave up"), input.patience))]);
		}`,
		"tests/a.json": `{"input": {}, "should_fail": {"reason": "EXECUTION_TIMEOUT", "message": "after 10m"}, ` + late,
		"tests/b.json": `{"input": {"patience": 1000}, "expected": "gave up", ` + late, // nobody waits for the answer
		"tests/c.json": `{"input": {"patience": 3600000}, "expected": "late", ` + late,
	})
	for file, want := range map[string]tasktest.State{"a.json": tasktest.Passed, "b.json": tasktest.Passed, "c.json": tasktest.Failed} {
		if r := results[file]; r.State != want {
			t.Errorf("%s: got %s, want %s: %s %q", file, r.State, want, r.Message, r.Explain(filepath.Base))
		}
	}
	if e := results["c.json"].Error; e == nil || e.Reason != ratchet.ReasonExecutionTimeout {
		t.Errorf("got %v, want a timeout", e)
	}
}
