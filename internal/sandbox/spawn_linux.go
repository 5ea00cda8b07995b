package sandbox

import (
	"bufio"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Every namespace but time, whose offsets a worker has no use for.
const namespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET |
	unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// attempts lists the ways to start a worker, best first. The last one is a bare
// process that dies with the server.
func attempts(opts Options, slot int) []attempt {
	var all []attempt
	add := func(attr *syscall.SysProcAttr, layers ...Layer) {
		if !opts.without(LayerPdeathsig) {
			attr.Pdeathsig = syscall.SIGKILL
			layers = append(layers, LayerPdeathsig)
		}
		all = append(all, attempt{layers, attr})
	}
	uid := os.Geteuid()
	ownUID := uid == 0 && !opts.without(LayerUID)
	id := slotID(slot)
	if !opts.without(LayerNamespaces) {
		if ownUID {
			add(inNamespaces(id, id), LayerNamespaces, LayerUID)
		}
		add(inNamespaces(uid, os.Getegid()), LayerNamespaces)
	}
	if ownUID {
		add(&syscall.SysProcAttr{Setsid: true, Credential: &syscall.Credential{Uid: uint32(id), Gid: uint32(id)}}, LayerUID)
	}
	add(&syscall.SysProcAttr{Setsid: true})
	return all
}

// inNamespaces maps the worker's only user and group, its root, to the given
// ones outside.
func inNamespaces(uid, gid int) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true, Cloneflags: namespaces}
	attr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{HostID: gid, Size: 1}}
	if uid != os.Geteuid() {
		// The clone is still root outside: become the mapped id, and drop the
		// server's other groups. An unprivileged server may do neither.
		attr.GidMappingsEnableSetgroups = true
		attr.Credential = &syscall.Credential{}
	}
	return attr
}

// The user and group ids of slots: the range that systemd's table of ids
// (https://systemd.io/UIDS-GIDS) leaves unused.
const (
	firstSlotID = 0x7000_0000
	slotIDs     = 0x0ff0_0000
)

// slotID returns the user and group id of a slot of a server that is root. Ids
// come round again when a range is used up. A server that is root only in a user
// namespace (a rootless container) may not have the range above; its slots count
// down through the upper half of the largest range it has, leaving out the
// topmost, which by custom is nobody or means "no id".
func slotID(slot int) int {
	want := firstSlotID + slot%slotIDs
	f, err := os.Open("/proc/self/uid_map")
	if err != nil {
		return want
	}
	defer f.Close()
	var start, size int
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var inside, outside, count int
		if _, err := fmt.Sscan(lines.Text(), &inside, &outside, &count); err != nil {
			continue
		}
		if want >= inside && want-inside < count {
			return want
		}
		if count > size {
			start, size = inside, count
		}
	}
	if size < 8 { // too few to choose from: an id it does not have, which the kernel refuses
		return want
	}
	return start + size - 3 - slot%(size/2)
}
