package destination

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/ratchet-runner/ratchet-go"
)

// format writes a value as the destination wants it.
func (e *Event) format(value json.RawMessage) (body *Body, err error) {
	spec := &e.due.Spec
	body = &Body{}
	switch spec.Format {
	case ratchet.FormatYAML:
		body.ContentType = "application/yaml"
		body.Data, err = asYAML(value)
	case ratchet.FormatCSV:
		body.ContentType = "text/csv; charset=utf-8"
		body.Data, body.Head, err = asCSV(value)
	case ratchet.FormatRaw:
		body.ContentType = "text/plain; charset=utf-8"
		body.Data = []byte(plain(value))
	default:
		body.ContentType = "application/json"
		body.Data, err = asJSON(value, spec)
	}
	if err == nil && len(body.Data) > maxBody && len(body.Data) > 2*len(value) {
		err = tooLarge(len(body.Data))
	}
	if spec.ContentType != "" {
		body.ContentType = spec.ContentType
	}
	return body, err
}

// asJSON is the value on one line, or, in a file that asks for no other form,
// indented.
func asJSON(value json.RawMessage, spec *ratchet.Destination) ([]byte, error) {
	var b bytes.Buffer
	if spec.Type != ratchet.DestinationFile || spec.Format == ratchet.FormatCompact || spec.IfExists == ratchet.FileAppend {
		err := json.Compact(&b, value)
		if spec.Type == ratchet.DestinationFile {
			b.WriteByte('\n')
		}
		return b.Bytes(), err
	}
	err := json.Indent(&b, value, "", "  ")
	b.WriteByte('\n')
	return b.Bytes(), err
}

// A member is one of a JSON object's, in the order in which it stands there.
type member struct {
	key   string
	value json.RawMessage
}

// members are those of an object; ok is false if raw is no object.
func members(raw json.RawMessage) (all []member, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	for dec.More() {
		var m member
		t, err := dec.Token()
		if err != nil || dec.Decode(&m.value) != nil {
			return nil, false
		}
		m.key, _ = t.(string)
		all = append(all, m)
	}
	return all, true
}

// items are those of an array; ok is false if raw is no array.
func items(raw json.RawMessage) (all []json.RawMessage, ok bool) {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '[' {
		return nil, false
	}
	return all, json.Unmarshal(raw, &all) == nil
}

// maxNesting is how deep a value may be that is written as YAML.
const maxNesting = 200

// asYAML writes a value with its members in their order.
func asYAML(value json.RawMessage) ([]byte, error) {
	node, err := yamlNode(value, maxNesting)
	if err != nil {
		return nil, err
	}
	text, err := yaml.Marshal(node)
	if err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return text, nil
}

func yamlNode(raw json.RawMessage, depth int) (*yaml.Node, error) {
	if depth == 0 {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "the value is nested more than %d deep, which is too much for YAML: use the format json", maxNesting)
	}
	if all, ok := members(raw); ok {
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, m := range all {
			v, err := yamlNode(m.value, depth-1)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: m.key}, v)
		}
		return n, nil
	}
	if all, ok := items(raw); ok {
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, item := range all {
			v, err := yamlNode(item, depth-1)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, v)
		}
		return n, nil
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: strings.TrimSpace(plain(raw))}
	switch text := bytes.TrimSpace(raw); {
	case len(text) > 0 && text[0] == '"':
		n.Tag, n.Value = "!!str", plain(text)
	case string(text) == "null":
		n.Tag = "!!null"
	case string(text) == "true", string(text) == "false":
		n.Tag = "!!bool"
	case bytes.ContainsAny(text, ".eE"):
		n.Tag = "!!float"
	default:
		n.Tag = "!!int"
	}
	return n, nil
}

// asCSV writes an array of objects as a line of their members' names and one of
// values each, an object likewise, and an array of arrays as it is. head is the
// length of the line of names.
func asCSV(value json.RawMessage) (text []byte, head int, err error) {
	rows, isArray := items(value)
	if !isArray {
		rows = []json.RawMessage{value}
	}
	var columns []string
	var objects [][]member
	for _, row := range rows {
		if all, ok := members(row); ok {
			objects = append(objects, all)
			for _, m := range all {
				if !slices.Contains(columns, m.key) {
					columns = append(columns, m.key)
				}
			}
			if len(columns) > maxColumns {
				return nil, 0, ratchet.Errorf(ratchet.ReasonValidation, "the objects have more than %d different members, which is too much for CSV", maxColumns)
			}
		}
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	switch len(objects) {
	case len(rows):
		if len(rows) > 0 {
			head, err = writeObjects(&b, w, columns, objects)
		}
	case 0:
		err = writeArrays(w, rows)
	default:
		err = notCSV()
	}
	w.Flush()
	return b.Bytes(), head, errors.Join(err, w.Error())
}

const maxColumns = 1000

func notCSV() error {
	return ratchet.Errorf(ratchet.ReasonValidation, `the value cannot be written as CSV: it takes an object, an array of objects or an array of arrays, such as what "select": ".output" gives`)
}

func writeObjects(b *bytes.Buffer, w *csv.Writer, columns []string, objects [][]member) (head int, err error) {
	if err := w.Write(columns); err != nil {
		return 0, fmt.Errorf("write CSV: %w", err)
	}
	w.Flush()
	head = b.Len()
	for _, o := range objects {
		line := make([]string, len(columns))
		for _, m := range o {
			line[slices.Index(columns, m.key)] = cell(m.value)
		}
		if err := w.Write(line); err != nil {
			return 0, fmt.Errorf("write CSV: %w", err)
		}
	}
	return head, nil
}

func writeArrays(w *csv.Writer, rows []json.RawMessage) error {
	for _, row := range rows {
		cells, ok := items(row)
		if !ok {
			return notCSV()
		}
		line := make([]string, len(cells))
		for i, c := range cells {
			line[i] = cell(c)
		}
		if err := w.Write(line); err != nil {
			return fmt.Errorf("write CSV: %w", err)
		}
	}
	return nil
}

// cell is a value in CSV: nothing for null, a text as it is, else compact JSON.
func cell(raw json.RawMessage) string {
	if raw = bytes.TrimSpace(raw); string(raw) == "null" {
		return ""
	}
	if text := plain(raw); raw[0] == '"' {
		return text
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

// oneValue reads JSON texts of which there must be exactly one.
func oneValue(dec *json.Decoder, into any) error {
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("it goes on after its end")
	}
	return nil
}
