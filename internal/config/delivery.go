package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/destination"
)

// Delivery is about the results of jobs on their way to their destinations.
type Delivery struct {
	Enabled      bool
	Root         string
	Concurrency  int
	PerTarget    int
	Timeout      time.Duration
	StopTimeout  time.Duration
	Environment  string
	Variables    []string // each NAME=VALUE
	Destinations []GlobalDestination
}

// A GlobalDestination is one of the operator's, for the results of many tasks.
type GlobalDestination struct {
	ratchet.Destination
	Tasks []string // patterns of names, such as "report-*"; none: all tasks
}

// For reports whether it is for the results of a task.
func (g *GlobalDestination) For(task string) bool {
	return len(g.Tasks) == 0 || slices.ContainsFunc(g.Tasks, func(pattern string) bool {
		ok, err := path.Match(pattern, task)
		return ok && err == nil
	})
}

// UnmarshalJSON takes "tasks" beside the members of a destination.
func (g *GlobalDestination) UnmarshalJSON(text []byte) error {
	members := map[string]json.RawMessage{}
	if json.Unmarshal(text, &members) != nil || members["tasks"] == nil {
		return g.Destination.UnmarshalJSON(text)
	}
	if err := json.Unmarshal(members["tasks"], &g.Tasks); err != nil {
		return ratchet.Errorf(ratchet.ReasonConfig, "tasks has the wrong type").WithDetails(ratchet.Detail{
			Pointer: "/tasks", Message: "tasks has the wrong type", Expected: `a list of names and patterns, such as ["report-*"]`,
		})
	}
	delete(members, "tasks")
	rest, err := json.Marshal(members)
	if err != nil {
		return err
	}
	return g.Destination.UnmarshalJSON(rest)
}

// MarshalJSON writes the members of the destination, and "tasks".
func (g GlobalDestination) MarshalJSON() ([]byte, error) {
	text, err := encodeJSON(g.Destination)
	if err != nil || len(g.Tasks) == 0 {
		return text, err
	}
	tasks, err := encodeJSON(g.Tasks)
	if err != nil {
		return nil, err
	}
	return append(append(append(bytes.TrimSuffix(text, []byte("}")), `,"tasks":`...), tasks...), '}'), nil
}

// encodeJSON is JSON without escapes for HTML.
func encodeJSON[T any](v T) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

func (d *Delivery) settings() []setting {
	return []setting{
		toggle(&d.Enabled, "enabled", true, "Whether results are delivered. Without, jobs with destinations are refused, and what waits goes on waiting."),
		text(&d.Root, "root", "deliveries", "The folder below which destinations of type file write; a relative one is in data.dir."),
		number(&d.Concurrency, "concurrency", 64, 1, 10_000, "How many attempts are under way at once."),
		number(&d.PerTarget, "per_target", 8, 1, 10_000, "How many of them go to one host, or one plugin: one that is slow keeps only its own waiting."),
		span(&d.Timeout, "timeout", "30s", time.Second, 5*time.Minute, "How long an attempt may take whose destination does not say."),
		span(&d.StopTimeout, "stop_timeout", "5s", 0, 5*time.Minute, "How long attempts that are under way may go on when the server stops."),
		text(&d.Environment, "environment", "development", "The name of this installation, in envelopes and as {{environment}} in templates."),
		list(&d.Variables, "variables", "", `NAME=VALUE, in small letters, digits and "_"`, isVariable, "Your own variables of templates: region=eu is {{env_region}}."),
		destinations(&d.Destinations, "destinations", `Destinations of the operator, for the results of all jobs beside the jobs' own, or of those of the tasks that "tasks" names, such as ["report-*"]. "${NAME}" in a secret is a variable of the server's environment. docs/deliveries.md has their members.`),
	}
}

// isVariable reports whether a text is NAME=VALUE.
func isVariable(text string) bool {
	name, _, found := strings.Cut(text, "=")
	return found && name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// TemplateVariables are the operator's variables by their names in templates.
func (d *Delivery) TemplateVariables() map[string]string {
	all := map[string]string{}
	for _, text := range d.Variables {
		name, value, _ := strings.Cut(text, "=")
		all["env_"+name] = value
	}
	return all
}

// destinations are a list of them as JSON, which YAML is read as too.
func destinations(p *[]GlobalDestination, name, doc string) setting {
	s := setting{
		Key: Key{Name: name, Doc: doc, Default: "[]", Kind: KindJSON, Wants: `a list of destinations such as [{type: webhook, url: "https://example.com/failures", on: failure}]`},
		set: func(text string) error {
			var all []GlobalDestination
			var wrong []ratchet.Detail
			var items []json.RawMessage
			if err := json.Unmarshal([]byte(text), &items); err != nil {
				return ratchet.Errorf(ratchet.ReasonConfig, `want a list of destinations as JSON such as [{"type":"webhook","url":"https://example.com/failures","on":"failure"}]`)
			}
			for i, item := range items {
				var g GlobalDestination
				err := json.Unmarshal(item, &g)
				if err == nil {
					all = append(all, g)
					continue
				}
				for _, d := range ratchet.AsError(err).Details {
					d.Pointer = fmt.Sprintf("/%d%s", i, d.Pointer)
					wrong = append(wrong, d)
				}
			}
			if len(wrong) > 0 {
				return ratchet.Errorf(ratchet.ReasonConfig, "%s", wrong[0].Message).WithDetails(wrong...)
			}
			*p = all
			return nil
		},
		get: func() string {
			if len(*p) == 0 {
				return "[]"
			}
			text, err := encodeJSON(*p)
			if err != nil {
				return "[]"
			}
			return string(text)
		},
	}
	return s.hidden(func(string) string {
		shown := slices.Clone(*p)
		for i := range shown {
			shown[i].Destination = ratchet.Shown([]ratchet.Destination{shown[i].Destination})[0]
		}
		text, err := encodeJSON(shown)
		if err != nil || len(shown) == 0 {
			return "[]"
		}
		return string(text)
	})
}

// checkDestinations reports what is wrong with the operator's destinations.
func (d *Delivery) checkDestinations() []ratchet.Detail {
	all := d.Destinations
	plain := make([]ratchet.Destination, len(all))
	for i := range all {
		plain[i] = all[i].Destination
	}
	wrong := destination.CheckAll(plain, destination.Where{Variables: slices.Sorted(maps.Keys(d.TemplateVariables()))})
	for i := range all {
		for j, pattern := range all[i].Tasks {
			if _, err := path.Match(pattern, ""); err != nil || strings.TrimSpace(pattern) == "" {
				wrong = append(wrong, ratchet.Detail{
					Pointer: fmt.Sprintf("/%d/tasks/%d", i, j), Message: "this is no pattern of names", Expected: `a name, or a pattern such as "report-*"`, Got: pattern,
				})
			}
		}
	}
	return wrong
}
