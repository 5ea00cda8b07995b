package engine

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// A Source is where a Node was found.
type Source string

// The sources, the one that comes first, first.
const (
	Configured Source = "configured"
	Installed  Source = "installed" // by Install
	InPath     Source = "PATH"
)

// A candidate is a file that may be a Node.
type candidate struct {
	path    string
	source  Source
	version string // of an installed one
}

// program is what the binary is called.
func program() string {
	if runtime.GOOS == "windows" {
		return "node.exe"
	}
	return "node"
}

// candidates lists what may be a Node, the one that is meant first. What the
// operator names is not looked for: if it is not there, that is what is wrong.
func (e *Engines) candidates() (found []candidate) {
	if e.config.Node != "" {
		found = append(found, candidate{path: e.config.Node, source: Configured})
	}
	for _, v := range installed(e.config.Dir) {
		found = append(found, candidate{path: filepath.Join(nodeDir(e.config.Dir), v, program()), source: Installed, version: v})
	}
	for _, dir := range filepath.SplitList(e.config.Path) {
		if !filepath.IsAbs(dir) {
			continue // the working directory is no place to find programs in
		}
		path := filepath.Join(dir, program())
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && (runtime.GOOS == "windows" || info.Mode()&0o111 != 0) {
			found = append(found, candidate{path: path, source: InPath})
			break // what a shell would find
		}
	}
	return found
}

// installed lists the versions of Node that are installed, the newest first.
func installed(dir string) (versions []string) {
	if dir == "" {
		return nil
	}
	entries, err := os.ReadDir(nodeDir(dir))
	if err != nil {
		return nil // nothing was installed, or nobody may look
	}
	for _, entry := range entries {
		if _, ok := parseVersion(entry.Name()); ok && entry.IsDir() {
			versions = append(versions, entry.Name())
		}
	}
	slices.SortFunc(versions, func(a, b string) int { return compareVersions(b, a) })
	return versions
}

// A version is three numbers: that of a release.
type version [3]int

// parseVersion reads "24.4.1"; ok is false of anything else, a prerelease too.
func parseVersion(text string) (v version, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != len(v) {
		return v, false
	}
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || strconv.Itoa(n) != part {
			return v, false
		}
		v[i] = n
	}
	return v, true
}

// compareVersions orders texts that parseVersion accepts.
func compareVersions(a, b string) int {
	x, _ := parseVersion(a)
	y, _ := parseVersion(b)
	return slices.Compare(x[:], y[:])
}
