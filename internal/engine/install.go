package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// Wanted says which Node to install, and from where.
type Wanted struct {
	// Version is exact, "24", "24.4", "latest", or "lts", which is the default.
	Version string
	// Registry is where it comes from, unless File names a package.
	Registry Registry
	// File is a package as a registry has it, a .tgz.
	File string
	// Integrity is the checksum of File, as a registry has it: "sha512-" and
	// base64. Empty: File is believed.
	Integrity string
	// Progress is told how much of the package has come, and how much there is
	// (0 if that is not known). Default: nobody is.
	Progress func(have, all int64)
}

// An Installation is a Node that is installed.
type Installation struct {
	Version string `json:"version"`
	Path    string `json:"path"`
	From    string `json:"from,omitempty"`      // the registry or file
	Sum     string `json:"integrity,omitempty"` // of the package
	Already bool   `json:"already"`             // it was there before
}

// Install puts a Node into the folder of engines. One that is there already, and
// runs, stays as it is.
func (e *Engines) Install(ctx context.Context, w Wanted) (*Installation, error) {
	if e.config.Dir == "" {
		return nil, ratchet.Errorf(ratchet.ReasonConfig, "there is no folder to install engines into: name one in engines.dir")
	}
	if w.Progress == nil {
		w.Progress = func(int64, int64) {}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, wholeTime, fmt.Errorf("it took longer than %v", wholeTime))
	defer cancel()
	if w.File != "" {
		return e.installFile(ctx, w)
	}
	return e.installRelease(ctx, w)
}

func (e *Engines) installFile(ctx context.Context, w Wanted) (*Installation, error) {
	sum, err := parseIntegrity(cmp.Or(w.Integrity, "sha512-"))
	if err != nil && w.Integrity != "" {
		return nil, ratchet.Errorf(ratchet.ReasonUsage, "the checksum of %s: %w", w.File, err)
	}
	f, err := os.Open(w.File)
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonIO, "cannot read %s: %w", w.File, bare(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, ratchet.Errorf(ratchet.ReasonIO, "%s is no file", w.File)
	}
	name := w.File
	if whole, err := filepath.Abs(name); err == nil {
		name = whole
	}
	return e.install(ctx, w, parcel{body: f, size: info.Size(), sum: sum, from: name, version: exact(w.Version)})
}

func exact(v string) string {
	v = strings.TrimPrefix(v, "v")
	if _, ok := parseVersion(v); ok {
		return v
	}
	return ""
}

func (e *Engines) installRelease(ctx context.Context, w Wanted) (*Installation, error) {
	name, err := here()
	if err != nil {
		return nil, err
	}
	if there := e.installedExactly(ctx, exact(w.Version)); there != nil {
		return there, nil
	}
	f, err := newFetcher(w.Registry)
	if err != nil {
		return nil, err
	}
	defer f.close()
	all, err := f.releases(ctx, name)
	if err != nil {
		return nil, err
	}
	r, err := pick(all, w.Version, name)
	if err != nil {
		return nil, err
	}
	if there := e.installedExactly(ctx, r.Version); there != nil {
		return there, nil
	}
	sum, err := parseIntegrity(r.Dist.Integrity)
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonArchiveUnsafe, "the npm registry gives no checksum of %s@%s that can be checked: %w", name, r.Version, err)
	}
	// Relative or not, the package may lie on another host than the registry; it
	// is the checksum that makes it the one that the registry means.
	tarball, err := f.base.Parse(r.Dist.Tarball)
	if err != nil || r.Dist.Tarball == "" || tarball.Scheme != "https" && tarball.Scheme != f.base.Scheme {
		return nil, ratchet.Errorf(ratchet.ReasonSerialization, "the npm registry says that %s@%s lies at %s, where nothing is fetched from", name, r.Version, shorten([]byte(r.Dist.Tarball)))
	}
	return e.download(ctx, w, f, tarball, parcel{sum: sum, from: f.base.Redacted(), version: r.Version})
}

