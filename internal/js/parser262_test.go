package js

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheEngineParsesWhatTheStandardAllows compiles the tests of the npm package
// test262-parser-tests, which `npm ci` puts into testdata/test262-parser.
func TestTheEngineParsesWhatTheStandardAllows(t *testing.T) {
	t.Parallel()
	const dir = "testdata/test262-parser/node_modules/test262-parser-tests"
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the tests are not installed (npm ci --prefix internal/js/testdata/test262-parser): %v", err)
	}
	e := New(Config{})
	defer e.Close()
	failures := map[string]string{}
	ran := 0
	for set, valid := range map[string]bool{"pass": true, "pass-explicit": true, "fail": false, "early": false} {
		files, err := filepath.Glob(filepath.Join(dir, set, "*.js"))
		if err != nil || len(files) == 0 {
			t.Fatalf("got no files of %s, %v", set, err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			kind := Script
			if strings.HasSuffix(file, ".module.js") {
				kind = Module
			}
			ran++
			name := set + "/" + filepath.Base(file)
			_, err = e.Compile("test.js", source, kind)
			exception, _ := errors.AsType[*Exception](err)
			if exception != nil && strings.HasPrefix(exception.Message, "could not load module") {
				err = nil // parsed, and then looked for what it imports, which a bundle holds
			}
			switch {
			case valid && err != nil:
				failures[name] = err.Error()
			case !valid && err == nil:
				failures[name] = "was taken, and is no program"
			case !valid && (exception == nil || exception.Name != "SyntaxError"):
				failures[name] = "got " + err.Error() + ", want a SyntaxError"
			}
		}
	}
	t.Logf("%d of %d pass", ran-len(failures), ran)
	compareFailures(t, "testdata/test262-parser/known-failures.txt", failures)
}
