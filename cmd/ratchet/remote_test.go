package main_test

import (
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// remember is the command "remember NAME": it gives the variable what was printed
// last, up to the first space or end of line.
func remember(ts *testscript.TestScript, _ bool, args []string) {
	words := strings.Fields(ts.ReadFile("stdout"))
	if len(words) == 0 {
		ts.Fatalf("nothing was printed")
	}
	ts.Setenv(args[0], words[0])
}
