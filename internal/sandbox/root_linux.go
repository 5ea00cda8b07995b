package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

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
	return inOrder([]mounting{
		{"make mounts private", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }},
		{"mount tmpfs", func() error { return unix.Mount("none", place, "tmpfs", flags, "size=4k,nr_inodes=2,mode=555") }},
		{"make it the root", func() error { return pivotTo(place) }},
	})
}

// A mounting is one step on the way to another root.
type mounting struct {
	what string
	do   func() error
}

func inOrder(steps []mounting) error {
	for _, s := range steps {
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
	}
	return nil
}

// pivotTo makes the file system mounted at place the root.
func pivotTo(place string) error {
	return inOrder([]mounting{
		{"chdir", func() error { return unix.Chdir(place) }},
		{"pivot_root", func() error { return unix.PivotRoot(".", ".") }},
		{"unmount the old root", func() error { return unix.Unmount(".", unix.MNT_DETACH) }},
		{"chdir /", func() error { return unix.Chdir("/") }},
	})
}

// programRoot replaces / by a read-only file system that holds the files and
// nothing else. They stay where they lie: each is bound to its place.
func programRoot(opts Options, files []File) error {
	if !inNewNamespaces(opts) {
		return errors.New("needs the namespaces")
	}
	const place = "/proc" // as in emptyRoot
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	steps := []mounting{
		{"make mounts private", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }},
		{"mount tmpfs", func() error { return unix.Mount("none", place, "tmpfs", flags, "size=64k,nr_inodes=128,mode=755") }},
	}
	for _, f := range files {
		steps = append(steps, mounting{"bind " + f.Outside, func() error { return bindFile(f, place+f.Inside) }})
	}
	return inOrder(append(steps,
		mounting{"make it read-only", func() error {
			return unix.Mount("", place, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|flags, "")
		}},
		mounting{"make it the root", func() error { return pivotTo(place) }},
	))
}

// OpenMounts returns each file as a mount that is nowhere yet, for a worker of
// another user to put into its root. The caller closes them. Only a server that is
// root can make them; another has files that its workers, of the same user, find
// by themselves.
func OpenMounts(files []File) ([]*os.File, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	var mounts []*os.File
	for _, f := range files {
		fd, err := unix.OpenTree(unix.AT_FDCWD, f.Outside, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			for _, m := range mounts {
				m.Close()
			}
			return nil, fmt.Errorf("sandbox: mount %s: %w", f.Outside, err)
		}
		mounts = append(mounts, os.NewFile(uintptr(fd), f.Outside))
	}
	return mounts, nil
}

// bindFile binds a file to another place, where it cannot be written.
func bindFile(f File, place string) error {
	if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(place, nil, 0o444); err != nil {
		return err
	}
	if f.Mount == 0 || unix.MoveMount(f.Mount, "", unix.AT_FDCWD, place, unix.MOVE_MOUNT_F_EMPTY_PATH) != nil {
		if err := unix.Mount(f.Outside, place, "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV}
	err := unix.MountSetattr(unix.AT_FDCWD, place, 0, &attr)
	if errors.Is(err, unix.ENOSYS) { // before Linux 5.12; the flags that the mount has must stay
		var st unix.Statfs_t
		if err := unix.Statfs(place, &st); err != nil {
			return err
		}
		const keep = unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_NODIRATIME | unix.MS_RELATIME
		err = unix.Mount("", place, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|uintptr(st.Flags)&keep, "")
	}
	return err
}
