//go:build !noserver

package destination_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/destination"
)

func sel(t *testing.T, output, expression string) (string, error) {
	t.Helper()
	d := ratchet.Destination{Type: "webhook", URL: "https://x/", Select: expression}
	if wrong := destination.Check(&d, destination.Where{}); len(wrong) > 0 {
		return "", fmt.Errorf("at submit: %s", wrong[0].Message)
	}
	raw, err := event(d, func(d *ratchet.DueDelivery) { d.Job.Output = json.RawMessage(output) }).Select(t.Context(), expression)
	return string(raw), err
}

func TestSelectIsJQ(t *testing.T) {
	t.Parallel()
	output := `{"items":[{"n":2,"name":"b","tags":["x"]},{"n":1,"name":"a","tags":[]}],"big":12345678901234567890,"s":"Hello World","secret":"x"}`
	for expression, want := range map[string]string{
		".output.big":         "12345678901234567890",
		".output.nope.nope":   "null",
		"[.output.items[].n]": "[2,1]",
		"{t: .task_name, total: ([.output.items[].n] | add)}":             `{"t":"report","total":3}`,
		".output.items | map(select(.n > 1)) | length":                    "1",
		".output.items | sort_by(.n) | map(.name) | join(\",\")":          `"a,b"`,
		".output.items | group_by(.n) | map({n: .[0].n, c: length})":      `[{"c":1,"n":1},{"c":1,"n":2}]`,
		".output.items | max_by(.n).name":                                 `"b"`,
		".output | del(.items, .secret) | keys":                           `["big","s"]`,
		".output.items |= map(.n) | .output.items":                        "[2,1]",
		".output.items[0].n += 5 | .output.items[0].n":                    "refused",
		".output | to_entries | map(.key)":                                `["big","items","s","secret"]`,
		".output | with_entries(select(.value | type == \"string\"))":     `{"s":"Hello World","secret":"x"}`,
		"\"\\(.task_name): \\(.output.items | length) items\"":            `"report: 2 items"`,
		".output.s | ascii_downcase | gsub(\" \"; \"-\")":                 `"hello-world"`,
		".output.s | test(\"^Hello\")":                                    "true",
		".output.items as [$a, $b] | $a.n * 10 - $b.n":                    "19",
		"reduce .output.items[] as {n: $n} (0; . + $n)":                   "3",
		"if .status == \"completed\" then \"ok\" else .error.message end": `"ok"`,
		".error.message // \"none\"":                                      `"none"`,
		".output.items | contains([{name: \"a\"}])":                       "true",
		"[.output.items[] | .tags[]?] - [\"y\"]":                          `["x"]`,
		"{a: 1} * {b: {c: 2}}":                                            `{"a":1,"b":{"c":2}}`,
		".output.s | @base64":                                             `"SGVsbG8gV29ybGQ="`,
		"[.. | numbers] | length > 3":                                     "true",
		"try error(\"x\") catch .":                                        `"x"`,
		".output | [limit(1; .items[])] | first | .name":                  `"b"`,
		".tags | index(\"team=billing\")":                                 "0",
	} {
		got, err := sel(t, output, expression)
		if want == "refused" {
			if err == nil {
				t.Errorf("%s was taken", expression)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", expression, got, err, want)
		}
	}
}

// TestSelectIsBounded has expressions of a submitter that would take the server's
// memory or time.
func TestSelectIsBounded(t *testing.T) {
	list := "[" + strings.TrimSuffix(strings.Repeat(`"abcdefgh",`, 20_000), ",") + "]"
	doubled := strings.Repeat("[.,.]|", 60)
	for _, expression := range []string{
		`"x" * 1000000000`,
		`[range(100000000)]`,
		`def f: [f]; f`,
		`repeat(1)`,
		`last(recurse([.,.]))`,
		`until(false; .)`,
		`reduce .output[] as $x ("x"; . + .)`,
		`reduce .output[] as $x (3; . * .)`,
		`reduce .output[] as $x ([1]; [.,.]) | tojson`,
		`reduce .output[] as $x (1; [.])`,
		doubled + `tojson`,
		doubled + `. == .`,
		doubled + `.[0][0]`,
		strings.Repeat(". as $x | [$x,$x] | ", 40) + "length",
		`"x"|` + strings.Repeat(".+.|", 100) + "length",
		`"` + strings.Repeat(`\(.)`, 21) + `"`,
		`.output as $o | .output | map($o) | add`,
		`.output as $o | .output | sort_by($o) | length`,
		`.output as $o | .output | map($o | join("x" + ($o | join(""))))`,
		`.output | join(.[0:5000] | join(""))`,
		`.output as $o | [$o[] | $o[]] | length`,
		`.output - [.output[] | . + "x"]`,
		`.output | contains([.[] | . + "x"])`,
		`.output | .[[.[] | . + "x"]]`,
		`.output[100000000] = 1`,
		`.output | .[100000000] |= 1`,
		`setpath([100000000]; 1)`,
		`.output[] as $i | $i`,
		`.output as $o | .output | map(sub("a"; $o | join(""))) | length`,
		`.output | join("") | gsub(""; "0123456789012345678901234567890123456789") | length`,
		`[.output[] | .] | combinations`,
		`input`, `inputs`, `env`, `$ENV`, `now`, `halt`, `input_filename`, `debug`, `getpath(["a"])`, `import "a" as a; .`, `include "a"; .`, `splits("a")`, `walk(.)`, `label $x | break $x`,
		`strftime("%1000000000Y")`, `ltrimstr`, `.. = 1`, `empty`, `1, 2`, `.output[0]x`, `(`, `@nope`, `ratchet_bound`,
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		began := time.Now()
		got, err := sel(t, list, expression)
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: was taken, and gave %.60s", expression, got)
		}
		if took > 20*time.Second {
			t.Errorf("%s: took %s (%v)", expression, took, err)
		}
		if grown := (after.HeapSys - before.HeapSys) >> 20; after.HeapSys > before.HeapSys && grown > 300 {
			t.Errorf("%s: took %d MB (%v)", expression, grown, err)
		}
	}
}

func FuzzSelect(f *testing.F) {
	for _, seed := range []string{".output", `"\(.a)"`, ".a |= map(.b)", "del(.a, .b)", "reduce .[] as [$a] (0; .+$a)", ". as {a: $x} ?// [$x] | $x", `{"a\(1)": 2, @base64 "x\(.)": 3}`, "-(.a)", ".[1:2]", "try .a catch .b", "foreach .[] as $x (0; 1; 2)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		d := ratchet.Destination{Type: "webhook", URL: "https://x/", Select: expression}
		if len(destination.Check(&d, destination.Where{})) > 0 {
			return
		}
		began := time.Now()
		_, _ = event(d).Select(t.Context(), expression)
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("took %s", took)
		}
	})
}
