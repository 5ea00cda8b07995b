package schema

import (
	"encoding/json"

	gql "github.com/99designs/gqlgen/graphql"

	"github.com/ratchet-runner/ratchet-go"
)

// A Delivery is a delivery as GraphQL shows it.
type Delivery struct{ *ratchet.Delivery }

// ID is the delivery's.
func (d Delivery) ID() string { return id(d.Delivery.ID) }

// JobID is of the job whose result it is.
func (d Delivery) JobID() string { return id(d.Delivery.Job) }

// TaskID is the task's.
func (d Delivery) TaskID() string { return id(d.Delivery.TaskID) }

// TaskName is the task's name.
func (d Delivery) TaskName() string { return d.Delivery.Task }

// ErrorMessage says why the last attempt failed.
func (d Delivery) ErrorMessage() string { return message(d.Error) }

// A Hook is a hook as GraphQL shows it.
type Hook struct{ *ratchet.Hook }

// ID is the hook's.
func (h Hook) ID() string { return id(h.Hook.ID) }

// TaskID is the task's.
func (h Hook) TaskID() string { return id(h.Hook.TaskID) }

// TaskName is the task's name.
func (h Hook) TaskName() string { return h.Hook.Task }

// A CreatedHook is a hook with its URL and its secret.
type CreatedHook struct {
	Hook              Hook
	URL, Path, Secret string
}

// A TestDestinationsInput asks to try destinations.
type TestDestinationsInput struct {
	Task         *string
	Destinations []ratchet.Destination
	JobID        *string
	Send         *bool
}

// MarshalDestination writes a destination as REST does.
func MarshalDestination(d ratchet.Destination) gql.Marshaler {
	text, err := json.Marshal(d)
	if err != nil {
		return gql.Null
	}
	return MarshalJSON(text)
}

// UnmarshalDestination reads a destination, as a variable or as written in the
// document.
func UnmarshalDestination(v any) (d ratchet.Destination, err error) {
	text, err := UnmarshalJSON(v)
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	return d, err
}
