package js_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/js"
)

// urlTable compares URL with what Node made of the same: each case is
// [input, base, parts] or [href, property, value, parts], parts being the
// eleven getters by lines, or null where it throws.
const urlTable = `(function (table) {
  const parts = (u) => [u.href, u.protocol, u.username, u.password, u.host, u.hostname, u.port, u.pathname, u.search, u.hash, u.origin].join("\n");
  const wrong = [];
  for (const c of table) {
    let got;
    try {
      if (c.length === 3) got = parts(c[1] === null ? new URL(c[0]) : new URL(c[0], c[1]));
      else {
        const u = new URL(c[0]);
        u[c[1]] = c[2];
        got = parts(u);
      }
    } catch (e) {
      if (!(e instanceof TypeError)) throw e;
      got = null;
    }
    const want = c[c.length - 1];
    if (got !== want) wrong.push({ case: c.slice(0, -1), got, want });
  }
  return wrong;
})`

// TestURLAgreesWithNode runs the table that testdata/url/generate.mjs wrote.
func TestURLAgreesWithNode(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("testdata/url/urls.json")
	if err != nil {
		t.Fatal(err)
	}
	e := js.New(js.Config{})
	t.Cleanup(e.Close)
	var wrong []struct {
		Case      []*string
		Got, Want *string
	}
	out := runScript(t, e, urlTable, string(table))
	if err := json.Unmarshal(out, &wrong); err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		name, _ := json.Marshal(w.Case)
		t.Errorf("%s: got %s, want %s", name, text(w.Got), text(w.Want))
	}
}

func text(s *string) string {
	if s == nil {
		return "a TypeError"
	}
	b, _ := json.Marshal(*s)
	return string(b)
}

// runScript runs source once and gives the JSON it returned.
func runScript(t testing.TB, e *js.Engine, source, input string) []byte {
	t.Helper()
	out, logs := runLogged(t, e, source, input)
	if len(logs) > 0 {
		t.Errorf("logged %q", logs)
	}
	return out
}

// runLogged is runScript with what the task logged.
func runLogged(t testing.TB, e *js.Engine, source, input string) ([]byte, []string) {
	t.Helper()
	p, err := e.Compile("main.js", []byte(source), js.Script)
	if err != nil {
		t.Fatal(err)
	}
	vm, err := e.NewVM()
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	h := &loggingHost{}
	out := vm.Run(p, js.Task{Input: []byte(input), Context: []byte(`{}`)}, h)
	if out.Failure != nil {
		t.Fatalf("%s %s: %s\n%s", out.Failure.Kind, out.Failure.Name, out.Failure.Message, out.Failure.Stack)
	}
	return out.Output, h.lines
}

// loggingHost keeps what is logged and answers nothing.
type loggingHost struct{ lines []string }

func (h *loggingHost) Request(uint32, string, string, []byte) {}
func (h *loggingHost) Log(level, message, _ string)           { h.lines = append(h.lines, level+" "+message) }
func (h *loggingHost) Progress(float64, string)               {}
