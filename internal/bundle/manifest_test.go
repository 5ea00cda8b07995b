package bundle_test

import (
	"archive/zip"
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// sameArchived makes an archive of the task at path, and a bundle of that.
func sameArchived(t *testing.T, path string, o bundle.Options) *bundle.Bundle {
	t.Helper()
	b, err := bundle.Load(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	archive := archived(t, b)
	again, err := bundle.LoadArchive(t.Context(), archive, bundle.Options{})
	if err != nil {
		for _, d := range ratchet.AsError(err).Details {
			t.Log(bundle.Line(d))
		}
		t.Fatal(err)
	}
	if again.Digest != b.Digest || again.Name != b.Name || again.Version != b.Version || again.Entry != b.Entry || again.Kind != b.Kind {
		t.Errorf("got %s %s %s %s %s, want %s %s %s %s %s", again.Name, again.Version, again.Entry, again.Kind, again.Digest,
			b.Name, b.Version, b.Entry, b.Kind, b.Digest)
	}
	if len(again.Tests) != len(b.Tests) || !bytes.Equal(again.Input.Raw(), b.Input.Raw()) || !bytes.Equal(again.Output.Raw(), b.Output.Raw()) {
		t.Errorf("got %d tests and schemas %s, %s; want %d, %s, %s", len(again.Tests), again.Input.Raw(), again.Output.Raw(),
			len(b.Tests), b.Input.Raw(), b.Output.Raw())
	}
	if !bytes.Equal(archived(t, again), archive) {
		t.Error("the archive of an archive is another one")
	}
	return again
}

func archived(t *testing.T, b *bundle.Bundle) []byte {
	t.Helper()
	archive, err := b.Archive()
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

func TestAnExampleIsTheSameAsAnArchive(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob("../../examples/*/metadata.json")
	if err != nil || len(found) == 0 {
		t.Fatalf("found no examples (%v)", err)
	}
	for _, file := range found {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			if _, err := os.Stat(filepath.Join(dir, "package.json")); err == nil {
				if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
					t.Skip("run npm ci in it first")
				}
			}
			sameArchived(t, dir, bundle.Options{})
		})
	}
}

func TestEveryFormIsTheSameAsAnArchive(t *testing.T) {
	t.Parallel()
	for name, form := range forms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := library()
			f[form.file] = form.code
			dir := f.write(t)
			sameArchived(t, dir, bundle.Options{})
			single := sameArchived(t, filepath.Join(dir, form.file), bundle.Options{})
			if want := strings.TrimSuffix(form.file, filepath.Ext(form.file)); single.Name != want {
				t.Errorf("got the name %q, want %q of the file", single.Name, want)
			}
		})
	}
}

