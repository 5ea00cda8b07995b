package bundle

import (
	"encoding/json"
	"io/fs"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// ParseSchema compiles a schema that stands alone: one that refers to other files
// of its task is refused, and is found again by loading the task.
func ParseSchema(raw json.RawMessage) (*Schema, error) {
	const file = "schema.json"
	f := &findings{}
	set := schemaSet{findings: f, docs: map[string]*document{}, read: func(name string) ([]byte, error) {
		if name != file {
			return nil, fs.ErrNotExist
		}
		return raw, nil
	}}
	s := set.compile(file)
	if len(f.problems) > 0 {
		return nil, ratchet.Errorf(f.reasons[0], "%s", Line(f.problems[0])).WithDetails(f.problems...)
	}
	return s, nil
}
