package storetest

import (
	"os"
	"testing"
)

// Main runs the tests of a package that uses Postgres, stops the server if one
// was started, and exits. It is for TestMain.
func Main(m *testing.M) {
	code := m.Run()
	stopServers()
	os.Exit(code)
}

// Stop stops the server if one was started, for a TestMain that cannot be Main.
func Stop() { stopServers() }
