//go:build !linux

package workerpool

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

func sealed(string, []byte) (*os.File, error) {
	return nil, fmt.Errorf("workers with Node on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
