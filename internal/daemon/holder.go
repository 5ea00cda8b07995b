package daemon

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// holder names the process that listens on the port, as " by NAME (process PID)";
// empty where that cannot be found out, as of another user's.
func holder(port int) string {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if inode := listeningSocket(table, port); inode != "" {
			if pid, name, ok := owner("socket:[" + inode + "]"); ok {
				return fmt.Sprintf(" by %s (process %d)", name, pid)
			}
		}
	}
	return ""
}

// listeningSocket looks a port up in a table of the kernel's.
func listeningSocket(table string, port int) (inode string) {
	f, err := os.Open(table)
	if err != nil {
		return ""
	}
	defer f.Close()
	const listening = "0A"
	suffix := fmt.Sprintf(":%04X", port)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 9 && fields[3] == listening && strings.HasSuffix(fields[1], suffix) {
			return fields[9]
		}
	}
	return ""
}

// owner finds the process that has the file open.
func owner(file string) (pid int, name string, found bool) {
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return 0, "", false
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || target != file {
			continue
		}
		process := filepath.Dir(filepath.Dir(link))
		pid, err := strconv.Atoi(filepath.Base(process))
		if err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join(process, "comm"))
		if err != nil {
			continue
		}
		return pid, strings.TrimSpace(string(text)), true
	}
	return 0, "", false
}
