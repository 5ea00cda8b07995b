package ratchet_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/ratchet-runner/ratchet-go"

// A layer says which of our own packages one of them may import, and why no
// others. Packages below a layer belong to it.
type layer struct {
	mayImport []string
	why       string
}

// layers is docs/architecture.md, "Who may import whom", of what exists. "."
// is the root package, which every layer may import but the root itself.
func layers() map[string]layer {
	return map[string]layer{
		".":                    {nil, "the domain is imported by all and must be understood alone"},
		"cmd/ratchet":          {[]string{"internal/cli", "internal/worker"}, "main only chooses between being the command and being a worker"},
		"internal/cli":         {[]string{"client", "internal/daemon", "internal/destination", "internal/feature", "internal/config", "internal/recording", "internal/benchmark", "internal/executor", "internal/bundle", "internal/workerpool", "internal/worker", "internal/sandbox", "internal/egress", "internal/js", "internal/scaffold", "internal/typings", "internal/tasktest", "internal/testfile", "internal/engine", "internal/pluginhost", "internal/inspector", "internal/node"}, "the command runs a task by itself, or a server by the daemon, which alone knows what a server is made of"},
		"internal/executor":    {[]string{"internal/workerpool", "internal/bundle", "internal/egress", "internal/resilience", "internal/httpcache", "internal/cache"}, "an execution is led from outside the worker: no engine, no sandbox, no frames in the server"},
		"internal/engine":      {[]string{"internal/js"}, "which engines a machine has is found out without running a task; the built-in one says its version"},
		"internal/inspector":   {[]string{"internal/bundle"}, "it speaks with workers and debuggers over connections that it is given"},
		"internal/benchmark":   {[]string{"internal/sandbox"}, "what it measures is handed in: it looks at processes, not at tasks"},
		"internal/recording":   {[]string{"internal/executor", "internal/bundle", "internal/egress", "internal/redact"}, "it stands at the seam of the executor, which does not know it"},
		"internal/feature":     {nil, "what a build has is known before anything in it runs"},
		"internal/bundle":      {[]string{"internal/testfile", "internal/feature", "internal/destination"}, "a task is read and built without running any of it"},
		"internal/scaffold":    {[]string{"internal/bundle", "internal/typings", "sdk/javascript"}, "a new task is files; what becomes of them is as for any task"},
		"internal/typings":     {[]string{"internal/bundle"}, "types are made of what a task says, not of what it does"},
		"internal/tasktest":    {[]string{"internal/testfile", "internal/executor", "internal/bundle", "internal/egress", "internal/recording"}, "a test is an execution whose effects are answered at the executor's seam"},
		"internal/schedule":    {nil, "when a schedule runs is a matter of rules and clocks; jobs and stores come in as what it asks of them"},
		"internal/sqlstore":    {[]string{"internal/feature"}, "only the daemon knows that the store is SQL, and the store knows nothing but the domain"},
		"internal/storetest":   {[]string{"internal/sqlstore"}, "the store's conformance suite looks at nothing but the store"},
		"internal/testfile":    {nil, "what a test says can be read without running any of it"},
		"internal/workerpool":  {[]string{"internal/ipc", "internal/sandbox", "internal/node"}, "the server never runs a task's code in its own process"},
		"internal/worker":      {[]string{"internal/ipc", "internal/js", "internal/sandbox"}, "a worker runs hostile code: what is not linked into it cannot be abused, and every child pays for what is"},
		"internal/node":        {[]string{"internal/js", "internal/sandbox"}, "it is what Node is given, not who starts it; of the engine in Go it has the prelude alone"},
		"internal/jstest":      {nil, "the cases and their answers are the same whatever engine is held against them"},
		"internal/js":          {nil, "the engine knows no process: what the host does for a task comes in as functions"},
		"internal/ipc":         {nil, "plugins speak it too"},
		"plugin":               {[]string{"internal/ipc"}, "whoever writes a plugin gets the domain, the frames and nothing else with it"},
		"examples/plugins":     {[]string{"plugin"}, "an example has what anybody has who writes a plugin"},
		"sdk/javascript":       {nil, "it is files, for programs in another language"},
		"internal/pluginhost":  {[]string{"plugin", "internal/ipc", "internal/sandbox", "internal/resilience", "internal/bundle", "internal/feature"}, "it speaks to plugins and keeps them in; a configuration is checked as a task's input is; what they are called for comes from its callers"},
		"internal/sandbox":     {nil, "it must be readable alone by whoever audits it"},
		"internal/egress":      {[]string{"internal/resilience", "internal/httpcache"}, "every request of a task passes it, and nothing else of ours but what counts its failures and what keeps their answers"},
		"internal/httpcache":   {[]string{"internal/cache", "internal/redact"}, "what may be kept is said by HTTP; where a request may go and how it gets there is the business of who asks"},
		"internal/cache":       {[]string{"internal/resilience"}, "what is kept is bytes and keys; why, is its callers' business"},
		"internal/rediscache":  {[]string{"internal/cache"}, "it is one place for what is kept; what is kept in it, and when it is left alone, it need not know"},
		"internal/resilience":  {nil, "when to wait and whom to leave alone is told by numbers; what failed is its callers' business"},
		"internal/invariant":   {nil, "it judges what was seen from outside"},
		"client":               {nil, "whoever uses it gets the domain and nothing else with it"},
		"internal/rest":        {[]string{"internal/service", "internal/auth", "internal/stream", "internal/problem"}, "a surface reads a request, calls the service and writes its answer; nothing beneath concerns it"},
		"internal/graphql":     {[]string{"internal/service", "internal/auth", "internal/stream"}, "a surface reads a request, calls the service and writes its answer; nothing beneath concerns it"},
		"internal/daemon":      {[]string{"internal/config", "internal/feature", "internal/metrics", "internal/delivery", "internal/destination", "internal/httpd", "internal/problem", "internal/rest", "internal/graphql", "internal/service", "internal/schedule", "internal/dispatch", "internal/executor", "internal/workerpool", "internal/sandbox", "internal/egress", "internal/resilience", "internal/cache", "internal/secret", "internal/auth", "internal/stream", "internal/sqlstore", "internal/pluginhost", "plugin", "internal/rediscache", "internal/httpcache", "internal/engine"}, "the one place that puts all parts of a server together, and the only one that knows that the store is SQL"},
		"internal/config":      {[]string{"internal/destination"}, "what is configured is said in words and numbers, and in destinations; what they do is the business of who gets them"},
		"internal/metrics":     {nil, "what is counted comes in by name"},
		"internal/ratchettest": {[]string{"internal/daemon", "internal/config", "internal/service", "internal/auth", "internal/worker", "internal/sandbox"}, "a whole server for tests, which are also its workers"},
		"internal/httpd":       {[]string{"internal/auth", "internal/problem"}, "what it serves comes in as handlers"},
		"internal/problem":     {nil, "the form of errors over HTTP is the same whoever answers"},
		"internal/service":     {[]string{"internal/bundle", "internal/auth", "internal/stream", "internal/destination", "webhook"}, "what is allowed and valid is decided before anybody knows how it is kept or how it was asked"},
		"internal/auth":        {nil, "who may do what must be readable alone by whoever audits it"},
		"internal/stream":      {nil, "events pass through it, whoever makes or reads them"},
		"internal/secret":      {nil, "it must be readable alone by whoever audits it"},
		"internal/dispatch":    {[]string{"internal/executor", "internal/bundle", "internal/stream", "internal/secret", "internal/redact", "internal/workerpool", "internal/resilience", "internal/cache"}, "a claimed job is an execution and what follows from it; of workers it takes how they died; where jobs are kept it must not know"},
		"webhook":              {nil, "whoever checks a signature gets nothing else with it"},
		"internal/destination": {[]string{"webhook"}, "what a destination says is known where nothing is delivered: to the command line, and to whoever takes a job"},
		"internal/delivery":    {[]string{"internal/destination", "internal/egress", "internal/resilience", "internal/redact", "webhook"}, "an attempt at a delivery goes out by the one door; where deliveries are kept it must not know"},
		"internal/redact":      {nil, "whatever a task says passes it before it is kept or shown"},
		"bench":                {[]string{"internal/executor", "internal/bundle", "internal/workerpool", "internal/worker", "internal/sandbox", "internal/egress", "internal/js", "internal/ipc", "internal/cli", "plugin", "internal/node"}, "benchmarks may look anywhere"},
	}
}

