package inspector

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// interval is the time between two looks at where the task is, microseconds: what
// Node's own --cpu-prof takes.
const interval = 1000

// Profile begins to measure where the time goes.
func (s *Session) Profile(ctx context.Context) error {
	if err := s.Call(ctx, "Profiler.enable", nil, nil); err != nil {
		return err
	}
	if err := s.Call(ctx, "Profiler.setSamplingInterval", map[string]int{"interval": interval}, nil); err != nil {
		return err
	}
	return s.Call(ctx, "Profiler.start", nil, nil)
}

// A Position is the place in a user's file of a place in the code that runs, both
// counted from 1; see bundle.SourceMap.
type Position func(line, column int) (file string, userLine, userColumn int, ok bool)

// A cpuProfile is as the protocol has it, and files of the ending .cpuprofile.
type cpuProfile struct {
	Nodes []struct {
		ID            int        `json:"id"`
		CallFrame     callFrame  `json:"callFrame"`
		HitCount      int        `json:"hitCount"`
		Children      []int      `json:"children,omitempty"`
		PositionTicks []lineTick `json:"positionTicks,omitempty"`
		DeoptReason   string     `json:"deoptReason,omitempty"`
	} `json:"nodes"`
	StartTime  int64   `json:"startTime"`
	EndTime    int64   `json:"endTime"`
	Samples    []int   `json:"samples"`
	TimeDeltas []int64 `json:"timeDeltas"`
}

type callFrame struct {
	FunctionName string `json:"functionName"`
	ScriptID     string `json:"scriptId"`
	URL          string `json:"url"`
	Line         int    `json:"lineNumber"` // from 0
	Column       int    `json:"columnNumber"`
}

type lineTick struct {
	Line  int `json:"line"` // from 1
	Ticks int `json:"ticks"`
}

// program is what the task's code is called inside the worker.
const program = "task.js"

// EndProfile returns what was measured, with the places in the user's own files,
// as a .cpuprofile file. url names a file as debuggers do.
func (s *Session) EndProfile(ctx context.Context, position Position, url func(file string) string) ([]byte, error) {
	var got struct {
		Profile cpuProfile `json:"profile"`
	}
	if err := s.Call(ctx, "Profiler.stop", nil, &got); err != nil {
		return nil, err
	}
	p := &got.Profile
	for i := range p.Nodes {
		n := &p.Nodes[i]
		if n.CallFrame.URL != program {
			n.PositionTicks = nil
			n.CallFrame.hide()
			continue
		}
		file, line, column, ok := position(n.CallFrame.Line+1, n.CallFrame.Column+1)
		if !ok {
			continue
		}
		n.CallFrame.URL, n.CallFrame.Line, n.CallFrame.Column = url(file), line-1, column-1
		n.PositionTicks = mapped(n.PositionTicks, file, position)
	}
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode profile: %w", err)
	}
	return text, nil
}

// hide gives what is the worker's own a name that says so.
func (c *callFrame) hide() {
	if strings.HasPrefix(c.URL, "ratchet:") || strings.HasPrefix(c.URL, "[") {
		c.FunctionName = "(ratchet)"
	}
}

// mapped are the ticks on lines of the user's file.
func mapped(ticks []lineTick, file string, position Position) (all []lineTick) {
	byLine := map[int]int{}
	for _, t := range ticks {
		for column := 1; column < 200; column += 4 { // somewhere on the line is a place that is known
			if f, line, _, ok := position(t.Line, column); ok && f == file {
				byLine[line] += t.Ticks
				break
			}
		}
	}
	for line, n := range byLine {
		all = append(all, lineTick{line, n})
	}
	return all
}
