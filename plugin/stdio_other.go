//go:build !linux

package plugin

import (
	"os"
	"runtime"
)

// oneByOne is whether calls wait for each other: where reading stops all
// goroutines, they would wait for the next message instead.
const oneByOne = runtime.GOOS == "wasip1"

// takeStdio keeps what a plugin prints out of the server's pipe.
func takeStdio() (stdio, error) {
	s := stdio{in: os.Stdin, out: os.Stdout}
	os.Stdout = os.Stderr
	return s, nil
}
