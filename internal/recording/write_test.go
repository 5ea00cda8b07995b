package recording_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/recording"
)

func TestTheRequestsAreAHAR(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	r, x := l.record(t, executor.Request{Bundle: script(t, everything)}, map[string]any{"base": outOfOrder(t)})
	if x.Error != nil {
		t.Fatal(x.Error)
	}
	text, err := os.ReadFile(filepath.Join(r.Dir, "requests.har"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.NewCompiler().Compile("testdata/har.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Errorf("%#v", err)
	}
	var har struct {
		Log struct {
			Entries []struct {
				Time    float64
				Timings map[string]float64
				Request struct{ Method, URL string }
			}
		}
	}
	if err := json.Unmarshal(text, &har); err != nil {
		t.Fatal(err)
	}
	for i, e := range har.Log.Entries {
		sum := 0.0
		for name, ms := range e.Timings {
			if ms > 0 && name != "ssl" { // which connect has in it
				sum += ms
			}
		}
		if diff := e.Time - sum; diff > 0.01 || diff < -0.01 {
			t.Errorf("entry %d: the timings come to %v, not %v", i, sum, e.Time)
		}
	}
}

func TestAnExchangeSurvivesTheHAR(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/from" {
			http.Redirect(w, r, "/to", http.StatusFound)
			return
		}
		w.Header().Add("X-Two", "a")
		w.Header().Add("X-Two", "b")
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte{0xff, 0})
	})
	r, x := l.record(t, executor.Request{Bundle: script(t, `async ({ base }) => {
		await fetch(base + "/from?q=a%20b&q=c", { method: "POST", body: new Uint8Array([1, 0xfe]), headers: { "Content-Type": "x/y" } });
		await fetch("http://no-such-host.invalid/").catch(() => {});
		await fetch(base + "/from", { redirect: "error" }).catch(() => {});
		return null;
	}`)}, map[string]any{"base": s.URL})
	if x.Error != nil {
		t.Fatal(x.Error)
	}
	all := r.Exchanges()
	first := all[0]
	if q := first.Request; q.Method != "POST" || q.URL != s.URL+"/from?q=a%20b&q=c" || string(q.Body) != "\x01\xfe" || q.Redirect != "follow" ||
		!slices.Equal(q.Header, [][2]string{{"content-type", "x/y"}, {"accept", "*/*"}}) {
		t.Errorf("got request %+v", q)
	}
	if p := first.Response; p.Status != 418 || p.StatusText != "I'm a teapot" || string(p.Body) != "\xff\x00" || p.URL != s.URL+"/to" || !p.Redirected ||
		!slices.Contains(p.Header, [2]string{"x-two", "a"}) || !slices.Contains(p.Header, [2]string{"x-two", "b"}) {
		t.Errorf("got response %+v", p)
	}
	if first.Error != nil || !first.Taken || first.Delay() <= 0 || first.Number() != 1 {
		t.Errorf("got %+v", first)
	}
	if e := all[1].Error; e == nil || e.Reason != ratchet.ReasonNetwork || e.Code != ratchet.CodeUnavailable || len(e.Details) != 1 || all[1].Response != nil || !all[1].Taken {
		t.Errorf("got %+v", all[1])
	}
	if all[2].Request.Redirect != "error" || all[2].Error == nil {
		t.Errorf("got %+v", all[2])
	}
	if !(all[0].At <= all[1].Asked && all[1].At <= all[2].Asked) {
		t.Errorf("asked and answered out of order: %v %v, %v %v", all[0].Asked, all[0].At, all[1].Asked, all[1].At)
	}
}

