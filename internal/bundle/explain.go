package bundle

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// explain turns a failure of the library, a tree that follows the schema, into
// the list of what is wrong with the document.
// patterns tells which matches were given up; nil: none.
func explain(failure *jsonschema.ValidationError, root *jsonNode, patterns *stopwatch) []ratchet.Detail {
	e := explainer{root: root, seen: map[ratchet.Detail]bool{}}
	if patterns != nil {
		e.slow = patterns.slow
	}
	e.walk(failure)
	slices.SortStableFunc(e.found, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.off, b.off), cmp.Compare(a.detail.Message, b.detail.Message))
	})
	details := make([]ratchet.Detail, 0, len(e.found))
	for _, f := range e.found {
		details = append(details, f.detail)
	}
	return details
}

type explainer struct {
	root  *jsonNode
	found []placed
	seen  map[ratchet.Detail]bool
	slow  []slowMatch
}

type placed struct {
	off    int
	detail ratchet.Detail
}

func (e *explainer) add(at []string, message, expected, got string) {
	d := ratchet.Detail{Pointer: joinPointer(at), Message: message, Expected: expected, Got: got}
	if e.seen[d] || len(e.found) >= maxDetails {
		return // reached by two ways of the schema
	}
	e.seen[d] = true
	e.found = append(e.found, placed{off: e.root.at(at).off, detail: d})
}

func (e *explainer) got(at []string) string { return e.root.at(at).describe() }

func (e *explainer) walk(f *jsonschema.ValidationError) {
	at := f.InstanceLocation
	switch k := f.ErrorKind.(type) {
	case *kind.AnyOf:
		e.alternatives(f, "none of the alternatives fits")
		return
	case *kind.OneOf:
		if len(k.Subschemas) > 0 {
			e.add(at, "more than one alternative fits", "exactly one of them", e.got(at))
			return
		}
		e.alternatives(f, "none of the alternatives fits")
		return
	case *kind.PropertyNames:
		expected := ""
		if len(f.Causes) > 0 {
			expected = e.firstExpected(f.Causes[0])
		}
		e.add(append(slices.Clone(at), k.Property), "a name that is not allowed here", expected, fmt.Sprintf("%q", k.Property))
		return
	case *kind.Contains, *kind.MinContains, *kind.MaxContains, *kind.Not:
	default:
		if len(f.Causes) > 0 {
			for _, cause := range f.Causes {
				e.walk(cause)
			}
			return
		}
	}
	e.leaf(f)
}

// leaf explains a failure that has no causes worth telling.
func (e *explainer) leaf(f *jsonschema.ValidationError) {
	at := f.InstanceLocation
	wrong := func(message, expected string) { e.add(at, message, expected, e.got(at)) }
	switch k := f.ErrorKind.(type) {
	case *kind.Type:
		wrong("wrong type", strings.Join(k.Want, " or "))
	case *kind.Required:
		for _, name := range k.Missing {
			e.add(at, fmt.Sprintf("the property %q is missing", name), fmt.Sprintf("the property %q", name), e.keys(at))
		}
	case *kind.Dependency:
		e.dependency(at, k.Prop, k.Missing)
	case *kind.DependentRequired:
		e.dependency(at, k.Prop, k.Missing)
	case *kind.AdditionalProperties:
		slices.Sort(k.Properties)
		for _, name := range k.Properties {
			e.add(append(slices.Clone(at), name), fmt.Sprintf("the property %q is not allowed", name), "no other properties than the schema names", fmt.Sprintf("%q", name))
		}
	case *kind.Enum:
		wrong("not one of the allowed values", oneOfValues(k.Want))
	case *kind.Const:
		wrong("not the allowed value", showValue(k.Want))
	case *kind.Minimum:
		wrong("too small", "at least "+showRat(k.Want))
	case *kind.Maximum:
		wrong("too large", "at most "+showRat(k.Want))
	case *kind.ExclusiveMinimum:
		wrong("too small", "more than "+showRat(k.Want))
	case *kind.ExclusiveMaximum:
		wrong("too large", "less than "+showRat(k.Want))
	case *kind.MultipleOf:
		wrong("not a multiple", "a multiple of "+showRat(k.Want))
	case *kind.MinLength:
		e.add(at, "too short", fmt.Sprintf("at least %d characters", k.Want), fmt.Sprintf("%d", k.Got))
	case *kind.MaxLength:
		e.add(at, "too long", fmt.Sprintf("at most %d characters", k.Want), fmt.Sprintf("%d", k.Got))
	case *kind.MinItems:
		e.add(at, "too few items", fmt.Sprintf("at least %d", k.Want), fmt.Sprintf("%d", k.Got))
	case *kind.MaxItems:
		e.add(at, "too many items", fmt.Sprintf("at most %d", k.Want), fmt.Sprintf("%d", k.Got))
	case *kind.MinProperties:
		e.add(at, "too few properties", fmt.Sprintf("at least %d", k.Want), fmt.Sprintf("%d", k.Got))
	case *kind.MaxProperties:
		e.add(at, "too many properties", fmt.Sprintf("at most %d", k.Want), fmt.Sprintf("%d", k.Got))
	case *kind.AdditionalItems:
		e.add(at, "too many items", "none after those the schema names", fmt.Sprintf("%d more", k.Count))
	case *kind.UniqueItems:
		e.add(at, "two items are equal", "each item once", fmt.Sprintf("equal items %d and %d", k.Duplicates[0], k.Duplicates[1]))
	case *kind.Pattern:
		message := "does not match the pattern"
		if slices.Contains(e.slow, slowMatch{k.Want, k.Got}) {
			message = "the pattern " + slowCountsAsWrong
		}
		wrong(message, "a string that matches "+k.Want)
	case *kind.Format:
		wrong("wrong format", "a string of the format "+k.Want)
	case *kind.Contains:
		wrong("no item is of the kind that must be there", "at least one such item")
	case *kind.MinContains:
		e.add(at, "too few items of the kind that must be there", fmt.Sprintf("at least %d", k.Want), fmt.Sprintf("%d", len(k.Got)))
	case *kind.MaxContains:
		e.add(at, "too many items of a kind", fmt.Sprintf("at most %d", k.Want), fmt.Sprintf("%d", len(k.Got)))
	case *kind.FalseSchema:
		wrong("not allowed here", "nothing")
	case *kind.Not:
		wrong("of a kind that is not allowed", "anything that does not fit the schema in \"not\"")
	case *kind.RefCycle:
		wrong("the schema refers to itself without end", "")
	default:
		wrong("does not fit the schema", strings.Join(f.ErrorKind.KeywordPath(), "/"))
	}
}

