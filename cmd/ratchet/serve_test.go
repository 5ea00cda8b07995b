package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// listening is the command "listening": it waits until a server has the database
// in the current folder open, and sets SERVER to where it listens.
func listening(ts *testscript.TestScript, _ bool, _ []string) {
	lock := ts.MkAbs("ratchet.db.lock")
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); time.Since(begun) < time.Minute; <-tick.C {
		text, err := os.ReadFile(lock)
		if err != nil {
			continue
		}
		if _, address, _ := strings.Cut(strings.TrimSpace(string(text)), "\n"); address != "" {
			ts.Setenv("SERVER", address)
			return
		}
	}
	ts.Fatalf("no server has opened %s", filepath.Dir(lock))
}
