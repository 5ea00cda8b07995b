package bundle_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

func TestCacheLoadsAgainWhatChanged(t *testing.T) {
	t.Parallel()
	old := time.Now().Add(-time.Hour)
	for _, age := range []string{"new files", "old files"} {
		for name, change := range map[string]func(t *testing.T, dir string){
			"metadata": func(t *testing.T, dir string) {
				files{"metadata.json": `{"name": "u", "version": "1.0.0"}`}.writeTo(t, dir)
			},
			"import": func(t *testing.T, dir string) {
				files{"metadata.json": "", "lib/a.ts": "export const a: number = 2"}.writeTo(t, dir)
			},
			"new schema": func(t *testing.T, dir string) {
				files{"metadata.json": "", "output.schema.json": "{}"}.writeTo(t, dir)
			},
			"package.json": func(t *testing.T, dir string) {
				files{"metadata.json": "", "node_modules/p/package.json": `{"main": "other.js"}`}.writeTo(t, dir)
			},
			"new file that an import prefers": func(t *testing.T, dir string) {
				files{"metadata.json": "", "node_modules/p.ts": "export default 1"}.writeTo(t, dir)
			},
			"new test": func(t *testing.T, dir string) { files{"metadata.json": "", "tests/b.json": "{}"}.writeTo(t, dir) },
			"test": func(t *testing.T, dir string) {
				files{"metadata.json": "", "tests/a.json": `{"input": 9}`}.writeTo(t, dir)
			},
			"gone test": func(t *testing.T, dir string) {
				if err := os.Remove(filepath.Join(dir, "tests", "a.json")); err != nil {
					t.Fatal(err)
				}
			},
		} {
			t.Run(name+", "+age, func(t *testing.T) {
				t.Parallel()
				dir := digestTask().write(t)
				if age == "old files" {
					err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
						if err != nil {
							return err
						}
						return os.Chtimes(path, old, old)
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				c := bundle.NewCache(0)
				get := func() *bundle.Bundle {
					b, err := c.Load(t.Context(), dir, bundle.Options{})
					if err != nil {
						t.Fatal(err)
					}
					return b
				}
				first := get()
				if get() != first {
					t.Error("loaded again what did not change")
				}
				change(t, dir)
				second := get()
				if second == first {
					t.Error("did not load again what changed")
				}
				if get() != second {
					t.Error("loaded again what did not change since")
				}
			})
		}
	}
}

func TestCacheOfTouchedFilesAndArchives(t *testing.T) {
	t.Parallel()
	c := bundle.NewCache(0)
	dir, packed := digestTask().write(t), zipOf(t, "", digestTask())
	for _, path := range []string{dir, packed} {
		first, err := c.Load(t.Context(), path, bundle.Options{})
		if err != nil {
			t.Fatal(err)
		}
		touched := path
		if path == dir {
			touched = filepath.Join(dir, "main.ts")
		}
		if err := os.Chtimes(touched, time.Now(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if again, err := c.Load(t.Context(), path, bundle.Options{}); err != nil || again != first {
			t.Errorf("%s: loaded again what was only touched (%v)", path, err)
		}
	}
}

func TestCacheForgetsErrorsAndTheLeastRecent(t *testing.T) {
	t.Parallel()
	c := bundle.NewCache(1)
	a, b := files{"main.js": "(i) => 1"}.write(t), files{"main.js": "(i) => +"}.write(t)
	first, err := c.Load(t.Context(), a, bundle.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Load(t.Context(), b, bundle.Options{}); err == nil {
		t.Fatal("got no error")
	}
	files{"main.js": "(i) => 2"}.writeTo(t, b)
	if _, err := c.Load(t.Context(), b, bundle.Options{}); err != nil {
		t.Errorf("got %v for a task that was mended", err)
	}
	if again, err := c.Load(t.Context(), a, bundle.Options{}); err != nil || again == first {
		t.Errorf("got the same bundle from a cache of one (%v)", err)
	}
}

func TestCacheLoadsOnceForMany(t *testing.T) {
	t.Parallel()
	c := bundle.NewCache(0)
	dir := digestTask().write(t)
	var wg sync.WaitGroup
	got := make([]*bundle.Bundle, 20)
	for i := range got {
		wg.Go(func() { got[i], _ = c.Load(t.Context(), dir, bundle.Options{}) })
	}
	wg.Wait()
	for _, b := range got {
		if b == nil || b != got[0] {
			t.Fatalf("got %p and %p, want one bundle", b, got[0])
		}
	}
}