func (e *explainer) dependency(at []string, prop string, missing []string) {
	for _, name := range missing {
		e.add(at, fmt.Sprintf("the property %q is missing", name), fmt.Sprintf("the property %q, since %q is there", name, prop), e.keys(at))
	}
}

// keys shows which properties an object has.
func (e *explainer) keys(at []string) string {
	n := e.root.at(at)
	if len(n.members) == 0 {
		return "an empty object"
	}
	var names []string
	for i, m := range n.members {
		if i == 10 {
			names = append(names, "…")
			break
		}
		names = append(names, shorten(fmt.Sprintf("%q", m.key)))
	}
	return "an object with " + strings.Join(names, ", ")
}

// alternatives explains that no branch of an anyOf or oneOf fits. If the value
// is plainly meant for one of them (the only one whose own type, constants and
// properties it has), what is wrong is what that branch says; else the value
// fits none, and each branch says in short what it wants.
func (e *explainer) alternatives(f *jsonschema.ValidationError, message string) {
	var meant []*jsonschema.ValidationError
	for _, branch := range f.Causes {
		if !mismatched(branch, len(f.InstanceLocation)) {
			meant = append(meant, branch)
		}
	}
	if len(f.Causes) == 1 {
		meant = f.Causes
	}
	if len(meant) == 1 {
		e.walk(meant[0])
		return
	}
	var wants []string
	for _, branch := range f.Causes {
		if want := e.firstExpected(branch); want != "" && !slices.Contains(wants, want) {
			wants = append(wants, want)
		}
	}
	e.add(f.InstanceLocation, message, strings.Join(wants, ", or "), e.got(f.InstanceLocation))
}

// mismatched reports whether the failure says, at the place of the alternatives
// or one below it, that the value is of another sort altogether.
func mismatched(f *jsonschema.ValidationError, depth int) bool {
	switch f.ErrorKind.(type) {
	case *kind.Type, *kind.FalseSchema:
		return len(f.InstanceLocation) == depth
	case *kind.Const, *kind.Enum, *kind.Required:
		return len(f.InstanceLocation) <= depth+1
	}
	return slices.ContainsFunc(f.Causes, func(c *jsonschema.ValidationError) bool { return mismatched(c, depth) })
}

// firstExpected says in short what a branch wants.
func (e *explainer) firstExpected(f *jsonschema.ValidationError) string {
	sub := explainer{root: e.root, seen: map[ratchet.Detail]bool{}, slow: e.slow}
	sub.walk(f)
	if len(sub.found) == 0 {
		return ""
	}
	d := sub.found[0].detail
	want := d.Expected
	if below := strings.TrimPrefix(d.Pointer, joinPointer(f.InstanceLocation)); below != "" {
		want += " at " + below
	}
	return want
}

func oneOfValues(values []any) string {
	shown := make([]string, 0, len(values))
	for i, v := range values {
		if i == 20 {
			shown = append(shown, "…")
			break
		}
		shown = append(shown, showValue(v))
	}
	return strings.Join(shown, ", ")
}

func showValue(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return shorten(string(text))
}

// showRat writes a number of the schema as a person would have.
func showRat(r *big.Rat) string {
	if r.IsInt() {
		return shorten(r.Num().String())
	}
	if n, exact := r.FloatPrec(); exact {
		return shorten(r.FloatString(n))
	}
	f, _ := r.Float64()
	return fmt.Sprint(f)
}
