package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// A Value is a key and its value, as it may be shown: secrets are masked.
type Value struct {
	Key
	Text string
}

// Values lists all keys with their values, in the order of the file.
func (c *Config) Values() []Value {
	var all []Value
	for _, s := range c.settings() {
		all = append(all, Value{s.Key, s.shown()})
	}
	return all
}

// masked stands for what is not shown.
const masked = "********"

func maskAll(value string) string {
	if value == "" {
		return ""
	}
	return masked
}

// maskPassword hides the password of a URL.
func maskPassword(value string) string {
	if !strings.Contains(value, "://") {
		return value
	}
	u, err := url.Parse(value)
	if err != nil {
		return masked
	}
	if _, has := u.User.Password(); has {
		u.User = url.UserPassword(u.User.Username(), masked)
	}
	if query := u.Query(); query.Has("password") {
		query.Set("password", masked)
		u.RawQuery = query.Encode()
	}
	return strings.ReplaceAll(u.String(), url.QueryEscape(masked), masked)
}

// JSON is the values as the file nests them, secrets masked.
func (c *Config) JSON() json.RawMessage {
	t := c.tree()
	var b bytes.Buffer
	t.json(&b)
	return b.Bytes()
}

// A tree is the keys as the file nests them.
type tree struct {
	name  string
	leaf  *Value // nil for a group
	below []*tree
}

func (c *Config) tree() *tree {
	root := &tree{}
	for _, v := range c.Values() {
		at := root
		for part := range strings.SplitSeq(v.Name, ".") {
			at = at.child(part)
		}
		at.leaf = &v
	}
	return root
}

func (t *tree) child(name string) *tree {
	for _, c := range t.below {
		if c.name == name {
			return c
		}
	}
	c := &tree{name: name}
	t.below = append(t.below, c)
	return c
}

func (t *tree) json(b *bytes.Buffer) {
	if t.leaf != nil {
		b.Write(t.leaf.JSON(t.leaf.Text))
		return
	}
	b.WriteByte('{')
	for i, c := range t.below {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, "%q:", c.name)
		c.json(b)
	}
	b.WriteByte('}')
}

// YAML is the file that gives these values, secrets masked. note, if there is
// one, gives a comment for the end of a key's line.
func (c *Config) YAML(note func(Key) string) string {
	var b strings.Builder
	c.tree().yaml(&b, -1, func(b *strings.Builder, k Key, indent, line string) {
		b.WriteString(indent + line)
		if note != nil {
			if text := note(k); text != "" {
				b.WriteString(" # " + text)
			}
		}
		b.WriteString("\n")
	})
	return b.String()
}

func (t *tree) yaml(b *strings.Builder, depth int, leaf func(b *strings.Builder, k Key, indent, line string)) {
	indent := strings.Repeat("  ", max(depth, 0))
	if t.leaf != nil {
		leaf(b, t.leaf.Key, indent, t.name+": "+yamlValue(t.leaf.Key, t.leaf.Text))
		return
	}
	if t.name != "" {
		b.WriteString(indent + t.name + ":\n")
	}
	for _, c := range t.below {
		c.yaml(b, depth+1, leaf)
	}
}

// yamlValue writes a value as a person would.
func yamlValue(k Key, text string) string {
	switch k.Kind {
	case KindDuration, KindSize, KindWord:
		return text
	case KindList:
		return strings.ReplaceAll(string(k.JSON(text)), `","`, `", "`)
	default:
		return string(k.JSON(text))
	}
}
