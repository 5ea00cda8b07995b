package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/ratchet-runner/ratchet-go"
)

// A file is a YAML document being read.
type file struct {
	*loader
	name  string
	lines []string
	seen  map[string]int // line of each key
}

func (l *loader) readFile(name string, data []byte) {
	f := &file{loader: l, name: name, lines: strings.Split(string(data), "\n"), seen: map[string]int{}}
	var root yaml.Node
	if err := yaml.Load(data, &root); err != nil {
		if strings.Contains(err.Error(), "no documents in stream") {
			return
		}
		f.unreadable(err)
		return
	}
	if len(root.Content) > 0 {
		f.mapping("", root.Content[0])
	}
}

// unreadable says in our words what the parser says.
func (f *file) unreadable(err error) {
	place, what := ratchet.Detail{File: f.name}, err.Error()
	where := regexp.MustCompile(`\bat L(\d+)\.C(\d+): (.*)$`) // here, so that workers do not pay for it
	if m := where.FindStringSubmatch(what); m != nil {
		place.Line, _ = strconv.Atoi(m[1])
		place.Column, _ = strconv.Atoi(m[2])
		what = m[3]
		f.text(&place)
	} else if several, ok := errors.AsType[*yaml.LoadErrors](err); ok && len(several.Errors) > 0 {
		what = strings.TrimPrefix(several.Errors[0].Message, "yaml: ")
	}
	f.problem(place, "this is not YAML: %s", what)
}

// at is the place of a node.
func (f *file) at(n *yaml.Node) ratchet.Detail {
	place := ratchet.Detail{File: f.name, Line: n.Line, Column: n.Column}
	f.text(&place)
	return place
}

func (f *file) text(place *ratchet.Detail) {
	if place.Line > 0 && place.Line <= len(f.lines) {
		place.Text = strings.TrimRight(f.lines[place.Line-1], "\r")
	}
}

// mapping reads what stands below a prefix of keys: "" or "server.".
func (f *file) mapping(prefix string, n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case isNull(n):
		return
	case n.Kind != yaml.MappingNode:
		what := "the file"
		if prefix != "" {
			what = strings.TrimSuffix(prefix, ".")
		}
		f.problem(f.at(n), "%s: want keys with values, got %s", what, kindOf(n))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		f.entry(prefix, n.Content[i], n.Content[i+1])
	}
}

// entry reads one key of a mapping.
func (f *file) entry(prefix string, k, v *yaml.Node) {
	if k.Kind != yaml.ScalarNode || k.Tag == "!!merge" {
		f.problem(f.at(k), "want a plain key, got %s", kindOf(k))
		return
	}
	name := prefix + k.Value
	if first, twice := f.seen[name]; twice {
		f.problem(f.at(k), "%s stands here again: it is on line %d", name, first)
		return
	}
	f.seen[name] = k.Line
	if i := slices.IndexFunc(f.keys, func(key Key) bool { return key.Name == name }); i >= 0 {
		f.value(f.keys[i], v)
		return
	}
	if old, ok := oldKey(name); ok {
		f.old(old, k, v)
		return
	}
	if f.isPrefix(name + ".") {
		f.mapping(name+".", v)
		return
	}
	f.problem(f.at(k), "there is no key %q%s", name, didYouMean(name, f.words(), prefix))
}

// words are all keys, and the groups that hold them.
func (f *file) words() []string {
	all := names(f.keys)
	for _, k := range f.keys {
		for i, r := range k.Name {
			if group := k.Name[:i]; r == '.' && !slices.Contains(all, group) {
				all = append(all, group)
			}
		}
	}
	return all
}

func (f *file) isPrefix(prefix string) bool {
	below := func(name string) bool { return strings.HasPrefix(name, prefix) }
	return slices.ContainsFunc(names(f.keys), below) ||
		slices.ContainsFunc(oldKeys(), func(o old) bool { return below(o.name) })
}

func (f *file) value(k Key, v *yaml.Node) {
	if k.Kind == KindJSON && !isNull(v) {
		f.nested(k, v, f.name)
		return
	}
	if text, ok := f.scalar(k, v); ok {
		f.assign(assignment{key: k.Name, text: text, from: fmt.Sprintf("%s:%d", f.name, v.Line), place: f.at(v)})
	}
}

// nested reads a value that has a form of its own. What is wrong with a part of it
// is told where that stands.
func (f *file) nested(k Key, v *yaml.Node, from string) {
	var plain any
	if err := v.Decode(&plain); err != nil {
		f.problem(f.at(v), "%s: want %s, got %s", k.Name, k.Wants, kindOf(v))
		return
	}
	text, err := json.Marshal(plain)
	if err != nil {
		f.problem(f.at(v), "%s: want %s: %v", k.Name, k.Wants, err)
		return
	}
	f.assign(assignment{key: k.Name, text: string(text), from: fmt.Sprintf("%s:%d", from, v.Line), place: f.at(v), part: func(pointer string) ratchet.Detail {
		return f.at(nodeAt(v, pointer))
	}})
}

// nodeAt finds what a JSON pointer leads to, or what is nearest above it.
func nodeAt(n *yaml.Node, pointer string) *yaml.Node {
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		var next *yaml.Node
		switch n.Kind {
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(n.Content) {
				next = n.Content[i]
			}
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == token {
					next = n.Content[i+1]
				}
			}
		default:
		}
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

// scalar returns a value as text; ok is false if there is none.
func (f *file) scalar(k Key, v *yaml.Node) (text string, ok bool) {
	if v.Kind == yaml.AliasNode {
		v = v.Alias
	}
	switch {
	case isNull(v):
		return "", false
	case v.Kind == yaml.ScalarNode:
		return v.Value, true
	case v.Kind == yaml.SequenceNode && k.Kind == KindList:
		var items []string
		for _, item := range v.Content {
			if item.Kind != yaml.ScalarNode || strings.Contains(item.Value, ",") {
				f.problem(f.at(item), "%s: want %s, got %s", k.Name, k.Wants, kindOf(item))
				return "", false
			}
			items = append(items, item.Value)
		}
		return strings.Join(items, ","), true
	}
	f.problem(f.at(v), "%s: want %s, got %s", k.Name, k.Wants, kindOf(v))
	return "", false
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys with values"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	default:
		return strconv.Quote(n.Value)
	}
}
