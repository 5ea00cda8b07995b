package tasktest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go/internal/tasktest"
)

func TestWhatDiffers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 50)
	for _, c := range []struct {
		want, got string
		lines     []string
	}{
		{`{"sum": 15, "list": [1, null, true]}`, `{"list":[1.0,null,true],"sum":1.5e1}`, nil},
		{`0`, `-0`, nil},
		{`9007199254740993`, `9007199254740992`, nil}, // one double
		{`1e999`, `1e999`, nil},
		{`{"sum": 15}`, `{"sum":16}`, []string{"/sum: want 15, got 16"}},
		{`15`, `"15"`, []string{`the whole: want 15, got "15"`}},
		{`null`, `{}`, []string{"the whole: want null, got {}"}},
		{`true`, `false`, []string{"the whole: want true, got false"}},
		{`[]`, `{}`, []string{"the whole: want [], got {}"}},
		{`{"a": 1, "a/~b": null}`, `{"c":"<"}`, []string{"/a: want 1, got nothing", "/a~1~0b: want null, got nothing", `/c: want nothing, got "<"`}},
		{`[1, [2, 3]]`, `[1,[2],4]`, []string{"/1/1: want 3, got nothing", "/2: want nothing, got 4"}},
		{`{"a": "short"}`, `{"a":"shirt"}`, []string{`/a: want "short", got "shirt"`}},
		{`"` + long + `e rest"`, `"` + long + `ê rest"`, []string{`the whole: want "…` + long[:16] + `e rest" from character 51, got "…` + long[:16] + `ê rest"`}},
		{`"` + long + strings.Repeat("x", 200) + `"`, `[]`, []string{`the whole: want "` + long + strings.Repeat("x", 19) + "…, got []"}},
		{`nonsense`, `1`, []string{"the whole: want nonsense, got 1"}},
	} {
		var got []string
		for _, d := range tasktest.Diff(json.RawMessage(c.want), json.RawMessage(c.got)) {
			got = append(got, d.String())
		}
		if diff := cmp.Diff(c.lines, got); diff != "" {
			t.Errorf("%s and %s: want -, got +:\n%s", c.want, c.got, diff)
		}
	}
}

func TestLongTextsAreComparedLineByLine(t *testing.T) {
	t.Parallel()
	var want, got []string
	for i := range 30 {
		line := fmt.Sprint("line ", i)
		want = append(want, line)
		switch i {
		case 10:
			got = append(got, "another", line)
		case 12:
		case 25:
			got = append(got, "LINE 25")
		default:
			got = append(got, line)
		}
	}
	text := func(lines []string) json.RawMessage {
		b, err := json.Marshal(map[string]string{"t": strings.Join(lines, "\n")})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	found := tasktest.Diff(text(want), text(got))
	if len(found) != 1 || found[0].Pointer != "/t" {
		t.Fatalf("got %+v, want one difference, of /t", found)
	}
	lines := []string{
		"@@ -8,9 +8,9 @@", " line 7", " line 8", " line 9", "+another", " line 10", " line 11", "-line 12", " line 13", " line 14", " line 15",
		"@@ -23,7 +23,7 @@", " line 22", " line 23", " line 24", "-line 25", "+LINE 25", " line 26", " line 27", " line 28",
	}
	if diff := cmp.Diff(lines, found[0].Lines); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestADiffIsBounded(t *testing.T) {
	t.Parallel()
	many := "[" + strings.TrimSuffix(strings.Repeat("1,", 5000), ",") + "]"
	if n := len(tasktest.Diff(json.RawMessage(many), json.RawMessage("[]"))); n != 100 {
		t.Errorf("got %d differences, want 100", n)
	}
	text := func(line string) json.RawMessage {
		return json.RawMessage(`"` + strings.Repeat(line+`\n`, 20000) + `"`)
	}
	if lines := tasktest.Diff(text("a"), text("b"))[0].Lines; len(lines) != 101 || lines[100] != "…" {
		t.Errorf("got %d lines, want 100 and that there are more", len(lines))
	}
}
