package rest_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go"
)

var update = flag.Bool("update", false, "write testdata/routes.txt, fields.json and docs/openapi.json instead of comparing")

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s differs (-want +got; if it should, run go test ./internal/rest -update):\n%s", path, diff)
	}
}

// A description is what OpenAPI says of the API, as far as tests look.
type description struct {
	Paths      map[string]map[string]described
	Components struct{ Schemas map[string]json.RawMessage }
}

type described struct {
	OperationID, Summary string
	Scope                string `json:"x-scope"`
	Effect               string `json:"x-effect"`
	Parameters           []struct{ Name, In string }
	Responses            map[string]json.RawMessage
}

func (s *server) description() (d description, text []byte) {
	s.t.Helper()
	got := s.do(http.MethodGet, "/openapi.json", "").want(http.StatusOK)
	if err := json.Unmarshal(got.body, &d); err != nil {
		s.t.Fatal(err)
	}
	return d, got.body
}

// There are two ways to some operations; the second is described as such.
func extras() []string { return []string{"jobs_events"} }

func TestEveryOperationIsMountedOnce(t *testing.T) {
	t.Parallel()
	s := serve(t)
	d, _ := s.description()
	seen := map[string]int{}
	var lines []string
	for path, methods := range d.Paths {
		for method, op := range methods {
			if !slices.Contains(extras(), op.OperationID) {
				seen[strings.ToUpper(method)+" "+path+" "+op.OperationID+" "+op.Summary]++
			}
			var statuses []string
			for status := range op.Responses {
				statuses = append(statuses, status)
			}
			slices.Sort(statuses)
			lines = append(lines, fmt.Sprintf("%-6s /api/v1%-38s %-22s %-5s %-11s %s", strings.ToUpper(method), path, op.OperationID, op.Scope, op.Effect, strings.Join(statuses, " ")))
		}
	}
	all := s.svc.Operations()
	for _, op := range all {
		id := strings.ReplaceAll(op.Name, ".", "_")
		key := op.Method + " " + op.Path + " " + id + " " + op.Summary
		if seen[key] != 1 {
			t.Errorf("%s is mounted %d times, want once", key, seen[key])
		}
		status := op.Status
		if status == 0 {
			status = http.StatusOK
		}
		described := d.Paths[op.Path][strings.ToLower(op.Method)]
		if _, ok := described.Responses[fmt.Sprint(status)]; !ok || described.Scope != string(op.Scope) || described.Effect != string(op.Effect) {
			t.Errorf("%s is described as %+v", key, described)
		}
	}
	if len(seen) != len(all) {
		t.Errorf("%d operations are mounted, of %d", len(seen), len(all))
	}
	slices.Sort(lines)
	golden(t, "testdata/routes.txt", []byte(strings.Join(lines, "\n")+"\n"))
}

func TestTheDescriptionIsTheOneInTheDocs(t *testing.T) {
	t.Parallel()
	d, text := serve(t).description()
	golden(t, "../../docs/openapi.json", text)
	_, again := serve(t).description()
	if string(again) != string(text) {
		t.Error("two servers describe themselves differently")
	}
	for _, ref := range regexp.MustCompile(`"#/components/schemas/(\w+)"`).FindAllStringSubmatch(string(text), -1) {
		if _, ok := d.Components.Schemas[ref[1]]; !ok {
			t.Errorf("there is no schema %s", ref[1])
		}
	}
}

func TestEveryFilterIsDescribed(t *testing.T) {
	t.Parallel()
	d, _ := serve(t).description()
	for path, fields := range map[string][]ratchet.Field{
		"/tasks": ratchet.TaskFields(), "/jobs": ratchet.JobFields(), "/executions": ratchet.ExecutionFields(),
		"/schedules": ratchet.ScheduleFields(), "/keys": ratchet.KeyFields(),
	} {
		names := map[string]bool{}
		for _, p := range d.Paths[path]["get"].Parameters {
			names[p.Name] = true
		}
		for _, f := range fields {
			for _, op := range f.Kind.Ops() {
				name := f.Name
				if op != ratchet.OpEqual {
					name += "_" + string(op)
				}
				if !names[name] {
					t.Errorf("%s: the filter %s is not described", path, name)
				}
			}
		}
	}
}

func TestTheDocsPageNeedsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	s := serve(t)
	page := s.do(http.MethodGet, "/docs", "").want(http.StatusOK)
	if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("got the policy %q", policy)
	}
	if regexp.MustCompile(`<script>|<style>|\son\w+=|\sstyle=`).Match(page.body) {
		t.Error("the page has scripts or styles within, which its policy forbids")
	}
	links := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(string(page.body), -1)
	if len(links) < 2 {
		t.Errorf("got %d links, want the script and the styles", len(links))
	}
	for _, link := range links {
		if got := s.do(http.MethodGet, link[1], "").want(http.StatusOK); strings.Contains(string(got.body), "://") {
			t.Errorf("%s names an address elsewhere", link[1])
		}
	}
}
