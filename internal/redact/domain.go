package redact

import (
	"encoding/json"
	"slices"

	"github.com/ratchet-runner/ratchet-go"
)

// Error returns a copy of e with the secrets replaced.
func (s *Secrets) Error(e *ratchet.Error) *ratchet.Error {
	hidden := *e
	hidden.Message, hidden.Stack = s.Text(e.Message), s.Text(e.Stack)
	if len(e.Data) > 0 {
		hidden.Data = s.JSON(e.Data)
	}
	hidden.Details = slices.Clone(e.Details)
	for i := range hidden.Details {
		d := &hidden.Details[i]
		for _, field := range []*string{&d.Pointer, &d.Message, &d.Expected, &d.Got, &d.Text} {
			*field = s.Text(*field)
		}
	}
	return &hidden
}

// Log returns the entry with the secrets replaced.
func (s *Secrets) Log(l ratchet.LogEntry) ratchet.LogEntry {
	l.Message = s.Text(l.Message)
	if len(l.Fields) > 0 {
		l.Fields = json.RawMessage(s.JSON(l.Fields))
	}
	return l
}
