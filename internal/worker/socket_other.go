//go:build !linux

package worker

import (
	"io"
	"os"
)

// openSocket opens the descriptor that the worker was started with.
func openSocket() (io.ReadWriteCloser, error) {
	socket := os.NewFile(Descriptor, "server")
	if socket == nil {
		return nil, errNoSocket
	}
	return socket, nil
}
