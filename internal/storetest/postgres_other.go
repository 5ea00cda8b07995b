//go:build !linux

package storetest

import "testing"

// Postgres skips the test: a server of the tests must end with them whatever
// ends them, which only Linux sees to.
func Postgres(t testing.TB) string {
	t.Helper()
	t.Skip("PostgreSQL is tested on Linux only")
	return ""
}

func stopServers() {}
