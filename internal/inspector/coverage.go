package inspector

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// Cover begins to count what code runs. It is called before the code is.
func (s *Session) Cover(ctx context.Context) error {
	if err := s.Call(ctx, "Profiler.enable", nil, nil); err != nil {
		return err
	}
	return s.Call(ctx, "Profiler.startPreciseCoverage", map[string]bool{"callCount": true, "detailed": true}, nil)
}

// A covered script is one of a worker, with how often its parts ran.
type covered struct {
	URL       string `json:"url"`
	Functions []struct {
		Name   string `json:"functionName"`
		Ranges []span `json:"ranges"`
	} `json:"functions"`
}

// A span of the code ran so often; those within it come after it.
type span struct {
	Start int `json:"startOffset"` // in UTF-16 units
	End   int `json:"endOffset"`
	Count int `json:"count"`
}

// Coverage tells how often each line of a task's own files ran.
type Coverage struct {
	files map[string]*FileCoverage
}

// A FileCoverage is that of one file.
type FileCoverage struct {
	File      string      // relative to the task's folder
	Lines     map[int]int // how often each line with code ran, from 1
	Functions map[string]FunctionCoverage
}

// A FunctionCoverage is how often a function was called.
type FunctionCoverage struct {
	Name  string
	Line  int
	Calls int
}

// Add counts what has run in the worker since the last time, of the bundle that it
// has.
func (c *Coverage) Add(ctx context.Context, s *Session, b *bundle.Bundle) error {
	var got struct {
		Result []covered `json:"result"`
	}
	if err := s.Call(ctx, "Profiler.takePreciseCoverage", nil, &got); err != nil {
		return err
	}
	if c.files == nil {
		c.files = map[string]*FileCoverage{}
	}
	mappings := b.SourceMap.Mappings()
	starts := lineStarts(b.Code)
	c.know(mappings)
	for _, script := range got.Result {
		if script.URL == program {
			c.add(script, mappings, starts, len(b.Code), b)
		}
	}
	return nil
}

// know notes the lines that there are, run or not.
func (c *Coverage) know(mappings []bundle.Mapping) {
	for _, m := range mappings {
		if strings.Contains(m.File, "node_modules/") {
			continue
		}
		f := c.files[m.File]
		if f == nil {
			f = &FileCoverage{File: m.File, Lines: map[int]int{}, Functions: map[string]FunctionCoverage{}}
			c.files[m.File] = f
		}
		f.Lines[m.UserLine] += 0
	}
}

func (c *Coverage) add(script covered, mappings []bundle.Mapping, starts []int, size int, b *bundle.Bundle) {
	counts := make([]int, size+1)
	var spans []span
	for _, f := range script.Functions {
		spans = append(spans, f.Ranges...)
		if f.Name != "" && len(f.Ranges) > 0 {
			c.called(f.Name, f.Ranges[0], starts, b)
		}
	}
	// The outer ones first, so that what lies within has the last word.
	slices.SortStableFunc(spans, func(x, y span) int { return cmp.Or(x.Start-y.Start, y.End-x.End) })
	for _, s := range spans {
		for i := max(s.Start, 0); i < min(s.End, len(counts)); i++ {
			counts[i] = s.Count
		}
	}
	ran := map[string]map[int]int{}
	for _, m := range mappings {
		if c.files[m.File] == nil || m.Line >= len(starts) {
			continue
		}
		if ran[m.File] == nil {
			ran[m.File] = map[int]int{}
		}
		if at := starts[m.Line] + m.Column; at < len(counts) {
			ran[m.File][m.UserLine] = max(ran[m.File][m.UserLine], counts[at])
		}
	}
	for file, lines := range ran {
		for line, n := range lines {
			c.files[file].Lines[line] += n
		}
	}
}

// called counts the calls of a function where the user wrote it.
func (c *Coverage) called(name string, whole span, starts []int, b *bundle.Bundle) {
	line, _ := slices.BinarySearch(starts, whole.Start+1)
	if line == 0 {
		return
	}
	file, userLine, _, ok := b.SourceMap.Position(line, whole.Start-starts[line-1]+1)
	f := c.files[file]
	if !ok || f == nil {
		return
	}
	key := fmt.Sprintf("%d %s", userLine, name)
	one := f.Functions[key]
	f.Functions[key] = FunctionCoverage{name, userLine, one.Calls + whole.Count}
}

// lineStarts are the offsets of lines in UTF-16 units.
func lineStarts(code []byte) []int {
	starts, at := []int{0}, 0
	for _, r := range string(code) {
		at += max(utf16.RuneLen(r), 1)
		if r == '\n' {
			starts = append(starts, at)
		}
	}
	return starts
}

// Files lists the files, by name.
func (c *Coverage) Files() (all []*FileCoverage) {
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		all = append(all, c.files[name])
	}
	return all
}

// Ran are how many lines ran, and how many there are.
func (f *FileCoverage) Ran() (ran, all int) {
	for _, n := range f.Lines {
		if n > 0 {
			ran++
		}
	}
	return ran, len(f.Lines)
}

// Called are how many functions were called, and how many there are.
func (f *FileCoverage) Called() (called, all int) {
	for _, one := range f.Functions {
		if one.Calls > 0 {
			called++
		}
	}
	return called, len(f.Functions)
}

// Missed lists the lines that did not run: "7-9, 12".
func (f *FileCoverage) Missed() string {
	var parts []string
	lines := slices.Sorted(maps.Keys(f.Lines))
	for i := 0; i < len(lines); i++ {
		if f.Lines[lines[i]] > 0 {
			continue
		}
		first := lines[i]
		for i+1 < len(lines) && f.Lines[lines[i+1]] == 0 {
			i++
		}
		if first == lines[i] {
			parts = append(parts, fmt.Sprint(first))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", first, lines[i]))
		}
	}
	return strings.Join(parts, ", ")
}

// LCOV is the record of the file in the form of lcov, path being what it is called.
func (f *FileCoverage) LCOV(path string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "TN:\nSF:%s\n", path)
	for _, key := range slices.Sorted(maps.Keys(f.Functions)) {
		one := f.Functions[key]
		fmt.Fprintf(&b, "FN:%d,%s\nFNDA:%d,%s\n", one.Line, one.Name, one.Calls, one.Name)
	}
	called, functions := f.Called()
	fmt.Fprintf(&b, "FNF:%d\nFNH:%d\n", functions, called)
	for _, line := range slices.Sorted(maps.Keys(f.Lines)) {
		fmt.Fprintf(&b, "DA:%d,%d\n", line, f.Lines[line])
	}
	ran, lines := f.Ran()
	fmt.Fprintf(&b, "LF:%d\nLH:%d\nend_of_record\n", lines, ran)
	return b.String()
}
