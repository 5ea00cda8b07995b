package engine_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/engine"
)

// node writes a program that answers as the Node of a version does, in a new folder.
func node(t *testing.T, version string) (dir string) {
	t.Helper()
	return program(t, answering(version))
}

// program writes a script called node into a new folder.
func program(t *testing.T, script string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "node"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// answering is a script that answers as Node does.
func answering(version string) string {
	return fmt.Sprintf("#!/bin/sh\n"+
		`if [ "$1" = --version ]; then echo v%[1]s; exit; fi`+"\n"+
		`printf '{"version":"%[1]s","path":"%%s","confined":true}' "$0"`+"\n", version)
}

// unavailable fails the test unless err is ENGINE_UNAVAILABLE and says all of the texts.
func unavailable(t *testing.T, err error, texts ...string) {
	t.Helper()
	failed(t, err, ratchet.ReasonEngineUnavailable, texts...)
}

func failed(t *testing.T, err error, reason ratchet.Reason, texts ...string) {
	t.Helper()
	if got := ratchet.AsError(err); err == nil || got.Reason != reason {
		t.Fatalf("got %v, want %s", err, reason)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("got %q, want it to say %q", err, text)
		}
	}
}

// An entry is one of a package.
type entry struct {
	name, text string
	kind       byte
	link       string
}

// pack makes a package of entries.
func pack(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	archive := tar.NewWriter(zipped)
	for _, e := range entries {
		if e.kind == 0 {
			e.kind = tar.TypeReg
		}
		h := &tar.Header{Name: e.name, Typeflag: e.kind, Size: int64(len(e.text)), Mode: 0o644, Linkname: e.link}
		if err := archive.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(e.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func packed(t *testing.T, version string) []byte {
	t.Helper()
	return pack(t, entry{name: "package/package.json", text: "{}"}, entry{name: "package/bin/node", text: answering(version)}, entry{name: "package/README.md", text: "read"})
}

func integrity(body []byte) string {
	sum := sha512.Sum512(body)
	return "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

// A registry is one of npm's, on loopback, with the packages of some versions.
type registry struct {
	*httptest.Server
	packages  map[string][]byte // by version
	integrity map[string]string // in place of the right one
	asked     int
}

func serve(t *testing.T, packages map[string][]byte) *registry {
	t.Helper()
	r := &registry{packages: packages, integrity: map[string]string{}}
	name := engine.Package(runtime.GOOS, runtime.GOARCH)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.asked++
		if req.URL.Path == "/npm/"+name {
			r.describe(w, name)
			return
		}
		for v, body := range r.packages {
			if req.URL.Path == "/npm/"+name+"/-/"+v+".tgz" {
				_, _ = w.Write(body)
				return
			}
		}
		http.NotFound(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *registry) describe(w http.ResponseWriter, name string) {
	versions := map[string]any{}
	for v, body := range r.packages {
		sum := integrity(body)
		if other, ok := r.integrity[v]; ok {
			sum = other
		}
		versions[v] = map[string]any{
			"version": v, "dist": map[string]any{"tarball": r.URL + "/npm/" + name + "/-/" + v + ".tgz", "integrity": sum},
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"name": name, "versions": versions})
}

func (r *registry) source() engine.Registry {
	return engine.Registry{URL: r.URL + "/npm/", From: "the test"}
}
