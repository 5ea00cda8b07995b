package js

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	lib "modernc.org/libquickjs"
	"pgregory.net/rapid"
)

const arenaLimit = 8 << 20

// An arenaModel is what the allocator should have: its blocks and what is in them.
type arenaModel struct {
	a      *arena
	state  uintptr // QuickJS's malloc state, in the arena as the real one is
	blocks []modelBlock
	seq    byte

	snapshot []byte
	saved    []modelBlock
}

type modelBlock struct {
	p, n uintptr // as asked for
	fill byte
}

func newArenaModel(t *rapid.T) *arenaModel {
	a, err := newArena(arenaLimit)
	if err != nil {
		t.Fatal(err)
	}
	p := a.head().alloc(a.base, unsafe.Sizeof(lib.TJSMallocState{}))
	*at[lib.TJSMallocState](p) = lib.TJSMallocState{Fmalloc_limit: arenaLimit, Fopaque: a.base}
	return &arenaModel{a: a, state: p}
}

func (m *arenaModel) st() *lib.TJSMallocState { return at[lib.TJSMallocState](m.state) }

// ends are the parts of a block that are written and looked at.
func (b modelBlock) ends() (first, last []byte) {
	n := min(b.n, 64)
	return bytesAt(b.p, n), bytesAt(b.p+b.n-n, n)
}

func (b modelBlock) write() {
	first, last := b.ends()
	for i := range first {
		first[i], last[i] = b.fill, b.fill
	}
}

func (m *arenaModel) check(t *rapid.T, b modelBlock) {
	first, last := b.ends()
	if want := bytes.Repeat([]byte{b.fill}, len(first)); !bytes.Equal(first, want) || !bytes.Equal(last, want) {
		t.Fatalf("the block at %#x of %d bytes lost its content", b.p-m.a.base, b.n)
	}
}

// add takes a block that the allocator has just given.
func (m *arenaModel) add(t *rapid.T, p, n uintptr) {
	m.seq++
	b := modelBlock{p, n, m.seq}
	usable := uintptr(jsUsable(nil, p))
	if p%16 != 0 || usable < n || p < m.a.base || p+usable > m.a.base+uintptr(len(m.a.mem)) {
		t.Fatalf("got %d bytes at %#x for %d", usable, p-m.a.base, n)
	}
	for _, other := range m.blocks {
		if p < other.p+max(other.n, 1) && other.p < p+usable {
			t.Fatalf("%d bytes at %#x overlap %d at %#x", usable, p-m.a.base, other.n, other.p-m.a.base)
		}
	}
	b.write()
	m.blocks = append(m.blocks, b)
}

// refused checks that the allocator had a reason, and lets it go on.
func (m *arenaModel) refused(t *rapid.T, more uintptr) {
	// A block is rounded up by a quarter at most, a large one to pages.
	if used := uintptr(m.st().Fmalloc_size); used+more+more/4+2*pageSize < arenaLimit {
		t.Fatalf("refused %d bytes with %d of %d in use", more, used, arenaLimit)
	}
	if m.a.head().refused == 0 {
		t.Fatal("a refusal left no mark")
	}
	m.a.head().refused = 0
}

func (m *arenaModel) pick(t *rapid.T) int {
	if len(m.blocks) == 0 {
		t.Skip("no block")
	}
	return rapid.IntRange(0, len(m.blocks)-1).Draw(t, "block")
}

func blockSize() *rapid.Generator[uintptr] {
	return rapid.OneOf(
		rapid.UintptrRange(1, 600), rapid.UintptrRange(1, 600), rapid.UintptrRange(600, largest+100),
		rapid.UintptrRange(largest, 1<<20), rapid.UintptrRange(1<<20, arenaLimit+1),
	)
}

func TestTheAllocatorKeepsItsBlocksApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newArenaModel(t)
		defer m.a.release()
		t.Repeat(map[string]func(*rapid.T){
			"malloc": func(t *rapid.T) {
				n := blockSize().Draw(t, "n")
				if p := jsMalloc(nil, m.state, lib.Tsize_t(n)); p != 0 {
					m.add(t, p, n)
				} else {
					m.refused(t, n)
				}
			},
			"realloc": func(t *rapid.T) {
				i, n := m.pick(t), blockSize().Draw(t, "n")
				b := m.blocks[i]
				p := jsRealloc(nil, m.state, b.p, lib.Tsize_t(n))
				if p == 0 {
					m.refused(t, n)
					m.check(t, b) // the old one is as it was
					return
				}
				kept := min(b.n, n, 64)
				if want := bytes.Repeat([]byte{b.fill}, int(kept)); !bytes.Equal(bytesAt(p, kept), want) {
					t.Fatalf("realloc from %d to %d bytes lost the content", b.n, n)
				}
				m.blocks = slices.Delete(m.blocks, i, i+1)
				m.add(t, p, n)
			},
			"free": func(t *rapid.T) {
				i := m.pick(t)
				m.check(t, m.blocks[i])
				jsFree(nil, m.state, m.blocks[i].p)
				m.blocks = slices.Delete(m.blocks, i, i+1)
			},
			"snapshot": func(*rapid.T) {
				m.snapshot, m.saved = m.a.snapshot(), slices.Clone(m.blocks)
			},
			"restore": func(t *rapid.T) {
				if m.snapshot == nil {
					t.Skip("no snapshot")
				}
				high := m.a.head().high
				if rapid.Bool().Draw(t, "trimmed") {
					m.a.trim(uintptr(len(m.snapshot)))
				}
				m.a.restore(m.snapshot)
				forgetCommitted(m.a, m.snapshot)
				if !bytes.Equal(m.a.mem[:len(m.snapshot)], m.snapshot) {
					t.Fatal("restore did not put the snapshot back")
				}
				if high > uintptr(len(m.snapshot)) && len(bytes.Trim(m.a.mem[len(m.snapshot):high], "\x00")) > 0 {
					t.Fatal("restore left something behind the snapshot")
				}
				m.blocks = slices.Clone(m.saved)
			},
			"": func(t *rapid.T) {
				st := m.st()
				var used uintptr
				for _, b := range m.blocks {
					m.check(t, b)
					used += uintptr(jsUsable(nil, b.p))
				}
				if int(st.Fmalloc_count) != len(m.blocks) || uintptr(st.Fmalloc_size) != used || used > arenaLimit {
					t.Fatalf("the books say %d blocks of %d bytes, want %d of %d", st.Fmalloc_count, st.Fmalloc_size, len(m.blocks), used)
				}
				for p := m.a.head().largeFree; p != 0; p = at[run](p).next {
					if r := at[run](p); r.next != 0 && r.next <= p+r.size {
						t.Fatalf("free runs at %#x and %#x were not joined, or are out of order", p-m.a.base, r.next-m.a.base)
					}
				}
				if peak := m.a.head().peak; peak > arenaLimit {
					t.Fatalf("peak of %d bytes is over the limit", peak)
				}
			},
		})
		// All of it can be had again, in one piece: free runs were joined.
		for _, b := range m.blocks {
			jsFree(nil, m.state, b.p)
		}
		if st := m.st(); st.Fmalloc_count != 0 || st.Fmalloc_size != 0 {
			t.Fatalf("with all freed the books say %d blocks of %d bytes", st.Fmalloc_count, st.Fmalloc_size)
		}
		if jsMalloc(nil, m.state, arenaLimit-2*pageSize) == 0 {
			t.Fatal("with all freed there is no room for one large block")
		}
	})
}

// forgetCommitted makes the one difference that there may be between an arena
// and its snapshot, the memory that has become writable since, as it was. That
// memory is made writable again when needed.
func forgetCommitted(a *arena, snapshot []byte) {
	a.head().committed = at[arenaHead](uintptr(unsafe.Pointer(unsafe.SliceData(snapshot)))).committed
}