func TestAnArchiveHoldsWhatResolvingNeeds(t *testing.T) {
	t.Parallel()
	link := func(dir, name, to string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
	}
	store := files{
		"metadata.json": "",
		"node_modules/.pnpm/p@1/node_modules/p/package.json": `{"name": "p", "module": "esm/index.js"}`,
		"node_modules/.pnpm/p@1/node_modules/p/esm/index.js": "import q from '@s/q/sub'\nexport default q",
		"node_modules/.pnpm/q@1/node_modules/@s/q/x/s.js":    "export default 1",
		// Where date-fns and others keep what leads to a file elsewhere.
		"node_modules/.pnpm/q@1/node_modules/@s/q/sub/package.json": `{"module": "../x/s.js"}`,
	}
	links := func(dir string) {
		link(dir, "node_modules/p", ".pnpm/p@1/node_modules/p")
		link(dir, "node_modules/.pnpm/p@1/node_modules/@s/q", "../../../q@1/node_modules/@s/q")
	}
	const code = "import p from 'p'\nexport default () => p"
	for name, make := range map[string]func(home string) (task string){
		"links of a package manager": func(home string) string {
			dir := store.writeTo(t, filepath.Join(home, "task"))
			links(dir)
			return files{"main.js": code}.writeTo(t, dir)
		},
		"links of a package manager above": func(home string) string {
			links(store.writeTo(t, home))
			return files{"main.js": code}.writeTo(t, filepath.Join(home, "task"))
		},
		"a link from the task to packages above": func(home string) string {
			links(store.writeTo(t, home))
			if err := os.Remove(filepath.Join(home, "node_modules/p")); err != nil {
				t.Fatal(err)
			}
			dir := files{"main.js": code}.writeTo(t, filepath.Join(home, "task"))
			link(dir, "node_modules/p", "../../node_modules/.pnpm/p@1/node_modules/p")
			return dir
		},
		"a linked entry": func(home string) string {
			dir := files{"src/a.ts": "import b from './b'\nexport default () => b", "src/b.ts": "export default 1"}.writeTo(t, filepath.Join(home, "task"))
			link(dir, "main.ts", "src/a.ts")
			return dir
		},
		"a linked folder and file": func(home string) string {
			dir := files{
				"main.js":  "import a from './lib/deep/a'\nimport b from './b'\nexport default () => a + b",
				"src/a.js": "export default 1", "src/b.js": "export default 2",
			}.writeTo(t, filepath.Join(home, "task"))
			link(dir, "lib/deep", "../src")
			link(dir, "b.js", "src/b.js")
			return dir
		},
		"a folder with a package.json": func(home string) string {
			return files{
				"main.js": "import a from './lib'\nexport default () => a", "lib/package.json": `{"main": "../src/a.js"}`, "src/a.js": "export default 1",
			}.writeTo(t, filepath.Join(home, "task"))
		},
		"no name but the folder's": func(home string) string {
			return files{"metadata.json": `{"version": "1.0.0"}`, "main.js": "() => 1"}.writeTo(t, filepath.Join(home, "My Task"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sameArchived(t, make(t.TempDir()), bundle.Options{ParentModules: true})
		})
	}
}

func TestAnArchiveThatCannotBeTheSameIsRefused(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	files{
		"metadata.json": "", "node_modules/p/index.js": "module.exports = require('q')",
		"node_modules/q/index.js": "module.exports = 1",
	}.writeTo(t, home)
	dir := files{
		"main.js":                 "import p from 'p'\nimport q from 'q'\nexport default () => [p, q]",
		"node_modules/q/index.js": "module.exports = 2",
	}.writeTo(t, filepath.Join(home, "task"))
	b, err := bundle.Load(t.Context(), dir, bundle.Options{ParentModules: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Archive(); err == nil {
		t.Error("got an archive of two packages of one name")
	} else {
		wants(t, err.Error(), "node_modules/q/index.js")
	}
}

func TestWhatShrinksMuchIsNoBomb(t *testing.T) {
	t.Parallel()
	sameArchived(t, files{"main.js": "/*" + strings.Repeat(" ", 4<<20) + "*/ () => 1"}.write(t), bundle.Options{})
}

func TestAnArchiveInMemoryIsHeldToTheRules(t *testing.T) {
	t.Parallel()
	manifest := func(text string) func(z *zip.Writer) {
		return func(z *zip.Writer) { put(z, ".ratchet-archive.json", text) }
	}
	for name, c := range map[string]struct {
		add  func(z *zip.Writer)
		want string
	}{
		"slip":                     {func(z *zip.Writer) { put(z, "../evil.js", "x") }, "leads outside the archive"},
		"a manifest of nothing":    {manifest(`{`), "cannot be read"},
		"an unknown key":           {manifest(`{"run": "x"}`), "cannot be read"},
		"a link outside":           {manifest(`{"links": {"a": "../../etc/passwd"}}`), "leads nowhere"},
		"a link by a path outside": {manifest(`{"links": {"../a": "main.js"}}`), "cannot be"},
		"a link in a file's place": {manifest(`{"links": {"main.js": "metadata.json"}}`), "cannot be"},
		"a link below a link":      {manifest(`{"links": {"a/b/c": "d", "a/b/c/x": "main.js"}}`), "leads nowhere"},
		"links below links": {func(z *zip.Writer) {
			put(z, "d/x.js", "x")
			manifest(`{"links": {"a/b/c": "d", "a/b/c/y": "main.js"}}`)(z)
		}, "a link below a link"},
		"a single file elsewhere": {manifest(`{"single": "../x.js"}`), "single file"},
		"a single file of data":   {manifest(`{"single": "metadata.json"}`), "single file"},
	} {
		_, err := bundle.LoadArchive(t.Context(), pack(t, c.add), bundle.Options{})
		if err == nil {
			t.Errorf("%s: got no error", name)
			continue
		}
		if got := ratchet.AsError(err); got.Reason != ratchet.ReasonArchiveUnsafe || !strings.Contains(got.Message, c.want) {
			t.Errorf("%s: got %s %s, want %q", name, got.Reason, got.Message, c.want)
		}
	}
	if _, err := bundle.LoadArchive(t.Context(), []byte("no zip"), bundle.Options{}); ratchet.AsError(err).Reason != ratchet.ReasonTaskInvalidSource {
		t.Errorf("got %v of what is no zip", err)
	}
}

func TestAnArchiveInMemoryIsUnpackedWhereItShouldBe(t *testing.T) {
	t.Parallel()
	b := load(t, digestTask().write(t))
	if _, err := bundle.LoadArchive(t.Context(), archived(t, b), bundle.Options{TempDir: filepath.Join(t.TempDir(), "none")}); ratchet.AsError(err).Reason != ratchet.ReasonIO {
		t.Errorf("got %v, want that the folder is not there", err)
	}
	tmp := t.TempDir()
	if _, err := bundle.LoadArchive(t.Context(), archived(t, b), bundle.Options{TempDir: tmp}); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("got %v left (%v)", left, err)
	}
}

func TestATaskInAFolderOfAnArchiveHasItsName(t *testing.T) {
	t.Parallel()
	f := maps.Clone(digestTask())
	f["metadata.json"] = `{"version": "1.0.0"}`
	data, err := os.ReadFile(zipOf(t, "my-task/", f))
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.LoadArchive(t.Context(), data, bundle.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if b.Name != "my-task" || b.Root != "" {
		t.Errorf("got %q at %q, want my-task and no place", b.Name, b.Root)
	}
}

// Whatever a manifest says, nothing is read or written outside the archive.
func FuzzManifest(f *testing.F) {
	for _, seed := range []string{
		`{"name": "x"}`, `{"single": "main.js"}`, `{"links": {"a/b": "lib"}}`, `{"links": {"lib/x.js": "main.js", "z": "lib"}}`,
		`{"links": {"a": ".."}}`, `{"links": {"a/../../b": "lib"}}`, `{"links": {"lib": "lib"}}`, `{"links": {"a": "a"}}`, `{"name": "../x"}`,
	} {
		f.Add(seed, "./a/b/x.js")
		f.Add(seed, "../../../secret.js")
	}
	f.Fuzz(func(t *testing.T, manifest, imported string) {
		home := t.TempDir()
		tmp := filepath.Join(home, "tmp")
		if err := os.Mkdir(tmp, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, "secret.js"), []byte("export default 'very secret'"), 0o600); err != nil {
			t.Fatal(err)
		}
		var archive bytes.Buffer
		z := zip.NewWriter(&archive)
		put(z, "metadata.json", metadata)
		put(z, "main.js", "import x from "+strconv.Quote(imported)+"\nexport default () => x")
		put(z, "lib/x.js", "export default 1")
		put(z, ".ratchet-archive.json", manifest)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		b, err := bundle.LoadArchive(t.Context(), archive.Bytes(), bundle.Options{TempDir: tmp})
		if err == nil && bytes.Contains(b.Code, []byte("very secret")) {
			t.Errorf("%s reads what is outside", manifest)
		}
		for _, dir := range []string{tmp, home} {
			left, err := os.ReadDir(dir)
			if err != nil || dir == tmp && len(left) > 0 || dir == home && len(left) != 2 {
				t.Errorf("%s leaves %v in %s (%v)", manifest, left, dir, err)
			}
		}
	})
}
