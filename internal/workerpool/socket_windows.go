package workerpool

import (
	"errors"
	"io"
	"os"
)

// errNoSocketPair says why there are no workers on Windows yet.
var errNoSocketPair = errors.New("worker processes are not supported on Windows yet")

func socketPair() (ours, theirs *os.File, err error) { return nil, nil, errNoSocketPair }

func restoreNonblock(*os.File) {}

func isHangup(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) }

func setBlocking(*os.File) error { return nil }
