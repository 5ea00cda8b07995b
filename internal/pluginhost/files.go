package pluginhost

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

const (
	prefix   = "ratchet-plugin-"
	wasmExt  = ".wasm"
	maxFiles = 20_000  // in a plugin's own folder
	maxBytes = 1 << 30 // of them together
	dataExt  = ".data"
)

// A file is where a plugin comes from.
type file struct {
	name    string
	kind    ratchet.PluginKind
	path    string         // of the executable or module
	folder  string         // that belongs to the plugin alone; empty if it has none
	builtIn *plugin.Plugin // instead of a path
}

// files finds plugins and remembers what it read of them.
type files struct {
	host *Host

	mu        sync.Mutex
	sums      map[string]sum    // by path
	manifests map[string]stated // by checksum
}

// A sum is a checksum that holds as long as the file does not change.
type sum struct {
	size    int64
	changed time.Time
	hex     string
}

// A stated is what a file says of itself.
type stated struct {
	ready *prepared
	err   error
	until time.Time // an error may be chance
}

// find returns the plugins that there are, by name: of two with the same name the
// first.
func (f *files) find() map[string]file {
	found := map[string]file{}
	for i := range f.host.config.BuiltIn {
		p := &f.host.config.BuiltIn[i]
		found[p.Name] = file{name: p.Name, kind: ratchet.PluginBuiltIn, builtIn: p}
	}
	for _, dir := range f.host.config.Dirs {
		for name, one := range inFolder(dir) {
			if _, there := found[name]; !there {
				found[name] = one
			}
		}
	}
	return found
}

// inFolder lists the plugins of one folder. A folder that cannot be read has none.
func inFolder(dir string) map[string]file {
	found := map[string]file{}
	entries, _ := os.ReadDir(dir) // doctor looks at folders; here they may come later
	for _, e := range entries {
		if one, ok := plugInFile(dir, e.Name()); ok {
			found[one.name] = one
			continue
		}
		own := filepath.Join(dir, e.Name())
		for _, ext := range []string{"", wasmExt} {
			if one, ok := plugInFile(own, prefix+e.Name()+ext); ok && found[one.name].path == "" {
				one.folder = own
				found[one.name] = one
			}
		}
	}
	return found
}

// plugInFile tells whether a file is a plugin by its name.
func plugInFile(dir, base string) (file, bool) {
	name, ok := strings.CutPrefix(base, prefix)
	if !ok {
		return file{}, false
	}
	one := file{kind: ratchet.PluginExecutable, path: filepath.Join(dir, base)}
	if name, ok = strings.CutSuffix(name, wasmExt); ok {
		one.kind = ratchet.PluginWASM
	}
	one.name = strings.TrimSuffix(name, ".exe")
	info, err := os.Stat(one.path)
	return one, err == nil && info.Mode().IsRegular()
}

// checksum is the SHA-256 of a plugin's file; of one with a folder of its own that
// of a list of all its files, each with its own, for all of them are its code.
func (f *files) checksum(one file) (string, error) {
	switch {
	case one.builtIn != nil:
		return "", nil
	case one.folder == "":
		return f.sum(one.path)
	}
	var list []string
	var bytes int64
	err := filepath.WalkDir(one.folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := os.Stat(path) // a link is what it leads to
		if err != nil {
			return err
		}
		if info.IsDir() {
			return fmt.Errorf("%s is a link to a folder: a plugin's own folder must hold its files itself", path)
		}
		if bytes += info.Size(); bytes > maxBytes || len(list) >= maxFiles {
			return fmt.Errorf("more than %d files or %s", maxFiles, ratchet.Size(maxBytes))
		}
		hex, err := f.sum(path)
		if err != nil {
			return err
		}
		below, err := filepath.Rel(one.folder, path)
		list = append(list, hex+"  "+filepath.ToSlash(below)+"\n")
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the plugin's folder: %w", err)
	}
	slices.Sort(list)
	all := sha256.Sum256([]byte(strings.Join(list, "")))
	return hex.EncodeToString(all[:]), nil
}

// sum is the SHA-256 of one file.
func (f *files) sum(path string) (string, error) {
	r, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o002 != 0 {
		return "", fmt.Errorf("%s: everybody may write to it, so that it could be exchanged: chmod o-w it", path)
	}
	f.mu.Lock()
	kept, ok := f.sums[path]
	f.mu.Unlock()
	// A file that was changed just now may be changed again without showing it.
	if ok && kept.size == info.Size() && kept.changed.Equal(info.ModTime()) && time.Since(kept.changed) > time.Second {
		return kept.hex, nil
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, io.LimitReader(r, maxBytes+1)); err != nil {
		return "", err
	}
	if info.Size() > maxBytes {
		return "", fmt.Errorf("%s is larger than %s", path, ratchet.Size(maxBytes))
	}
	text := hex.EncodeToString(hash.Sum(nil))
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sums == nil {
		f.sums = map[string]sum{}
	}
	f.sums[path] = sum{info.Size(), info.ModTime(), text}
	return text, nil
}

// executable reports why a file cannot be started.
func executable(one file) error {
	info, err := os.Stat(one.path)
	if err != nil {
		return err
	}
	if one.kind == ratchet.PluginExecutable && info.Mode().Perm()&0o111 == 0 {
		return fmt.Errorf("%s is not executable: chmod +x it", one.path)
	}
	return nil
}

var errNoFile = errors.New("no such file")
