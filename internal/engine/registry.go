package engine

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// A Registry is an npm registry.
type Registry struct {
	URL  string
	From string // where the URL comes from, for messages
}

// Bounds of what a registry is believed.
const (
	maxPackument = 64 << 20 // of what it says of all versions of a package
	maxRedirects = 5
	headerTime   = 30 * time.Second
	stallTime    = 30 * time.Second // without a single byte
	wholeTime    = 30 * time.Minute
)

// NPM returns the registry that npm is configured to use: by npm_config_registry,
// by the user's .npmrc, or by whatever else npm itself looks at, if there is an
// npm. ok is false if nobody says.
func NPM(ctx context.Context, getenv func(string) string) (r Registry, ok bool) {
	for _, name := range []string{"npm_config_registry", "NPM_CONFIG_REGISTRY"} {
		if u := getenv(name); u != "" {
			return Registry{u, name}, true
		}
	}
	file := cmp.Or(getenv("npm_config_userconfig"), getenv("NPM_CONFIG_USERCONFIG"))
	if home := getenv("HOME"); file == "" && home != "" {
		file = filepath.Join(home, ".npmrc")
	}
	if u := registryIn(file); u != "" {
		return Registry{u, file}, true
	}
	if u := askNPM(ctx, getenv); u != "" {
		return Registry{u, "npm config get registry"}, true
	}
	return Registry{}, false
}

// registryIn reads the registry of an .npmrc, empty if it has none.
func registryIn(file string) (found string) {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, 1<<20))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), "=")
		if strings.TrimSpace(key) == "registry" {
			found = strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	if strings.Contains(found, "${") { // npm fills in variables; let npm say
		return ""
	}
	return found
}

// askNPM is what npm itself says, empty if there is none.
func askNPM(ctx context.Context, getenv func(string) string) string {
	ctx, cancel := context.WithTimeout(ctx, headerTime)
	defer cancel()
	npm := ""
	for _, dir := range filepath.SplitList(getenv("PATH")) {
		if path := filepath.Join(dir, "npm"); filepath.IsAbs(dir) && npm == "" {
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				npm = path
			}
		}
	}
	if npm == "" {
		return ""
	}
	cmd := exec.CommandContext(ctx, npm, "config", "get", "registry")
	cmd.Env = []string{"PATH=" + getenv("PATH"), "HOME=" + getenv("HOME")}
	cmd.WaitDelay = time.Second
	apart(cmd)
	out := &limited{most: maxAnswer}
	cmd.Stdout = out
	if cmd.Run() != nil {
		return ""
	}
	u := strings.TrimSpace(out.kept.String())
	if u == "undefined" || u == "null" {
		return ""
	}
	return u
}

// Package is what npm calls the package with the Node of an operating system and
// processor, as Go calls those; empty if there is none.
func Package(goos, goarch string) string {
	system := map[string]string{"linux": "linux", "darwin": "darwin", "windows": "win"}[goos]
	processor := map[string]string{"amd64": "x64", "arm64": "arm64"}[goarch]
	if system == "" || processor == "" {
		return ""
	}
	return "node-" + system + "-" + processor
}

// A release is one version of a package, as the registry has it.
type release struct {
	Version string `json:"version"`
	Dist    struct {
		Tarball   string `json:"tarball"`
		Integrity string `json:"integrity"`
		Size      int64  `json:"unpackedSize"`
	} `json:"dist"`
}

// fetcher asks one registry. Its client is no guarded one, unlike that of what
// tasks fetch: who chooses the address is the operator, whose registry may well be
// a mirror in the internal network or behind a proxy, and what comes back is
// bounded in size and time and believed only as far as its checksum goes.
type fetcher struct {
	base   *url.URL
	from   string
	client *http.Client
}

func newFetcher(r Registry) (*fetcher, error) {
	base, err := url.Parse(r.URL)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" || base.User != nil {
		return nil, ratchet.Errorf(ratchet.ReasonUsage, "%q is not the URL of an npm registry, such as https://HOST/ (from %s)", r.URL, r.From)
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: headerTime, TLSHandshakeTimeout: headerTime,
		ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 1 << 20, DisableCompression: false,
	}
	return &fetcher{base: base, from: r.From, client: &http.Client{Transport: transport, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fmt.Errorf("more than %d redirects", maxRedirects)
		}
		if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
			return errors.New("it leads from https to " + req.URL.Scheme)
		}
		return nil
	}}}, nil
}

func (f *fetcher) close() { f.client.CloseIdleConnections() }

