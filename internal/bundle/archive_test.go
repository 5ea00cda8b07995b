package bundle_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// pack makes a zip of a task and of what add puts in.
func pack(t testing.TB, add func(z *zip.Writer)) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	put(z, "metadata.json", metadata)
	put(z, "main.js", "(i) => 1")
	add(z)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func put(z *zip.Writer, name, text string) {
	putHeader(z, &zip.FileHeader{Name: name, Method: zip.Deflate}, text)
}

func putHeader(z *zip.Writer, h *zip.FileHeader, text string) {
	w, err := z.CreateHeader(h)
	if err != nil {
		panic(err)
	}
	if !strings.HasSuffix(h.Name, "/") {
		if _, err := w.Write([]byte(text)); err != nil {
			panic(err)
		}
	}
}

func mode(name string, m fs.FileMode) *zip.FileHeader {
	h := &zip.FileHeader{Name: name}
	h.SetMode(m)
	return h
}

func TestUnsafeArchives(t *testing.T) {
	t.Parallel()
	named := func(name string) func(z *zip.Writer) { return func(z *zip.Writer) { put(z, name, "x") } }
	for name, c := range map[string]struct {
		add  func(z *zip.Writer)
		want string
	}{
		"slip":           {named("../evil.js"), "../evil.js: a path that leads outside the archive"},
		"slip inside":    {named("a/../../evil.js"), "a/../../evil.js: a path that leads outside"},
		"absolute":       {named("/etc/passwd"), "/etc/passwd: an absolute path"},
		"windows":        {named(`..\evil.js`), `..\evil.js: an absolute path, or one of Windows`},
		"drive":          {named("c:/evil.js"), "c:/evil.js: an absolute path"},
		"dot":            {named("./a.js"), "./a.js: a path that leads outside"},
		"control":        {named("a\nb.js"), "a name with characters"},
		"not UTF-8":      {func(z *zip.Writer) { putHeader(z, &zip.FileHeader{Name: "a\xff.js", NonUTF8: true}, "x") }, "a name with characters"},
		"long":           {named(strings.Repeat("a/", 300)), "a name too long"},
		"link":           {func(z *zip.Writer) { putHeader(z, mode("link.js", fs.ModeSymlink|0o777), "/etc/passwd") }, "link.js: a symbolic link"},
		"device":         {func(z *zip.Writer) { putHeader(z, mode("null", fs.ModeDevice|fs.ModeCharDevice|0o666), "") }, "null: neither a file nor a folder"},
		"pipe":           {func(z *zip.Writer) { putHeader(z, mode("pipe", fs.ModeNamedPipe|0o666), "") }, "pipe: neither a file nor a folder"},
		"twice":          {named("main.js"), "main.js: there twice"},
		"twice by case":  {named("Main.js"), "Main.js: there twice"},
		"file as folder": {named("main.js/x.js"), "main.js/x.js: a file in something that is a file"},
		"folder as file": {func(z *zip.Writer) { put(z, "a/b.js", "x"); put(z, "a", "x") }, "a: there twice"},
		"encrypted":      {func(z *zip.Writer) { putHeader(z, &zip.FileHeader{Name: "e.js", Flags: 0x1}, "x") }, "e.js: encrypted"},
		"bomb":           {named2("zero.txt", strings.Repeat("\x00", 8<<20)), "zero.txt: unpacks to far more than it is"},
		"many bombs": {func(z *zip.Writer) {
			for i := range 40 {
				put(z, fmt.Sprint(i, ".txt"), strings.Repeat("\x00", 1<<20))
			}
		}, "the archive unpacks to too much"},
		"too many files": {func(z *zip.Writer) {
			for i := range 20_001 {
				putHeader(z, &zip.FileHeader{Name: fmt.Sprint(i)}, "")
			}
		}, "too many files, expected at most 20000"},
		"method": {func(z *zip.Writer) {
			w, err := z.CreateRaw(&zip.FileHeader{Name: "m.js", Method: 12, CompressedSize64: 1, UncompressedSize64: 1})
			if err != nil {
				panic(err)
			}
			_, _ = w.Write([]byte("x"))
		}, "m.js: a way of packing that is not supported"},
		"lies about its size": {func(z *zip.Writer) {
			w, err := z.CreateRaw(&zip.FileHeader{Name: "huge.js", CompressedSize64: 1, UncompressedSize64: 1 << 40})
			if err != nil {
				panic(err)
			}
			_, _ = w.Write([]byte("x"))
		}, "huge.js: too large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "a.zip")
			if err := os.WriteFile(path, pack(t, c.add), 0o644); err != nil {
				t.Fatal(err)
			}
			reason, text := refused(t, path, bundle.Options{})
			if reason != ratchet.ReasonArchiveUnsafe {
				t.Errorf("got reason %s", reason)
			}
			wants(t, text, c.want)
		})
	}
}

func named2(name, text string) func(z *zip.Writer) { return func(z *zip.Writer) { put(z, name, text) } }

func TestDamagedArchives(t *testing.T) {
	t.Parallel()
	good := pack(t, func(z *zip.Writer) { put(z, "a.txt", strings.Repeat("some text ", 100)) })
	flipped := bytes.Clone(good)
	flipped[bytes.Index(flipped, []byte("main.js"))+10] ^= 0xff
	for name, data := range map[string][]byte{"empty": {}, "text": []byte("hello"), "cut": good[:len(good)/2], "flipped": flipped} {
		if _, err := bundle.ReadArchive(data); err == nil {
			t.Errorf("%s: got no error", name)
		} else if _, ok := errors.AsType[*ratchet.Error](err); !ok {
			t.Errorf("%s: got %v, want a *ratchet.Error", name, err)
		}
	}
}

func TestWhereTheTaskIsInAnArchive(t *testing.T) {
	t.Parallel()
	task := files{"metadata.json": metadata, "main.js": "(i) => 1"}
	if b := load(t, zipOf(t, "", task)); b.Name != "t" {
		t.Errorf("got %s", b.Name)
	}
	load(t, zipOf(t, "folder/", task))
	_, text := refused(t, zipOf(t, "a/b/", task), bundle.Options{})
	wants(t, text, "has no metadata.json, neither at its root nor in a folder at its root")
	two := files{"a/metadata.json": metadata, "b/metadata.json": metadata}
	_, text = refused(t, zipOf(t, "", two), bundle.Options{})
	wants(t, text, "more than one task")
	unnamed := zipOf(t, "", files{"metadata.json": `{"version": "1.0.0"}`, "main.js": "(i) => 1"})
	if b := load(t, unnamed); b.Name != "some-task" {
		t.Errorf("got name %s, want the archive's", b.Name)
	}
}

func FuzzArchive(f *testing.F) {
	f.Add(pack(f, func(*zip.Writer) {}))
	f.Add(pack(f, func(z *zip.Writer) { put(z, "../x", "y"); put(z, "d/", "") }))
	f.Add(pack(f, func(z *zip.Writer) { putHeader(z, mode("l", fs.ModeSymlink), "/") }))
	f.Add([]byte("PK"))
	f.Fuzz(func(t *testing.T, data []byte) {
		found, err := bundle.ReadArchive(data)
		if err != nil {
			return
		}
		total := 0
		for name, content := range found {
			if total += len(content); !filepath.IsLocal(name) || total > 128<<20 {
				t.Errorf("accepted %q of %d bytes", name, len(content))
			}
		}
	})
}
