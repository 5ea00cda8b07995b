package delivery_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
)

func file(path string, change ...func(*ratchet.Destination)) ratchet.Destination {
	d := ratchet.Destination{Type: ratchet.DestinationFile, Path: path, Retry: ratchet.Retry{MaxAttempts: 1}}
	for _, c := range change {
		c(&d)
	}
	return d
}

func rule(rule ratchet.FileRule) func(*ratchet.Destination) {
	return func(d *ratchet.Destination) { d.IfExists = rule }
}

func text(text string) func(*ratchet.Destination) {
	return func(d *ratchet.Destination) { d.Template = text }
}

// leftovers are the files of ours that should be gone.
func leftovers(t *testing.T, root string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(p string, _ fs.DirEntry, err error) error {
		if strings.Contains(filepath.Base(p), ".ratchet-") {
			names = append(names, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestFiles(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	put := func(want ratchet.DeliveryState, d ratchet.Destination) *ratchet.Error {
		t.Helper()
		end := r.deliver(t, d)
		if end.State != want {
			t.Errorf("%s: got %s, %v", d.Path, end.State, end.Receipt.Error)
		}
		return end.Receipt.Error
	}
	put("delivered", file("a/b/{{task_name}}.json", func(d *ratchet.Destination) { d.Select, d.Mode = ".output", "604" }))
	name := filepath.Join(r.root, "a/b/report.json")
	if got, want := read(t, name), "{\n  \"sum\": 3,\n  \"rows\": [\n    {\n      \"a\": 1\n    }\n  ]\n}\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if info, err := os.Stat(name); err != nil || info.Mode() != 0o604 {
		t.Errorf("got mode %v, %v, want 0604", info.Mode(), err)
	}

	put("delivered", file("f", text("one")))
	if err := put("failed", file("f", text("two"))); !says(err, `"ifExists" is "fail"`) || err.Reason != ratchet.ReasonAlreadyExists {
		t.Errorf("got %v", err)
	}
	put("delivered", file("f", text("one"))) // exactly what is there: an attempt whose end was lost
	put("delivered", file("f", text("two"), rule("overwrite")))
	put("delivered", file("f", text("three"), rule("backup")))
	put("delivered", file("f", text("three"), rule("backup")))
	if got, kept := read(t, filepath.Join(r.root, "f")), read(t, filepath.Join(r.root, "f.backup")); got != "three" || kept != "two" {
		t.Errorf("got %q and %q, want three and two", got, kept)
	}
	put("delivered", file("log", text("one"), rule("append")))
	put("delivered", file("log", text("one"), rule("append")))
	if got := read(t, filepath.Join(r.root, "log")); got != "one\none\n" {
		t.Errorf("got %q", got)
	}
	rows := func(d *ratchet.Destination) { d.Select, d.Format = ".output.rows", "csv" }
	put("delivered", file("t.csv", rows, rule("append")))
	put("delivered", file("t.csv", rows, rule("append")))
	if got := read(t, filepath.Join(r.root, "t.csv")); got != "a\n1\n1\n" {
		t.Errorf("got %q", got)
	}
	if left := leftovers(t, r.root); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestAFileIsWrittenOnceHoweverOftenItIsTried repeats a delivery under each rule,
// as after a crash between the file and the end of the attempt.
func TestAFileIsWrittenOnceHoweverOftenItIsTried(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, rule := range []ratchet.FileRule{"fail", "overwrite", "backup", "append"} {
		to := file(string(rule)+"/{{job_id}}-{{timestamp}}.json", func(d *ratchet.Destination) { d.IfExists = rule })
		end := r.deliver(t, to)
		dir := filepath.Join(r.root, string(rule))
		before := list(t, dir)
		part := filepath.Join(dir, ".ratchet-"+end.ID.String()+".part")
		if err := os.WriteFile(part, []byte("half a fi"), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := r.Redeliver(t.Context(), end.ID); err != nil {
				t.Fatal(err)
			}
			if again := r.end(t); again.State != ratchet.DeliveryDelivered {
				t.Errorf("%s: got %+v", rule, again)
			}
		}
		if err := os.Remove(part); err == nil && rule != "append" {
			t.Errorf("%s: what a dead attempt left is still there", rule)
		}
		if after := list(t, dir); after != before {
			t.Errorf("%s: got %s, want %s", rule, after, before)
		}
	}
}

// list is a folder's files with what they hold.
func list(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range entries {
		b.WriteString(e.Name() + "=" + read(t, filepath.Join(dir, e.Name())) + ";")
	}
	return b.String()
}

func TestNoFileLeadsOut(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	outside := t.TempDir()
	if err := os.MkdirAll(r.root, 0o750); err != nil {
		t.Fatal(err)
	}
	precious := filepath.Join(outside, "precious")
	if err := os.WriteFile(precious, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"dir": outside, "up": "..", "file": precious, "hop": "dir/precious", "loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(r.root, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"dir/x", "dir/new/x", "up/x", "dir/precious", "up/../x2", "loop/x"} {
		for _, how := range []ratchet.FileRule{"fail", "overwrite", "backup", "append"} {
			if strings.Contains(path, "/../") {
				continue // refused at submit
			}
			end := r.deliver(t, file(path, text("evil"), rule(how)))
			if end.State != ratchet.DeliveryFailed || end.Receipt.Error == nil || strings.Contains(end.Receipt.Error.Message, outside) {
				t.Errorf("%s %s: got %s, %v", path, how, end.State, end.Receipt.Error)
			} else if path != "loop/x" && !strings.Contains(end.Receipt.Error.Message, "leads out of delivery.root by a link") {
				t.Errorf("%s %s: got %v", path, how, end.Receipt.Error)
			}
		}
	}
	// A link that is the file itself is never followed out: it is refused, or
	// replaced by a file.
	for _, path := range []string{"file", "hop"} {
		for _, how := range []ratchet.FileRule{"append", "fail", "backup", "overwrite"} {
			_ = r.deliver(t, file(path, text("evil {{job_id}}"), rule(how)))
		}
	}
	if got := list(t, outside); got != "precious=mine;" {
		t.Errorf("outside there is now %s", got)
	}
	if entries, err := os.ReadDir(filepath.Dir(r.root)); err != nil || len(entries) != 1 {
		t.Errorf("beside the root there is now %v, %v", entries, err)
	}
}

func TestAFileThatCannotBe(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if end := r.deliver(t, file("a", text("x"))); end.State != ratchet.DeliveryDelivered {
		t.Fatalf("got %+v", end)
	}
	for path, want := range map[string]string{
		"a/b":                               "cannot be a file",
		strings.Repeat("{{task_name}}", 50): "longer than 255 bytes",
		strings.Repeat("d/", 10) + strings.Repeat("x", 256): "longer than 255 bytes",
	} {
		if end := r.deliver(t, file(path)); end.State != ratchet.DeliveryFailed || !says(end.Receipt.Error, want) {
			t.Errorf("%.40s: got %s, %v", path, end.State, end.Receipt.Error)
		}
	}
	if err := os.Mkdir(filepath.Join(r.root, "dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, how := range []ratchet.FileRule{"append", "overwrite", "fail"} {
		if end := r.deliver(t, file("dir", rule(how))); end.State != ratchet.DeliveryFailed || end.Receipt.Error == nil {
			t.Errorf("%s: got %s, %v", how, end.State, end.Receipt.Error)
		}
	}
	none := newRig(t, func(s *settings) { s.config.Root = "" })
	if end := none.deliver(t, file("a")); end.State != ratchet.DeliveryFailed || !says(end.Receipt.Error, "delivery.root") {
		t.Errorf("got %+v", end)
	}
}

func TestManyAppendToOneFile(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const n = 100
	for range n {
		r.finish(t, file("all.jsonl", rule("append"), func(d *ratchet.Destination) { d.Format = "json_compact" }))
	}
	for range n {
		if e := r.end(t); e.State != ratchet.DeliveryDelivered {
			t.Fatalf("got %+v", e)
		}
	}
	lines := strings.Split(strings.TrimSuffix(read(t, filepath.Join(r.root, "all.jsonl")), "\n"), "\n")
	for _, line := range lines {
		if !strings.HasPrefix(line, `{"type":"job.completed"`) || !strings.HasSuffix(line, "}") {
			t.Fatalf("got %q", line)
		}
	}
	if len(lines) != n {
		t.Errorf("got %d lines, want %d", len(lines), n)
	}
}
