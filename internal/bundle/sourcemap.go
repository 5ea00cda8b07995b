package bundle

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	"github.com/go-sourcemap/sourcemap"
)

// A SourceMap leads from a place in a bundle's code to the place in the user's
// own file. It is read on first use; the zero SourceMap leads nowhere.
type SourceMap struct {
	entry string
	text  string // of the entry file
	data  []byte // source map version 3, nil if the code is the entry file's own

	// A bare function was put in parentheses: what stands on this line of the
	// entry file after this column stands one column to the right.
	shiftLine, shiftColumn int

	load     sync.Once
	consumer *sourcemap.Consumer
}

// Position returns the place in the user's file for a place in the code. Lines
// and columns count from 1, columns in UTF-16 units as JavaScript has them.
func (m *SourceMap) Position(line, column int) (file string, userLine, userColumn int, ok bool) {
	if m == nil || line < 1 || m.entry == "" {
		return "", 0, 0, false
	}
	file, userLine, userColumn = m.entry, line, column
	if m.data != nil {
		m.load.Do(func() { m.consumer, _ = sourcemap.Parse("", m.data) })
		if m.consumer == nil {
			return "", 0, 0, false
		}
		file, _, userLine, userColumn, ok = m.consumer.Source(line, max(column-1, 0))
		if !ok || userLine < 1 {
			return "", 0, 0, false
		}
		userColumn++
	} else if line > strings.Count(m.text, "\n")+1 {
		return "", 0, 0, false
	}
	if file == m.entry && userLine == m.shiftLine && userColumn > m.shiftColumn {
		userColumn--
	}
	return file, userLine, userColumn, true
}

// Line returns the text of a line of one of the user's files, counted from 1, ""
// if it is not known. It is whole, unless nobody wrote it by hand.
func (m *SourceMap) Line(file string, line int) string {
	if m == nil || line < 1 {
		return ""
	}
	text := m.text
	if file != m.entry {
		m.Position(1, 1) // loads
		if m.consumer == nil {
			return ""
		}
		text = m.consumer.SourceContent(file)
	}
	for i := 1; ; i++ {
		this, rest, more := strings.Cut(text, "\n")
		if i == line {
			return firstOf(strings.TrimRight(this, "\r"))
		}
		if !more {
			return ""
		}
		text = rest
	}
}

// A mapFile is a source map as a file has it.
type mapFile struct {
	Version        int      `json:"version"`
	Sources        []string `json:"sources"`
	SourcesContent []string `json:"sourcesContent,omitempty"`
	Names          []string `json:"names"`
	Mappings       string   `json:"mappings"`
}

// file is the map as it came, or, where the code is the entry file's own, one that
// leads each line to itself.
func (m *SourceMap) file() (f mapFile, err error) {
	if m.data != nil {
		err = json.Unmarshal(m.data, &f)
		return f, err
	}
	lines := strings.Count(m.text, "\n")
	return mapFile{
		Version: 3, Sources: []string{m.entry}, SourcesContent: []string{m.text}, Names: []string{},
		Mappings: "AAAA" + strings.Repeat(";AACA", lines),
	}, nil
}

// Inline returns what leads a debugger from the code, at whose end it is put, to
// the user's files below root.
func (m *SourceMap) Inline(root string) ([]byte, error) {
	f, err := m.file()
	if err != nil {
		return nil, fmt.Errorf("read source map: %w", err)
	}
	for i, source := range f.Sources {
		if root != "" {
			f.Sources[i] = FileURL(filepath.Join(root, filepath.FromSlash(source)))
		}
	}
	text, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("write source map: %w", err)
	}
	return []byte("\n//# sourceMappingURL=data:application/json;charset=utf-8;base64," + base64.StdEncoding.EncodeToString(text) + "\n"), nil
}

// FileURL is what debuggers call a file.
func FileURL(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") { // a drive
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}
