package rest

import (
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

func mapKeys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

// Bounds of a list's query.
const (
	maxFilters = 50
	maxValues  = 1000
	maxOffset  = math.MaxInt32
)

// suffixes are the ends of filters' names, with what they mean. A suffix that is
// the end of another comes after it.
func suffixes() []struct {
	suffix string
	op     ratchet.Op
} {
	return []struct {
		suffix string
		op     ratchet.Op
	}{
		{"_not_in", ratchet.OpNotIn},
		{"_starts_with", ratchet.OpPrefix},
		{"_ends_with", ratchet.OpSuffix},
		{"_contains", ratchet.OpContains},
		{"_like", ratchet.OpContains},
		{"_gte", ratchet.OpAtLeast},
		{"_lte", ratchet.OpAtMost},
		{"_ne", ratchet.OpNot},
		{"_lt", ratchet.OpLess},
		{"_gt", ratchet.OpMore},
		{"_in", ratchet.OpIn},
	}
}

// camel turns "created_at" into "createdAt". A leading "_" stays.
func camel(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if c := name[i]; c == '_' && i > 0 && i+1 < len(name) && 'a' <= name[i+1] && name[i+1] <= 'z' {
			i++
			b.WriteByte(name[i] - 'a' + 'A')
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// A filterName is a field and how it is compared.
type filterName struct {
	field ratchet.Field
	op    ratchet.Op
}

// filterNames returns the filters of a list by the names of their parameters.
func filterNames(fields []ratchet.Field) map[string]filterName {
	all := map[string]filterName{}
	for _, f := range fields {
		all[f.Name] = filterName{f, ratchet.OpEqual}
		for _, s := range suffixes() {
			if slices.Contains(f.Kind.Ops(), s.op) {
				all[f.Name+s.suffix] = filterName{f, s.op}
			}
		}
	}
	return all
}

// splitFilter separates a filter's name from its suffix.
func splitFilter(key string) (field, suffix string) {
	for _, s := range suffixes() {
		if name, found := strings.CutSuffix(key, s.suffix); found && name != "" {
			return name, s.suffix
		}
	}
	return key, ""
}

// list reads what a list is asked for.
func (r *request) list() (q ratchet.Query) {
	q.Filters = r.filters()
	q.Sort = r.sort()
	r.page(&q)
	return q
}

// filters reads the filters of a list.
func (r *request) filters() (all []ratchet.Filter) {
	for _, key := range slices.Sorted(mapKeys(r.query)) {
		f, ok := r.route.filters[key]
		if !ok {
			continue
		}
		op, values := f.op, r.query[key]
		if op == ratchet.OpEqual && len(values) > 1 && slices.Contains(f.field.Kind.Ops(), ratchet.OpIn) {
			op = ratchet.OpIn // given more than once: any of them
		} else if op == ratchet.OpIn || op == ratchet.OpNotIn {
			values = r.texts(key)
		} else if r.one(key); len(values) > 1 {
			continue
		}
		if len(values) > maxValues || len(all) == maxFilters {
			r.wrong(key, "these are too many", strconv.Itoa(maxValues)+" values in each of "+strconv.Itoa(maxFilters)+" filters at most", "")
			break
		}
		for i := range values {
			values[i] = r.filterValue(key, f, values[i])
		}
		all = append(all, ratchet.Filter{Field: f.field.Name, Op: op, Values: values})
	}
	return all
}

// filterValue checks a value by the kind of its field. Whether an ID is one of
// the right entity is the store's to say.
func (r *request) filterValue(key string, f filterName, value string) string {
	switch f.field.Kind {
	case ratchet.FieldEnum:
		for _, word := range f.field.Values {
			if strings.EqualFold(word, value) {
				return word
			}
		}
		if f.field.Name == "priority" && strings.EqualFold(value, "critical") {
			return ratchet.PriorityUrgent.String()
		}
		r.wrong(key, key+" is not known", oneOf(value, f.field.Values), value)
	case ratchet.FieldBool:
		if value != "true" && value != "false" {
			r.wrong(key, key+" cannot be read", "true or false", value)
		}
	case ratchet.FieldNumber:
		if _, err := strconv.ParseInt(value, 10, 64); err != nil {
			r.wrong(key, key+" cannot be read", "a whole number", value)
		}
	case ratchet.FieldTime:
		t, err := time.Parse(time.RFC3339Nano, strings.ReplaceAll(value, " ", "+")) // a "+" that was not encoded
		if err != nil || t.Year() < 1 || t.Year() > 9999 {
			r.wrong(key, key+" cannot be read", "a time such as 2026-08-01T12:30:00Z", value)
			break
		}
		return t.Format(time.RFC3339Nano)
	case ratchet.FieldID:
		if value == "" || !isID(value) {
			r.wrong(key, key+" cannot be read", "an ID such as job_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69; the part before the \"_\" may be left out", value)
		}
	}
	return value
}

// isID reports whether the text is the ID of something.
func isID(text string) bool {
	_, uuid, prefixed := strings.Cut(text, "_")
	if !prefixed {
		uuid = text
	}
	_, err := ratchet.ParseID[ratchet.Job](uuid)
	return err == nil
}

// sort reads _sort and _order.
func (r *request) sort() (all []ratchet.Sort) {
	by, orders := r.texts("_sort"), r.texts("_order")
	if len(orders) > 1 && len(orders) != len(by) {
		r.wrong("_order", "_order and _sort do not agree", "one order for all, or one for each of the "+strconv.Itoa(len(by))+" in _sort", strings.Join(orders, ","))
		return nil
	}
	sortable := sortable(r.route.fields)
	for i, text := range by {
		name, desc := strings.CutPrefix(strings.TrimSpace(text), "-")
		name = camel(name)
		if !slices.Contains(sortable, name) {
			r.wrong("_sort", "the list cannot be sorted by "+strconv.Quote(text), oneOf(name, sortable), text)
			continue
		}
		if slices.ContainsFunc(all, func(s ratchet.Sort) bool { return s.Field == name }) {
			r.wrong("_sort", name+" is there twice", "each field once", text)
		}
		if len(orders) > 0 {
			down := r.descends(orders[min(i, len(orders)-1)])
			desc = desc != down
		}
		all = append(all, ratchet.Sort{Field: name, Desc: desc})
	}
	if len(by) == 0 && len(orders) > 0 {
		r.wrong("_order", "there is an _order, but no _sort", "_sort with the field to sort by", strings.Join(orders, ","))
	}
	return all
}

func (r *request) descends(order string) bool {
	switch strings.ToLower(strings.TrimSpace(order)) {
	case "asc":
		return false
	case "desc":
		return true
	}
	r.wrong("_order", "_order is not known", "asc or desc", order)
	return false
}

func sortable(fields []ratchet.Field) (names []string) {
	for _, f := range fields {
		if f.Sort {
			names = append(names, f.Name)
		}
	}
	return names
}

// page reads which part of a list is asked for, in one of four ways.
func (r *request) page(q *ratchet.Query) {
	var ways []string
	for _, name := range []string{"_start", "page", "offset", "cursor"} {
		if _, given := r.query[name]; given {
			ways = append(ways, name)
		}
	}
	if len(ways) > 1 {
		r.wrong(ways[1], strings.Join(ways, " and ")+" do not go together", "one of them", "")
	}
	_, hasLimit := r.query["limit"]
	_, hasEnd := r.query["_end"]
	q.Limit = r.number("limit", 1, ratchet.MaxLimit, ratchet.DefaultLimit)
	start := r.number("_start", 0, maxOffset, 0)
	q.Offset = start + r.number("offset", 0, maxOffset, 0)
	if page := r.number("page", 1, maxOffset/ratchet.MaxLimit, 1); page > 1 {
		q.Offset = (page - 1) * q.Limit
	}
	if hasEnd {
		end := r.number("_end", 1, maxOffset+ratchet.MaxLimit, 1)
		switch {
		case hasLimit || len(ways) > 0 && ways[0] != "_start":
			r.wrong("_end", "_end goes with _start only", "_start and _end, or limit", "")
		case end <= start || end-start > ratchet.MaxLimit:
			r.wrong("_end", "_end does not fit _start", "1 to "+strconv.Itoa(ratchet.MaxLimit)+" more than _start", r.text("_end"))
		default:
			q.Limit = end - start
		}
	}
	r.limit = q.Limit
	if cursor, given := r.one("cursor"); given {
		if cursor == "" {
			r.wrong("cursor", "cursor is empty", "meta.next of the page before", "")
		}
		q.After = cursor
	}
}
