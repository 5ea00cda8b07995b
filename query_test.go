package ratchet_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// jsonNames returns the names of the JSON form of a struct, with their types.
func jsonNames(v any) map[string]reflect.Type {
	names := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names[name] = f.Type
	}
	return names
}

// What a list is filtered by is called as in what is listed, but for parts of it.
func TestFieldsAreCalledAsInTheJSONForm(t *testing.T) {
	t.Parallel()
	for noun, list := range map[string]struct {
		fields []ratchet.Field
		of     any
		parts  []string
	}{
		"task":      {ratchet.TaskFields(), ratchet.Task{}, nil},
		"job":       {ratchet.JobFields(), ratchet.Job{}, []string{"concurrencyKey", "errorReason", "errorMessage"}},
		"execution": {ratchet.ExecutionFields(), ratchet.Execution{}, []string{"jobId", "errorReason", "errorMessage", "durationMs"}},
		"schedule":  {ratchet.ScheduleFields(), ratchet.Schedule{}, nil},
		"key":       {ratchet.KeyFields(), ratchet.Key{}, nil},
	} {
		names := jsonNames(list.of)
		seen := map[string]bool{}
		for _, f := range list.fields {
			if seen[f.Name] {
				t.Errorf("%s: %s is there twice", noun, f.Name)
			}
			seen[f.Name] = true
			typ, ok := names[f.Name]
			if part := slices.Contains(list.parts, f.Name); !ok && !part || ok && part {
				t.Errorf("%s: %s is a name of the JSON form: %t", noun, f.Name, ok)
			}
			if ok && !fits(f.Kind, typ) {
				t.Errorf("%s: %s is %s, and a %s in the JSON form", noun, f.Name, f.Kind, typ)
			}
			if (f.Kind == ratchet.FieldEnum) != (len(f.Values) > 0) {
				t.Errorf("%s: %s is %s with the values %v", noun, f.Name, f.Kind, f.Values)
			}
			if len(f.Kind.Ops()) == 0 {
				t.Errorf("%s: %s allows no comparison", noun, f.Name)
			}
		}
	}
}

// fits reports whether values of the type are of the kind.
func fits(k ratchet.FieldKind, typ reflect.Type) bool {
	switch k {
	case ratchet.FieldTime:
		return typ == reflect.TypeFor[time.Time]()
	case ratchet.FieldID:
		return typ.Kind() == reflect.Array
	case ratchet.FieldBool:
		return typ.Kind() == reflect.Bool
	case ratchet.FieldNumber:
		return typ.Kind() == reflect.Int || typ.Kind() == reflect.Int64
	case ratchet.FieldSet:
		return typ.Kind() == reflect.Slice
	case ratchet.FieldEnum:
		return typ.Kind() == reflect.String || typ == reflect.TypeFor[ratchet.Priority]()
	case ratchet.FieldText:
		return typ.Kind() == reflect.String
	}
	return false
}

func TestEnumFieldsHaveTheValuesOfTheirType(t *testing.T) {
	t.Parallel()
	for _, f := range slices.Concat(ratchet.JobFields(), ratchet.ExecutionFields()) {
		if f.Name != "priority" {
			continue
		}
		for _, word := range f.Values {
			var p ratchet.Priority
			if err := p.UnmarshalText([]byte(word)); err != nil {
				t.Errorf("%s: %v", word, err)
			}
			if text, _ := p.MarshalText(); string(text) != word {
				t.Errorf("%s is written %s", word, text)
			}
		}
	}
}

func TestEachKindAllowsWhatItCanBeComparedBy(t *testing.T) {
	t.Parallel()
	ordered := []ratchet.Op{ratchet.OpLess, ratchet.OpAtMost, ratchet.OpMore, ratchet.OpAtLeast}
	within := []ratchet.Op{ratchet.OpContains, ratchet.OpPrefix, ratchet.OpSuffix}
	for kind, want := range map[ratchet.FieldKind]struct{ ordered, within, in, not bool }{
		ratchet.FieldText: {false, true, true, true}, ratchet.FieldEnum: {false, false, true, true}, ratchet.FieldID: {false, false, true, true},
		ratchet.FieldBool: {false, false, false, true}, ratchet.FieldNumber: {true, false, true, true}, ratchet.FieldTime: {true, false, true, true},
		ratchet.FieldSet: {false, false, true, false},
	} {
		has := func(op ratchet.Op) bool { return slices.Contains(kind.Ops(), op) }
		for _, op := range ordered {
			if has(op) != want.ordered {
				t.Errorf("%s allows %q: %t", kind, op, has(op))
			}
		}
		for _, op := range within {
			if has(op) != want.within {
				t.Errorf("%s allows %q: %t", kind, op, has(op))
			}
		}
		if !has(ratchet.OpEqual) || has(ratchet.OpIn) != want.in || has(ratchet.OpNot) != want.not {
			t.Errorf("%s: got %v", kind, kind.Ops())
		}
	}
	if got := ratchet.FieldKind("other").Ops(); got != nil {
		t.Errorf("a kind that does not exist allows %v", got)
	}
}

func TestEachIDHasThePrefixOfItsNoun(t *testing.T) {
	t.Parallel()
	for prefix, text := range map[string]string{
		"task_": ratchet.NewID[ratchet.Task]().String(), "version_": ratchet.NewID[ratchet.Version]().String(),
		"job_": ratchet.NewID[ratchet.Job]().String(), "execution_": ratchet.NewID[ratchet.Execution]().String(),
		"schedule_": ratchet.NewID[ratchet.Schedule]().String(), "node_": ratchet.NewID[ratchet.Node]().String(), "key_": ratchet.NewID[ratchet.Key]().String(),
	} {
		if !strings.HasPrefix(text, prefix) || len(text) != len(prefix)+36 {
			t.Errorf("got %s, want %s and a UUID", text, prefix)
		}
	}
	if id, err := ratchet.ParseID[ratchet.Schedule](ratchet.NewID[ratchet.Job]().String()); err == nil {
		t.Errorf("the ID of a job was taken for that of a schedule: %s", id)
	}
}
