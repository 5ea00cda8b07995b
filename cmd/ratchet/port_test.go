package main_test

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// freePort returns a port on which nobody listens. It lies below those that the
// system gives out by itself, of which one may belong to another test a moment
// later.
func freePort(t *testing.T) string {
	t.Helper()
	const lowest, ports, tries = 20_000, 10_000, 100
	for range tries {
		port := strconv.Itoa(lowest + rand.IntN(ports))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}
