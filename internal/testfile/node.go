package testfile

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A node is a JSON value and where it stands.
type node struct {
	kind       byte // the value's first character; '0' for a number
	start, end int
	text       string // of a string: its value; of a number: its literal
	members    []member
	items      []node
}

type member struct {
	key   string
	start int // of the key
	value node
}

// get returns the value of the key that is last, as encoding/json does; its kind
// is 0 if there is none.
func (n node) get(key string) node {
	for i := len(n.members) - 1; i >= 0; i-- {
		if n.members[i].key == key {
			return n.members[i].value
		}
	}
	return node{start: n.start, end: n.start}
}

// missing reports whether there is no value, or null.
func (n node) missing() bool { return n.kind == 0 || n.kind == 'n' }

// describe shows a value in a message.
func (n node) describe() string {
	switch n.kind {
	case '"':
		return "the string " + shorten(strconv.Quote(n.text))
	case '0':
		return shorten(n.text)
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't':
		return "true"
	case 'f':
		return "false"
	default:
		return "null"
	}
}

func shorten(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// parse reads a text that is known to be JSON.
func parse(data []byte) node {
	p := parser{data: data}
	return p.value()
}

type parser struct {
	data []byte
	off  int
}

// next skips what stands between values and returns the character after it.
func (p *parser) next() byte {
	for strings.IndexByte(" \t\r\n,:", p.data[p.off]) >= 0 {
		p.off++
	}
	return p.data[p.off]
}

func (p *parser) value() node {
	n := node{kind: p.next(), start: p.off}
	switch n.kind {
	case '{':
		for p.off++; p.next() != '}'; {
			m := member{start: p.off}
			m.key = p.str()
			m.value = p.value()
			n.members = append(n.members, m)
		}
		p.off++
	case '[':
		for p.off++; p.next() != ']'; {
			n.items = append(n.items, p.value())
		}
		p.off++
	case '"':
		n.text = p.str()
	default:
		for p.off < len(p.data) && strings.IndexByte(" \t\r\n,:]}", p.data[p.off]) < 0 {
			p.off++
		}
		if n.kind == '-' || n.kind >= '0' && n.kind <= '9' {
			n.kind, n.text = '0', string(p.data[n.start:p.off])
		}
	}
	n.end = p.off
	return n
}

func (p *parser) str() string {
	start := p.off
	for p.off++; p.data[p.off] != '"'; p.off++ {
		if p.data[p.off] == '\\' {
			p.off++
		}
	}
	p.off++
	var s string
	_ = json.Unmarshal(p.data[start:p.off], &s) // it is known to be JSON
	return s
}

// position returns line and column, both from 1, the column in characters, and
// the text of that line.
func position(data []byte, off int) (line, column int, text string) {
	off = min(max(off, 0), len(data))
	before := string(data[:off])
	start := strings.LastIndexByte(before, '\n') + 1
	end := len(data)
	if i := strings.IndexByte(string(data[off:]), '\n'); i >= 0 {
		end = off + i
	}
	text = strings.TrimRight(string(data[start:end]), "\r")
	if len(text) > 400 {
		text = strings.ToValidUTF8(text[:400], "") + "…"
	}
	return strings.Count(before, "\n") + 1, utf8.RuneCount(data[start:off]) + 1, text
}
