//go:build unix

package engine_test

import (
	"archive/tar"
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/engine"
)

func TestANodeIsInstalledFromARegistryOnceAndRemoved(t *testing.T) {
	t.Parallel()
	r := serve(t, map[string][]byte{
		"22.13.0": packed(t, "22.13.0"), "24.4.0": packed(t, "24.4.0"), "24.10.0": packed(t, "24.10.0"), "25.1.0": packed(t, "25.1.0"),
		"20.0.0": packed(t, "20.0.0"), "26.0.0-nightly": packed(t, "26.0.0"),
	})
	dir := t.TempDir()
	e := engine.New(engine.Config{Dir: dir})
	var told int64
	install := func(version, want string, already bool) {
		t.Helper()
		got, err := e.Install(t.Context(), engine.Wanted{Version: version, Registry: r.source(), Progress: func(have, _ int64) { told = have }})
		if err != nil {
			t.Fatal(err)
		}
		if got.Version != want || got.Already != already || got.Path != filepath.Join(dir, "node", want, "node") {
			t.Errorf("%s: got %+v, want %s, already %t", version, got, want, already)
		}
		if info, err := os.Stat(got.Path); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s: got %v, %v", version, info, err)
		}
	}
	install("", "24.10.0", false)
	if told == 0 {
		t.Error("nobody was told of the progress")
	}
	install("", "24.10.0", true)
	install("lts", "24.10.0", true)
	install("24.4", "24.4.0", false)
	install("v22", "22.13.0", false)
	install("latest", "25.1.0", false)
	asked := r.asked
	if install("24.4.0", "24.4.0", true); r.asked != asked {
		t.Error("the registry was asked for what is there")
	}
	entries, err := os.ReadDir(filepath.Join(dir, "node", "24.4.0"))
	if err != nil || len(entries) != 1 {
		t.Errorf("more than the program was unpacked: %v, %v", entries, err)
	}
	for version, want := range map[string]string{"27": "no Node 27", "20": "too old", "20.0.0": "too old", "22.1": "too old", "22.99": "no Node 22.99"} {
		_, err := e.Install(t.Context(), engine.Wanted{Version: version, Registry: r.source()})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want it to say %q", version, err, want)
		}
	}
	if removed, err := e.Remove("24"); err != nil || strings.Join(removed, " ") != "24.10.0 24.4.0" {
		t.Errorf("got %v, %v", removed, err)
	}
	_, err = e.Remove("24")
	failed(t, err, ratchet.ReasonEntityNotFound, "there is 25.1.0, 22.13.0")
	if removed, err := e.Remove(""); err != nil || len(removed) != 2 {
		t.Errorf("got %v, %v", removed, err)
	}
	_, err = e.Remove("")
	failed(t, err, ratchet.ReasonEntityNotFound, "no Node is installed")
}

