package rest

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ratchet-runner/ratchet-go"
)

// alias says what the types of the domain are in JSON, where that is not to be
// seen from Go.
func alias(r huma.Registry) {
	for from, to := range map[reflect.Type]reflect.Type{
		reflect.TypeFor[ratchet.Duration]():        reflect.TypeFor[duration](),
		reflect.TypeFor[ratchet.Size]():            reflect.TypeFor[size](),
		reflect.TypeFor[ratchet.Priority]():        reflect.TypeFor[priority](),
		reflect.TypeFor[ratchet.LogLevel]():        reflect.TypeFor[level](),
		reflect.TypeFor[ratchet.JobState]():        reflect.TypeFor[jobState](),
		reflect.TypeFor[ratchet.JobStatus]():       reflect.TypeFor[jobStatus](),
		reflect.TypeFor[ratchet.ExecutionState]():  reflect.TypeFor[executionState](),
		reflect.TypeFor[ratchet.MissedPolicy]():    reflect.TypeFor[missed](),
		reflect.TypeFor[ratchet.OverlapPolicy]():   reflect.TypeFor[overlap](),
		reflect.TypeFor[ratchet.Scope]():           reflect.TypeFor[scope](),
		reflect.TypeFor[ratchet.Code]():            reflect.TypeFor[code](),
		reflect.TypeFor[ratchet.EventType]():       reflect.TypeFor[eventType](),
		reflect.TypeFor[ratchet.DestinationType](): reflect.TypeFor[destinationType](),
		reflect.TypeFor[ratchet.DeliverWhen]():     reflect.TypeFor[deliverWhen](),
		reflect.TypeFor[ratchet.DeliveryFormat]():  reflect.TypeFor[deliveryFormat](),
		reflect.TypeFor[ratchet.FileRule]():        reflect.TypeFor[fileRule](),
		reflect.TypeFor[ratchet.DeliveryState]():   reflect.TypeFor[deliveryState](),
		reflect.TypeFor[ratchet.HookScheme]():      reflect.TypeFor[hookScheme](),
		reflect.TypeFor[ratchet.DeliveryID]():      reflect.TypeFor[deliveryID](),
		reflect.TypeFor[ratchet.HookID]():          reflect.TypeFor[hookID](),
		reflect.TypeFor[ratchet.TaskID]():          reflect.TypeFor[taskID](),
		reflect.TypeFor[ratchet.VersionID]():       reflect.TypeFor[versionID](),
		reflect.TypeFor[ratchet.JobID]():           reflect.TypeFor[jobID](),
		reflect.TypeFor[ratchet.ExecutionID]():     reflect.TypeFor[executionID](),
		reflect.TypeFor[ratchet.ScheduleID]():      reflect.TypeFor[scheduleID](),
		reflect.TypeFor[ratchet.NodeID]():          reflect.TypeFor[nodeID](),
		reflect.TypeFor[ratchet.KeyID]():           reflect.TypeFor[keyID](),
	} {
		r.RegisterTypeAlias(from, to)
	}
}

// Each of these is the description of a type's JSON form.
type (
	duration        struct{}
	size            struct{}
	priority        struct{}
	level           struct{}
	jobState        struct{}
	jobStatus       struct{}
	executionState  struct{}
	missed          struct{}
	overlap         struct{}
	scope           struct{}
	code            struct{}
	eventType       struct{}
	destinationType struct{}
	deliverWhen     struct{}
	deliveryFormat  struct{}
	fileRule        struct{}
	deliveryState   struct{}
	hookScheme      struct{}
	deliveryID      struct{}
	hookID          struct{}
	taskID          struct{}
	versionID       struct{}
	jobID           struct{}
	executionID     struct{}
	scheduleID      struct{}
	nodeID          struct{}
	keyID           struct{}
)

func (duration) Schema(huma.Registry) *huma.Schema {
	s := textSchema("30s", "1m30s")
	s.Description = "A span of time such as \"30s\"; when read, also a number of seconds."
	return s
}

func (size) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeInteger, Description: "A number of bytes; when read, also a text such as \"128MB\"."}
}

func (priority) Schema(huma.Registry) *huma.Schema { return words(ratchet.Priorities()) }
func (level) Schema(huma.Registry) *huma.Schema    { return words(ratchet.LogLevels()) }

func (jobState) Schema(huma.Registry) *huma.Schema       { return enum(ratchet.JobStates()) }
func (jobStatus) Schema(huma.Registry) *huma.Schema      { return enum(ratchet.JobStatuses()) }
func (executionState) Schema(huma.Registry) *huma.Schema { return enum(ratchet.ExecutionStates()) }
func (missed) Schema(huma.Registry) *huma.Schema         { return enum(ratchet.MissedPolicies()) }
func (overlap) Schema(huma.Registry) *huma.Schema        { return enum(ratchet.OverlapPolicies()) }
func (scope) Schema(huma.Registry) *huma.Schema          { return enum(ratchet.Scopes()) }
func (code) Schema(huma.Registry) *huma.Schema           { return enum(ratchet.Codes()) }

func (eventType) Schema(huma.Registry) *huma.Schema {
	return enum(append(ratchet.EventTypes(), ratchet.EventGap, ratchet.EventEnd))
}

func (destinationType) Schema(huma.Registry) *huma.Schema { return enum(ratchet.DestinationTypes()) }
func (deliverWhen) Schema(huma.Registry) *huma.Schema     { return enum(ratchet.DeliverWhens()) }
func (deliveryFormat) Schema(huma.Registry) *huma.Schema  { return enum(ratchet.DeliveryFormats()) }
func (fileRule) Schema(huma.Registry) *huma.Schema        { return enum(ratchet.FileRules()) }
func (deliveryState) Schema(huma.Registry) *huma.Schema   { return enum(ratchet.DeliveryStates()) }
func (hookScheme) Schema(huma.Registry) *huma.Schema      { return enum(ratchet.HookSchemes()) }

func (deliveryID) Schema(huma.Registry) *huma.Schema  { return idSchema("delivery") }
func (hookID) Schema(huma.Registry) *huma.Schema      { return idSchema("hook") }
func (taskID) Schema(huma.Registry) *huma.Schema      { return idSchema("task") }
func (versionID) Schema(huma.Registry) *huma.Schema   { return idSchema("version") }
func (jobID) Schema(huma.Registry) *huma.Schema       { return idSchema("job") }
func (executionID) Schema(huma.Registry) *huma.Schema { return idSchema("execution") }
func (scheduleID) Schema(huma.Registry) *huma.Schema  { return idSchema("schedule") }
func (nodeID) Schema(huma.Registry) *huma.Schema      { return idSchema("node") }
func (keyID) Schema(huma.Registry) *huma.Schema       { return idSchema("key") }

func idSchema(prefix string) *huma.Schema {
	return textSchema(prefix + "_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69")
}

func enum[S ~string](all []S) *huma.Schema {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = string(s)
	}
	return wordSchema(texts...)
}

func words[S interface{ String() string }](all []S) *huma.Schema {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = s.String()
	}
	return wordSchema(texts...)
}

func rawExample(text string) json.RawMessage { return json.RawMessage(text) }
