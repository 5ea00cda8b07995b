package bundle

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// maxDetails bounds what is told about one task.
const maxDetails = 100

// findings gathers all that is wrong with a task, so that it is told at once.
type findings struct {
	problems []ratchet.Detail
	warnings []ratchet.Detail
	reasons  []ratchet.Reason // of the problems, one each
}

func (f *findings) problem(reason ratchet.Reason, details ...ratchet.Detail) {
	for _, d := range details {
		f.problems = append(f.problems, d)
		f.reasons = append(f.reasons, reason)
	}
}

func (f *findings) warn(details ...ratchet.Detail) { f.warnings = append(f.warnings, details...) }

// full reports that nothing more needs to be told.
func (f *findings) full() bool { return len(f.problems) >= maxDetails || len(f.warnings) >= maxDetails }

// err returns the problems as one Error, nil if there are none. Its reason is
// theirs if they agree, else that the task breaks rules. A file of an archive is
// of no use without the archive's name.
func (f *findings) err(what string, archive bool) error {
	if len(f.problems) == 0 {
		return nil
	}
	reason := f.reasons[0]
	if slices.ContainsFunc(f.reasons, func(r ratchet.Reason) bool { return r != reason }) {
		reason = ratchet.ReasonTaskValidation
	}
	message := Line(f.problems[0])
	switch n := len(f.problems); {
	case n > 1:
		message = fmt.Sprintf("%s has %d problems; the first: %s", what, n, message)
	case archive:
		message = what + ": " + message
	}
	return ratchet.Errorf(reason, "%s", message).WithDetails(f.problems...)
}

// Line writes a detail as one line: "main.js:3:7: what is wrong".
func Line(d ratchet.Detail) string {
	var b strings.Builder
	if d.File != "" {
		b.WriteString(d.File)
		if d.Line > 0 {
			fmt.Fprintf(&b, ":%d", d.Line)
			if d.Column > 0 {
				fmt.Fprintf(&b, ":%d", d.Column)
			}
		}
		b.WriteString(": ")
	}
	if d.Pointer != "" {
		b.WriteString(d.Pointer + ": ")
	}
	b.WriteString(d.Message)
	if d.Expected != "" {
		b.WriteString(", expected " + d.Expected)
	}
	if d.Got != "" {
		b.WriteString(", got " + d.Got)
	}
	return b.String()
}

// A document is a JSON file of the task.
type document struct {
	file string
	data []byte
	root *jsonNode
	*findings
}

// readDocument parses data; root is nil if it cannot be read.
func readDocument(file string, data []byte, f *findings) *document {
	data = trimBOM(data)
	root, errs := parseJSON(data)
	d := &document{file: file, data: data, root: root, findings: f}
	for _, e := range errs {
		detail := d.detail(e.off, e.pointer, e.detail.Message)
		detail.Expected, detail.Got = e.detail.Expected, e.detail.Got
		f.problem(ratchet.ReasonTaskValidation, detail)
	}
	return d
}

// trimBOM drops the byte order mark that some editors write.
func trimBOM(data []byte) []byte {
	if len(data) >= 3 && data[0] == 0xEF && data[1] == 0xBB && data[2] == 0xBF {
		return data[3:]
	}
	return data
}

func (d *document) detail(off int, pointer, message string) ratchet.Detail {
	line, column, text := position(d.data, off)
	return ratchet.Detail{File: d.file, Line: line, Column: column, Pointer: pointer, Message: message, Text: text}
}

// wrong reports a problem with the value n at the pointer.
func (d *document) wrong(n *jsonNode, pointer, message, expected, got string) {
	if len(d.problems) >= maxDetails {
		return
	}
	detail := d.detail(n.off, pointer, message)
	detail.Expected, detail.Got = expected, got
	d.problem(ratchet.ReasonTaskValidation, detail)
}

// describe shows a value in a message.
func (n *jsonNode) describe() string {
	switch n.kind {
	case jsonString:
		return "the string " + shorten(strconv.Quote(n.text))
	case jsonNumber, jsonBool:
		return shorten(n.text)
	case jsonArray:
		return "an array"
	case jsonObject:
		return "an object"
	default:
		return "null"
	}
}

// shorten keeps a value fit for a message.
func shorten(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// nearest returns the word that got was likely meant to be, "" if none is near.
func nearest(got string, words []string) string {
	best, bestDistance := "", 1+max(1, len(got)/3)
	for _, word := range words {
		if d := editDistance(strings.ToLower(got), strings.ToLower(word), bestDistance); d < bestDistance {
			best, bestDistance = word, d
		}
	}
	return best
}

// editDistance counts the letters to insert, remove, change or swap with their
// neighbour, and stops counting at limit (Damerau and Levenshtein).
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit || len(a) > 100 {
		return limit
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
