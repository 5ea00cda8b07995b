package main_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/go-sourcemap/sourcemap"

	"github.com/ratchet-runner/ratchet-go/internal/node/nodetest"
)

// A debugger is a client as Chrome and VS Code are.
type debugger struct {
	t    *testing.T
	conn *websocket.Conn
	next int
	seen []event // and not yet waited for
}

type event struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

func (d *debugger) read() event {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), time.Minute)
	defer cancel()
	_, text, err := d.conn.Read(ctx)
	if err != nil {
		d.t.Fatal(err)
	}
	var e event
	if err := json.Unmarshal(text, &e); err != nil {
		d.t.Fatal(err)
	}
	return e
}

// do sends a command and reads its result into out.
func (d *debugger) do(method, params string, out any) {
	d.t.Helper()
	d.next++
	id := d.next
	text, err := json.Marshal(struct {
		ID     int             `json:"id"`
		Method string          `json:"method"`
		Params json.RawMessage `json:"params"`
	}{id, method, json.RawMessage(params)})
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.conn.Write(d.t.Context(), websocket.MessageText, text); err != nil {
		d.t.Fatal(err)
	}
	for {
		e := d.read()
		if e.ID != id {
			d.seen = append(d.seen, e)
			continue
		}
		if len(e.Error) > 0 {
			d.t.Fatalf("%s: %s", method, e.Error)
		}
		if out != nil {
			if err := json.Unmarshal(e.Result, out); err != nil {
				d.t.Fatal(err)
			}
		}
		return
	}
}

// wait returns the parameters of the next event of the name.
func (d *debugger) wait(method string, out any) {
	d.t.Helper()
	for i, e := range d.seen {
		if e.Method == method {
			d.seen = append(d.seen[:i], d.seen[i+1:]...)
			if err := json.Unmarshal(e.Params, out); err != nil {
				d.t.Fatal(err)
			}
			return
		}
	}
	for {
		e := d.read()
		if e.Method == method {
			if err := json.Unmarshal(e.Params, out); err != nil {
				d.t.Fatal(err)
			}
			return
		}
	}
}

type paused struct {
	CallFrames []struct {
		FunctionName string `json:"functionName"`
		CallFrameID  string `json:"callFrameId"`
		Location     place  `json:"location"`
	} `json:"callFrames"`
}

type place struct {
	ScriptID string `json:"scriptId"`
	Line     int    `json:"lineNumber"`
	Column   int    `json:"columnNumber"`
}

