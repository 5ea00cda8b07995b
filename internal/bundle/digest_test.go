package bundle_test

import (
	"archive/zip"
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

func digestTask() files {
	return files{
		"metadata.json":               `{"label": "L", "version": "1.0.0"}`,
		"main.ts":                     "import {a} from './lib/a'\nimport p from 'p'\nexport default (i: any) => [a, p]",
		"lib/a.ts":                    "export const a: number = 1",
		"node_modules/p/index.js":     "module.exports = 1",
		"node_modules/p/other.js":     "module.exports = 2",
		"node_modules/p/package.json": `{"name": "p", "version": "1.0.0", "main": "index.js"}`,
		"input.schema.json":           `{"$ref": "common.json#/definitions/i"}`,
		"common.json":                 `{"definitions": {"i": {"type": "object"}}}`,
		"tests/a.json":                `{"input": {}, "expected": []}`,
		"README.md":                   "hello",
	}
}

func zipOf(t testing.TB, prefix string, f files) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range f {
		w, err := z.Create(prefix + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "some-task.zip")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheSameContentHasTheSameDigest(t *testing.T) {
	t.Parallel()
	want := load(t, digestTask().write(t)).Digest
	spaced := digestTask()
	spaced["metadata.json"] = "{\n  \"version\": \"1.0.0\",\n  \"label\": \"L\"\n}\n"
	untested := digestTask()
	untested["tests/a.json"] = `{"input": 1}`
	untested["README.md"] = "changed"
	untested["node_modules/p/other.js"] = "changed"
	untested["node_modules/p/package.json"] = `{"name": "p", "version": "1.0.1", "main": "index.js"}`
	deep := filepath.Join(t.TempDir(), "x", "y", "other name")
	for name, path := range map[string]string{
		"again":              digestTask().write(t),
		"in another folder":  digestTask().writeTo(t, deep),
		"zip":                zipOf(t, "", digestTask()),
		"zip with a folder":  zipOf(t, "my-task/", digestTask()),
		"other spaces":       spaced.write(t),
		"what has no effect": untested.write(t),
	} {
		if got := load(t, path).Digest; got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestEveryInputCountsInTheDigest(t *testing.T) {
	t.Parallel()
	seen := map[string]string{load(t, digestTask().write(t)).Digest: "unchanged"}
	for file, text := range map[string]string{
		"metadata.json":               `{"label": "L", "version": "1.0.1"}`,
		"main.ts":                     "import {a} from './lib/a'\nimport p from 'p'\nexport default (i: any) => [p, a]",
		"lib/a.ts":                    "export const a: number = 2",
		"node_modules/p/index.js":     "module.exports = 3",
		"node_modules/p/package.json": `{"name": "p", "version": "1.0.0", "main": "other.js"}`,
		"input.schema.json":           `{"$ref": "common.json#/definitions/i", "minProperties": 1}`,
		"common.json":                 `{"definitions": {"i": {"type": "array"}}}`,
		"output.schema.json":          `{}`,
		"package.json":                `{"type": "module"}`,
	} {
		f := digestTask()
		f[file] = text
		got := load(t, f.write(t)).Digest
		if other, ok := seen[got]; ok {
			t.Errorf("%s changed, and the digest is that of %s", file, other)
		}
		seen[got] = file
	}
}

func TestPackagesAboveTheTask(t *testing.T) {
	t.Parallel()
	f := digestTask()
	beside := load(t, f.write(t)).Digest
	home := t.TempDir()
	above := files{"metadata.json": ""}
	for name, text := range maps.Clone(f) {
		if rel, err := filepath.Rel("node_modules", name); err == nil && filepath.IsLocal(rel) {
			above[name] = text
			delete(f, name)
		}
	}
	above.writeTo(t, home)
	dir := f.writeTo(t, filepath.Join(home, "tasks", "t"))
	_, text := refused(t, dir, bundle.Options{})
	wants(t, text, "main.ts:2:15: the package is only in "+filepath.Join(home, "node_modules")+", above the task's folder; install it beside the task")
	b, err := bundle.Load(t.Context(), dir, bundle.Options{ParentModules: true})
	if err != nil {
		t.Fatal(err)
	}
	if b.Digest != beside {
		t.Errorf("got %s, want %s: as if the package were beside the task", b.Digest, beside)
	}
}

func TestLinksDoNotLeadOutside(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	files{"metadata.json": "", "secret/index.js": "module.exports = 'secret'", "secret.js": "module.exports = 'secret'"}.writeTo(t, home)
	for name, c := range map[string]struct{ code, link, to string }{
		"relative path": {"import x from '../secret.js'\nexport default x", "", ""},
		"absolute path": {"import x from '" + filepath.Join(home, "secret.js") + "'\nexport default x", "", ""},
		"linked file":   {"import x from './a.js'\nexport default x", "a.js", filepath.Join(home, "secret.js")},
		"linked module": {"import x from 'pkg'\nexport default x", "node_modules/pkg", filepath.Join(home, "secret")},
		"linked folder": {"import x from './lib/secret.js'\nexport default x", "lib", home},
	} {
		dir := files{"main.js": c.code}.writeTo(t, filepath.Join(home, "task "+name))
		if c.link != "" {
			link := filepath.Join(dir, c.link)
			if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(c.to, link); err != nil {
				t.Fatal(err)
			}
		}
		for _, o := range []bundle.Options{{}, {ParentModules: true}} {
			_, text := refused(t, dir, o)
			wants(t, text, "main.js:1:15", "is outside the task's folder")
		}
	}
}

func TestLinksInsideTheTaskAreFollowed(t *testing.T) {
	t.Parallel()
	dir := files{"main.js": "module.exports = require('p')", "node_modules/.store/p@1/index.js": "module.exports = () => 1"}.write(t)
	if err := os.Symlink(filepath.Join(".store", "p@1"), filepath.Join(dir, "node_modules", "p")); err != nil {
		t.Fatal(err)
	}
	wants(t, string(load(t, dir).Code), "() => 1")
}

func TestArchivesReachNothingOutside(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "secret.js")
	if err := os.WriteFile(outside, []byte("module.exports = 1"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{"import x from '" + outside + "'\nexport default x", "import x from '../package.json'\nexport default x"} {
		path := zipOf(t, "", files{"metadata.json": metadata, "main.js": code})
		_, text := refused(t, path, bundle.Options{ParentModules: true})
		wants(t, text, "main.js:1:15: cannot import a file outside the archive")
	}
}

func TestNothingIsLeftOfAnArchive(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	good := zipOf(t, "", digestTask())
	bad := zipOf(t, "", files{"metadata.json": "{", "main.js": "(i) => 1"})
	b := load(t, good)
	refused(t, bad, bundle.Options{})
	if b.Root != good {
		t.Errorf("got root %s, want %s", b.Root, good)
	}
	left, err := filepath.Glob(filepath.Join(tmp, "ratchet-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("got %v left in the temporary folder (%v)", left, err)
	}
	if len(b.Tests) != 1 || len(b.Code) == 0 || b.SourceMap.Line("lib/a.ts", 1) != "export const a: number = 1" {
		t.Errorf("got %+v, want a bundle that needs no files", b)
	}
}
