package tasktest_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/tasktest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestTheReportIsJUnitXML(t *testing.T) {
	t.Parallel()
	ms := ratchet.Duration(time.Millisecond)
	tasks := []*tasktest.Task{
		{Path: "tasks/one", Name: "one", Tests: []*tasktest.Result{
			{File: "tests/a.json", Name: "passes", State: tasktest.Passed, Elapsed: 3 * ms, Logs: []ratchet.LogEntry{{Message: "a line\x1b[31m & <more>", Fields: []byte(`{"n":1}`)}}},
			{File: "tests/b.json", Name: `<&"'` + "\x00\n]]>", State: tasktest.Failed, Message: `want "<a>"`, Differences: []tasktest.Difference{
				{Pointer: "/a", Want: "1", Got: "2"}, {Pointer: "/t", Want: "the text with -", Got: "that with +", Lines: []string{"-<old>", "+new"}},
			}},
			{File: "tests/c.json", Name: "no mock", State: tasktest.Failed, Message: "no mock", Unanswered: []tasktest.Unanswered{{Method: "GET", URL: "https://a.test/?a=1&b=2", Closest: "line 1"}}},
			{File: "tests/d.json", Name: "throws", State: tasktest.Failed, Message: "the task failed", Expected: []byte(`{"a": 1}`), Error: ratchet.Errorf(ratchet.ReasonExecutionFailed, "Error: no")},
			{File: "tests/e.json", Name: "broken", State: tasktest.Invalid, Message: "no test", Problems: []ratchet.Detail{{File: "tests/e.json", Line: 3, Column: 4, Message: "not JSON"}}},
			{File: "tests/f.json", Name: "updated", State: tasktest.Updated},
		}},
		{Path: "tasks/two", Error: ratchet.Errorf(ratchet.ReasonTaskNotFound, "there is no task")},
	}
	var b bytes.Buffer
	if err := tasktest.JUnit(&b, tasks, 1234*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(b.Bytes())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("got no XML: %v", err)
		}
	}
	golden := filepath.Join("testdata", "junit.xml")
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("got\n%s\nwant\n%s", &b, want)
	}
}
