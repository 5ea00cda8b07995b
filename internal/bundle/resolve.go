package bundle

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// An imported is a name that a file imports something by.
type imported struct {
	from string // real path
	name string
}

// label is what a file or folder at a real path is called in the task.
func (b *builder) label(real string) (string, bool) {
	if rel, ok := below(b.source.root, real); ok {
		return filepath.ToSlash(rel), true
	}
	if dir, ok := parentModules(b.source.root, real); ok && b.options.ParentModules && !b.source.archive {
		rel, _ := below(dir, real)
		return path.Join("node_modules", filepath.ToSlash(rel)), true
	}
	return "", false
}

// A resolver goes the ways that imports were resolved by once more, for what the
// inputs do not show: links, and package.json files of folders that lead
// elsewhere.
type resolver struct {
	*builder
	seen  map[string]bool
	files map[string][]byte // package.json files, by name
}

// resolve notes the links on the way of the imports, and returns the package.json
// files there.
func (b *builder) resolve() []archiveFile {
	r := resolver{builder: b, seen: map[string]bool{}, files: map[string][]byte{}}
	for _, i := range b.imports {
		if i.name == "" || strings.HasPrefix(i.name, "#") {
			continue
		}
		if strings.HasPrefix(i.name, ".") || strings.HasPrefix(i.name, "/") {
			to := i.name
			if !filepath.IsAbs(to) {
				to = filepath.Join(filepath.Dir(i.from), filepath.FromSlash(to))
			}
			r.walk(to)
			continue
		}
		r.climb(i)
	}
	found := make([]archiveFile, 0, len(r.files))
	for name, data := range r.files {
		found = append(found, archiveFile{name, data})
	}
	slices.SortFunc(found, func(x, y archiveFile) int { return strings.Compare(x.name, y.name) })
	return found
}

// climb looks for a package in node_modules of the importing file's folder and
// those above.
func (r *resolver) climb(i imported) {
	pkg, _, _ := strings.Cut(i.name, "/")
	if strings.HasPrefix(pkg, "@") {
		parts := strings.SplitN(i.name, "/", 3)
		pkg = strings.Join(parts[:min(2, len(parts))], "/")
	}
	for dir := filepath.Dir(i.from); ; dir = filepath.Dir(dir) {
		modules := filepath.Join(dir, "node_modules")
		if _, ok := r.label(modules); !ok && filepath.Dir(dir) == dir {
			return
		}
		if _, err := os.Stat(filepath.Join(modules, filepath.FromSlash(pkg))); err == nil && filepath.Base(dir) != "node_modules" {
			r.walk(filepath.Join(modules, filepath.FromSlash(i.name)))
			return
		}
		if filepath.Dir(dir) == dir {
			return
		}
	}
}

// walk follows a path below the task, or below node_modules above it, and the
// endings that an import may leave out.
func (r *resolver) walk(to string) {
	base := r.source.root
	rel, ok := below(base, to)
	if !ok {
		if base, ok = parentModules(base, to); !ok {
			return
		}
		rel, _ = below(base, to)
	}
	parts := strings.Split(rel, string(filepath.Separator))
	at, isDir := base, true
	for _, part := range parts[:len(parts)-1] {
		if at, isDir = r.step(at, part); !isDir {
			return
		}
	}
	last := parts[len(parts)-1]
	for _, ext := range append([]string{""}, extensions()...) {
		next, dir := r.step(at, last+ext)
		if !dir {
			continue
		}
		for _, ext := range extensions() {
			r.step(next, "index"+ext)
		}
	}
}

// step goes from a folder to what is of that name in it, and returns its real
// path and whether that is a folder.
func (r *resolver) step(dir, name string) (real string, isDir bool) {
	real = filepath.Join(dir, name)
	info, err := os.Lstat(real)
	if err != nil {
		return "", false
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		link := real
		if real, err = filepath.EvalSymlinks(link); err != nil {
			return "", false
		}
		from, ok := r.label(link)
		to, inside := r.label(real)
		if !ok || !inside {
			return "", false
		}
		r.links[from] = to
		if info, err = os.Stat(real); err != nil {
			return "", false
		}
	}
	if info.IsDir() && !r.seen[real] {
		r.seen[real] = true
		if name, data, err := r.readInput(filepath.Join(real, "package.json")); err == nil {
			r.files[name] = data
		}
	}
	return real, info.IsDir()
}

// extensions are the endings that imports may leave out, first choice first.
func extensions() []string {
	return []string{".ts", ".js", ".mts", ".mjs", ".cts", ".cjs", ".json"}
}
