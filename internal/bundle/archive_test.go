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
		"slip":           {named("../evil.js"), "the entry ../evil.js leads outside the archive"},
		"slip inside":    {named("a/../../evil.js"), "the entry a/../../evil.js leads outside the archive"},
		"absolute":       {named("/etc/passwd"), "the entry /etc/passwd has an absolute path"},
		"windows":        {named(`..\evil.js`), `the entry ..\evil.js has an absolute path, or one of Windows`},
		"drive":          {named("c:/evil.js"), "the entry c:/evil.js has an absolute path"},
		"dot":            {named("./a.js"), `the entry "./a.js" has a path of parts that name nothing`},
		"control":        {named("a\nb.js"), `the entry "a\nb.js" has characters`},
		"not UTF-8":      {func(z *zip.Writer) { putHeader(z, &zip.FileHeader{Name: "a\xff.js", NonUTF8: true}, "x") }, `the entry "a\xff.js" has characters`},
		"long":           {named(strings.Repeat("a/", 300)), "has too long a name"},
		"link":           {func(z *zip.Writer) { putHeader(z, mode("link.js", fs.ModeSymlink|0o777), "/etc/passwd") }, "the entry link.js is a symbolic link"},
		"device":         {func(z *zip.Writer) { putHeader(z, mode("null", fs.ModeDevice|fs.ModeCharDevice|0o666), "") }, "the entry null is neither a file nor a folder"},
		"pipe":           {func(z *zip.Writer) { putHeader(z, mode("pipe", fs.ModeNamedPipe|0o666), "") }, "the entry pipe is neither a file nor a folder"},
		"twice":          {named("main.js"), "the entry main.js is there twice"},
		"twice by case":  {named("Main.js"), "the entry Main.js is there twice"},
		"file as folder": {named("main.js/x.js"), "the entry main.js/x.js is in a file as if that were a folder"},
		"folder as file": {func(z *zip.Writer) { put(z, "a/b.js", "x"); put(z, "a", "x") }, "the entry a is there twice"},
		"encrypted":      {func(z *zip.Writer) { putHeader(z, &zip.FileHeader{Name: "e.js", Flags: 0x1}, "x") }, "the entry e.js is encrypted"},
		"bomb":           {named2("zero.txt", strings.Repeat("\x00", 8<<20)), "the entry zero.txt unpacks to far more than it is"},
		"many bombs": {func(z *zip.Writer) {
			for i := range 40 {
				put(z, fmt.Sprint(i, ".txt"), strings.Repeat("\x00", 1<<20))
			}
		}, "it unpacks to too much"},
		"too many files": {func(z *zip.Writer) {
			for i := range 20_001 {
				putHeader(z, &zip.FileHeader{Name: fmt.Sprint(i)}, "")
			}
		}, "it has too many files, expected at most 20000"},
		"method": {func(z *zip.Writer) {
			w, err := z.CreateRaw(&zip.FileHeader{Name: "m.js", Method: 12, CompressedSize64: 1, UncompressedSize64: 1})
			if err != nil {
				panic(err)
			}
			_, _ = w.Write([]byte("x"))
		}, "the entry m.js is packed in a way that is not supported"},
		"lies about its size": {func(z *zip.Writer) {
			w, err := z.CreateRaw(&zip.FileHeader{Name: "huge.js", CompressedSize64: 1, UncompressedSize64: 1 << 40})
			if err != nil {
				panic(err)
			}
			_, _ = w.Write([]byte("x"))
		}, "the entry huge.js is too large"},
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
			// Said once, and of the archive: the entry is no file of the task.
			if want := "a.zip: the archive is refused: " + c.want; !strings.HasPrefix(text, want) && name != "long" || strings.Count(text, "evil.js") > 1 {
				t.Errorf("got %s, want %s…", text, want)
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
	const noZip = "a.zip: this is not a zip archive, or the end of it is missing"
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty": {[]byte{}, noZip}, "text": {[]byte("hello"), noZip}, "cut": {good[:len(good)/2], noZip},
		"flipped": {flipped, "a.zip: the archive is refused: the entry main.js is damaged"},
	} {
		_, err := bundle.ReadArchive(c.data)
		if e, ok := errors.AsType[*ratchet.Error](err); !ok || e.Message != c.want {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

// Whatever is wrong in an archive, the message says in which.
func TestAllMessagesNameTheArchive(t *testing.T) {
	t.Parallel()
	for name, task := range map[string]files{
		"no metadata": {"main.js": "(i) => 1", "metadata.json": ""},
		"no code":     {"metadata.json": metadata},
		"syntax":      {"metadata.json": metadata, "main.js": "(i) => ]"},
		"import":      {"metadata.json": metadata, "main.js": "import x from '../x.js'; export default () => x"},
		"extension":   {"metadata.json": metadata, "main.js": "import x from '../package.json'; export default () => x"},
		"several":     {"metadata.json": `{"version": 1, "name": 1}`, "main.js": "(i) => 1"},
	} {
		if task["metadata.json"] == "" {
			delete(task, "metadata.json")
		}
		_, err := bundle.Load(t.Context(), zipOf(t, "", task), bundle.Options{})
		if e := ratchet.AsError(err); err == nil || !strings.HasPrefix(e.Message, "some-task.zip") || strings.Contains(e.Message+lines(e.Details), os.TempDir()) {
			t.Errorf("%s: got %v", name, err)
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