// get opens what is at the URL. The body ends with an error if nothing comes for
// a while.
func (f *fetcher) get(ctx context.Context, u *url.URL, accept string) (*http.Response, func(), error) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := func() { cancel(nil) }
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		stop()
		return nil, nil, f.unreachable(u, err)
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("User-Agent", "ratchet")
	stall := time.AfterFunc(headerTime+stallTime, func() { cancel(errStalled) })
	res, err := f.client.Do(req)
	if err != nil {
		stall.Stop()
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		stop()
		return nil, nil, f.unreachable(u, err)
	}
	res.Body = &watched{ReadCloser: res.Body, stall: stall, ctx: ctx}
	return res, func() {
		stall.Stop()
		_ = res.Body.Close() // what was wanted of it was read
		stop()
	}, nil
}

var errStalled = fmt.Errorf("nothing came for %v", stallTime)

// watched is a body that must not stall.
type watched struct {
	io.ReadCloser
	stall *time.Timer
	ctx   context.Context //nolint:containedctx // of the request that the body belongs to
}

func (w *watched) Read(p []byte) (int, error) {
	w.stall.Reset(stallTime)
	n, err := w.ReadCloser.Read(p)
	if cause := context.Cause(w.ctx); err != nil && !errors.Is(err, io.EOF) && cause != nil {
		err = cause
	}
	return n, err
}

func (f *fetcher) unreachable(u *url.URL, err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return ratchet.Errorf(ratchet.ReasonNetwork, "the npm registry cannot be reached at %s (from %s): %w; --registry names another, --from takes a package from a file", u.Redacted(), f.from, err)
}

// releases asks which versions of a package there are.
func (f *fetcher) releases(ctx context.Context, name string) (map[string]release, error) {
	u := f.base.JoinPath(name)
	res, done, err := f.get(ctx, u, "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8")
	if err != nil {
		return nil, err
	}
	defer done()
	switch {
	case res.StatusCode == http.StatusNotFound:
		return nil, ratchet.Errorf(ratchet.ReasonEntityNotFound, "the npm registry has no package %s (%s: %s); --registry names another", name, u.Redacted(), res.Status)
	case res.StatusCode != http.StatusOK:
		return nil, f.unreachable(u, fmt.Errorf("it answered %s", res.Status))
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxPackument+1))
	if err != nil {
		return nil, f.unreachable(u, err)
	}
	if len(text) > maxPackument {
		return nil, ratchet.Errorf(ratchet.ReasonBodyTooLarge, "the npm registry says more than %s of %s: %s", ratchet.Size(maxPackument), name, u.Redacted())
	}
	var about struct {
		Versions map[string]release `json:"versions"`
	}
	if err := json.Unmarshal(text, &about); err != nil || len(about.Versions) == 0 {
		return nil, ratchet.Errorf(ratchet.ReasonSerialization, "%s does not answer as an npm registry does: it wrote %s", u.Redacted(), shorten(text))
	}
	return about.Versions, nil
}

// pick returns the release that is wanted: an exact version, a major one such as
// "24", a beginning such as "24.4", "latest", or "" and "lts" for the newest even
// major, which is one that Node's authors support for long.
func pick(all map[string]release, want, name string) (release, error) {
	want = strings.TrimPrefix(want, "v")
	var fitting, usable []string
	for v := range all {
		n, ok := parseVersion(v)
		if !ok || tooOld(v) {
			continue
		}
		usable = append(usable, v)
		switch {
		case want == "latest", (want == "" || want == "lts") && n[0]%2 == 0, v == want, strings.HasPrefix(v, want+"."):
			fitting = append(fitting, v)
		}
	}
	if r, exact := all[want]; exact {
		if tooOld(want) {
			return release{}, ratchet.Errorf(ratchet.ReasonValidation, "Node %s is too old to run tasks: they need %s", want, oldest)
		}
		return r, nil
	}
	if len(fitting) > 0 {
		return all[slices.MaxFunc(fitting, compareVersions)], nil
	}
	if tooOld(want + ".0.0") {
		return release{}, ratchet.Errorf(ratchet.ReasonValidation, "Node %s is too old to run tasks: they need %s", want, oldest)
	}
	newest := "none"
	if len(usable) > 0 {
		newest = slices.MaxFunc(usable, compareVersions)
	}
	return release{}, ratchet.Errorf(ratchet.ReasonEntityNotFound, "the npm registry has no Node %s in the package %s; the newest that tasks can run in is %s", cmp.Or(want, "of an even version"), name, newest)
}

// here is the package of this machine.
func here() (string, error) {
	name := Package(runtime.GOOS, runtime.GOARCH)
	if name == "" {
		return "", ratchet.Errorf(ratchet.ReasonEngineUnavailable, "there is no Node to install for %s on %s; put one there and name it in engines.node.path", runtime.GOOS, runtime.GOARCH)
	}
	return name, nil
}
