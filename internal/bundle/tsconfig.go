package bundle

import (
	"bytes"
	"fmt"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// ignoredConfig warns of a tsconfig.json that promises what is not kept, and
// returns the names that its "paths" give files.
func (l *loader) ignoredConfig() (aliases []string) {
	const file = "tsconfig.json"
	data, err := l.source.read(file, maxJSONFile)
	if err != nil {
		return nil
	}
	doc := readDocument(file, withoutComments(data), &findings{})
	if doc.root == nil {
		d := doc.problems[len(doc.problems)-1]
		_, _, d.Text = position(trimBOM(data), 0)
		if lines := bytes.Split(trimBOM(data), []byte("\n")); d.Line <= len(lines) {
			d.Text = clip(string(bytes.TrimRight(lines[d.Line-1], "\r")), d.Column)
		}
		d.Message = "tsconfig.json is not read, and broken: " + d.Message
		l.warn(d)
		return nil
	}
	options := doc.root.get("compilerOptions")
	if options == nil {
		return nil
	}
	for i := range options.members {
		switch m := &options.members[i]; m.key {
		case "paths":
			for _, alias := range m.value.members {
				aliases = append(aliases, alias.key)
			}
			fallthrough
		case "baseUrl", "experimentalDecorators":
			line, column, text := position(trimBOM(data), m.off)
			l.warn(ratchet.Detail{
				File: file, Line: line, Column: column, Text: text, Message: fmt.Sprintf("tsconfig.json is not read; %q has no effect", m.key),
				Expected: "relative imports, and decorators of the standard",
			})
		}
	}
	return aliases
}

// withoutComments makes JSON of what TypeScript allows in its configuration:
// comments and commas before a closing bracket become spaces.
func withoutComments(data []byte) []byte {
	out := bytes.Clone(data)
	comma := -1 // a comma with nothing after it so far
	for i := 0; i < len(out); i++ {
		switch c := out[i]; {
		case c == '"':
			for i++; i < len(out) && out[i] != '"' && out[i] != '\n'; i++ {
				if out[i] == '\\' {
					i++
				}
			}
			comma = -1
		case c == '/' && i+1 < len(out) && (out[i+1] == '/' || out[i+1] == '*'):
			end := bytes.IndexByte(out[i:], '\n')
			if out[i+1] == '*' {
				if end = bytes.Index(out[i+2:], []byte("*/")); end >= 0 {
					end += 4
				}
			}
			if end < 0 {
				end = len(out) - i
			}
			for ; end > 0; i, end = i+1, end-1 {
				if out[i] != '\n' {
					out[i] = ' '
				}
			}
			i--
		case c == ',':
			comma = i
		case c == '}' || c == ']':
			if comma >= 0 {
				out[comma] = ' '
			}
			comma = -1
		case c != ' ' && c != '\t' && c != '\n' && c != '\r':
			comma = -1
		}
	}
	return out
}
