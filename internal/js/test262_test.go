package js

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	lib "modernc.org/libquickjs"
)

// TestTheEngineKeepsToTheStandard runs a sample of test262 in VMs with the whole
// prelude. RATCHET_TEST262 names a checkout of github.com/tc39/test262; the lists
// in testdata/test262 say what is run, what is left out and what fails.
func TestTheEngineKeepsToTheStandard(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("RATCHET_TEST262")
	if dir == "" {
		t.Skip("RATCHET_TEST262 does not name a checkout of tc39/test262")
	}
	s := suite{dir: dir, engine: New(Config{Memory: 256 << 20}), harness: map[string]harnessFile{}, failures: map[string]string{}, skipped: map[string]int{}}
	defer s.engine.Close()
	s.readFeatures(t)
	paths := make(chan string)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for path := range paths {
				s.test(path)
			}
		})
	}
	for _, path := range s.choose(t) {
		paths <- path
	}
	close(paths)
	workers.Wait()
	left := 0
	for _, why := range slices.Sorted(maps.Keys(s.skipped)) {
		t.Logf("%5d left out: %s", s.skipped[why], why)
		left += s.skipped[why]
	}
	t.Logf("%d files, %d left out, %d runs, %d failures: %.2f %% pass", s.files, left, s.runs, len(s.failures), 100*float64(s.runs-len(s.failures))/float64(max(s.runs, 1)))
	compareFailures(t, "testdata/test262/known-failures.txt", s.failures)
}

type suite struct {
	dir         string
	engine      *Engine
	unsupported map[string]string // features, and why they are not asked for

	mu          sync.Mutex
	harness     map[string]harnessFile
	files, runs int
	failures    map[string]string
	skipped     map[string]int
}

type harnessFile struct {
	code []byte
	err  error
}

func (s *suite) readFeatures(t *testing.T) {
	t.Helper()
	lines, err := readList("testdata/test262/skipped.txt")
	if err != nil {
		t.Fatal(err)
	}
	s.unsupported = map[string]string{}
	for _, line := range lines {
		feature, why, _ := strings.Cut(line, " ")
		s.unsupported[feature] = strings.TrimSpace(why)
	}
}

