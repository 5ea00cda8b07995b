package js

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/js/prelude"
)

var update = flag.Bool("update", false, "compile prelude/core.bytecode anew")

// Bytecode that is kept is what its source compiles to today, byte for byte.
func TestKeptBytecodeIsThatOfItsSource(t *testing.T) {
	t.Parallel()
	source, err := prelude.Files.ReadFile("core.js")
	if err != nil {
		t.Fatal(err)
	}
	e := New(Config{})
	defer e.Close()
	code, err := e.compileModule("core", source)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("prelude/core.bytecode", append(origin(source), code...), 0o644); err != nil {
			t.Fatal(err)
		}
		return // it counts from the next build on
	}
	if !bytes.Equal(precompiled("core", source), code) {
		t.Error("prelude/core.bytecode is not what core.js compiles to: run go test ./internal/js -run KeptBytecode -update")
	}
}

// Bytecode made of another source is not used.
func TestBytecodeOfAnotherSourceIsNotUsed(t *testing.T) {
	t.Parallel()
	source, err := prelude.Files.ReadFile("core.js")
	if err != nil {
		t.Fatal(err)
	}
	if precompiled("core", source) == nil {
		t.Error("the bytecode of core is not used, want it used")
	}
	if code := precompiled("core", append(bytes.Clone(source), '\n')); code != nil {
		t.Errorf("got %d bytes of bytecode for a changed core, want none", len(code))
	}
}
