package node

import (
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// Where things lie in a worker's root. The loader lies where the binary says.
const (
	binaryInside    = "/node"
	librariesInside = "/lib"
)

// Files are the binary, the loader that it names, and every shared library that
// these need.
func (r Runtime) Files() ([]sandbox.File, error) {
	binary, err := filepath.EvalSymlinks(r.Path)
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	l := libraries{dirs: loaderDirs(), seen: map[string]bool{}}
	loader, err := l.need(binary)
	if err != nil {
		return nil, err
	}
	files := []sandbox.File{{Outside: binary, Inside: binaryInside, Run: true}}
	if loader != "" { // not one linked statically
		place, err := filepath.EvalSymlinks(loader)
		if err != nil {
			return nil, fmt.Errorf("node: the loader of %s: %w", binary, err)
		}
		files = append(files, sandbox.File{Outside: place, Inside: loader, Run: true})
	}
	for _, f := range l.found {
		if f.Inside != loader {
			files = append(files, f)
		}
	}
	return files, nil
}

// libraries gathers shared libraries as the loader would.
type libraries struct {
	dirs  []string
	seen  map[string]bool
	found []sandbox.File
}

// need gathers what a file needs, and what that needs; it returns the loader that
// the file names.
func (l *libraries) need(file string) (loader string, err error) {
	f, err := elf.Open(file)
	if err != nil {
		return "", fmt.Errorf("node: %s is no program of this system: %w", file, err)
	}
	defer f.Close()
	names, err := f.ImportedLibraries()
	if err != nil {
		return "", fmt.Errorf("node: read the libraries of %s: %w", file, err)
	}
	dirs := slices.Concat(runPaths(f, file), l.dirs)
	for _, name := range names {
		if l.seen[name] {
			continue
		}
		l.seen[name] = true
		place, err := find(name, dirs, f.Machine)
		if err != nil {
			return "", fmt.Errorf("node: %s needs %s: %w", file, name, err)
		}
		if _, err := l.need(place); err != nil {
			return "", err
		}
		l.found = append(l.found, sandbox.File{Outside: place, Inside: librariesInside + "/" + filepath.Base(name)})
	}
	return interpreter(f), nil
}

func interpreter(f *elf.File) string {
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		text := make([]byte, p.Filesz)
		if _, err := p.ReadAt(text, 0); err == nil {
			return strings.TrimRight(string(text), "\x00")
		}
	}
	return ""
}

// runPaths are the directories that a file itself names.
func runPaths(f *elf.File, file string) (dirs []string) {
	for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
		lists, err := f.DynString(tag)
		if err != nil {
			continue
		}
		for _, list := range lists {
			for dir := range strings.SplitSeq(list, ":") {
				dir = strings.NewReplacer("$ORIGIN", filepath.Dir(file), "${ORIGIN}", filepath.Dir(file)).Replace(dir)
				if filepath.IsAbs(dir) {
					dirs = append(dirs, dir)
				}
			}
		}
	}
	return dirs
}

var errNoLibrary = errors.New("it is in none of the directories of the loader")

// find returns the library of the machine's kind.
func find(name string, dirs []string, machine elf.Machine) (string, error) {
	if filepath.IsAbs(name) {
		return filepath.EvalSymlinks(name)
	}
	for _, dir := range dirs {
		place, err := filepath.EvalSymlinks(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		f, err := elf.Open(place)
		if err != nil {
			continue
		}
		fits := f.Machine == machine
		f.Close()
		if fits {
			return place, nil
		}
	}
	return "", errNoLibrary
}

// loaderDirs are the directories in which the loaders of glibc and musl look.
func loaderDirs() []string {
	dirs := configured("/etc/ld.so.conf", 0)
	triplets, _ := filepath.Glob("/lib/*-linux-*") // a pattern that is well formed cannot fail
	more, _ := filepath.Glob("/usr/lib/*-linux-*")
	return slices.Concat(dirs, triplets, more, []string{"/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"})
}

// configured reads a file in the form of ld.so.conf.
func configured(file string, depth int) (dirs []string) {
	f, err := os.Open(file)
	if err != nil || depth > 4 {
		return nil
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		line = strings.TrimSpace(line)
		if pattern, ok := strings.CutPrefix(line, "include "); ok {
			pattern = strings.TrimSpace(pattern)
			if !filepath.IsAbs(pattern) {
				pattern = filepath.Join(filepath.Dir(file), pattern)
			}
			included, _ := filepath.Glob(pattern) // one that is not well formed includes nothing
			for _, other := range included {
				dirs = append(dirs, configured(other, depth+1)...)
			}
		} else if filepath.IsAbs(line) {
			dirs = append(dirs, line)
		}
	}
	return dirs
}
