package js

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
)

// compareFailures holds the tests that fail against those which the file names,
// one a line. A new failure fails the test; so does one that is cured, until it
// is removed from the file, so that the file can only shrink. With
// RATCHET_KNOWN_FAILURES=write the file is written anew.
func compareFailures(t *testing.T, file string, failures map[string]string) {
	t.Helper()
	known, err := readList(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if os.Getenv("RATCHET_KNOWN_FAILURES") == "write" {
		var b strings.Builder
		b.WriteString("# Tests that the engine is known to fail. The list may only shrink.\n")
		for _, name := range sortedKeys(failures) {
			b.WriteString(name + "\n")
		}
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, name := range sortedKeys(failures) {
		if !slices.Contains(known, name) {
			t.Errorf("%s: %s", name, failures[name])
		}
	}
	for _, name := range known {
		if _, ok := failures[name]; !ok {
			t.Errorf("%s no longer fails or no longer runs: remove it from %s", name, file)
		}
	}
}

// readList returns the lines of a file that are neither empty nor comments.
func readList(file string) (lines []string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		if line := strings.TrimSpace(s.Text()); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines, s.Err()
}

func sortedKeys(m map[string]string) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
