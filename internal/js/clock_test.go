package js_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/js"
)

// answering stamps every reply with the next of its times.
type answering struct {
	vm    *js.VM
	times []time.Duration
	at    map[uint32]time.Duration // by call, if replaying
	n     int
	said  []string
}

func (h *answering) Request(call uint32, _, head string, body []byte) {
	at, ok := h.at[call]
	if !ok {
		at = h.times[h.n]
		h.n++
	}
	h.vm.Deliver(js.Reply{Call: call, Head: head, Body: body, At: at})
}

func (h *answering) Log(_, message, _ string) { h.said = append(h.said, message) }
func (h *answering) Progress(float64, string) {}

const clocked = `async () => {
  const seen = [];
  const note = (what) => seen.push(what + "@" + Date.now() + "/" + performance.now());
  note("start");
  for (let i = 0; i < 1e5; i++);
  note("same");
  const ask = (n) => fetch("http://x/" + n).then(() => note("reply" + n), () => note("reply" + n));
  const all = [ask(1), ask(2), ask(3)];
  setTimeout(() => note("timer"), 20);
  await Promise.all(all);
  await new Promise((r) => setTimeout(r, 30));
  note("end");
  return { seen, random: [Math.random(), Math.random()], uuid: crypto.randomUUID(), date: new Date().toISOString(), text: typeof Date(),
    is: new Date() instanceof Date && Date.prototype.constructor === Date };
}`

func scripted(t *testing.T, e *js.Engine, replay bool, h *answering) js.Outcome {
	t.Helper()
	p, err := e.Compile("main.js", []byte(clocked), js.Script)
	if err != nil {
		t.Fatal(err)
	}
	vm, err := e.NewVM()
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	h.vm = vm
	return vm.Run(p, js.Task{
		Input: []byte(`{}`), Context: []byte(`{}`),
		Timeline: &js.Timeline{Seed: 42, Start: time.UnixMilli(1_700_000_000_000), Replay: replay},
	}, h)
}

func TestAReplayDoesTheSameAgainWithoutWaiting(t *testing.T) {
	t.Parallel()
	e := engines(t)["snapshot"]
	first := scripted(t, e, false, &answering{times: []time.Duration{25 * time.Millisecond, 5 * time.Millisecond, 40 * time.Millisecond}})
	if first.Failure != nil {
		t.Fatalf("%+v", first.Failure)
	}
	at := map[uint32]time.Duration{}
	for _, taken := range first.Taken {
		at[taken.Call] = taken.At
	}
	if len(at) != 3 || !slices.IsSortedFunc(first.Taken, func(a, b js.Taken) int { return int(a.At - b.At) }) {
		t.Fatalf("replies were taken at %v", first.Taken)
	}
	for range 3 {
		again := scripted(t, e, true, &answering{at: at})
		if string(again.Output) != string(first.Output) {
			t.Errorf("replayed\n%s\nrecorded\n%s", again.Output, first.Output)
		}
		if fmt.Sprint(again.Taken) != fmt.Sprint(first.Taken) {
			t.Errorf("replayed %v, recorded %v", again.Taken, first.Taken)
		}
	}
}

func TestAScriptedClockLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	e := engines(t)["snapshot"]
	scripted(t, e, true, &answering{times: []time.Duration{1, 2, 3}})
	before := time.Now().UnixMilli()
	out, _ := run(t, e, `() => [Date.now(), Date.name, Date.now.toString().includes("native")]`, js.Script, `{}`)
	var now int64
	if _, err := fmt.Sscanf(string(out.Output), `[%d,"Date",true]`, &now); err != nil || now < before {
		t.Errorf("got %s, want the system's own Date at %d or later", out.Output, before)
	}
}

// reversed answers three requests at once, the last one first.
type reversed struct {
	vm    *js.VM
	calls []uint32
}

func (h *reversed) Request(call uint32, _, head string, body []byte) {
	h.calls = append(h.calls, call)
	for i := len(h.calls) - 1; len(h.calls) == 3 && i >= 0; i-- {
		h.vm.Deliver(js.Reply{Call: h.calls[i], Head: head, Body: body, At: 5 * time.Millisecond})
	}
}

func (h *reversed) Log(string, string, string) {}
func (h *reversed) Progress(float64, string)   {}

func TestRepliesOfOneTimeAreTakenAgainInTheirOrder(t *testing.T) {
	t.Parallel()
	e := engines(t)["snapshot"]
	p, err := e.Compile("main.js", []byte(`async () => {
		const seen = [];
		const ask = (n) => fetch("http://x/" + n).then(() => {}, () => {}).then(() => { seen.push(n); return new Promise((r) => setTimeout(r, 1)); }).then(() => seen.push(n));
		await Promise.all([ask(1), ask(2), ask(3)]);
		return seen;
	}`), js.Script)
	if err != nil {
		t.Fatal(err)
	}
	var out [2]js.Outcome
	at := map[uint32]time.Duration{}
	for i := range out {
		vm, err := e.NewVM()
		if err != nil {
			t.Fatal(err)
		}
		var h js.Host = &reversed{vm: vm}
		if i == 1 {
			h = &answering{vm: vm, at: at}
		}
		out[i] = vm.Run(p, js.Task{Input: []byte(`{}`), Context: []byte(`{}`), Timeline: &js.Timeline{Start: time.UnixMilli(1), Replay: i == 1}}, h)
		for _, taken := range out[i].Taken {
			at[taken.Call] = taken.At
		}
		vm.Close()
	}
	if string(out[0].Output) != "[3,2,1,3,2,1]" || string(out[1].Output) != string(out[0].Output) {
		t.Errorf("recorded %s, replayed %s", out[0].Output, out[1].Output)
	}
}
