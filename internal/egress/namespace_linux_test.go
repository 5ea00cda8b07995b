package egress_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"unsafe"
)

const inNamespace = "RATCHET_EGRESS_TEST_NAMESPACE"

// reexecInNamespace runs the test binary again in new user and network
// namespaces and returns its exit code. Inside, it makes the network and returns
// done == false.
func reexecInNamespace() (code int, done bool) {
	if os.Getenv(inNamespace) != "" {
		if err := everyAddressIsLocal(); err != nil {
			noNamespace = err.Error()
			return 0, false
		}
		noNamespace = ""
		return 0, false
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// A proxy in the environment must change nothing.
	cmd.Env = append(os.Environ(), inNamespace+"=1", "HTTP_PROXY=http://10.0.0.5:3128", "http_proxy=http://10.0.0.5:3128", "https_proxy=http://10.0.0.5:3128")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	if err := cmd.Start(); err != nil {
		noNamespace = fmt.Sprintf("user and network namespaces are not available here: %v", err)
		return 0, false
	}
	if err := cmd.Wait(); err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() > 0 {
			return exit.ExitCode(), true
		}
		fmt.Fprintln(os.Stderr, "egress: test process:", err)
		return 1, true
	}
	return 0, true
}

// everyAddressIsLocal brings lo up and routes every IPv4 and IPv6 address to it,
// so that a listener on all addresses is a listener on each.
func everyAddressIsLocal() error {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	defer syscall.Close(fd)
	const lo = 1
	up := syscall.IfInfomsg{Index: lo, Flags: syscall.IFF_UP, Change: syscall.IFF_UP}
	if err := netlink(fd, syscall.RTM_NEWLINK, 0, (*[syscall.SizeofIfInfomsg]byte)(unsafe.Pointer(&up))[:]); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	for _, family := range []uint8{syscall.AF_INET, syscall.AF_INET6} {
		route := syscall.RtMsg{
			Family: family, Table: syscall.RT_TABLE_LOCAL, Protocol: syscall.RTPROT_BOOT,
			Scope: syscall.RT_SCOPE_HOST, Type: syscall.RTN_LOCAL,
		}
		msg := append([]byte(nil), (*[syscall.SizeofRtMsg]byte)(unsafe.Pointer(&route))[:]...)
		msg = binary.NativeEndian.AppendUint16(msg, 8) // length of the attribute
		msg = binary.NativeEndian.AppendUint16(msg, syscall.RTA_OIF)
		msg = binary.NativeEndian.AppendUint32(msg, lo)
		if err := netlink(fd, syscall.RTM_NEWROUTE, syscall.NLM_F_CREATE, msg); err != nil {
			return fmt.Errorf("route every address to lo: %w", err)
		}
	}
	return nil
}

// netlink sends one request and waits for its acknowledgement.
func netlink(fd int, kind, flags uint16, payload []byte) error {
	h := syscall.NlMsghdr{
		Len: uint32(syscall.NLMSG_HDRLEN + len(payload)), Type: kind,
		Flags: syscall.NLM_F_REQUEST | syscall.NLM_F_ACK | flags, Seq: 1,
	}
	msg := append((*[syscall.SizeofNlMsghdr]byte)(unsafe.Pointer(&h))[:], payload...)
	if err := syscall.Sendto(fd, msg, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return err
	}
	buf := make([]byte, 8192)
	n, _, err := syscall.Recvfrom(fd, buf, 0)
	if err != nil {
		return err
	}
	replies, err := syscall.ParseNetlinkMessage(buf[:n])
	if err != nil {
		return err
	}
	for _, r := range replies {
		if r.Header.Type == syscall.NLMSG_ERROR {
			if code := int32(binary.NativeEndian.Uint32(r.Data)); code != 0 {
				return syscall.Errno(-code)
			}
		}
	}
	return nil
}