// A ban keeps a package, and those below it, out of everything that a layer
// imports, however far down.
type ban struct {
	layer, dep, why string
	except          []string // importers (and those below), in whose hands it does no harm
}

func bans() []ban {
	return []ban{
		{"internal/worker", "database/sql", "a task must not come near the database", nil},
		{"internal/worker", "net/http", "a worker has no network: its fetches are made by the server", nil},
		{"internal/worker", "os/exec", "a worker starts no processes", append(libc(), module+"/internal/sandbox")}, // whose other half starts workers
		{"internal/worker", "plugin", "a worker loads no code but the task's", nil},
		{"internal/worker", "github.com/santhosh-tekuri/jsonschema", "schemas are checked in the server, which trusts its own checks only", nil},
		{"internal/worker", "github.com/evanw/esbuild", "a bundle is built once, in the server", nil},
		{"internal/worker", "github.com/spf13", "a worker has no command line", nil},
		{"internal/worker", "charm.land", "a worker has no terminal", nil},
		{"internal/js", "net/http", "the engine makes no requests; it asks for them", nil},
		{"internal/js", "os/exec", "the engine starts no processes", libc()},
		{"internal/bundle", "net/http", "reading a task makes no requests", esbuild()},
		{"internal/bundle", "modernc.org/libquickjs", "bytecode is compiled in a worker: the server runs no task's code", nil},
		{"internal/executor", "modernc.org/libquickjs", "the server runs no task's code", nil},
		{"internal/workerpool", "modernc.org/libquickjs", "the server runs no task's code", nil},
		{"internal/workerpool", "net/http", "requests are the egress client's", nil},
		{"internal/ipc", "net/http", "messages pass through what the caller opened", nil},
		{"internal/sandbox", "net/http", "nothing a sandbox does needs the network", nil},
		{"internal/egress", "os/exec", "a request starts no processes", nil},
	}
}

