//go:build cgo && linux

package sandbox

// A binary built with cgo (package net brings it in wherever a C compiler is
// found) has threads that Go cannot reach, so the layers that belong to a thread
// must be up before there is a second one. A C constructor runs then, before the
// Go runtime. It acts only in a process whose arguments are those of a worker,
// and does what emptyRoot, dropCapabilities, noNewPrivs and landlock do.

/*
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

enum { OOM_SCORE, ROOT, CAPABILITIES, NO_NEW_PRIVS, LANDLOCK, LAYERS };

// 0: not tried, 1: up, below 0: the error number, negated
static int result[LAYERS];

static const char *step = ""; // of empty_root, the last one tried

int ratchet_early(int layer) { return result[layer]; }

const char *ratchet_step(void) { return step; }

static int outcome(int status) { return status < 0 ? -errno : 1; }

static int oom_score(void) {
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0) return -1;
	int status = write(fd, "1000", 4) == 4 ? 0 : -1, saved = errno;
	close(fd);
	errno = saved;
	return status;
}

static int empty_root(void) {
	unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
	step = "make mounts private";
	if (mount("", "/", "", MS_REC | MS_PRIVATE, "") < 0) return -1;
	step = "mount tmpfs";
	if (mount("none", "/proc", "tmpfs", flags, "size=4k,nr_inodes=2,mode=555") < 0) return -1;
	step = "chdir";
	if (chdir("/proc") < 0) return -1;
	step = "pivot_root";
	if (syscall(SYS_pivot_root, ".", ".") < 0) return -1;
	step = "unmount the old root";
	if (umount2(".", MNT_DETACH) < 0) return -1;
	step = "chdir /";
	return chdir("/");
}

static int drop_capabilities(void) {
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2];
	memset(none, 0, sizeof none);
	return syscall(SYS_capset, &header, none);
}

// The rights are those of landlockRights.
static int landlock(void) {
	long abi = syscall(SYS_landlock_create_ruleset, 0, 0, 1);
	if (abi < 0) return -1;
	struct { uint64_t fs, net, scoped; } attr = {0x1fff, 0, 0};
	if (abi >= 2) attr.fs |= 1 << 13;
	if (abi >= 3) attr.fs |= 1 << 14;
	if (abi >= 4) attr.net |= 3;
	if (abi >= 5) attr.fs |= 1 << 15;
	if (abi >= 6) attr.scoped |= 3;
	if (abi >= 9) attr.fs |= 1 << 16;
	if (abi >= 10) attr.net |= 12;
	int fd = syscall(SYS_landlock_create_ruleset, &attr, abi < 4 ? 8 : abi < 6 ? 16 : 24, 0);
	if (fd < 0) return -1;
	int status = syscall(SYS_landlock_restrict_self, fd, 0), saved = errno;
	close(fd);
	errno = saved;
	return status;
}

// word reports whether the argument, words with commas between, holds this one.
static int word(const char *arg, const char *want) {
	size_t n = strlen(want);
	for (const char *p = arg; p; p = strchr(p, ',')) {
		if (*p == ',') p++;
		if (!strncmp(p, want, n) && (p[n] == ',' || !p[n])) return 1;
	}
	return 0;
}

__attribute__((constructor)) static void ratchet_confine(void) {
	char line[4096];
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	if (fd < 0) return;
	ssize_t n = read(fd, line, sizeof line - 1);
	close(fd);
	if (n <= 0) return;
	line[n] = 0;
	// The program, "worker", and the argument that Options.Arg made.
	char *name = line + strlen(line) + 1;
	if (name >= line + n || strcmp(name, "worker")) return;
	char *arg = name + strlen(name) + 1;
	if (arg >= line + n || arg + strlen(arg) + 1 < line + n) return;
	if (!word(arg, "strict") && !word(arg, "insecure")) return;
	if (word(arg, "program")) return; // only the thread that executes it outlives that

	if (!word(arg, "-oom-score")) result[OOM_SCORE] = outcome(oom_score());
	if (!word(arg, "-empty-root") && word(arg, "+namespaces") && getpid() == 1) result[ROOT] = outcome(empty_root());
	if (!word(arg, "-capabilities")) result[CAPABILITIES] = outcome(drop_capabilities());
	if (!word(arg, "-no-new-privs")) result[NO_NEW_PRIVS] = outcome(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (!word(arg, "-landlock")) result[LANDLOCK] = outcome(landlock());
}
*/
import "C"

import (
	"fmt"
	"syscall"
)

// early tells what became of a layer before the Go runtime started; done is
// false where that has still to be done.
func early(l Layer) (done bool, err error) {
	index := map[Layer]C.int{
		LayerOOMScore: C.OOM_SCORE, LayerRoot: C.ROOT, LayerCapabilities: C.CAPABILITIES,
		LayerNoNewPrivs: C.NO_NEW_PRIVS, LayerLandlock: C.LANDLOCK,
	}
	i, ok := index[l]
	if !ok {
		return false, nil
	}
	switch status := C.ratchet_early(i); {
	case status > 0:
		return true, nil
	case status < 0 && l == LayerRoot:
		return true, fmt.Errorf("%s: %w", C.GoString(C.ratchet_step()), syscall.Errno(-status))
	case status < 0:
		return true, syscall.Errno(-status)
	}
	return false, nil
}
