package config

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// SchemaURL is where Schema can be had.
const SchemaURL = "https://raw.githubusercontent.com/ratchet-runner/ratchet-go/main/docs/config.schema.json"

// Schema is the JSON Schema of the file, for editors.
func Schema() json.RawMessage {
	c := Default()
	t := c.tree()
	root := t.schema()
	root.Schema, root.ID, root.Title = "http://json-schema.org/draft-07/schema#", SchemaURL, "Configuration of ratchet serve"
	for i, s := range sections() {
		root.Properties.list[i].schema.Description = s.Doc
	}
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // it is made of texts and numbers
	}
	return append(out, '\n')
}

// A schema is as much of JSON Schema as there is need of.
type schema struct {
	Schema      string          `json:"$schema,omitempty"`
	ID          string          `json:"$id,omitempty"`
	Title       string          `json:"title,omitempty"`
	Description string          `json:"description,omitempty"`
	Type        []string        `json:"type,omitempty"`
	Default     json.RawMessage `json:"default,omitempty"`
	Enum        []string        `json:"enum,omitempty"`
	Minimum     *int            `json:"minimum,omitempty"`
	Maximum     *int            `json:"maximum,omitempty"`
	Items       *schema         `json:"items,omitempty"`
	Properties  *properties     `json:"properties,omitempty"`
	Additional  *bool           `json:"additionalProperties,omitempty"`
}

// properties keep their order.
type properties struct{ list []property }

type property struct {
	name   string
	schema *schema
}

// MarshalJSON writes the properties in order.
func (p *properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, entry := range p.list {
		if i > 0 {
			b.WriteByte(',')
		}
		text, err := json.Marshal(entry.schema)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%q:%s", entry.name, text)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (t *tree) schema() *schema {
	if t.leaf != nil {
		return t.leaf.schema()
	}
	no := false
	s := &schema{Type: []string{"object", "null"}, Properties: &properties{}, Additional: &no}
	for _, c := range t.below {
		s.Properties.list = append(s.Properties.list, property{c.name, c.schema()})
	}
	return s
}

func (k Key) schema() *schema {
	s := &schema{Description: k.Doc, Default: k.JSON(k.Default)}
	switch k.Kind {
	case KindNumber:
		s.Type, s.Minimum, s.Maximum = []string{"integer", "null"}, &k.Least, &k.Most
	case KindBool:
		s.Type = []string{"boolean", "null"}
	case KindDuration, KindSize:
		s.Type = []string{"string", "number", "null"}
	case KindList:
		s.Type, s.Items = []string{"array", "null"}, &schema{Type: []string{"string", "number"}}
	case KindJSON:
		s.Type, s.Items = []string{"array", "null"}, &schema{Type: []string{"object"}}
	case KindWord:
		s.Enum = k.Words
	default:
		s.Type = []string{"string", "null"}
	}
	return s
}