func TestRestoreUndoesWhateverAnExecutionDid(t *testing.T) {
	t.Parallel()
	e := New(Config{Resident: 1, Memory: 32 << 20})
	defer e.Close()
	vm, err := e.NewVM()
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	zero := func() { // what each VM has of its own
		at[lib.TJSContext](vm.ctx).Frandom_state = 1
	}
	zero()
	before := vm.arena.snapshot()
	for _, source := range []string{
		`globalThis.x = 1`, `Array.prototype.map = null`, `let a = []; for (let i = 0; i < 1e5; i++) a.push({ i }); globalThis.a = a`,
		`globalThis.s = "x".repeat(4e6)`, `delete globalThis.JSON`, `class A extends Map {}; globalThis.m = new A([[1, 2]])`, `Symbol.for("y"); /a(b)/.exec("ab")`,
		`globalThis.b = new ArrayBuffer(3e6)`, `throw new Error("x")`,
	} {
		code, err := vm.compile("a.js", []byte(source), Script, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = vm.load(code) // one throws
		high := vm.arena.head().high
		vm.arena.restore(vm.template)
		zero()
		forgetCommitted(vm.arena, before)
		if !bytes.Equal(vm.arena.mem[:len(before)], before) {
			t.Errorf("%s: left a mark in the snapshot", source)
		}
		if len(bytes.Trim(vm.arena.mem[len(before):high], "\x00")) > 0 {
			t.Errorf("%s: left something behind the snapshot", source)
		}
	}
}

// What an execution took beyond the snapshot is not held until the next one.
func TestAClosedVMHoldsNoMoreThanItsSnapshot(t *testing.T) {
	t.Parallel()
	e := New(Config{Resident: 1, Memory: 32 << 20})
	defer e.Close()
	for _, source := range []string{`() => "x".repeat(1e5).length`, `() => new Uint8Array(8e6).fill(1).length`} {
		p, err := e.Compile("main.js", []byte(source), Script)
		if err != nil {
			t.Fatal(err)
		}
		vm, err := e.NewVM()
		if err != nil {
			t.Fatal(err)
		}
		vm.Run(p, Task{Input: []byte("1"), Context: []byte("{}")}, mute{})
		high := vm.arena.head().high
		vm.Close()
		if size := uintptr(len(vm.template)); high == size || vm.arena.head().high != size {
			t.Errorf("%s: used up to %d of a snapshot of %d, and holds %d afterwards", source, high, size, vm.arena.head().high)
		}
		if len(bytes.Trim(vm.arena.mem[len(vm.template):high], "\x00")) > 0 {
			t.Errorf("%s: something is left behind the snapshot", source)
		}
	}
}

// mute is a Host that answers nothing.
type mute struct{}

func (mute) Request(uint32, string, string, []byte) {}
func (mute) Log(string, string, string)             {}
func (mute) Progress(float64, string)               {}

func runIn(t testing.TB, e *Engine, p *Program, input string) Outcome {
	t.Helper()
	vm, err := e.NewVM()
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	return vm.Run(p, Task{Input: []byte(input), Context: []byte(`{"executionId":"e"}`), CPU: 2 * time.Second, Output: 1 << 20}, mute{})
}

func TestAVMFromASnapshotDoesWhatABuiltOneDoes(t *testing.T) {
	t.Parallel()
	snapshot, built := New(Config{Resident: 1, Memory: 32 << 20}), New(Config{Resident: -1, Memory: 32 << 20})
	defer snapshot.Close()
	defer built.Close()
	for _, source := range []string{
		`(i) => i`, `async (i) => { await null; return [i] }`, `(i) => new Promise((f) => setTimeout(() => f(i), 1))`,
		`() => { throw new TypeError("no") }`, `() => { const o = {}; o.o = o; return o }`, `() => 1n`, `() => undefined`, `5`, `() => new Promise(() => {})`,
		`function f() { return f() + 1 } f`, `() => { const a = []; for (;;) a.push(new Array(1000).fill(1)) }`, `() => "x".repeat(2e6)`,
		`() => Object.getOwnPropertyNames(globalThis).sort()`, `() => Object.getOwnPropertyNames(Object.prototype)`,
		`() => { globalThis.n = (globalThis.n || 0) + 1; return n }`, `() => [new URL("http://a/b?c").href, structuredClone({ a: [1] }), atob(btoa("x"))]`,
		`() => /(?<y>\d{4})-(\d\d)/u.exec("on 2026-11-23").groups.y`, `() => [..."a😀b"].length`, `() => JSON.parse('{"__proto__": 1}')`,
		`() => [0.1 + 0.2, 1e21, -0, 5e-324].map(String)`, `() => new Date(0).toISOString()`, `() => [3, 1, 2].toSorted()`, `() => (2n ** 100n).toString()`,
		`() => new Intl.NumberFormat("en").format(1234.5)`, `() => { Promise.reject(new Error("lost")); return 1 }`, `() => { try { null.x } catch (e) { return e.stack } }`,
		`async function* g() { yield 1 } async () => { const all = []; for await (const x of g()) all.push(x); return all }`,
		`() => new Proxy({}, { get: (t, k) => k === "toJSON" ? undefined : k, ownKeys: () => ["a"], getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 1 }) })`,
		`() => { const w = new WeakRef({}); return typeof w.deref() }`, `() => Array.from(new Uint8Array(new Float32Array([1.5]).buffer))`,
	} {
		p, err := snapshot.Compile("main.js", []byte(source), Script)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		want := show(runIn(t, built, p, `{"a":1}`))
		for range 3 {
			if got := show(runIn(t, snapshot, p, `{"a":1}`)); got != want {
				t.Errorf("%s:\ngot  %s\nwant %s", source, got, want)
			}
		}
	}
}

func show(o Outcome) string {
	if o.Failure != nil {
		return fmt.Sprintf("%+v %v", *o.Failure, o.Unhandled)
	}
	return fmt.Sprintf("%s %v", o.Output, o.Unhandled)
}

// Each execution tries to leave something, and looks for what others left.
func TestThousandsOfExecutionsLeaveNothing(t *testing.T) {
	t.Parallel()
	n := 1000
	if os.Getenv("RATCHET_TORTURE") != "" {
		n = 20_000
	}
	e := New(Config{Resident: 1, Memory: 32 << 20})
	defer e.Close()
	p, err := e.Compile("main.js", []byte(`
		function main({ seed }) {
			const failure = new Error("x".repeat(seed));
			const marks = [
				globalThis.mark, Object.prototype.mark, Array.prototype.mark, Promise.mark, Symbol.keyFor(Symbol.for("m")) && globalThis.mark,
				module.exports.mark, [].map.mark, Object.getPrototypeOf(async function () {}).mark, /x/.mark, JSON.mark, Math.mark, setTimeout.mark,
			];
			if (marks.some((m) => m !== undefined)) throw new Error("found " + marks);
			for (const o of [globalThis, Object.prototype, Array.prototype, Promise, module.exports, [].map, RegExp.prototype, JSON, Math, setTimeout, Object.getPrototypeOf(async function () {})]) o.mark = seed;
			const big = [];
			for (let i = 0; i < seed % 3000; i++) big.push({ i, s: "s" + i });
			globalThis.big = big;
			if (seed % 7 === 0) Array.prototype.push = Map.prototype.get = null;
			if (seed % 11 === 0) for (const k of Reflect.ownKeys(globalThis)) try { delete globalThis[k]; } catch {}
			if (seed % 13 === 0) throw failure;
			return seed;
		}
		main`), Script)
	if err != nil {
		t.Fatal(err)
	}
	var random []string
	for i := range n {
		seed := rand.IntN(5000)
		o := runIn(t, e, p, fmt.Sprintf(`{"seed":%d}`, seed))
		switch {
		case o.Failure == nil && string(o.Output) == fmt.Sprint(seed):
		case o.Failure != nil && seed%13 == 0 && strings.HasPrefix(o.Failure.Message, "xx"):
		case o.Failure != nil && seed == 0 && o.Failure.Message == "":
		default:
			t.Fatalf("execution %d, seed %d: got %s", i, seed, show(o))
		}
	}
	dice, err := e.Compile("main.js", []byte(`() => Math.random()`), Script)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		random = append(random, string(runIn(t, e, dice, "1").Output))
	}
	slices.Sort(random)
	if len(slices.Compact(random)) != 5 {
		t.Errorf("Math.random gave %v: executions share its state", random)
	}
}
