package executor

import (
	"fmt"
	"strconv"
	"strings"
)

// maxFrames bounds a stack trace that is shown.
const maxFrames = 32

// stack leads the engine's stack trace back to the user's own files, and leaves
// out the frames that are Ratchet's.
func (r *run) stack(text string) string {
	var b strings.Builder
	frames := 0
	for line := range strings.Lines(text) {
		f, ok := parseFrame(strings.TrimSpace(line))
		if !ok || strings.HasPrefix(f.file, "ratchet:") || f.file == "native" && frames == 0 {
			continue
		}
		if frames++; frames > maxFrames {
			b.WriteString("    at …\n")
			break
		}
		if f.file == programFile {
			if f = r.place(f); f.file == programFile {
				continue // the bundler's own code
			}
		}
		b.WriteString("    at " + f.String() + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// mapped leads the stack traces in a text back to the user's own files.
func (r *run) mapped(text string) string {
	if !strings.Contains(text, programFile+":") && !strings.Contains(text, "ratchet:") {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		f, ok := parseFrame(strings.TrimSpace(line))
		switch {
		case !ok || f.line == 0:
			b.WriteString(line)
		case f.file == programFile:
			b.WriteString(indent + "at " + r.place(f).String() + "\n")
		case !strings.HasPrefix(f.file, "ratchet:"):
			b.WriteString(line)
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// place is the user's own place of a frame of the program.
func (r *run) place(f frame) frame {
	if file, line, column, ok := r.req.Bundle.SourceMap.Position(f.line, f.column); ok {
		f.file, f.line, f.column = file, line, column
	}
	return f
}

// A frame is one line of a stack trace.
type frame struct {
	function     string
	file         string
	line, column int // 0 where there is none
}

func (f frame) String() string {
	place := f.file
	if f.line > 0 {
		place += fmt.Sprintf(":%d:%d", f.line, f.column)
	}
	if f.function == "" {
		return place
	}
	return f.function + " (" + place + ")"
}

// parseFrame reads "at f (file:line:column)", "at file:line:column" or
// "at f (native)".
func parseFrame(s string) (f frame, ok bool) {
	s, ok = strings.CutPrefix(s, "at ")
	if !ok {
		return frame{}, false
	}
	place := s
	if i := strings.LastIndex(s, " ("); i >= 0 && strings.HasSuffix(s, ")") {
		f.function, place = s[:i], s[i+2:len(s)-1]
	}
	f.file = place
	rest, column, ok := cutNumber(place)
	if !ok {
		return f, true
	}
	if file, line, ok := cutNumber(rest); ok {
		f.file, f.line, f.column = file, line, column
	}
	return f, true
}

// cutNumber splits "x:12" into "x" and 12.
func cutNumber(s string) (rest string, n int, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, 0, false
	}
	n, err := strconv.Atoi(s[i+1:])
	return s[:i], n, err == nil
}

// topFrame returns the place of the first frame in the user's own files.
func topFrame(stack string) (file string, line, column int, ok bool) {
	for text := range strings.Lines(stack) {
		if f, ok := parseFrame(strings.TrimSpace(text)); ok && f.line > 0 {
			return f.file, f.line, f.column, true
		}
	}
	return "", 0, 0, false
}