// libc is QuickJS's C library in Go. Its system() would start a process; the
// engine has no way to call it, and the sandbox refuses.
func libc() []string { return []string{"modernc.org/libc"} }

// esbuild can serve what it builds; we do not ask it to.
func esbuild() []string { return []string{"github.com/evanw/esbuild"} }

// hits reports whether importer breaks the ban by importing dep.
func (b ban) hits(importer, dep string) bool {
	return below(dep, b.dep) && !below(importer, b.dep) &&
		dep != "database/sql/driver" && // interfaces of values, which our IDs have
		!slices.ContainsFunc(b.except, func(e string) bool { return below(importer, e) })
}

// below reports whether p is the package parent or in a folder of it.
func below(p, parent string) bool { return p == parent || strings.HasPrefix(p, parent+"/") }

// A listed package is what go list says about it.
type listed struct {
	ImportPath, Name, Doc, Dir string
	GoFiles, Imports, Deps     []string
	Standard                   bool
	Module                     *struct{ Path string }
	Error                      *struct{ Err string }
}

// rel returns the package's path below the module; "." for the root.
func rel(importPath string) (string, bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// goList returns our packages and all they depend on, as built for Linux.
func goList(t *testing.T) map[string]listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-deps", "-json=ImportPath,Name,Doc,Dir,GoFiles,Imports,Deps,Standard,Module,Error", "./...")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]listed{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[p.ImportPath] = p
	}
}

// layerOf returns the layer that the package at path rel belongs to.
func layerOf(rel string) (name string, found bool) {
	for l := range layers() {
		if below(rel, l) {
			return l, true
		}
	}
	return "", false
}

func TestPackagesImportOnlyWhatTheirLayerMay(t *testing.T) {
	t.Parallel()
	for importPath, p := range goList(t) {
		name, ours := rel(importPath)
		if !ours {
			continue
		}
		if p.Error != nil {
			t.Errorf("%s: %s", importPath, p.Error.Err)
		}
		l, found := layerOf(name)
		if !found {
			t.Errorf("%s belongs to no layer: say in arch_test.go what it may import, and why no more", name)
			continue
		}
		for _, imported := range p.Imports {
			dep, ours := rel(imported)
			if !ours || dep == "." && l != "." {
				continue
			}
			depLayer, _ := layerOf(dep)
			if depLayer != l && !slices.Contains(layers()[l].mayImport, depLayer) {
				t.Errorf("%s imports %s: %s", name, dep, layers()[l].why)
			}
		}
		for _, imported := range p.Imports {
			if _, ours := rel(imported); l == "." && !ours && !standard(imported) {
				t.Errorf("the root package imports %s: %s", imported, layers()[l].why)
			}
		}
	}
}

// standard reports whether a package is of the standard library: its first
// element has no dot.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

func TestNothingLinksWhatItsLayerBans(t *testing.T) {
	t.Parallel()
	packages := goList(t)
	for importPath, p := range packages {
		name, ours := rel(importPath)
		if !ours {
			continue
		}
		l, _ := layerOf(name)
		for _, b := range bans() {
			if b.layer != l {
				continue
			}
			for _, importer := range append(p.Deps, importPath) {
				for _, dep := range packages[importer].Imports {
					if b.hits(importer, dep) {
						t.Errorf("%s depends on %s, which imports %s: %s", name, importer, dep, b.why)
					}
				}
			}
		}
	}
}