// inspected starts ratchet run --inspect of a task in TypeScript and returns a
// debugger, and what ends once the command has: its stdout.
func inspected(t *testing.T, dir string, args ...string) (*debugger, func() string) {
	t.Helper()
	p := startInNode(t, append([]string{"run", dir, "--inspect=0"}, args...)...)
	_, address, _ := strings.Cut(p.stderr.until("Debugger listening on "), " on ")
	conn, res, err := websocket.Dial(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.Body != nil {
		_ = res.Body.Close()
	}
	conn.SetReadLimit(64 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &debugger{t: t, conn: conn}, func() string {
		if code := p.end(); code != 0 {
			t.Errorf("ratchet run ended with %d: %s", code, strings.Join(p.stderr.all, "\n"))
		}
		return strings.Join(p.stdout.all, "\n")
	}
}

// startInNode starts ratchet with a Node to run tasks in.
func startInNode(t *testing.T, args ...string) *process {
	t.Helper()
	runtime := nodetest.Runtime(t)
	t.Setenv("RATCHET_ENGINES_NODE_PATH", runtime.Path)
	return start(t, t.TempDir(), append([]string{args[0], "--engine", "node"}, args[1:]...)...)
}

// A breakpoint in a line of the author's TypeScript stops the task there, with the
// values that it has, and it goes on when it is told to.
func TestADebuggerStopsAtABreakpointInTypeScript(t *testing.T) {
	dir := t.TempDir()
	source := "interface Input {\n  n: number;\n}\n\nexport default function main(input: Input): { twice: number } {\n  const twice: number = input.n * 2;\n  return { twice };\n}\n"
	for name, text := range map[string]string{"metadata.json": `{"name": "twice", "version": "1.0.0"}`, "main.ts": source} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d, ended := inspected(t, dir, "--input", `{"n": 21}`, "--timeout", "1s")
	d.do("Runtime.enable", "{}", nil)
	d.do("Debugger.enable", "{}", nil)
	d.do("Runtime.runIfWaitingForDebugger", "{}", nil)
	var script struct {
		ScriptID  string `json:"scriptId"`
		URL       string `json:"url"`
		SourceMap string `json:"sourceMapURL"`
	}
	d.wait("Debugger.scriptParsed", &script)
	var first, second paused
	d.wait("Debugger.paused", &first) // at the first statement, for breakpoints to be set
	_, text, found := strings.Cut(script.SourceMap, "base64,")
	data, err := base64.StdEncoding.DecodeString(text)
	if !found || err != nil {
		t.Fatalf("%s has no source map: %.100s", script.URL, script.SourceMap)
	}
	sources, err := sourcemap.Parse("", data)
	if err != nil {
		t.Fatal(err)
	}
	file := "file://" + filepath.ToSlash(filepath.Join(dir, "main.ts"))
	// Line 7 is that of the return.
	at := place{}
	for line := 1; line < 50 && at.Line == 0; line++ {
		for column := range 80 {
			if source, _, l, _, ok := sources.Source(line, column); ok && source == file && l == 7 {
				at = place{Line: line - 1, Column: column}
				break
			}
		}
	}
	if at.Line == 0 {
		t.Fatalf("nothing comes from line 7 of %s", file)
	}
	d.do("Debugger.setBreakpointByUrl", `{"url": "`+script.URL+`", "lineNumber": `+jsonOf(t, at.Line)+`}`, nil)
	d.do("Debugger.resume", "{}", nil)
	d.wait("Debugger.paused", &second)
	frame := second.CallFrames[0]
	if source, _, line, _, ok := sources.Source(frame.Location.Line+1, frame.Location.Column); !ok || source != file || line != 7 {
		t.Errorf("it stopped in %s at %s:%d", frame.FunctionName, source, line)
	}
	var value struct {
		Result struct {
			Value int `json:"value"`
		} `json:"result"`
	}
	d.do("Debugger.evaluateOnCallFrame", `{"callFrameId": `+jsonOf(t, frame.CallFrameID)+`, "expression": "twice"}`, &value)
	if value.Result.Value != 42 {
		t.Errorf("twice is %d", value.Result.Value)
	}
	// Its timeout of a second is off meanwhile.
	timer := time.NewTimer(1500 * time.Millisecond)
	defer timer.Stop()
	<-timer.C
	if err := d.conn.Write(t.Context(), websocket.MessageText, []byte(`{"id": 1000, "method": "Debugger.resume"}`)); err != nil {
		t.Error(err)
	}
	if got := ended(); got != `{"twice":42}` {
		t.Errorf("got %s", got)
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A debugger that goes lets the task go on.
func TestATaskGoesOnWhenItsDebuggerGoes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "one.js")
	if err := os.WriteFile(file, []byte("() => 1"), 0o644); err != nil {
		t.Fatal(err)
	}
	d, ended := inspected(t, file)
	d.do("Debugger.enable", "{}", nil)
	d.do("Runtime.runIfWaitingForDebugger", "{}", nil)
	var at paused
	d.wait("Debugger.paused", &at)
	_ = d.conn.Close(websocket.StatusNormalClosure, "")
	if got := ended(); got != "1" {
		t.Errorf("got %s", got)
	}
}

func TestAnInspectorPortThatIsTakenIsSaid(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	file := filepath.Join(t.TempDir(), "one.js")
	if err := os.WriteFile(file, []byte("() => 1"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	p := startInNode(t, "run", file, "--inspect="+port)
	p.stderr.until("the inspector's port 127.0.0.1:" + port + " is taken")
	if code := p.end(); code != 8 {
		t.Errorf("got the exit code %d, want 8", code)
	}
}
