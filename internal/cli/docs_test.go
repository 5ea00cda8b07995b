package cli_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/ratchet-runner/ratchet-go/internal/cli"
)

var update = flag.Bool("update", false, "write docs/cli.md anew")

func TestTheManualIsThatOfTheCommands(t *testing.T) {
	t.Parallel()
	w, _, _ := testWorld()
	file := filepath.Join("..", "..", "docs", "cli.md")
	want := manual(cli.Root(w))
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the commands say; write it anew with: go test ./internal/cli -update", file)
	}
}

// manual writes docs/cli.md.
func manual(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# The command line\n\n<!-- Written by: go test ./internal/cli -update -->\n\n" + root.Long + "\n\n")
	fmt.Fprintf(&b, "```\n%s\n```\n", root.Example)
	for _, group := range cli.FlagGroups(root) {
		fmt.Fprintf(&b, "\n%s, for every command:\n\n```\n%s```\n", group.Name(), group.FlagUsagesWrapped(100))
	}
	for _, cmd := range root.Commands() {
		writeCommand(&b, cmd, "##")
	}
	fmt.Fprintf(&b, "\n## Exit codes\n\n```\n%s```\n", cli.ExitList())
	return b.String()
}

// writeCommand writes a command, and those below it.
func writeCommand(b *strings.Builder, cmd *cobra.Command, heading string) {
	if !cmd.IsAvailableCommand() {
		return
	}
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	fmt.Fprintf(b, "\n%s %s\n\n%s\n\n```\n%s\n```\n", heading, cmd.CommandPath(), text, cmd.UseLine())
	if cmd.Example != "" {
		fmt.Fprintf(b, "\nExamples:\n\n```\n%s\n```\n", cmd.Example)
	}
	for _, group := range cli.FlagGroups(cmd) {
		if group.Name() == "Global flags" { // they stand with the command that has them
			continue
		}
		fmt.Fprintf(b, "\n%s:\n\n```\n%s```\n", group.Name(), group.FlagUsagesWrapped(100))
	}
	for _, below := range cmd.Commands() {
		writeCommand(b, below, heading+"#")
	}
}