// The worker's closure is small and listed, so that whoever makes it grow sees
// it in a diff.
func TestWorkerLinksOnlyWhatIsListed(t *testing.T) {
	t.Parallel()
	packages := goList(t)
	worker, ok := packages[module+"/internal/worker"]
	if !ok {
		t.Fatal("there is no package internal/worker: what do workers link now?")
	}
	var lines []string
	for _, dep := range append(worker.Deps, worker.ImportPath) {
		switch p := packages[dep]; {
		case p.Standard || p.Module == nil:
		case p.Module.Path == module:
			name, _ := rel(dep)
			lines = append(lines, "package "+name)
		default:
			lines = append(lines, "module "+p.Module.Path)
		}
	}
	slices.Sort(lines)
	checkGolden(t, "worker-imports.txt", []byte(strings.Join(slices.Compact(lines), "\n")+"\n"))
}

func TestEveryPackageHasACommentAndANameThatSaysWhatItProvides(t *testing.T) {
	t.Parallel()
	banned := []string{
		"util", "utils", "common", "helper", "helpers", "models", "types", "interfaces", "manager", "misc", "shared", "base", "lib", "pkg", "src",
	}
	for importPath, p := range goList(t) {
		name, ours := rel(importPath)
		if !ours {
			continue
		}
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("%s has no package comment", name)
		}
		parts := append(strings.Split(name, "/"), p.Name)
		if slices.ContainsFunc(parts, func(part string) bool { return slices.Contains(banned, part) }) {
			t.Errorf("%s (package %s): name a package for what it provides, or give the code to its caller", name, p.Name)
		}
	}
}

// A source is one Go file of ours.
type source struct {
	path string // slash-separated, from the root
	test bool
	file *ast.File
	fset *token.FileSet
}

// sources parses all our Go files, for any system and build tag.
func sources(t *testing.T) (all []source) {
	t.Helper()
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && file != "." {
			_, nested := os.Stat(filepath.Join(file, "go.mod"))
			if nested == nil || name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
				return filepath.SkipDir
			}
		}
		if d.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if !ast.IsGenerated(f) {
			all = append(all, source{filepath.ToSlash(file), strings.HasSuffix(name, "_test.go"), f, fset})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// at says where n stands.
func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.fset.Position(n.Pos()).Line)
}

// isCall reports whether n calls one of the functions, each "pkg.Func".
func isCall(n ast.Node, functions ...string) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := sel.X.(*ast.Ident)
	return ok && slices.Contains(functions, pkg.Name+"."+sel.Sel.Name)
}

func TestNoPackageWorksOrRemembersBehindItsCallersBack(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, decl := range s.file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					t.Errorf("%s: an init function: every command and every worker pays for it, and nobody sees it called", s.at(d))
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.VAR && !constant(d, v) {
						t.Errorf("%s: the package variable %s: pass state as a value; a table is a function that returns it", s.at(v), v.Names[0])
					}
				}
			}
		}
	}
}

// constant reports whether a package variable is one in name only: an assertion
// (_ = …), an embedded file, or what one of a few functions returns.
func constant(d *ast.GenDecl, v *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{d.Doc, v.Doc} {
		if doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") }) {
			return true
		}
	}
	for i, name := range v.Names {
		if name.Name == "_" {
			continue
		}
		if len(v.Values) != len(v.Names) || !isCall(v.Values[i], "errors.New", "fmt.Errorf", "regexp.MustCompile", "sync.OnceValue", "sync.OnceValues") {
			return false
		}
	}
	return true
}

func TestContextsComeFromTheCaller(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		// plugin.Main is the main of every plugin.
		if s.test || s.file.Name.Name == "main" || s.path == "plugin/main.go" {
			continue
		}
		for n := range ast.Preorder(s.file) {
			if isCall(n, "context.Background", "context.TODO") {
				t.Errorf("%s: a context out of nowhere: only main and tests make one", s.at(n))
			}
		}
	}
}

func TestTestsDoNotSleep(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if n != nil && isCall(n, "time.Sleep") {
				t.Errorf("%s: a sleep: wait for a signal, or use testing/synctest", s.at(n))
			}
			return n == nil || !isCall(n, "synctest.Test") // whose clock is not ours
		})
	}
}

func TestTheRulesSeeTheWholeTree(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range sources(t) {
		seen[path.Dir(s.path)] = true
	}
	for importPath := range goList(t) {
		if name, ours := rel(importPath); ours && !seen[name] {
			t.Errorf("no file of %s was read", name)
		}
	}
}
