package sandbox

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// emptyRoot replaces / by an empty read-only file system, in the mount namespace
// that the worker has to itself.
func emptyRoot(opts Options) error {
	if !inNewNamespaces(opts) {
		return errors.New("needs the namespaces")
	}
	// Any directory will do to mount on; /proc is there, since the worker was
	// started as /proc/self/exe. With "." for both, pivot_root stacks the old root
	// on top of the new one, and the unmount takes it away.
	const place = "/proc"
	const flags = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	for _, s := range []struct {
		what string
		do   func() error
	}{
		{"make mounts private", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }},
		{"mount tmpfs", func() error { return unix.Mount("none", place, "tmpfs", flags, "size=4k,nr_inodes=2,mode=555") }},
		{"chdir", func() error { return unix.Chdir(place) }},
		{"pivot_root", func() error { return unix.PivotRoot(".", ".") }},
		{"unmount the old root", func() error { return unix.Unmount(".", unix.MNT_DETACH) }},
		{"chdir /", func() error { return unix.Chdir("/") }},
	} {
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
	}
	return nil
}
