package destination

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ratchet-runner/ratchet-go"
)

// A template is a text in which "{{name}}" stands for a variable, and "${NAME}",
// where the place allows it, for a variable of an environment.
type template []part

// A part is one piece of a template: text, a variable or a reference.
type part struct {
	text      string
	variable  string
	reference string
}

// parse takes a text apart. Its error says what is wrong with it.
func parse(text string, references bool) (template, error) {
	var parts template
	for text != "" {
		start := strings.Index(text, "{{")
		if ref := strings.Index(text, "${"); references && ref >= 0 && (start < 0 || ref < start) {
			name, rest, closed := strings.Cut(text[ref+2:], "}")
			if !closed || !validReference(name) {
				return nil, fmt.Errorf(`"${" begins a variable of the environment, such as "${API_TOKEN}"`)
			}
			parts = append(parts, part{text: text[:ref]}, part{reference: name})
			text = rest
			continue
		}
		if start < 0 {
			return append(parts, part{text: text}), nil
		}
		name, rest, closed := strings.Cut(text[start+2:], "}}")
		name = strings.TrimSpace(name)
		if !closed || !validVariable(name) {
			return nil, fmt.Errorf(`"{{" begins a variable, such as "{{job_id}}": %q is none`, clip("{{"+text[start+2:], 40))
		}
		if parts = append(parts, part{text: text[:start]}, part{variable: name}); len(parts) > 2*maxVariables {
			return nil, fmt.Errorf("it has more than %d variables", maxVariables)
		}
		text = rest
	}
	return parts, nil
}

func validReference(name string) bool {
	return name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_:.-") == ""
}

func validVariable(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// references are the variables of the environment that t needs.
func (t template) references() (names []string) {
	for _, p := range t {
		if p.reference != "" {
			names = append(names, p.reference)
		}
	}
	return names
}

// uses reports whether the variable stands in t.
func (t template) uses(name string) bool {
	return slices.ContainsFunc(t, func(p part) bool { return p.variable == name })
}

// unknown describes the variables of t that no job of that place has.
func (t template) unknown(pointer string, where Where, body bool) (wrong []ratchet.Detail) {
	for _, p := range t {
		if p.variable == "" || where.knows(p.variable, body) {
			continue
		}
		d := ratchet.Detail{Pointer: pointer, Message: fmt.Sprintf("there is no template variable %q", p.variable), Got: "{{" + p.variable + "}}"}
		switch name := p.variable; {
		case !body && where.knows(name, true):
			d.Message = fmt.Sprintf("the variable %q is for \"template\" only", name)
			d.Expected = "a short one, such as job_id"
		case strings.HasPrefix(name, "env_"):
			d.Expected = "one that the operator has listed in delivery.variables"
			if len(where.Variables) > 0 {
				d.Expected += ": " + strings.Join(where.Variables, ", ")
			}
		case strings.HasPrefix(name, "meta_"):
			d.Expected = fmt.Sprintf("a tag of the job such as %q", strings.TrimPrefix(name, "meta_")+"=…")
		default:
			d.Expected = "one of " + strings.Join(names(body), ", ") + ", meta_…, env_…"
			if near := ratchet.Nearest(name, names(body)); near != "" {
				d.Expected = near + "? docs/deliveries-reference.md lists them"
			}
		}
		wrong = append(wrong, d)
	}
	return wrong
}

// knows reports whether a job at that place has the variable.
func (w Where) knows(name string, body bool) bool {
	if slices.Contains(names(body), name) || slices.Contains(w.Variables, name) {
		return true
	}
	if w.Bundle && w.Variables == nil && strings.HasPrefix(name, "env_") {
		return true // the server that takes the task knows its own
	}
	if key, meta := strings.CutPrefix(name, "meta_"); meta {
		_, found := metadata(w.Tags)[key]
		return w.Tags == nil || found
	}
	return false
}

// names lists the variables that every job has; those for a body too, if asked.
func names(body bool) []string {
	short := []string{
		"job_id", "job_uuid", "task_id", "task_name", "task_version", "execution_id", "schedule_id", "delivery_id", "destination", "trace_id",
		"status", "priority", "attempts", "tags", "environment", "env", "hostname",
		"timestamp", "iso_timestamp", "unix_timestamp", "date", "time", "year", "month", "day", "hour", "minute", "second",
		"duration_ms", "duration_secs", "output_size", "error_reason",
	}
	if !body {
		return short
	}
	return append(short, "output", "output_data", "input", "error", "error_message", "selected", "envelope")
}

// maxVariables is how many variables a template may have.
const maxVariables = 200

// render fills the template. value gives variables, already as they are to stand
// at that place, which is told by the template's own text so far; refs the values
// of references.
func (t template) render(value func(name, before string) (string, error), refs map[string]string) (string, error) {
	var filled, own strings.Builder
	for _, p := range t {
		text := p.text
		switch {
		case p.variable != "":
			v, err := value(p.variable, own.String())
			if err != nil {
				return "", err
			}
			filled.WriteString(v)
		case p.reference != "":
			v, found := refs[p.reference]
			if !found {
				return "", Missing(p.reference)
			}
			text = v
		}
		filled.WriteString(text)
		own.WriteString(text)
		if filled.Len() > maxBody {
			return "", tooLarge(filled.Len())
		}
	}
	return filled.String(), nil
}

// Missing is the error of a reference that stands for nothing.
func Missing(reference string) error {
	return ratchet.Errorf(ratchet.ReasonValidation, "${%s} has no value in the task's environment: set it (ratchet task env set), and redeliver", reference)
}

// inURL is a value as it may stand in a URL: no part of a path becomes another,
// and none of a query.
func inURL(value, before string) string {
	if strings.Contains(before, "?") {
		return url.QueryEscape(value)
	}
	if value == "." || value == ".." {
		return strings.ReplaceAll(value, ".", "%2E")
	}
	return url.PathEscape(value)
}

// inPath is a value as it may stand in the path of a file: within one element of
// it.
func inPath(value string) string {
	value = strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r == ':' || r == utf8.RuneError || unicode.IsControl(r) {
			return '_'
		}
		return r
	}, value)
	if strings.Trim(value, ".") == "" {
		return strings.ReplaceAll(value, ".", "_")
	}
	return value
}

// inLine is a value without line breaks and other control characters.
func inLine(value string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return ' '
		}
		return r
	}, value)
}

// inJSON writes values into a JSON text: within a string as its content, else as
// a value of its own.
func inJSON(raw json.RawMessage, before string) string {
	if !openString(before) {
		return string(raw)
	}
	text := plain(raw)
	quoted, err := marshal(text)
	if err != nil {
		return ""
	}
	return string(quoted[1 : len(quoted)-1])
}

// openString reports whether a JSON text ends within a string.
func openString(text string) bool {
	open := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			open = !open
		case text[i] == '\\' && open:
			i++
		}
	}
	return open
}

// plain is a JSON value as people write it: a text as it is, else compact JSON.
func plain(raw json.RawMessage) string {
	var text string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}
