package ratchet_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go"
)

// statesPage returns what docs/states.md says below a heading, up to the next.
func statesPage(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	_, below, found := strings.Cut(string(text), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("docs/states.md has no heading %q", heading)
	}
	section, _, _ := strings.Cut(below, "\n## ")
	return section
}

// arrows returns the arrows of a drawing between two states, and the states that
// one leads from and to the outside.
func arrows(drawing string) (between, starts, ends []string) {
	for _, m := range regexp.MustCompile(`(?m)^\s*(\S+) --> ([^\s:]+)`).FindAllStringSubmatch(drawing, -1) {
		switch {
		case m[1] == "[*]":
			starts = append(starts, m[2])
		case m[2] == "[*]":
			ends = append(ends, m[1])
		default:
			between = append(between, m[1]+" → "+m[2])
		}
	}
	slices.Sort(between)
	slices.Sort(ends)
	return between, starts, ends
}

// The drawings have each arrow of the code once, and no other.
func TestTheStatesAreDrawnAsTheyAre(t *testing.T) {
	t.Parallel()
	testDrawing(t, "Jobs", ratchet.JobStates(), "scheduled", "queued", "completed")
	testDrawing(t, "Executions", ratchet.ExecutionStates(), "pending", "running")
}

func testDrawing[S life[S]](t *testing.T, heading string, states []S, first ...string) {
	t.Helper()
	between, starts, ends := arrows(statesPage(t, heading))
	want := transitions(states)
	slices.Sort(want)
	if diff := cmp.Diff(want, between); diff != "" {
		t.Errorf("%s: the drawing of docs/states.md differs from the code (-code +drawing):\n%s", heading, diff)
	}
	if !slices.Equal(starts, first) {
		t.Errorf("%s: the drawing begins in %v, want %v", heading, starts, first)
	}
	var terminal []string
	for _, s := range states {
		if s.Terminal() {
			terminal = append(terminal, string(s))
		}
	}
	slices.Sort(terminal)
	if !slices.Equal(ends, terminal) {
		t.Errorf("%s: the drawing ends in %v, want %v", heading, ends, terminal)
	}
}

func TestTheStatusOfEachStateIsDocumented(t *testing.T) {
	t.Parallel()
	var got, want []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| `(\\w+)` \\|").FindAllStringSubmatch(statesPage(t, "Jobs"), -1) {
		got = append(got, m[1]+" is "+m[2])
	}
	for _, s := range ratchet.JobStates() {
		want = append(want, string(s)+" is "+string(s.Status()))
		if !slices.Contains(ratchet.JobStatuses(), s.Status()) {
			t.Errorf("the state %s has the status %s, which is none", s, s.Status())
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/states.md differs from the code (-code +page):\n%s", diff)
	}
}
