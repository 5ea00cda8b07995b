package cli

import (
	"context"

	"github.com/spf13/cobra"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// Root returns the command tree, for the generator of docs/cli.md.
func Root(w World) *cobra.Command { return newApp(w).root() }

// FlagGroups returns a command's flags by their headings.
var FlagGroups = flagGroups

// ExitCode is what the command ends with for the code.
func ExitCode(code ratchet.Code) int { return exitCode(code) }

// ExitRows counts the rows of the table of exit codes that list the code.
func ExitRows(code ratchet.Code) (n int) {
	for _, e := range exits() {
		for _, c := range e.codes {
			if c == code {
				n++
			}
		}
	}
	return n
}

// ExitList is the table of exit codes for people.
func ExitList() string { return exitList() }

// Report writes the error and returns the exit code.
func Report(w World, err error) int { return newApp(w).report(err) }

// Listen is what the command does with signals.
func Listen(ctx context.Context, w World) (_ context.Context, stop func()) {
	return newApp(w).listen(ctx)
}

// Snippet shows a line of a file without colours.
func Snippet(text string, line, column, width int) string {
	return paint{}.snippet(text, line, column, width)
}
