// Package typings writes the TypeScript declarations of a task: the types of its
// input and output, made of its schemas, and the globals that Ratchet gives it. It
// leaves checking code against them to TypeScript, and reading a task to bundle.
//
// A type never excludes what its schema allows. What TypeScript has no type for,
// such as a pattern or a least number of items, becomes a comment.
package typings

import (
	_ "embed"
	"strconv"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// File is the name of the declarations in a task's folder.
const File = "ratchet-env.d.ts"

// Mark begins every file of declarations. A file without it is somebody else's.
const Mark = "// Written by ratchet types"

var (
	//go:embed ambient/context.d.ts
	contextText string
	//go:embed ambient/errors.d.ts
	errorsText string
	//go:embed ambient/process.d.ts
	processText string
	//go:embed ambient/fetchsync.d.ts
	fetchSyncText string
)

// Declarations returns the text of the declarations. The same task has the same
// text, wherever it lies and whatever its code.
func Declarations(b *bundle.Bundle) string {
	var out strings.Builder
	out.WriteString(Mark + ` of what metadata.json, input.schema.json and
// output.schema.json say. Do not edit it; after a change write it anew:
//
//	ratchet types . --out ` + File + `

`)
	g := newGenerator(b)
	out.WriteString(g.root("Input", "input.schema.json", b.Input))
	out.WriteString(g.root("Output", "output.schema.json", b.Output))
	out.WriteString(`/** The function that the task is. */
export type Task = (input: Input, context: Context) => Output | Promise<Output>;

`)
	out.WriteString(strings.ReplaceAll(contextText, "VARIABLES", variables(b.Permissions.Env)))
	out.WriteString("\ndeclare global {\n")
	parts := []string{errorsText, processText}
	if b.Fetch == ratchet.FetchSync {
		parts = append(parts, fetchSyncText)
	}
	out.WriteString(indent("/** The task's context, once its function is called. */\nvar ratchet: Context;\n\n" + strings.Join(parts, "\n")))
	out.WriteString("}\n")
	return out.String()
}

// variables is the type of the names that env takes.
func variables(names []string) string {
	if len(names) == 0 {
		return "never"
	}
	quoted := make([]string, 0, len(names))
	for _, name := range names {
		quoted = append(quoted, strconv.Quote(name))
	}
	return strings.Join(quoted, " | ")
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line != "\n" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return b.String()
}
