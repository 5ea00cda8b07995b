package bundle

import (
	"strings"
)

// A Mapping leads from a place in the code, both counted from 0, columns in UTF-16
// units, to a line of a user's file, counted from 1.
type Mapping struct {
	Line, Column int
	File         string
	UserLine     int
}

// Mappings lists all that the map knows, in the order of the code. Of code that is
// the entry file's own they are its lines with something on them.
func (m *SourceMap) Mappings() (all []Mapping) {
	f, err := m.file()
	if err != nil {
		return nil
	}
	if m.data == nil {
		line := 0
		for text := range strings.Lines(m.text) {
			line++
			bare := strings.TrimSpace(text)
			if bare == "" || strings.HasPrefix(bare, "//") || strings.HasPrefix(bare, "/*") || strings.HasPrefix(bare, "*") {
				continue
			}
			all = append(all, Mapping{line - 1, strings.Index(text, bare), m.entry, line})
		}
		return all
	}
	var source, userLine int
	for line, segments := range strings.Split(f.Mappings, ";") {
		column := 0
		for segment := range strings.SplitSeq(segments, ",") {
			fields := vlq(segment)
			if len(fields) > 0 {
				column += fields[0]
			}
			if len(fields) < 4 {
				continue
			}
			source += fields[1]
			userLine += fields[2]
			if source >= 0 && source < len(f.Sources) {
				all = append(all, Mapping{line, column, f.Sources[source], userLine + 1})
			}
		}
	}
	return all
}

// vlq reads the numbers of a segment of a source map, version 3.
func vlq(segment string) (fields []int) {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	value, shift := 0, 0
	for _, r := range segment {
		digit := strings.IndexRune(digits, r)
		if digit < 0 || shift > 30 {
			return nil
		}
		value |= (digit & 31) << shift
		if shift += 5; digit&32 != 0 {
			continue
		}
		if value&1 != 0 {
			value = -value
		}
		fields = append(fields, value>>1)
		if value < 0 {
			fields[len(fields)-1] = -(-value >> 1)
		}
		value, shift = 0, 0
	}
	return fields
}
