package typings

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
)

// A node is a JSON value whose members keep their order.
type node struct {
	kind  byte   // '{', '[', '"', '0' (a number), 't' (true), 'f' (false), 'n' (null)
	text  string // of a string: its value; of a number: its literal
	keys  []string
	items []*node // of an object: the values of keys

	base    string   // URL of the schema it stands in
	file    string   // that it stands in
	pointer []string // to it in the file
}

// parse reads a JSON text that bundle has checked.
func parse(data []byte) (*node, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return decode(dec)
}

func decode(dec *json.Decoder) (*node, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case string:
		return &node{kind: '"', text: t}, nil
	case json.Number:
		return &node{kind: '0', text: t.String()}, nil
	case bool:
		if t {
			return &node{kind: 't'}, nil
		}
		return &node{kind: 'f'}, nil
	case nil:
		return &node{kind: 'n'}, nil
	case json.Delim:
		n := &node{kind: byte(t)}
		for dec.More() {
			if t == '{' {
				key, err := dec.Token()
				if err != nil {
					return nil, err
				}
				n.keys = append(n.keys, key.(string)) // or the decoder would have failed
			}
			item, err := decode(dec)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
		_, err := dec.Token()
		return n, err
	}
	return nil, errors.New("not JSON")
}

// get returns the member's value, nil if there is none.
func (n *node) get(key string) *node {
	if n == nil || n.kind != '{' {
		return nil
	}
	for i, k := range n.keys {
		if k == key {
			return n.items[i]
		}
	}
	return nil
}

// has reports whether n has one of the members.
func (n *node) has(keys ...string) bool {
	for _, key := range keys {
		if n.get(key) != nil {
			return true
		}
	}
	return false
}

// list returns the items of the member, nil if it is no list.
func (n *node) list(key string) []*node {
	if l := n.get(key); l != nil && l.kind == '[' {
		return l.items
	}
	return nil
}

// words returns the strings of the member: itself or those in its list.
func (n *node) words(key string) []string {
	v := n.get(key)
	switch {
	case v == nil:
		return nil
	case v.kind == '"':
		return []string{v.text}
	}
	var words []string
	for _, item := range n.list(key) {
		if item.kind == '"' {
			words = append(words, item.text)
		}
	}
	return words
}

// str returns the text of the member, empty if it is none.
func (n *node) str(key string) string {
	if v := n.get(key); v != nil && v.kind == '"' {
		return v.text
	}
	return ""
}

// count returns the member's whole number, or none.
func (n *node) count(key string) (int, bool) {
	v := n.get(key)
	if v == nil || v.kind != '0' {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.text, 64)
	if err != nil || f < 0 || f > 1e6 {
		return 0, false
	}
	return int(f), true
}

// json returns the value as JSON on one line.
func (n *node) json() string {
	switch n.kind {
	case '{':
		var b bytes.Buffer
		b.WriteByte('{')
		for i, key := range n.keys {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(quote(key) + ": " + n.items[i].json())
		}
		b.WriteByte('}')
		return b.String()
	case '[':
		var b bytes.Buffer
		b.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(item.json())
		}
		b.WriteByte(']')
		return b.String()
	case '"':
		return quote(n.text)
	case '0':
		return n.text
	case 't':
		return "true"
	case 'f':
		return "false"
	}
	return "null"
}

// quote writes a string as JSON and TypeScript both have it.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always can be
	return string(bytes.TrimRight(b.Bytes(), "\n"))
}
