package js

import (
	"bytes"
	"crypto/sha256"

	"github.com/ratchet-runner/ratchet-go/internal/js/prelude"
)

// precompiled returns the bytecode of a prelude module as it is kept beside its
// source, or nil. Only core is kept: every VM begins with it, and to compile it
// was some 2 ms of the 12 that a worker takes to start. Bytecode is not verified
// when loaded, so it comes from this repository alone, counts only for the very
// source and engine it was made of, and a test compiles that source again and
// compares.
func precompiled(name string, source []byte) []byte {
	file, err := prelude.Files.ReadFile(name + ".bytecode")
	if err != nil {
		return nil
	}
	if code, ok := bytes.CutPrefix(file, origin(source)); ok {
		return code
	}
	return nil
}

// origin tells what bytecode was made of; it precedes the bytecode in its file.
func origin(source []byte) []byte {
	sum := sha256.New()
	sum.Write([]byte(Version + "\x00"))
	sum.Write(source)
	return sum.Sum(nil)
}
