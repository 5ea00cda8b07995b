package schema

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	gql "github.com/99designs/gqlgen/graphql"

	"github.com/ratchet-runner/ratchet-go"
)

// A Suffix is the end of a filter's name, with what it means.
type Suffix struct {
	Text string
	Op   ratchet.Op
}

// Suffixes returns how the filters of a field are called: its name, and one of
// these for each comparison that its kind allows.
func Suffixes() []Suffix {
	return []Suffix{
		{"", ratchet.OpEqual},
		{"Not", ratchet.OpNot},
		{"In", ratchet.OpIn},
		{"NotIn", ratchet.OpNotIn},
		{"Lt", ratchet.OpLess},
		{"Lte", ratchet.OpAtMost},
		{"Gt", ratchet.OpMore},
		{"Gte", ratchet.OpAtLeast},
		{"Contains", ratchet.OpContains},
		{"StartsWith", ratchet.OpPrefix},
		{"EndsWith", ratchet.OpSuffix},
	}
}

// A FilterName is a filter of a list.
type FilterName struct {
	Name  string
	Field ratchet.Field
	Op    ratchet.Op
}

// FilterNames returns the filters that a list with the fields has. Those of times
// that say before or after have a second name, as in "createdBefore".
func FilterNames(fields []ratchet.Field) (all []FilterName) {
	for _, f := range fields {
		for _, s := range Suffixes() {
			if slices.Contains(f.Kind.Ops(), s.Op) {
				all = append(all, FilterName{f.Name + s.Text, f, s.Op})
			}
		}
		if stem, ok := strings.CutSuffix(f.Name, "At"); ok && f.Kind == ratchet.FieldTime {
			all = append(all, FilterName{stem + "Before", f, ratchet.OpLess}, FilterName{stem + "After", f, ratchet.OpMore})
		}
	}
	return all
}

// Many reports whether the filter takes a list.
func (f FilterName) Many() bool { return f.Op == ratchet.OpIn || f.Op == ratchet.OpNotIn }

// A FieldError is what is wrong with a field of an input.
type FieldError struct {
	Field string
	Err   error
}

// Error is what is wrong.
func (e *FieldError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *FieldError) Unwrap() error { return e.Err }

// filters reads what a list is to be filtered by.
func filters(v any, fields []ratchet.Field) (all []ratchet.Filter, err error) {
	given, ok := v.(map[string]any)
	if !ok {
		return nil, invalid("these are no filters", "an object of filters", "")
	}
	known := map[string]FilterName{}
	for _, f := range FilterNames(fields) {
		known[f.Name] = f
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		f, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("the schema has the filter %s, and no field does", name)
		}
		values := []any{given[name]}
		if list, many := given[name].([]any); many {
			values = list
		}
		if given[name] == nil {
			continue // as if it were not there
		}
		filter := ratchet.Filter{Field: f.Field.Name, Op: f.Op, Values: make([]string, len(values))}
		for i, value := range values {
			if filter.Values[i], err = f.value(value); err != nil {
				return nil, &FieldError{name, err}
			}
		}
		if len(filter.Values) == 0 {
			return nil, &FieldError{name, invalid("there is nothing to compare with", "at least one value", "")}
		}
		all = append(all, filter)
	}
	return all, nil
}

// value is a value as the store reads it.
func (f FilterName) value(v any) (string, error) {
	switch v := v.(type) {
	case string:
		switch f.Field.Kind {
		case ratchet.FieldEnum:
			if word := strings.ToLower(v); word != "critical" {
				return word, nil
			}
			return ratchet.PriorityUrgent.String(), nil
		case ratchet.FieldTime:
			t, err := UnmarshalTime(v)
			return t.Format(time.RFC3339Nano), err
		}
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case json.Number:
		return v.String(), nil
	}
	return "", invalid("this cannot be compared", "a value of the field", shown(v))
}

// What the lists are filtered by.
type (
	TaskFilters      []ratchet.Filter
	JobFilters       []ratchet.Filter
	ExecutionFilters []ratchet.Filter
	ScheduleFilters  []ratchet.Filter
	KeyFilters       []ratchet.Filter
	DeliveryFilters  []ratchet.Filter
)

// UnmarshalGQL reads a TaskFiltersInput.
func (f *TaskFilters) UnmarshalGQL(v any) (err error) {
	*f, err = filters(v, ratchet.TaskFields())
	return err
}

// MarshalGQL is never asked for: filters are only sent.
func (TaskFilters) MarshalGQL(io.Writer) {}

