package js

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

func reserve(n uintptr) ([]byte, error) {
	p, err := windows.VirtualAlloc(0, n, windows.MEM_RESERVE, windows.PAGE_NOACCESS)
	if err != nil {
		return nil, err
	}
	return bytesAt(p, n), nil
}

func commit(b []byte) error {
	_, err := windows.VirtualAlloc(uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), windows.MEM_COMMIT, windows.PAGE_READWRITE)
	return err
}

func discard(b []byte) { clear(b) }

func release(b []byte) {
	_ = windows.VirtualFree(uintptr(unsafe.Pointer(&b[0])), 0, windows.MEM_RELEASE) // nothing can be done
}
