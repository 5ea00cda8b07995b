package ratchet

import "time"

// A Query asks for a part of a list: those that pass all filters, in order. The
// zero Query is the first DefaultLimit, newest first.
type Query struct {
	Filters []Filter
	Sort    []Sort
	Offset  int    // not together with After
	Limit   int    // at most MaxLimit; 0 means DefaultLimit
	After   string // the Next of the page before
	// Uncounted says that nobody asks for the Total, which is then -1 where it
	// would have to be counted.
	Uncounted bool
}

// How much of a list there is in a page.
const (
	DefaultLimit = 25
	MaxLimit     = 1000
	// CountedTotal is how far the total of a list is counted.
	CountedTotal = 10_000
)

// A Filter compares a field with values.
type Filter struct {
	Field  string // the Name of a Field of what is listed
	Op     Op
	Values []string // one; of OpIn and OpNotIn at least one
}

// An Op is how a Filter compares.
type Op string

// The comparisons. As a suffix of a query parameter each is the Op itself after
// a "_": "createdAt_gte". OpEqual has none.
const (
	OpEqual    Op = ""
	OpNot      Op = "ne"
	OpLess     Op = "lt"
	OpAtMost   Op = "lte"
	OpMore     Op = "gt"
	OpAtLeast  Op = "gte"
	OpIn       Op = "in" // values separated by commas
	OpNotIn    Op = "not_in"
	OpContains Op = "like" // any case of ASCII letters; also "contains"
	OpPrefix   Op = "starts_with"
	OpSuffix   Op = "ends_with"
)

// A Sort orders by a field. Equal ones come in the order of their IDs, in the
// direction of the last Sort; what is not there comes before all that is.
type Sort struct {
	Field string
	Desc  bool
}

// A Page is a part of a list.
type Page[T any] struct {
	Items  []T
	Offset int
	// Total is how many there are in all; -1 for more than CountedTotal.
	Total int
	Next  string // After of the next page; empty if this is the last
}

// A FieldKind says what the values of a field are.
type FieldKind string

// The kinds of fields, with the comparisons that they allow.
const (
	FieldText   FieldKind = "text"   // all
	FieldEnum   FieldKind = "enum"   // equal, not, in, not in
	FieldID     FieldKind = "id"     // as enum
	FieldBool   FieldKind = "bool"   // equal, not
	FieldNumber FieldKind = "number" // all but those of text
	FieldTime   FieldKind = "time"   // as number; RFC 3339
	FieldSet    FieldKind = "set"    // equal and in: it has one of the values
)

// Ops returns the comparisons that a field of the kind allows.
func (k FieldKind) Ops() []Op {
	switch k {
	case FieldText:
		return []Op{OpEqual, OpNot, OpIn, OpNotIn, OpContains, OpPrefix, OpSuffix}
	case FieldEnum, FieldID:
		return []Op{OpEqual, OpNot, OpIn, OpNotIn}
	case FieldBool:
		return []Op{OpEqual, OpNot}
	case FieldNumber, FieldTime:
		return []Op{OpEqual, OpNot, OpLess, OpAtMost, OpMore, OpAtLeast, OpIn, OpNotIn}
	case FieldSet:
		return []Op{OpEqual, OpIn}
	}
	return nil
}

// A Field is what a list may be filtered and sorted by: the names are those of
// the JSON form.
type Field struct {
	Name   string
	Kind   FieldKind
	Sort   bool     // may be sorted by
	Values []string // of an enum: all there are
}

// TaskFields are the fields of a list of tasks.
func TaskFields() []Field {
	return []Field{
		{"id", FieldID, true, nil},
		{"name", FieldText, true, nil},
		{"label", FieldText, true, nil},
		{"description", FieldText, false, nil},
		{"category", FieldText, true, nil},
		{"version", FieldText, true, nil},
		{"tags", FieldSet, false, nil},
		{"enabled", FieldBool, true, nil},
		{"paused", FieldBool, true, nil},
		{"createdAt", FieldTime, true, nil},
		{"updatedAt", FieldTime, true, nil},
	}
}

// JobFields are the fields of a list of jobs.
func JobFields() []Field {
	return []Field{
		{"id", FieldID, true, nil},
		{"task", FieldText, true, nil},
		{"taskId", FieldID, false, nil},
		{"versionDigest", FieldText, false, nil},
		{"status", FieldEnum, false, words(JobStatuses())},
		{"state", FieldEnum, true, words(JobStates())},
		{"priority", FieldEnum, true, []string{"low", "normal", "high", "urgent"}},
		{"tags", FieldSet, false, nil},
		{"attempts", FieldNumber, true, nil},
		{"losses", FieldNumber, false, nil},
		{"scheduleId", FieldID, false, nil},
		{"retryOf", FieldID, false, nil},
		{"idempotencyKey", FieldText, false, nil},
		{"concurrencyKey", FieldText, false, nil},
		{"errorReason", FieldText, false, nil},
		{"errorMessage", FieldText, false, nil},
		{"createdAt", FieldTime, true, nil},
		{"runAt", FieldTime, true, nil},
		{"startedAt", FieldTime, true, nil},
		{"finishedAt", FieldTime, true, nil},
	}
}

// ExecutionFields are the fields of a list of executions.
func ExecutionFields() []Field {
	return []Field{
		{"id", FieldID, true, nil},
		{"jobId", FieldID, false, nil},
		{"task", FieldText, true, nil},
		{"versionDigest", FieldText, false, nil},
		{"state", FieldEnum, true, words(ExecutionStates())},
		{"attempt", FieldNumber, true, nil},
		{"worker", FieldText, false, nil},
		{"node", FieldID, false, nil},
		{"errorReason", FieldText, false, nil},
		{"errorMessage", FieldText, false, nil},
		{"durationMs", FieldNumber, true, nil},
		{"peakMemory", FieldNumber, true, nil},
		{"queuedAt", FieldTime, true, nil},
		{"startedAt", FieldTime, true, nil},
		{"finishedAt", FieldTime, true, nil},
	}
}

// ScheduleFields are the fields of a list of schedules.
func ScheduleFields() []Field {
	return []Field{
		{"id", FieldID, true, nil},
		{"name", FieldText, true, nil},
		{"description", FieldText, false, nil},
		{"task", FieldText, true, nil},
		{"taskId", FieldID, false, nil},
		{"cron", FieldText, false, nil},
		{"enabled", FieldBool, true, nil},
		{"runs", FieldNumber, true, nil},
		{"lastRunAt", FieldTime, true, nil},
		{"nextRunAt", FieldTime, true, nil},
		{"createdAt", FieldTime, true, nil},
		{"updatedAt", FieldTime, true, nil},
	}
}

// KeyFields are the fields of a list of keys.
func KeyFields() []Field {
	return []Field{
		{"id", FieldID, true, nil},
		{"name", FieldText, true, nil},
		{"createdAt", FieldTime, true, nil},
		{"expiresAt", FieldTime, true, nil},
		{"revokedAt", FieldTime, true, nil},
	}
}

func words[S ~string](all []S) []string {
	texts := make([]string, len(all))
	for i, w := range all {
		texts[i] = string(w)
	}
	return texts
}

// Retention says how long finished jobs are kept, with their executions.
type Retention struct {
	Completed time.Duration // completed and cancelled ones; default 7 days
	Failed    time.Duration // default 30 days
}
