package tasktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
)

// A Difference is one place in which two JSON texts differ.
type Difference struct {
	Pointer string `json:"pointer"`
	Want    string `json:"want"` // as JSON, cut short; "nothing" if the place should not be there
	Got     string `json:"got"`
	// Lines is the difference of two long texts as a unified diff: '-' is before
	// what was wanted, '+' before what came.
	Lines []string `json:"lines,omitempty"`
}

// String writes the difference on one line.
func (d Difference) String() string {
	at := d.Pointer
	if at == "" {
		at = "the whole"
	}
	return fmt.Sprintf("%s: want %s, got %s", at, d.Want, d.Got)
}

// maxDifferences bounds what is told of two texts.
const maxDifferences = 100

// nothing is the value of what is not there.
const nothing = "nothing"

// Diff returns in what got is not want, both JSON. Numbers are compared by the
// value they have in JavaScript, objects whatever the order of their keys.
func Diff(want, got json.RawMessage) []Difference {
	d := differ{}
	w, wok := decode(want)
	g, gok := decode(got)
	if !wok || !gok {
		if !bytes.Equal(want, got) {
			d.note("", clip(string(want)), clip(string(got)))
		}
		return d.found
	}
	d.diff("", w, g)
	return d.found
}

func decode(text json.RawMessage) (v any, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	err := dec.Decode(&v)
	return v, err == nil
}

type differ struct{ found []Difference }

func (d *differ) note(pointer, want, got string) *Difference {
	if len(d.found) >= maxDifferences {
		return &Difference{}
	}
	d.found = append(d.found, Difference{Pointer: pointer, Want: want, Got: got})
	return &d.found[len(d.found)-1]
}

func (d *differ) diff(pointer string, want, got any) {
	switch w := want.(type) {
	case map[string]any:
		if g, ok := got.(map[string]any); ok {
			d.objects(pointer, w, g)
			return
		}
	case []any:
		if g, ok := got.([]any); ok {
			d.arrays(pointer, w, g)
			return
		}
	case json.Number:
		if g, ok := got.(json.Number); ok && sameNumber(w, g) {
			return
		}
	case string:
		if g, ok := got.(string); ok {
			if w != g {
				d.texts(pointer, w, g)
			}
			return
		}
	default: // booleans and null
		if want == got {
			return
		}
	}
	d.note(pointer, show(want), show(got))
}

func (d *differ) objects(pointer string, want, got map[string]any) {
	keys := maps.Clone(want)
	maps.Copy(keys, got)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		at := pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
		w, wanted := want[key]
		g, there := got[key]
		switch {
		case !there:
			d.note(at, show(w), nothing)
		case !wanted:
			d.note(at, nothing, show(g))
		default:
			d.diff(at, w, g)
		}
	}
}

func (d *differ) arrays(pointer string, want, got []any) {
	for i := range max(len(want), len(got)) {
		at := pointer + "/" + strconv.Itoa(i)
		switch {
		case i >= len(got):
			d.note(at, show(want[i]), nothing)
		case i >= len(want):
			d.note(at, nothing, show(got[i]))
		default:
			d.diff(at, want[i], got[i])
		}
	}
}

// sameNumber compares as JavaScript would, which has doubles only.
func sameNumber(a, b json.Number) bool {
	x, errX := a.Float64()
	y, errY := b.Float64()
	if errX != nil || errY != nil {
		return a == b
	}
	return x == y
}

// texts notes two strings: of long ones the lines, or the part, that differ.
func (d *differ) texts(pointer, want, got string) {
	const long = 60
	switch {
	case strings.Contains(want, "\n") && strings.Contains(got, "\n") && len(want)+len(got) > long:
		note := d.note(pointer, "the text with -", "that with +")
		note.Lines = unified(want, got)
	case len(want) > long && len(got) > long:
		w, g, at := excerpt(want, got)
		d.note(pointer, fmt.Sprintf("%s from character %d", w, at+1), g)
	default:
		d.note(pointer, show(want), show(got))
	}
}

// excerpt shows two long texts from shortly before where they begin to differ.
func excerpt(want, got string) (w, g string, at int) {
	i := 0
	for i < len(want) && i < len(got) && want[i] == got[i] {
		i++
	}
	for i > 0 && !(utf8.RuneStart(want[min(i, len(want)-1)]) && utf8.RuneStart(got[min(i, len(got)-1)])) {
		i--
	}
	at = utf8.RuneCountInString(want[:i])
	from := max(0, i-15)
	for from > 0 && !utf8.RuneStart(want[from]) {
		from--
	}
	cut := func(s string) string {
		lead := ""
		if from > 0 {
			lead = "…"
		}
		return clip(strconv.Quote(lead + s[from:]))
	}
	return cut(want), cut(got), at
}

// show writes a value as JSON, cut short.
func show(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return clip(strings.TrimRight(b.String(), "\n"))
}

// clip keeps a text fit for a line.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// maxLines bounds the lines of one difference.
const maxLines = 100

// unified writes how one text became the other, as a unified diff without names.
func unified(want, got string) []string {
	text := string(diff.Diff("want", []byte(want+"\n"), "got", []byte(got+"\n")))
	var lines []string
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		switch {
		case i < 3: // the names
		case len(lines) == maxLines:
			return append(lines, "…")
		default:
			lines = append(lines, clip(line))
		}
	}
	return lines
}
