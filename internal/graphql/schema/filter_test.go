package schema_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/graphql/schema"
)

// A list is a list of the schema, with the domain's fields for it.
type list struct {
	noun   string
	fields []ratchet.Field
	enums  map[string]string // the types of fields with words
}

func lists() []list {
	return []list{
		{"Task", ratchet.TaskFields(), nil},
		{"Job", ratchet.JobFields(), map[string]string{"status": "JobStatus", "state": "JobState", "priority": "JobPriority"}},
		{"Execution", ratchet.ExecutionFields(), map[string]string{"state": "ExecutionState"}},
		{"Schedule", ratchet.ScheduleFields(), nil},
		{"Key", ratchet.KeyFields(), nil},
		{"Delivery", ratchet.DeliveryFields(), map[string]string{"type": "DestinationType", "state": "DeliveryState"}},
	}
}

// typeOf is the type of a filter.
func (l list) typeOf(t *testing.T, f schema.FilterName) string {
	of := map[ratchet.FieldKind]string{
		ratchet.FieldText: "String", ratchet.FieldSet: "String", ratchet.FieldID: "ID", ratchet.FieldBool: "Boolean",
		ratchet.FieldNumber: "Int", ratchet.FieldTime: "Time", ratchet.FieldEnum: l.enums[f.Field.Name],
	}[f.Field.Kind]
	if of == "" {
		t.Fatalf("%s.%s: there is no type for a field of the kind %s", l.noun, f.Field.Name, f.Field.Kind)
	}
	if f.Many() {
		return "[" + of + "!]"
	}
	return of
}

// render is the part of the schema that the domain's fields determine.
func render(t *testing.T) string {
	var b strings.Builder
	b.WriteString("# Made of the fields of the domain: go test ./internal/graphql/schema -update writes it anew.\n")
	for _, l := range lists() {
		fmt.Fprintf(&b, "\n\"All of them must hold; a list passes if one of its values does.\"\ninput %sFiltersInput {\n", l.noun)
		for _, f := range schema.FilterNames(l.fields) {
			fmt.Fprintf(&b, "  %s: %s\n", f.Name, l.typeOf(t, f))
		}
		fmt.Fprintf(&b, "}\n\nenum %sSortField {\n", l.noun)
		for _, f := range l.fields {
			if f.Sort {
				fmt.Fprintf(&b, "  %s\n", schema.Screaming(f.Name))
			}
		}
		fmt.Fprintf(&b, "}\n\ninput %[1]sSortInput { field: %[1]sSortField! direction: SortDirection = ASC }\n", l.noun)
	}
	return b.String()
}

var update = flag.Bool("update", false, "write the files anew")

func TestEveryFieldOfTheDomainHasItsFiltersAndSorts(t *testing.T) {
	t.Parallel()
	want := render(t)
	if *update {
		if err := os.WriteFile("filters.graphqls", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("filters.graphqls")
	if err != nil || string(got) != want {
		t.Errorf("filters.graphqls is not made of the domain's fields as they are: go test ./internal/graphql/schema -update, then make generate (%v)", err)
	}
}
