package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// A rotating file is renamed to NAME.1, that to NAME.2 and so on, before a line
// would make it larger than it may be.
type rotating struct {
	name      string
	most      int64
	keep      int
	rotations int

	file *os.File
	out  *bufio.Writer
	size int64
}

// open opens the file to append to it.
func open(name string, most int64, keep int) (*rotating, error) {
	r := &rotating{name: name, most: most, keep: keep}
	return r, r.reopen()
}

func (r *rotating) reopen() error {
	f, err := os.OpenFile(r.name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	r.file, r.out, r.size = f, bufio.NewWriter(f), info.Size()
	return nil
}

// Append adds a line, in a new file if the old one has no room for it.
func (r *rotating) Append(line []byte) error {
	if r.size > 0 && r.size+int64(len(line)) > r.most {
		if err := r.rotate(); err != nil {
			return fmt.Errorf("rotate %s: %w", r.name, err)
		}
	}
	n, err := r.out.Write(line)
	r.size += int64(n)
	return err
}

// Flush hands what was added to the system.
func (r *rotating) Flush() error { return r.out.Flush() }

// Close ends it.
func (r *rotating) Close() error { return errors.Join(r.out.Flush(), r.file.Close()) }

func (r *rotating) rotate() error {
	if err := r.Close(); err != nil {
		return err
	}
	old := func(n int) string { return fmt.Sprintf("%s.%d", r.name, n) }
	if err := os.Remove(old(r.keep)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for n := r.keep - 1; n >= 1; n-- {
		if err := os.Rename(old(n), old(n+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if r.keep == 0 {
		if err := os.Remove(r.name); err != nil {
			return err
		}
	} else if err := os.Rename(r.name, old(1)); err != nil {
		return err
	}
	r.rotations++
	return r.reopen()
}