func TestARecordingHoldsTheTaskInEveryForm(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	write("alone/get.ts", `import { n } from "./lib/n"; export default (): number => n;`)
	write("alone/lib/n.ts", `export const n = 1;`)
	write("node_modules/up/package.json", `{"name": "up", "exports": "./x.mjs"}`)
	write("node_modules/up/x.mjs", `export default 7;`)
	write("Folder Name/metadata.json", `{"version": "1.0.0"}`)
	write("Folder Name/main.mjs", `import up from "up"; export default (i) => up;`)
	write("Folder Name/input.schema.json", `{"$ref": "defs/in.json"}`)
	write("Folder Name/defs/in.json", `{"type": "object"}`)
	write("Folder Name/unused.txt", `not the task's`)
	for _, path := range []string{"alone/get.ts", "Folder Name"} {
		b, err := bundle.Load(t.Context(), filepath.Join(dir, path), bundle.Options{ParentModules: true})
		if err != nil {
			t.Fatal(err, ratchet.AsError(err).Details)
		}
		stored, files := recording.TaskFiles(b)
		out := t.TempDir()
		for name, data := range files {
			if strings.Contains(name, "unused") {
				t.Errorf("%s is stored", name)
			}
			file := filepath.Join(out, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		again, err := bundle.Load(t.Context(), filepath.Join(out, filepath.FromSlash(stored)), bundle.Options{})
		if err != nil {
			t.Fatalf("%s: %v %+v", stored, err, ratchet.AsError(err).Details)
		}
		if again.Digest != b.Digest || again.Name != b.Name || string(again.Code) == "" {
			t.Errorf("%s: stored as %s %s, was %s %s", path, again.Name, again.Digest, b.Name, b.Digest)
		}
	}
}

func TestARecordingIsThereAsAWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	b := script(t, `() => 1`)
	write := func(dir string) error {
		r, req := recording.Record(executor.Request{Bundle: b, Input: json.RawMessage("{}")}, l.online.Outside(), recording.Origin{})
		return r.Write(dir, l.online.Execute(t.Context(), req))
	}
	dir := t.TempDir()
	if err := write(filepath.Join(dir, "a", "b")); err != nil { // makes the folders above
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := write(empty); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other")
	if err := os.MkdirAll(filepath.Join(other, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{
		empty:                       "holds a recording already",
		other:                       "is not empty",
		file:                        "is a file",
		filepath.Join(file, "x"):    "no recording can be written below it",
		filepath.Join(dir, "n\x00"): "cannot write the recording: ",
	} {
		err := write(target)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), filepath.Base(filepath.Dir(target))) {
			t.Errorf("%q: got %v, want %q", target, err, want)
		}
	}
	var names []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{"a", "empty", "file", "other"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q: something was left behind", names, want)
	}
}

func TestADamagedRecordingIsToldWithItsFile(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "pong") })
	r, _ := l.record(t, executor.Request{Bundle: script(t, `async ({ base }) => { console.log("hi"); return (await fetch(base)).text(); }`)}, map[string]any{"base": s.URL})
	whole := files(t, r.Dir)
	for name, tt := range map[string]struct {
		file string
		edit func(string) string // nil removes it
		want string
	}{
		"no meta":         {"meta.json", nil, "is not a recording: it has no meta.json"},
		"meta cut off":    {"meta.json", func(s string) string { return s[:len(s)/2] }, "meta.json is cut off, or no JSON"},
		"meta of others":  {"meta.json", func(string) string { return `{"name": "x"}` }, `is not a recording: its meta.json has no "format"`},
		"another format":  {"meta.json", func(s string) string { return strings.Replace(s, `"format": 1`, `"format": 2`, 1) }, "has format 2; this Ratchet reads format 1"},
		"a wrong field":   {"meta.json", func(s string) string { return strings.Replace(s, `"seed": "`, `"seed": "x`, 1) }, "meta.json is not as Ratchet writes it"},
		"a wrong kind":    {"meta.json", func(s string) string { return strings.Replace(s, `"attempt": `, `"attempt": "x", "_": `, 1) }, "meta.json is not as Ratchet writes it: the field execution.attempt has a value of another kind"},
		"a wrong count":   {"meta.json", func(s string) string { return strings.Replace(s, `"requests": 1`, `"requests": 2`, 1) }, "meta.json counts 2 requests, and requests.har holds 1"},
		"meta half empty": {"meta.json", func(string) string { return `{"format": 1}` }, "meta.json lacks the state"},
		"HAR cut off":     {"requests.har", func(s string) string { return s[:len(s)-3] }, "requests.har is cut off, or was changed"},
		"HAR edited":      {"requests.har", func(s string) string { return strings.Replace(s, "pong", "ping", 1) }, "requests.har is cut off, or was changed"},
		"no HAR":          {"requests.har", nil, "requests.har is missing"},
		"no logs":         {"logs.jsonl", nil, "logs.jsonl is missing"},
		"no input":        {"input.json", nil, "input.json is missing"},
		"output edited":   {"output.json", func(string) string { return "1\n" }, "output.json is cut off, or was changed"},
		"not listed":      {"meta.json", func(s string) string { return strings.Replace(s, `"logs.jsonl"`, `"other"`, 1) }, "logs.jsonl is not listed in meta.json"},
		"code edited":     {"task/test/main.js", func(s string) string { return s + " " }, "main.js is cut off, or was changed"},
		"no code":         {"task/test/main.js", nil, "main.js is missing"},
		"code elsewhere":  {"meta.json", func(s string) string { return strings.Replace(s, `"stored": "task/test"`, `"stored": "../test"`, 1) }, "does not hold the task's files"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "rec")
			for file, text := range whole {
				if file == tt.file {
					if tt.edit == nil {
						continue
					}
					if text = tt.edit(text); text == whole[file] {
						t.Fatal("nothing was changed")
					}
				}
				path := filepath.Join(dir, filepath.FromSlash(file))
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			rec, err := recording.Read(dir)
			if err == nil {
				_, err = rec.Bundle(t.Context())
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), "json:") || strings.Contains(err.Error(), "Go ") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if e := ratchet.AsError(err); err != nil && e.Code == ratchet.CodeInternal {
				t.Errorf("got the code %s", e.Code)
			}
		})
	}
	if _, err := recording.Read(filepath.Join(t.TempDir(), "none")); ratchet.AsError(err).Code != ratchet.CodeNotFound {
		t.Errorf("got %v", err)
	}
}
