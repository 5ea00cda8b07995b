package js_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/js"
)

// TestSyncFetch runs the cases for tasks whose fetch waits.
func TestSyncFetch(t *testing.T) {
	t.Parallel()
	e := js.New(js.Config{Resident: 1})
	t.Cleanup(e.Close)
	program := conformanceProgram(t, e, conformanceDir+"/_fetchsync.js")
	run := func(t *testing.T, input string, result any) {
		t.Helper()
		vm, err := e.NewVM()
		if err != nil {
			t.Fatal(err)
		}
		defer vm.Close()
		out := vm.Run(program, js.Task{Input: []byte(input), Context: []byte(`{"fetchMode":"sync"}`)}, &fakeHost{vm: vm, t: t})
		if out.Failure != nil {
			t.Fatalf("%s: %s\n%s", out.Failure.Kind, out.Failure.Message, out.Failure.Stack)
		}
		if err := json.Unmarshal(out.Output, result); err != nil {
			t.Fatal(err)
		}
	}
	var cases []struct{ Name string }
	run(t, `{"list":true}`, &cases)
	for i, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			var wrong *string
			run(t, fmt.Sprintf(`{"index":%d,"base":%q}`, i, fakeBase), &wrong)
			if wrong != nil {
				t.Error(*wrong)
			}
		})
	}
}

// runTask runs a script with a context and returns its result.
func runTask(t testing.TB, e *js.Engine, source, context string) js.Outcome {
	t.Helper()
	program, err := e.Compile("main.js", []byte(source), js.Script)
	if err != nil {
		t.Fatal(err)
	}
	vm, err := e.NewVM()
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	return vm.Run(program, js.Task{Input: []byte("{}"), Context: []byte(context)}, &fakeHost{vm: vm})
}

// TestEnvIsThereBeforeTheFunctionIsCalled reads process.env where most tasks do.
func TestEnvIsThereBeforeTheFunctionIsCalled(t *testing.T) {
	t.Parallel()
	for _, resident := range []int{-1, 1} {
		e := js.New(js.Config{Resident: resident})
		defer e.Close()
		const source = "const key = process.env.KEY, keys = Object.keys(process.env); (function () { return [key, keys, process.env.KEY, process.env.OTHER === undefined]; })"
		for _, value := range []string{"one", "two"} { // the second from a snapshot that has the module
			out := runTask(t, e, source, `{"env":{"KEY":"`+value+`"}}`)
			want := `["` + value + `",["KEY"],"` + value + `",true]`
			if string(out.Output) != want {
				t.Errorf("resident %d: got %s %+v, want %s", resident, out.Output, out.Failure, want)
			}
		}
	}
}

// TestSyncFetchOutsideTheFunction fetches at the top level of a script.
func TestSyncFetchOutsideTheFunction(t *testing.T) {
	t.Parallel()
	e := js.New(js.Config{Resident: -1})
	defer e.Close()
	out := runTask(t, e, "const r = fetch('"+fakeBase+"/json'); (function () { return r.body.s; })", `{"fetchMode":"sync"}`)
	if string(out.Output) != `"é"` {
		t.Errorf("got %s %+v, want é", out.Output, out.Failure)
	}
}

// TestFetchErrorNamesTheTasksOwnLine wants the stack of a failed fetch to lead
// to the call, not into the prelude.
func TestFetchErrorNamesTheTasksOwnLine(t *testing.T) {
	t.Parallel()
	e := js.New(js.Config{Resident: -1})
	defer e.Close()
	out := runTask(t, e, "(async function main() {\n  await fetch('"+fakeBase+"/refuse/EGRESS_REFUSED');\n})", "{}")
	f := out.Failure
	if f == nil || f.Name != "TypeError" || !strings.Contains(f.Message, "--allow-net allows it") || !strings.HasPrefix(f.Stack, "    at main (main.js:2:") {
		t.Fatalf("got %+v, want the host's message and a stack that begins at main.js:2", f)
	}
	if !strings.Contains(f.Extra, `"code":"EGRESS_REFUSED"`) || !strings.Contains(f.Extra, `"host":"conformance.test"`) {
		t.Errorf("got extra %s, want the code and the details", f.Extra)
	}
}

// quietHost is a fakeHost that keeps no log.
type quietHost struct{ fakeHost }

func (*quietHost) Log(string, string, string) {}

func benchmarkTask(b *testing.B, source string) {
	e := js.New(js.Config{})
	defer e.Close()
	program, err := e.Compile("main.js", []byte(source), js.Script)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		vm, err := e.NewVM()
		if err != nil {
			b.Fatal(err)
		}
		out := vm.Run(program, js.Task{Input: []byte("{}"), Context: []byte("{}")}, &quietHost{fakeHost{vm: vm}})
		if out.Failure != nil {
			b.Fatal(out.Failure)
		}
		vm.Close()
	}
}

func BenchmarkNothing(b *testing.B) { benchmarkTask(b, "(function () { return 1; })") }

func BenchmarkHeaders(b *testing.B) {
	benchmarkTask(b, "(function () { const h = new Headers({ a: '1', b: '2' }); h.append('a', '3'); return h.get('a'); })")
}

func BenchmarkURLAndHeaders(b *testing.B) {
	benchmarkTask(b, "(function () { return new Headers({ a: new URL('http://h/x?y').pathname }).get('a'); })")
}

func BenchmarkFetchRoundTrip(b *testing.B) {
	benchmarkTask(b, "(async function () { return (await fetch('"+fakeBase+"/json')).json(); })")
}

func BenchmarkConsoleLog(b *testing.B) {
	benchmarkTask(b, "(function () { console.log('hello', 5); return 1; })")
}

func BenchmarkConsoleLogObject(b *testing.B) {
	benchmarkTask(b, "(function () { console.log({ id: 7, name: 'Ada', tags: ['x', 'y'], at: { lat: 51.5, lng: -0.12 } }); return 1; })")
}
