package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/typings"
)

func (a *app) typesCommand() *cobra.Command {
	var out string
	var check bool
	cmd := &cobra.Command{
		Use:   "types PATH",
		Short: "Write the TypeScript types of a task's input, output and globals",
		Long: `Print a .d.ts for the task at PATH: Input and Output, made of its schemas, Task,
the type of its function, and the globals that Ratchet gives it. A script says
/** @type {import("./ratchet-env").Task} */ before its function, TypeScript
imports the type.

What a schema asks for and TypeScript cannot say, such as a pattern, becomes a
comment; a schema without a type becomes unknown, with the reason.

With --check nothing is written, and the exit code is 1 if the file is not what
would be.`,
		Example: `  ratchet types examples/addition
  ratchet types orders --out orders/` + typings.File + `
  ratchet types orders --check                     # in CI`,
		Args: wantArgs(1, 1, "the PATH of a task"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.types(cmd.Context(), args[0], out, check) },
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "write to the `FILE`, if it is not there or an older form of it")
	cmd.Flags().BoolVar(&check, "check", false, "compare with the file of --out, or the task's own "+typings.File)
	return cmd
}

func (a *app) types(ctx context.Context, path, out string, check bool) error {
	b, err := bundle.Load(ctx, path, bundle.Options{ParentModules: true, DeferSyntax: true})
	if err != nil {
		return a.unloadable(path, err)
	}
	text := typings.Declarations(b)
	switch {
	case check:
		if out == "" {
			out = inFolder(path, typings.File)
		}
		return a.checkTypes(path, out, text)
	case out == "", out == "-":
		return a.print(text)
	}
	return a.writeTypes(out, text)
}

// writeTypes writes the declarations, unless something else is in the file.
func (a *app) writeTypes(out, text string) error {
	there, err := os.ReadFile(out)
	switch {
	case err == nil && string(there) == text:
		return a.print(fmt.Sprintf("%s is up to date\n", out))
	case err == nil && !strings.HasPrefix(string(there), typings.Mark):
		return &failure{
			err:  &ratchet.Error{Code: ratchet.CodeConflict, Reason: ratchet.ReasonValidation, Message: out + " has something else in it, and is not overwritten"},
			hint: "name another file, or remove this one first",
		}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return unwritable(out, err)
	}
	if err := os.WriteFile(out, []byte(text), 0o666); err != nil {
		return unwritable(out, err)
	}
	return a.print(fmt.Sprintf("%s %s\n", a.out.green("wrote"), out))
}

func unwritable(file string, err error) error {
	reason := ratchet.ReasonIO
	if errors.Is(err, fs.ErrPermission) {
		reason = ratchet.ReasonPermission
	}
	return ratchet.Errorf(reason, "cannot write %s: %w", file, plain(err))
}

// checkTypes says whether the file holds the declarations.
func (a *app) checkTypes(path, out, text string) error {
	there, err := os.ReadFile(out)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return a.stale(path, out, "is not there")
	case err != nil:
		return ratchet.Errorf(ratchet.ReasonIO, "cannot read %s: %w", out, plain(err))
	case string(there) != text:
		line := 1
		have, want := strings.SplitAfter(string(there), "\n"), strings.SplitAfter(text, "\n")
		for line <= len(have) && line <= len(want) && have[line-1] == want[line-1] {
			line++
		}
		return a.stale(path, out, fmt.Sprintf("is stale from line %d on", line))
	}
	return a.print(fmt.Sprintf("%s is up to date\n", out))
}

func (a *app) stale(path, out, what string) error {
	fmt.Fprintf(a.Stderr, "%s %s\n%s ratchet types %s --out %s\n",
		a.err.red("error:"), a.err.bold(harmless(out+" "+what)), a.err.cyan("hint:"), shellWord(path), shellWord(out))
	return &silent{ratchet.CodeInternal} // whose exit code is 1
}