func TestANodeThatIsDamagedIsInstalledAnew(t *testing.T) {
	t.Parallel()
	r := serve(t, map[string][]byte{"24.4.0": packed(t, "24.4.0")})
	dir := t.TempDir()
	e := engine.New(engine.Config{Dir: dir})
	there := filepath.Join(dir, "node", "24.4.0")
	if err := os.MkdirAll(there, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := e.Node(t.Context())
	unavailable(t, err, "ratchet engine remove node@24.4.0")
	if got, err := e.Install(t.Context(), engine.Wanted{Registry: r.source()}); err != nil || got.Already {
		t.Errorf("got %+v, %v", got, err)
	}
}

// Whatever is wrong with what comes, nothing is installed and nothing is left.
func TestNothingOfAPackageThatIsNotRightIsKept(t *testing.T) {
	t.Parallel()
	whole := packed(t, "24.4.0")
	outside := filepath.Join(t.TempDir(), "outside")
	for name, c := range map[string]struct {
		body      []byte
		integrity string
		reason    ratchet.Reason
		want      string
	}{
		"wrong checksum":   {whole, integrity([]byte("other")), ratchet.ReasonArchiveUnsafe, "wrong checksum: want sha512-"},
		"no checksum":      {whole, "", ratchet.ReasonArchiveUnsafe, "no checksum"},
		"a weak checksum":  {whole, "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=", ratchet.ReasonArchiveUnsafe, "want a SHA-512"},
		"changed":          {append(bytes.Clone(whole), 0), integrity(whole), ratchet.ReasonArchiveUnsafe, "wrong checksum"},
		"cut off":          {whole[:len(whole)/2], integrity(whole), ratchet.ReasonArchiveUnsafe, "wrong checksum"},
		"cut off, signed":  {whole[:len(whole)/2], integrity(whole[:len(whole)/2]), ratchet.ReasonArchiveUnsafe, "unexpected EOF"},
		"no archive":       {[]byte("hello"), integrity([]byte("hello")), ratchet.ReasonArchiveUnsafe, "it is no .tgz"},
		"another version":  {packed(t, "24.5.0"), integrity(packed(t, "24.5.0")), ratchet.ReasonArchiveUnsafe, "is to have Node 24.4.0 and has 24.5.0"},
		"no program":       signed(t, "no file bin/node", entry{name: "package/README.md", text: "x"}),
		"a way up":         signed(t, "no file bin/node", entry{name: "../bin/node", text: "x"}),
		"a way far up":     signed(t, "no file bin/node", entry{name: "package/../../bin/node", text: "x"}),
		"an absolute path": signed(t, "no file bin/node", entry{name: outside, text: "x"}, entry{name: "/bin/node", text: "x"}),
		"a link": signed(t, "no file bin/node",
			entry{name: "package/bin/node", kind: tar.TypeSymlink, link: outside}, entry{name: "package/bin/node", kind: tar.TypeLink, link: outside}),
		"not for here": signedFor(t, ratchet.ReasonEngineUnavailable, "does not run here", entry{name: "package/bin/node", text: "\x7fELF not of this machine"}),
	} {
		r := serve(t, map[string][]byte{"24.4.0": c.body})
		r.integrity["24.4.0"] = c.integrity
		dir := t.TempDir()
		_, err := engine.New(engine.Config{Dir: dir}).Install(t.Context(), engine.Wanted{Registry: r.source()})
		failed(t, err, c.reason, c.want)
		left, err := os.ReadDir(filepath.Join(dir, "node"))
		if err == nil && len(left) > 0 {
			t.Errorf("%s: %v was left", name, left)
		}
		if _, err := os.Lstat(outside); err == nil {
			t.Errorf("%s: it wrote elsewhere", name)
		}
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

type badPackage = struct {
	body      []byte
	integrity string
	reason    ratchet.Reason
	want      string
}

func signed(t *testing.T, want string, entries ...entry) badPackage {
	t.Helper()
	return signedFor(t, ratchet.ReasonArchiveUnsafe, want, entries...)
}

func signedFor(t *testing.T, reason ratchet.Reason, want string, entries ...entry) badPackage {
	t.Helper()
	body := pack(t, entries...)
	return badPackage{body, integrity(body), reason, want}
}

func TestARegistryThatIsNotRightIsToldOf(t *testing.T) {
	t.Parallel()
	endless := bytes.Repeat([]byte(" "), 1<<20)
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		reason  ratchet.Reason
		want    string
	}{
		"nothing there": {http.NotFound, ratchet.ReasonEntityNotFound, "has no package node-"},
		"a fault":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, ratchet.ReasonNetwork, "500 Internal Server Error"},
		"no JSON":       {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, ratchet.ReasonSerialization, `wrote "<html>"`},
		"too much": {func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(endless); err != nil {
					return
				}
			}
		}, ratchet.ReasonBodyTooLarge, "more than 64"},
		"in circles": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, ratchet.ReasonNetwork, "more than 5 redirects"},
		"a file elsewhere": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"versions":{"24.4.0":{"version":"24.4.0","dist":{"tarball":"file:///etc/passwd","integrity":"` + integrity(nil) + `"}}}}`))
		}, ratchet.ReasonSerialization, "where nothing is fetched from"},
		"a package that is gone": {func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, ".tgz") {
				http.NotFound(w, r)
				return
			}
			_, _ = w.Write([]byte(`{"versions":{"24.4.0":{"version":"24.4.0","dist":{"tarball":"/x.tgz","integrity":"` + integrity(nil) + `"}}}}`))
		}, ratchet.ReasonNetwork, "404 Not Found"},
		"a package that breaks off": {func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, ".tgz") {
				w.Header().Set("Content-Length", "1000000")
				_, _ = w.Write(packed(t, "24.4.0"))
				return
			}
			_, _ = w.Write([]byte(`{"versions":{"24.4.0":{"version":"24.4.0","dist":{"tarball":"/x.tgz","integrity":"` + integrity(nil) + `"}}}}`))
		}, ratchet.ReasonNetwork, "broke off after"},
	} {
		s := httptest.NewServer(c.handler)
		_, err := engine.New(engine.Config{Dir: t.TempDir()}).Install(t.Context(), engine.Wanted{Registry: engine.Registry{URL: s.URL, From: "the test"}})
		s.Close()
		if failed(t, err, c.reason, c.want); t.Failed() {
			t.Fatal(name)
		}
	}
	s := httptest.NewServer(nil)
	s.Close()
	_, err := engine.New(engine.Config{Dir: t.TempDir()}).Install(t.Context(), engine.Wanted{Registry: engine.Registry{URL: s.URL, From: "the test"}})
	failed(t, err, ratchet.ReasonNetwork, "cannot be reached", "from the test", "connection refused", "--from")
	for _, bad := range []string{"", "ftp://host/", "no url", "http://user:secret@host/"} {
		_, err := engine.New(engine.Config{Dir: t.TempDir()}).Install(t.Context(), engine.Wanted{Registry: engine.Registry{URL: bad}})
		failed(t, err, ratchet.ReasonUsage, "is not the URL of an npm registry")
	}
}

func TestANodeIsInstalledFromAFileWithoutNetwork(t *testing.T) {
	t.Parallel()
	body := packed(t, "24.4.0")
	file := filepath.Join(t.TempDir(), "node.tgz")
	if err := os.WriteFile(file, body, 0o644); err != nil {
		t.Fatal(err)
	}
	e := engine.New(engine.Config{Dir: t.TempDir()})
	_, err := e.Install(t.Context(), engine.Wanted{File: file, Integrity: integrity([]byte("other"))})
	failed(t, err, ratchet.ReasonArchiveUnsafe, "wrong checksum")
	_, err = e.Install(t.Context(), engine.Wanted{File: file, Integrity: "md5-x"})
	failed(t, err, ratchet.ReasonUsage, "want a SHA-512")
	_, err = e.Install(t.Context(), engine.Wanted{File: file, Version: "24.5.0"})
	failed(t, err, ratchet.ReasonArchiveUnsafe, "is to have Node 24.5.0")
	_, err = e.Install(t.Context(), engine.Wanted{File: file + ".missing"})
	failed(t, err, ratchet.ReasonIO, "cannot read")
	_, err = e.Install(t.Context(), engine.Wanted{File: filepath.Dir(file)})
	failed(t, err, ratchet.ReasonIO, "is no file")
	if got, err := e.Install(t.Context(), engine.Wanted{File: file, Integrity: integrity(body)}); err != nil || got.Version != "24.4.0" || got.Already {
		t.Fatalf("got %+v, %v", got, err)
	}
	if got, err := e.Install(t.Context(), engine.Wanted{File: file}); err != nil || !got.Already {
		t.Errorf("again: got %+v, %v", got, err)
	}
	_, err = engine.New(engine.Config{}).Install(t.Context(), engine.Wanted{File: file})
	failed(t, err, ratchet.ReasonConfig, "engines.dir")
}

func TestAnInstallationThatIsGivenUpLeavesNothing(t *testing.T) {
	t.Parallel()
	r := serve(t, map[string][]byte{"24.4.0": packed(t, "24.4.0")})
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	_, err := engine.New(engine.Config{Dir: dir}).Install(ctx, engine.Wanted{Registry: r.source(), Progress: func(int64, int64) { cancel() }})
	if err == nil {
		t.Fatal("it went on")
	}
	if left, err := os.ReadDir(filepath.Join(dir, "node")); err != nil || len(left) > 0 {
		t.Errorf("%v was left, %v", left, err)
	}
}

func TestTheRegistryIsTheOneThatNPMUses(t *testing.T) {
	t.Parallel()
	home, tools := t.TempDir(), t.TempDir()
	env := map[string]string{"HOME": home, "PATH": tools}
	npm := func() string {
		r, _ := engine.NPM(t.Context(), func(name string) string { return env[name] })
		return r.URL
	}
	if got := npm(); got != "" {
		t.Errorf("nobody says: got %s", got)
	}
	script := "#!/bin/sh\n[ \"$*\" = 'config get registry' ] && echo http://npm.example/\n"
	if err := os.WriteFile(filepath.Join(tools, "npm"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := npm(); got != "http://npm.example/" {
		t.Errorf("npm says: got %q", got)
	}
	if err := os.WriteFile(filepath.Join(home, ".npmrc"), []byte("; mine\n@scope:registry=http://scope.example\nregistry = \"http://rc.example\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := npm(); got != "http://rc.example" {
		t.Errorf(".npmrc says: got %q", got)
	}
	env["npm_config_registry"] = "http://env.example"
	if got := npm(); got != "http://env.example" {
		t.Errorf("the environment says: got %q", got)
	}
}