func (e *Engines) download(ctx context.Context, w Wanted, f *fetcher, at *url.URL, p parcel) (*Installation, error) {
	res, done, err := f.get(ctx, at, "*/*")
	if err != nil {
		return nil, err
	}
	defer done()
	if res.StatusCode != http.StatusOK {
		return nil, f.unreachable(at, fmt.Errorf("it answered %s", res.Status))
	}
	p.body, p.size, p.url = res.Body, max(res.ContentLength, 0), at.Redacted()
	return e.install(ctx, w, p)
}

// installedExactly is the Node of the version, if it is installed and runs.
func (e *Engines) installedExactly(ctx context.Context, v string) *Installation {
	path := filepath.Join(nodeDir(e.config.Dir), v, program())
	if v == "" {
		return nil
	}
	node, err := e.probe(ctx, path)
	if err != nil || node.version != v {
		return nil
	}
	return &Installation{Version: v, Path: path, Already: true}
}

// A parcel is a package on its way in.
type parcel struct {
	body    io.Reader
	size    int64  // 0 if not known
	sum     sum    // to be checked
	version string // that it must be of; empty: any
	from    string
	url     string // where its body comes from, if from the network
}

// install unpacks a package beside where it is to be, asks the program whether it
// runs, and only then lets it take its place.
func (e *Engines) install(ctx context.Context, w Wanted, p parcel) (_ *Installation, err error) {
	home := nodeDir(e.config.Dir)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonIO, "cannot make the folder %s: %w", home, bare(err))
	}
	dir, err := os.MkdirTemp(home, ".part-")
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonIO, "cannot write to %s: %w", home, bare(err))
	}
	defer func() { err = errors.Join(err, removeAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { // workers of other users look in
		return nil, fmt.Errorf("open folder %s: %w", dir, err)
	}
	binary := filepath.Join(dir, program())
	if err := unpack(ctx, w, p, binary); err != nil {
		return nil, err
	}
	node, err := e.probe(ctx, binary)
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonEngineUnavailable, "the Node in the package does not run here: %s", strings.ReplaceAll(err.Error(), binary, "it"))
	}
	if p.version != "" && node.version != p.version {
		return nil, ratchet.Errorf(ratchet.ReasonArchiveUnsafe, "the package is to have Node %s and has %s", p.version, node.version)
	}
	if _, ok := parseVersion(node.version); !ok {
		return nil, ratchet.Errorf(ratchet.ReasonArchiveUnsafe, "the package has a Node of the version %s, which is no release", shorten([]byte(node.version)))
	}
	there := filepath.Join(home, node.version)
	if old := e.installedExactly(ctx, node.version); old != nil {
		return old, nil // of a file: its version is known only now
	}
	if err := removeAll(there); err != nil { // what is there does not run
		return nil, err
	}
	if err := os.Rename(dir, there); err != nil {
		if old := e.installedExactly(ctx, node.version); old != nil { // somebody was quicker
			return old, nil
		}
		return nil, ratchet.Errorf(ratchet.ReasonIO, "cannot put Node into %s: %w", there, err)
	}
	return &Installation{Version: node.version, Path: filepath.Join(there, program()), From: p.from, Sum: p.sum.String()}, nil
}

func removeAll(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return ratchet.Errorf(ratchet.ReasonIO, "cannot remove %s: %w", dir, err)
	}
	return nil
}

// Remove takes installed Nodes away: that of the version, or all of them if it is
// empty. It returns what was removed.
func (e *Engines) Remove(version string) (removed []string, err error) {
	version = strings.TrimPrefix(version, "v")
	there := installed(e.config.Dir)
	for _, v := range there {
		if version != "" && v != version && !strings.HasPrefix(v, version+".") {
			continue
		}
		if err := removeAll(filepath.Join(nodeDir(e.config.Dir), v)); err != nil {
			return removed, err
		}
		removed = append(removed, v)
	}
	switch {
	case len(removed) > 0:
		return removed, nil
	case len(there) == 0:
		return nil, ratchet.Errorf(ratchet.ReasonEntityNotFound, "no Node is installed%s; only those that ratchet engine install has put there can be removed", in(e.config.Dir))
	default:
		return nil, ratchet.Errorf(ratchet.ReasonEntityNotFound, "no Node %s is installed%s: there is %s", version, in(e.config.Dir), strings.Join(there, ", "))
	}
}