// choose returns the paths of the sample.
func (s *suite) choose(t *testing.T) (chosen []string) {
	t.Helper()
	lines, err := readList("testdata/test262/selection.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		var below string
		var oneIn uint32
		if _, err := fmt.Sscan(line, &below, &oneIn); err != nil {
			t.Fatalf("selection %q: %v", line, err)
		}
		err := filepath.WalkDir(filepath.Join(s.dir, below), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".js") || strings.Contains(path, "_FIXTURE") {
				return err
			}
			rel, err := filepath.Rel(s.dir, path)
			hash := fnv.New32a()
			hash.Write([]byte(rel))
			if hash.Sum32()%oneIn == 0 {
				chosen = append(chosen, rel)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return chosen
}

// A test262 is one file of the suite.
type test262 struct {
	source                    string
	flags, includes, features []string
	phase, wants              string // of a test that must fail
}

// parse262 reads the YAML at the top of a test, as far as test262 makes use of YAML.
func parse262(source string) test262 {
	t := test262{source: source}
	_, rest, _ := strings.Cut(source, "/*---")
	meta, _, _ := strings.Cut(rest, "---*/")
	var list *[]string
	for line := range strings.Lines(strings.ReplaceAll(meta, "\r", "\n")) {
		line = strings.TrimRight(line, " \n")
		item, isItem := strings.CutPrefix(strings.TrimSpace(line), "- ")
		if isItem && list != nil {
			*list = append(*list, item)
			continue
		}
		list = nil
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch key {
		case "flags":
			list = &t.flags
		case "includes":
			list = &t.includes
		case "features":
			list = &t.features
		case "  phase":
			t.phase = value
		case "  type":
			t.wants = value
		}
		if inner, ok := strings.CutPrefix(value, "["); ok && list != nil {
			*list = strings.FieldsFunc(strings.TrimSuffix(inner, "]"), func(r rune) bool { return r == ',' || r == ' ' })
		}
	}
	return t
}

func (t test262) has(flag string) bool { return slices.Contains(t.flags, flag) }

// leftOut says why a test is not run; empty if it is.
func (s *suite) leftOut(t test262) string {
	for _, feature := range t.features {
		if why := s.unsupported[feature]; why != "" {
			return feature + ": " + why
		}
	}
	switch {
	case t.has("CanBlockIsFalse") || t.has("CanBlockIsTrue"):
		return "threads that wait: shared memory is taken away from tasks"
	case t.has("module") && (strings.Contains(t.source, "_FIXTURE") || strings.Contains(t.source, " from '") || strings.Contains(t.source, "import '") || strings.Contains(t.source, " from \"")):
		return "modules of several files: a bundle is one file"
	case strings.Contains(t.source, "$262.evalScript") || strings.Contains(t.source, "$262.createRealm") || strings.Contains(t.source, "$262.agent"):
		return "several scripts, realms or agents: a VM runs one"
	}
	return ""
}

func (s *suite) test(path string) {
	source, err := os.ReadFile(filepath.Join(s.dir, path))
	t := parse262(string(source))
	why := s.leftOut(t)
	s.mu.Lock()
	s.files++
	if why != "" {
		s.skipped[why]++
	}
	s.mu.Unlock()
	if why != "" {
		return
	}
	for _, mode := range t.modes() {
		failure := err
		if failure == nil {
			failure = s.run(t, mode)
		}
		s.mu.Lock()
		s.runs++
		if failure != nil {
			s.failures[filepath.ToSlash(path)+" "+mode] = failure.Error()
		}
		s.mu.Unlock()
	}
}

func (t test262) modes() []string {
	switch {
	case t.has("module"):
		return []string{"module"}
	case t.has("raw") || t.has("noStrict"):
		return []string{"sloppy"}
	case t.has("onlyStrict"):
		return []string{"strict"}
	default:
		return []string{"sloppy", "strict"}
	}
}

// What tests expect of their host.
const host262 = `
globalThis.printed = "";
globalThis.print = (line) => { printed += line + "\n"; };
globalThis.$262 = { global: globalThis, gc() {}, detachArrayBuffer(b) { b.transfer(); return null; } };`

// run runs a test in one mode and says how it failed.
func (s *suite) run(t test262, mode string) error {
	vm, err := s.engine.NewVM()
	if err != nil {
		return err
	}
	defer vm.Close()
	x := &vm.exec
	x.task, x.host = Task{CPU: 20 * time.Second}, mute{}
	if err := vm.startClock(nil); err != nil {
		return err
	}
	phase := "harness"
	var promise value
	err = vm.turn(func() error {
		if err := s.loadHarness(vm, t); err != nil {
			return err
		}
		phase = "parse"
		source, kind := t.source, Script
		switch mode {
		case "strict":
			source = "\"use strict\";\n" + source
		case "module":
			kind = Module
		}
		code, err := vm.compile("test.js", []byte(source), kind, lib.MJS_EVAL_TYPE_GLOBAL)
		if err != nil {
			return err
		}
		phase = "runtime"
		if kind == Script {
			_, err = vm.load(code)
			return err
		}
		phase = "resolution"
		var m value
		pinned(code, func(p uintptr) {
			m = lib.XJS_ReadObject(vm.tls, vm.ctx, p, lib.Tsize_t(len(code)), lib.MJS_READ_OBJ_BYTECODE)
		})
		if isException(m) || lib.XJS_ResolveModule(vm.tls, vm.ctx, m) < 0 {
			return vm.thrown()
		}
		phase = "runtime"
		if promise = lib.XJS_EvalFunction(vm.tls, vm.ctx, m); isException(promise) {
			return vm.thrown()
		}
		return nil
	})
	if err == nil && mode == "module" {
		err = vm.settled(promise)
	}
	if err == nil && t.has("async") {
		err = vm.asyncResult()
	}
	return t.verdict(phase, err)
}

// settled runs the VM until a promise is settled.
func (vm *VM) settled(promise value) error {
	for lib.XJS_PromiseState(vm.tls, vm.ctx, promise) == lib.EJS_PROMISE_PENDING {
		if vm.exec.done {
			return errors.New("the module never ends")
		}
		if err := vm.step(); err != nil {
			return err
		}
	}
	if lib.XJS_PromiseState(vm.tls, vm.ctx, promise) == lib.EJS_PROMISE_REJECTED {
		lib.XJS_Throw(vm.tls, vm.ctx, lib.XJS_PromiseResult(vm.tls, vm.ctx, promise))
		return vm.thrown()
	}
	return nil
}

// asyncResult runs the VM until the test says how it went.
func (vm *VM) asyncResult() error {
	global := lib.XJS_GetGlobalObject(vm.tls, vm.ctx)
	for {
		printed := vm.textProperty(global, "printed")
		switch {
		case strings.Contains(printed, "Test262:AsyncTestFailure"):
			return errors.New(printed)
		case strings.Contains(printed, "Test262:AsyncTestComplete"):
			return nil
		case vm.exec.done:
			return errors.New("the test never says that it is done")
		}
		if err := vm.step(); err != nil {
			return err
		}
	}
}

// loadHarness defines what the test builds on.
func (s *suite) loadHarness(vm *VM, t test262) error {
	files := []string{""}
	if !t.has("raw") {
		files = append(files, "assert.js", "sta.js")
		if t.has("async") {
			files = append(files, "doneprintHandle.js")
		}
		files = append(files, t.includes...)
	}
	for _, name := range files {
		code, err := s.harnessCode(vm, name)
		if err == nil {
			_, err = vm.load(code)
		}
		if err != nil {
			return fmt.Errorf("harness %s: %w", name, err)
		}
	}
	return nil
}

func (s *suite) harnessCode(vm *VM, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.harness[name]; ok {
		return f.code, f.err
	}
	source := []byte(host262)
	var err error
	if name != "" {
		source, err = os.ReadFile(filepath.Join(s.dir, "harness", name))
	}
	var f harnessFile
	if f.err = err; err == nil {
		f.code, f.err = vm.compile(cmp.Or(name, "host.js"), source, Script, lib.MJS_EVAL_TYPE_GLOBAL)
	}
	s.harness[name] = f
	return f.code, f.err
}

// verdict compares how a test ended with how it should.
func (t test262) verdict(phase string, err error) error {
	if t.wants == "" {
		return err
	}
	if err == nil {
		return fmt.Errorf("got no error, want %s in phase %s", t.wants, t.phase)
	}
	name := err.Error()
	if e, ok := errors.AsType[*Exception](err); ok && e.Name != "" {
		name = e.Name
	}
	if phase == "harness" || !strings.HasPrefix(name, t.wants) || (phase == "parse") != (t.phase == "parse") {
		return fmt.Errorf("got %w in phase %s, want %s in phase %s", err, phase, t.wants, t.phase)
	}
	return nil
}