// UnmarshalGQL reads a JobFiltersInput.
func (f *JobFilters) UnmarshalGQL(v any) (err error) {
	*f, err = filters(v, ratchet.JobFields())
	return err
}

// MarshalGQL is never asked for: filters are only sent.
func (JobFilters) MarshalGQL(io.Writer) {}

// UnmarshalGQL reads an ExecutionFiltersInput.
func (f *ExecutionFilters) UnmarshalGQL(v any) (err error) {
	*f, err = filters(v, ratchet.ExecutionFields())
	return err
}

// MarshalGQL is never asked for: filters are only sent.
func (ExecutionFilters) MarshalGQL(io.Writer) {}

// UnmarshalGQL reads a ScheduleFiltersInput.
func (f *ScheduleFilters) UnmarshalGQL(v any) (err error) {
	*f, err = filters(v, ratchet.ScheduleFields())
	return err
}

// MarshalGQL is never asked for: filters are only sent.
func (ScheduleFilters) MarshalGQL(io.Writer) {}

// UnmarshalGQL reads a KeyFiltersInput.
func (f *KeyFilters) UnmarshalGQL(v any) (err error) {
	*f, err = filters(v, ratchet.KeyFields())
	return err
}

// MarshalGQL is never asked for: filters are only sent.
func (KeyFilters) MarshalGQL(io.Writer) {}

// UnmarshalGQL reads a DeliveryFiltersInput.
func (f *DeliveryFilters) UnmarshalGQL(v any) (err error) {
	*f, err = filters(v, ratchet.DeliveryFields())
	return err
}

// MarshalGQL is never asked for: filters are only sent.
func (DeliveryFilters) MarshalGQL(io.Writer) {}

// UnmarshalTaskSortField reads the name of a field.
func UnmarshalTaskSortField(v any) (string, error) { return sortField(v, ratchet.TaskFields()) }

// MarshalTaskSortField is never asked for.
func MarshalTaskSortField(field string) gql.Marshaler { return gql.MarshalString(Screaming(field)) }

// UnmarshalJobSortField reads the name of a field.
func UnmarshalJobSortField(v any) (string, error) { return sortField(v, ratchet.JobFields()) }

// MarshalJobSortField is never asked for.
func MarshalJobSortField(field string) gql.Marshaler { return gql.MarshalString(Screaming(field)) }

// UnmarshalExecutionSortField reads the name of a field.
func UnmarshalExecutionSortField(v any) (string, error) {
	return sortField(v, ratchet.ExecutionFields())
}

// MarshalExecutionSortField is never asked for.
func MarshalExecutionSortField(field string) gql.Marshaler {
	return gql.MarshalString(Screaming(field))
}

// UnmarshalScheduleSortField reads the name of a field.
func UnmarshalScheduleSortField(v any) (string, error) { return sortField(v, ratchet.ScheduleFields()) }

// MarshalScheduleSortField is never asked for.
func MarshalScheduleSortField(field string) gql.Marshaler { return gql.MarshalString(Screaming(field)) }

// UnmarshalKeySortField reads the name of a field.
func UnmarshalKeySortField(v any) (string, error) { return sortField(v, ratchet.KeyFields()) }

// MarshalKeySortField is never asked for.
func MarshalKeySortField(field string) gql.Marshaler { return gql.MarshalString(Screaming(field)) }

// UnmarshalDeliverySortField reads the name of a field.
func UnmarshalDeliverySortField(v any) (string, error) { return sortField(v, ratchet.DeliveryFields()) }

// MarshalDeliverySortField is never asked for.
func MarshalDeliverySortField(field string) gql.Marshaler { return gql.MarshalString(Screaming(field)) }

// Screaming turns "createdAt" into "CREATED_AT".
func Screaming(name string) string {
	var b strings.Builder
	for _, r := range name {
		if 'A' <= r && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

func sortField(v any, fields []ratchet.Field) (string, error) {
	var names []string
	for _, f := range fields {
		if !f.Sort {
			continue
		}
		if v == Screaming(f.Name) {
			return f.Name, nil
		}
		names = append(names, Screaming(f.Name))
	}
	return "", invalid("the list cannot be sorted by this", strings.Join(names, ", "), shown(v))
}

// MarshalSortDirection is never asked for.
func MarshalSortDirection(desc bool) gql.Marshaler { return gql.MarshalBoolean(desc) }

// UnmarshalSortDirection reports whether it is DESC.
func UnmarshalSortDirection(v any) (bool, error) {
	if v != "ASC" && v != "DESC" {
		return false, invalid("this is no direction", "ASC or DESC", shown(v))
	}
	return v == "DESC", nil
}
