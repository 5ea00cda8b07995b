package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// systemPaths are what a program may read of the system: programs, libraries and
// what the network needs. Where the server is root the program's files are root's
// too, so no folder is in it that may hold keys.
func systemPaths() []string {
	return []string{
		"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store",
		"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime",
		"/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/openssl.cnf", "/etc/pki/ca-trust", "/etc/pki/tls/certs", "/etc/ca-certificates",
		"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols",
		"/etc/mime.types",
	}
}

// devices are those that programs expect.
func devices() []string {
	return []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}
}

// profileRoot replaces / by one that has only what the Profile gives.
func profileRoot(p Profile) error {
	const place = "/proc" // any folder will do; this one is there
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	// Kept open: the new root hides it.
	if err := unix.Mount("none", place, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=4m,mode=755"); err != nil {
		return fmt.Errorf("mount tmpfs: %w", err)
	}
	if err := fill(place, p); err != nil {
		return err
	}
	for _, s := range []struct {
		what string
		do   func() error
	}{
		{"chdir", func() error { return unix.Chdir(place) }},
		{"pivot_root", func() error { return unix.PivotRoot(".", ".") }},
		{"unmount the old root", func() error { return unix.Unmount(".", unix.MNT_DETACH) }},
		{"chdir /", func() error { return unix.Chdir("/") }},
		{"make / read-only", func() error {
			return unix.MountSetattr(unix.AT_FDCWD, "/", 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
		}},
	} {
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
	}
	return nil
}

// fill puts into a new root what a program may see.
func fill(root string, p Profile) error {
	const shared = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV
	for _, path := range systemPaths() {
		if to, err := os.Readlink(path); err == nil && filepath.Dir(path) == "/" { // as /bin often is
			if err := os.Symlink(to, filepath.Join(root, path)); err != nil {
				return err
			}
			continue
		}
		if err := bind(root, path, shared|unix.MOUNT_ATTR_RDONLY); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	for _, path := range devices() {
		if err := bind(root, path, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	for _, own := range []struct{ at, kind, options string }{
		{"/proc", "proc", "subset=pid"},
		{"/tmp", "tmpfs", "size=16m,mode=1777"},
	} {
		if err := os.Mkdir(filepath.Join(root, own.at), 0o755); err != nil {
			return err
		}
		flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
		if own.kind == "proc" {
			flags |= unix.MS_RDONLY // root's files there steer the kernel
		}
		err := unix.Mount("none", filepath.Join(root, own.at), own.kind, flags, own.options)
		if err != nil && own.kind != "proc" { // some containers give no proc; few programs miss it
			return fmt.Errorf("mount %s: %w", own.at, err)
		}
	}
	for _, path := range p.Read {
		if err := bind(root, path, shared|unix.MOUNT_ATTR_RDONLY); err != nil {
			return err
		}
	}
	for _, path := range p.Write {
		if err := bind(root, path, shared|unix.MOUNT_ATTR_NOEXEC); err != nil {
			return err
		}
	}
	return nil
}

// bind shows a file or folder in the new root where it is in the old one.
func bind(root, path string, attrs uint64) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	at := filepath.Join(root, path)
	if _, err := os.Lstat(at); err != nil {
		if err := stub(at, info.IsDir()); err != nil {
			return fmt.Errorf("make a place for %s: %w", path, err)
		}
	}
	if err := unix.Mount(path, at, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s: %w", path, err)
	}
	if err := unix.MountSetattr(unix.AT_FDCWD, at, unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: attrs}); err != nil {
		return fmt.Errorf("restrict %s: %w", path, err)
	}
	return nil
}

// stub makes an empty file or folder to mount on.
func stub(at string, dir bool) error {
	if dir {
		return os.MkdirAll(at, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	f, err := os.Create(at)
	if err != nil {
		return err
	}
	return f.Close()
}
