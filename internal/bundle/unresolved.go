package bundle

import (
	"fmt"
	"slices"
	"strings"
)

// unresolved explains an import that leads nowhere. The aliases are those that a
// tsconfig.json gives files, such as "@/*".
func unresolved(name string, aliases []string) (message, expected string) {
	bare := strings.TrimPrefix(name, "node:")
	aliased := slices.ContainsFunc(aliases, func(alias string) bool {
		prefix, suffix, any := strings.Cut(alias, "*")
		return name == alias || any && strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix)
	})
	const relative = `a relative import, such as "./file"`
	switch {
	case aliased:
		return fmt.Sprintf(`cannot find %q: "paths" of tsconfig.json are not read`, name), relative
	case strings.HasPrefix(name, "@/") || strings.HasPrefix(name, "~"):
		return fmt.Sprintf("cannot find %q: it is an alias, not a package, and aliases (tsconfig.json, bundlers) are not read", name), relative
	case strings.HasPrefix(name, ".") || strings.HasPrefix(name, "/"):
		return fmt.Sprintf("cannot find %q", name), "a file of this name (.ts, .js, .mts, .mjs, .cts, .cjs, .json), or a folder with an index file, in the task's folder"
	case slices.Contains(nodeModules(), strings.SplitN(bare, "/", 2)[0]):
		expected = "what the web platform has"
		if instead := insteadOf(strings.SplitN(bare, "/", 2)[0]); instead != "" {
			expected = instead
		}
		return fmt.Sprintf("cannot import %q: it is a module of Node's and not available in this engine", name), expected
	case strings.HasPrefix(name, "#"):
		return fmt.Sprintf("cannot find %q", name), `an entry in "imports" of a package.json in the task's folder`
	default:
		parts := strings.SplitN(name, "/", 3)
		pkg := parts[0]
		if strings.HasPrefix(pkg, "@") && len(parts) > 1 {
			pkg += "/" + parts[1]
		}
		return fmt.Sprintf("cannot find the package %q", name),
			fmt.Sprintf("it in node_modules beside the task: run `npm install %s` in the task's folder", pkg)
	}
}

// nodeModules lists what is built into Node.js.
func nodeModules() []string {
	return strings.Fields(`assert async_hooks buffer child_process cluster console constants crypto dgram
		diagnostics_channel dns domain events fs http http2 https inspector module net os path perf_hooks process
		punycode querystring readline repl sea sqlite stream string_decoder sys test timers tls trace_events tty
		url util v8 vm wasi worker_threads zlib`)
}

// insteadOf says what a task has in the place of a module of Node.js.
func insteadOf(name string) string {
	switch name {
	case "fs", "path", "os":
		return "the data in the task's input: tasks see no files"
	case "http", "https", "http2":
		return "the global fetch"
	case "net", "dgram", "tls", "dns":
		return "the global fetch: tasks open no sockets"
	case "child_process", "cluster", "worker_threads":
		return "nothing: tasks start no processes"
	case "crypto":
		return "the global crypto (crypto.subtle, crypto.randomUUID, crypto.getRandomValues)"
	case "buffer":
		return "Uint8Array, TextEncoder, atob and btoa, or the package \"buffer\" beside the task"
	case "url", "querystring":
		return "the globals URL and URLSearchParams"
	case "timers":
		return "the globals setTimeout and setInterval"
	case "perf_hooks":
		return "the global performance"
	case "console":
		return "the global console"
	case "process":
		return "the global process (env and uptime)"
	case "events", "util", "assert", "stream", "string_decoder", "punycode":
		return fmt.Sprintf("the package %q beside the task: run `npm install %s` and import it without \"node:\"", name, name)
	}
	return ""
}
