package schema_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/graphql/schema"
)

func TestTheSchemaOfTheDocumentsIsTheOneThatIsServed(t *testing.T) {
	t.Parallel()
	want, err := schema.SDL()
	if err != nil {
		t.Fatal(err)
	}
	const file = "../../../docs/schema.graphql"
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("docs/schema.graphql is not the schema as it is: go test ./internal/graphql/schema -update (%v)", err)
	}
}

// fieldsOf are the names of the fields that a type has in JSON.
func fieldsOf(of reflect.Type) (names []string) {
	for f := range of.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case f.Anonymous && name == "":
			names = append(names, fieldsOf(f.Type)...)
		default:
			names = append(names, name)
		}
	}
	return names
}

// What the domain has of a thing, and takes of a request, GraphQL has too.
func TestTheTypesHaveAllThatTheDomainHas(t *testing.T) {
	t.Parallel()
	text, err := schema.SDL()
	if err != nil {
		t.Fatal(err)
	}
	sch, err := gqlparser.LoadSchema(&ast.Source{Input: text})
	if err != nil {
		t.Fatal(err)
	}
	// Where GraphQL has another word for a field of the domain, or none.
	words := map[string]string{
		"Version.task": "taskName", "Execution.job": "jobId", "Execution.node": "nodeId", "Worker.node": "nodeId", "Worker.task": "taskName", "Event.task": "taskName",
		"ExecuteTaskInput.input": "inputData", "Stats.states": "jobs", "RegisteredTask.created": "created", "Delivery.task": "taskName", "Hook.task": "taskName",
	}
	for name, of := range map[string]reflect.Type{
		"Task": reflect.TypeFor[ratchet.Task](), "Version": reflect.TypeFor[ratchet.Version](), "Job": reflect.TypeFor[ratchet.Job](),
		"Execution": reflect.TypeFor[ratchet.Execution](), "Schedule": reflect.TypeFor[ratchet.Schedule](), "Event": reflect.TypeFor[ratchet.Event](),
		"Worker": reflect.TypeFor[ratchet.Worker](), "Node": reflect.TypeFor[ratchet.Node](), "Key": reflect.TypeFor[ratchet.Key](), "Stats": reflect.TypeFor[ratchet.Stats](),
		"Limits": reflect.TypeFor[ratchet.Limits](), "Retry": reflect.TypeFor[ratchet.Retry](), "Permissions": reflect.TypeFor[ratchet.Permissions](),
		"Fetch": reflect.TypeFor[ratchet.Fetch](), "LogEntry": reflect.TypeFor[ratchet.LogEntry](), "Progress": reflect.TypeFor[ratchet.Progress](),
		"Error": reflect.TypeFor[ratchet.Error](), "ErrorDetail": reflect.TypeFor[ratchet.Detail](), "EnvVar": reflect.TypeFor[ratchet.EnvVar](),
		"BulkResult": reflect.TypeFor[ratchet.BulkResult](), "Explanation": reflect.TypeFor[ratchet.Explanation](), "ExecutionSummary": reflect.TypeFor[ratchet.ExecutionSummary](),
		"Breaker": reflect.TypeFor[ratchet.Breaker](), "Cache": reflect.TypeFor[ratchet.Cache](),
		"Plugin": reflect.TypeFor[ratchet.Plugin](), "PluginHook": reflect.TypeFor[ratchet.PluginHook](), "PluginFunction": reflect.TypeFor[ratchet.PluginFunction](), "PluginCalls": reflect.TypeFor[ratchet.PluginCalls](),
		"PluginRequirement": reflect.TypeFor[ratchet.PluginRequirement](), "PluginNeeds": reflect.TypeFor[ratchet.PluginNeeds](), "PluginFile": reflect.TypeFor[ratchet.PluginFile](), "EnablePluginInput": reflect.TypeFor[ratchet.PluginRequest](),
		"Concurrency": reflect.TypeFor[ratchet.Concurrency](), "Rate": reflect.TypeFor[ratchet.Rate](),
		"ExecuteTaskInput": reflect.TypeFor[ratchet.JobRequest](), "CreateScheduleInput": reflect.TypeFor[ratchet.ScheduleRequest](), "UpdateScheduleInput": reflect.TypeFor[ratchet.SchedulePatch](),
		"PreviewScheduleInput": reflect.TypeFor[ratchet.RuleRequest](), "CreateKeyInput": reflect.TypeFor[ratchet.KeyRequest](), "RetryInput": reflect.TypeFor[ratchet.Retry](),
		"Delivery": reflect.TypeFor[ratchet.Delivery](), "Receipt": reflect.TypeFor[ratchet.Receipt](), "DestinationTest": reflect.TypeFor[ratchet.DestinationTest](),
		"TestDestinationsInput": reflect.TypeFor[ratchet.DestinationTestRequest](), "Hook": reflect.TypeFor[ratchet.Hook](),
		"CreateHookInput": reflect.TypeFor[ratchet.HookRequest](), "UpdateHookInput": reflect.TypeFor[ratchet.HookPatch](),
	} {
		def := sch.Types[name]
		if def == nil {
			t.Errorf("the schema has no %s", name)
			continue
		}
		for _, field := range fieldsOf(of) {
			if word, other := words[name+"."+field]; other {
				field = word
			}
			if def.Fields.ForName(field) == nil {
				t.Errorf("%s has no %s, which %v has", name, field, of)
			}
		}
	}
}

// Each enum has the words of the domain, and no others but those said here.
func TestTheEnumsAreThoseOfTheDomain(t *testing.T) {
	t.Parallel()
	text, err := schema.SDL()
	if err != nil {
		t.Fatal(err)
	}
	sch, err := gqlparser.LoadSchema(&ast.Source{Input: text})
	if err != nil {
		t.Fatal(err)
	}
	for name, words := range map[string][]string{
		"JobStatus": texts(ratchet.JobStatuses()), "JobState": texts(ratchet.JobStates()), "ExecutionState": texts(ratchet.ExecutionStates()),
		"MissedPolicy": texts(ratchet.MissedPolicies()), "OverlapPolicy": texts(ratchet.OverlapPolicies()), "Scope": texts(ratchet.Scopes()), "ErrorCode": texts(ratchet.Codes()),
		"EventType":       append(texts(ratchet.EventTypes()), string(ratchet.EventGap), string(ratchet.EventEnd)),
		"Backoff":         texts(ratchet.Backoffs()),
		"DestinationType": texts(ratchet.DestinationTypes()), "DeliveryState": texts(ratchet.DeliveryStates()),
		"HookScheme":  {"standard", "github", "insecure_none"},
		"JobPriority": {"low", "normal", "high", "urgent", "critical"}, "LogLevel": {"trace", "debug", "info", "warn", "error"},
	} {
		var got []string
		for _, v := range sch.Types[name].EnumValues {
			got = append(got, strings.ToLower(v.Name))
		}
		if strings.Join(got, " ") != strings.Join(words, " ") {
			t.Errorf("%s: got %v, want %v", name, got, words)
		}
	}
}

func texts[S ~string](words []S) (all []string) {
	for _, w := range words {
		all = append(all, string(w))
	}
	return all
}
