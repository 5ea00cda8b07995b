package graphql

import (
	"math"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/ratchet-runner/ratchet-go"
)

// introspectionDepth is how deep questions about the schema may nest: those that
// tools ask are deeper than any about what there is.
const introspectionDepth = 25

// A measure is how large a part of a document is, with its fragments in place.
type measure struct{ depth, fields int }

func (m measure) and(other measure) measure {
	return measure{max(m.depth, other.depth), min(m.fields+other.fields, math.MaxInt32)}
}

// A ruler measures a document before anybody looks at what it means.
type ruler struct {
	doc       *ast.QueryDocument
	fragments map[string]measure
	open      map[string]bool // being measured
	written   int             // fields
	aliases   int             // fields that are there more than once
	err       error
}

// measure refuses a document that is too large for what it may ask.
func (h *Handler) measure(doc *ast.QueryDocument) error {
	r := &ruler{doc: doc, fragments: map[string]measure{}, open: map[string]bool{}}
	for _, f := range doc.Fragments {
		r.fragment(f.Name)
	}
	for _, op := range doc.Operations {
		m, about := r.selection(op.SelectionSet), measure{}
		if onlySchema(op.SelectionSet) {
			m, about = about, m
		}
		switch {
		case r.err != nil:
			return r.err
		case m.depth > h.config.MaxDepth:
			return overLimit("levels", h.config.MaxDepth, "ask for what is deeper in a query of its own")
		case about.depth > introspectionDepth:
			return overLimit("levels of the schema", introspectionDepth, "ask for fewer of them")
		case max(m.fields, about.fields, r.written) > maxFields:
			return overLimit("fields", maxFields, "ask for them in several queries")
		case r.aliases > h.config.MaxAliases:
			return overLimit("aliases", h.config.MaxAliases, "use a list with filters, such as idIn")
		}
	}
	return r.err
}

// onlySchema reports whether all is about the schema.
func onlySchema(set ast.SelectionSet) bool {
	for _, s := range set {
		if f, ok := s.(*ast.Field); !ok || !strings.HasPrefix(f.Name, "__") {
			return false
		}
	}
	return true
}

// selection measures what is selected.
func (r *ruler) selection(set ast.SelectionSet) (m measure) {
	names := map[string]bool{}
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			r.written++
			if s.Alias != s.Name || names[s.Alias] {
				r.aliases++
			}
			names[s.Alias] = true
			inner := r.selection(s.SelectionSet)
			m = m.and(measure{inner.depth + 1, inner.fields + 1})
		case *ast.InlineFragment:
			r.written++
			s.Directives = undeferred(s.Directives)
			m = m.and(r.selection(s.SelectionSet))
		case *ast.FragmentSpread:
			s.Directives = undeferred(s.Directives)
			if names["..."+s.Name] {
				r.aliases++
			}
			names["..."+s.Name] = true
			m = m.and(r.fragment(s.Name))
		}
	}
	return m
}

// undeferred takes @defer away, which a server may ignore: answers are whole.
func undeferred(directives ast.DirectiveList) ast.DirectiveList {
	return slices.DeleteFunc(directives, func(d *ast.Directive) bool { return d.Name == "defer" })
}

// fragment measures a fragment, once.
func (r *ruler) fragment(name string) measure {
	if m, known := r.fragments[name]; known {
		return m
	}
	if r.open[name] {
		r.err = ratchet.Errorf(ratchet.ReasonValidation, "the fragment %s includes itself", name)
		return measure{}
	}
	f := r.doc.Fragments.ForName(name)
	if f == nil {
		return measure{} // which is told when it is checked
	}
	r.open[name] = true
	m := r.selection(f.SelectionSet)
	delete(r.open, name)
	r.fragments[name] = m
	return m
}

// A payer adds up what an operation costs.
type payer struct {
	doc       *ast.QueryDocument
	values    map[string]any
	fragments map[string]int
}

// cost is what an operation costs: 1 for each thing that it may answer with,
// times the length of lists, and more for what takes more.
func cost(op *ast.OperationDefinition, values map[string]any, doc *ast.QueryDocument) int {
	return (&payer{doc, values, map[string]int{}}).selection(op.SelectionSet)
}

// dearest is more than anybody may spend, and can be added to itself.
const dearest = math.MaxInt32

func (p *payer) selection(set ast.SelectionSet) (sum int) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			sum += p.field(s)
		case *ast.InlineFragment:
			sum += p.selection(s.SelectionSet)
		case *ast.FragmentSpread:
			known, ok := p.fragments[s.Name]
			if f := p.doc.Fragments.ForName(s.Name); !ok && f != nil {
				known = p.selection(f.SelectionSet)
				p.fragments[s.Name] = known
			}
			sum += known
		}
		sum = min(sum, dearest)
	}
	return sum
}

func (p *payer) field(f *ast.Field) int {
	inner := p.selection(f.SelectionSet)
	if f.Definition == nil || strings.HasPrefix(f.Name, "__") {
		return 0
	}
	own := weight(f)
	if len(f.SelectionSet) > 0 && f.Name != "items" && f.Name != "meta" {
		own++
	}
	if n, list := p.length(f); list {
		return min(n, dearest) * min(own+inner, math.MaxInt32)
	}
	return own + inner
}

// length is how long a list is asked for.
func (p *payer) length(f *ast.Field) (n int, list bool) {
	for _, name := range []string{"limit", "last"} {
		def := f.Definition.Arguments.ForName(name)
		if def == nil || f.Definition.Type.NamedType == "LogPage" || f.Definition.Type.NamedType == "BulkResult" {
			continue
		}
		value := def.DefaultValue
		if arg := f.Arguments.ForName(name); arg != nil {
			value = arg.Value
		}
		if value == nil {
			return ratchet.DefaultLimit, true
		}
		given, err := value.Value(p.values)
		if err != nil || given == nil {
			return ratchet.DefaultLimit, true
		}
		n, _ := given.(int64)
		return int(min(max(n, 1), dearest)), true
	}
	return 0, false
}

// weight is what a field costs beside what it answers with: those have to be
// fetched one by one, or make something happen.
func weight(f *ast.Field) int {
	if f.ObjectDefinition == nil {
		return 0
	}
	switch f.ObjectDefinition.Name + "." + f.Name {
	case "Task.latestVersion", "Task.versions", "Task.env", "Task.jobs", "Job.version", "Execution.logs", "Execution.fetches", "Schedule.nextRuns":
		return 4
	case "Mutation.executeTasks", "Mutation.cancelJobs", "Mutation.retryJobs", "Mutation.registerTask":
		return 99
	}
	if f.ObjectDefinition.Name == "Mutation" {
		return 9
	}
	return 0
}
