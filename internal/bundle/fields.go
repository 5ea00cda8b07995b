package bundle

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// fieldReader reads the value n found at the pointer.
type fieldReader func(n *jsonNode, pointer string)

// object reads the members of n that are known and warns of the others.
func (d *document) object(n *jsonNode, pointer string, known map[string]fieldReader) {
	if n.kind != jsonObject {
		d.wrong(n, pointer, lastToken(pointer)+" has the wrong type", "an object", n.describe())
		return
	}
	for i := range n.members {
		m := &n.members[i]
		at := pointer + "/" + escapePointer(m.key)
		read, ok := known[m.key]
		switch {
		case ok && m.value.kind == jsonNull: // as if it were not there
		case ok:
			read(&m.value, at)
		case strings.HasPrefix(m.key, "$") || strings.HasPrefix(m.key, "x-"): // for editors and other programs
		case d.full():
			return
		default:
			told := d.detail(m.off, at, fmt.Sprintf("the key %q is not known and has no effect", m.key))
			if near := nearest(m.key, slices.Sorted(maps.Keys(known))); near != "" {
				told.Message += fmt.Sprintf("; did you mean %q?", near)
				told.Expected = near
			}
			d.warn(told)
		}
	}
}

func (d *document) text(into *string) fieldReader {
	return func(n *jsonNode, pointer string) {
		if n.kind != jsonString {
			d.wrong(n, pointer, lastToken(pointer)+" has the wrong type", "a string", n.describe())
			return
		}
		*into = strings.TrimSpace(n.text)
	}
}

func (d *document) texts(into *[]string) fieldReader {
	return func(n *jsonNode, pointer string) {
		if n.kind != jsonArray {
			d.wrong(n, pointer, lastToken(pointer)+" has the wrong type", "an array of strings", n.describe())
			return
		}
		list := make([]string, 0, len(n.items))
		for i := range n.items {
			if item := &n.items[i]; item.kind != jsonString {
				d.wrong(item, fmt.Sprintf("%s/%d", pointer, i), "an item of "+lastToken(pointer)+" has the wrong type", "a string", item.describe())
			} else {
				list = append(list, item.text)
			}
		}
		*into = list
	}
}

// decoded reads a value that knows its own JSON form, and is more than nothing.
func (d *document) decoded(into json.Unmarshaler, expected string) fieldReader {
	return func(n *jsonNode, pointer string) {
		raw, err := json.Marshal(n.value())
		if err == nil {
			err = into.UnmarshalJSON(raw)
		}
		if err != nil || n.kind == jsonNumber && (strings.Trim(n.text, "0.eE+-") == "") {
			d.wrong(n, pointer, lastToken(pointer)+" cannot be read", expected+", more than 0", n.describe())
		}
	}
}

func (d *document) number(into *float64) fieldReader {
	return func(n *jsonNode, pointer string) {
		if n.kind != jsonNumber {
			d.wrong(n, pointer, lastToken(pointer)+" has the wrong type", "a number", n.describe())
			return
		}
		*into, _ = json.Number(n.text).Float64()
	}
}

func (d *document) count(into *int, least, most int) fieldReader {
	return func(n *jsonNode, pointer string) {
		i, err := json.Number(n.text).Int64()
		if n.kind != jsonNumber || err != nil || i < int64(least) || i > int64(most) {
			d.wrong(n, pointer, lastToken(pointer)+" is out of bounds", fmt.Sprintf("a whole number from %d to %d", least, most), n.describe())
			return
		}
		*into = int(i)
	}
}

func word[S ~string](d *document, into *S, want ...S) fieldReader {
	return func(n *jsonNode, pointer string) {
		if n.kind == jsonString && slices.Contains(want, S(n.text)) {
			*into = S(n.text)
			return
		}
		words := make([]string, len(want))
		for i, w := range want {
			words[i] = `"` + string(w) + `"`
		}
		d.wrong(n, pointer, lastToken(pointer)+" is not known", strings.Join(words, " or "), n.describe())
	}
}

func lastToken(pointer string) string { return pointer[strings.LastIndexByte(pointer, '/')+1:] }
