package service

import (
	"encoding/json"
	"regexp"

	"github.com/ratchet-runner/ratchet-go"
)

// shownPlugin replaces in the configuration what the plugin's schema says is never to be
// read back. Without a schema anything may be.
func shownPlugin(p *ratchet.Plugin) *ratchet.Plugin {
	if len(p.Config) == 0 {
		return p
	}
	config := p.Config
	p.Config = nil
	if len(p.ConfigSchema) > 0 {
		p.Config = hideSecrets(p.ConfigSchema, config)
	}
	return p
}

// hidden is what stands for a value that is not shown.
const hidden = `"[hidden]"`

// mayHide finds what in a schema says that a value is secret, or says elsewhere what
// it is.
var mayHide = regexp.MustCompile(`"(writeOnly|password|\$ref|\$dynamicRef)"`)

// hideSecrets returns the value without what its schema calls secret. Of what it
// does not understand of a schema in which something is, it shows nothing.
func hideSecrets(schema, value json.RawMessage) json.RawMessage {
	if !mayHide.Match(schema) {
		return value
	}
	var object struct {
		WriteOnly  bool                       `json:"writeOnly"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(schema, &object) != nil || object.WriteOnly || len(object.Properties) == 0 || json.Unmarshal(value, &members) != nil {
		return json.RawMessage(hidden)
	}
	for name, member := range members {
		if property, known := object.Properties[name]; known {
			members[name] = hideSecrets(property, member)
		} else {
			members[name] = json.RawMessage(hidden)
		}
	}
	text, err := json.Marshal(members)
	if err != nil { // it was JSON a moment ago
		return json.RawMessage(hidden)
	}
	return text
}

// unhidden puts back in a configuration what a client was not shown and sent as it
// saw it.
func unhidden(sent, kept json.RawMessage) json.RawMessage {
	if string(sent) == hidden && len(kept) > 0 {
		return kept
	}
	var members, before map[string]json.RawMessage
	if json.Unmarshal(sent, &members) != nil || json.Unmarshal(kept, &before) != nil {
		return sent
	}
	changed := false
	for name, member := range members {
		if was, known := before[name]; known {
			if back := unhidden(member, was); string(back) != string(member) {
				members[name], changed = back, true
			}
		}
	}
	if !changed {
		return sent
	}
	text, err := json.Marshal(members)
	if err != nil {
		return sent
	}
	return text
}
