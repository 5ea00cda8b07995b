//go:build !noserver

package destination

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"

	"github.com/itchyny/gojq"
)

// A jq expression comes from whoever submits a job and runs in the server, where
// nothing but this bounds it. gojq looks at its context between any two
// instructions; so what has to be bounded beside time is what a single instruction
// can do: copy, compare or write a value that is far larger than what was made
// step by step ("[.,.]" forty times is small until something walks through it).
// Therefore
//
//   - only functions of a list may be called, and none defined;
//   - wherever a value passes from one part of an expression to the next, its size
//     is measured, and the expression ends if it is beyond its budget;
//   - what is gathered in arrays is counted as it comes, for an array is measured
//     only when it is whole;
//   - what multiplies in one step is replaced by a function that looks first.

// A bounder goes through an expression, refuses what cannot be bounded and puts
// the measuring in.
type bounder struct{}

// The functions that it puts in.
const (
	fnBound    = "ratchet_bound"
	fnGather   = "ratchet_gather"
	fnShort    = "ratchet_short"
	fnKey      = "ratchet_key"
	fnMultiply = "ratchet_multiply"
	fnSubtract = "ratchet_subtract"
	fnContains = "ratchet_contains"
	fnJoin     = "ratchet_join"
)

// maxShort is how long a string may be in which a pattern is looked for, or which
// is put in the place of one.
const maxShort = 16 << 10

// maxGathered is how many values one run may gather in arrays, all together, beside
// about as many as the envelope can have: some 50 bytes each, and again as much
// while an array grows.
const maxGathered = 1_000_000

// maxInterpolations is how many "\(…)" one string may have.
const maxInterpolations = 20

func call(name string, args ...*gojq.Query) *gojq.Query {
	return &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name, Args: args}}}
}

func pipe(left, right *gojq.Query) *gojq.Query {
	return &gojq.Query{Left: left, Op: gojq.OpPipe, Right: right}
}

// bounded is q with its values measured.
func bounded(q *gojq.Query) *gojq.Query { return pipe(q, call(fnBound)) }

// query goes through q, which is a path to be changed or deleted, or gives a
// value.
func (b bounder) query(q *gojq.Query, path bool) error {
	if q == nil {
		return nil
	}
	if q.Meta != nil || len(q.Imports) > 0 {
		return errors.New("it cannot import modules")
	}
	if len(q.FuncDefs) > 0 {
		return errors.New("it cannot define functions")
	}
	if q.Term != nil {
		return b.term(q.Term, path)
	}
	switch q.Op {
	case gojq.OpPipe:
		return b.pipe(q, path)
	case gojq.OpComma, gojq.OpAlt:
		return errors.Join(b.query(q.Left, path), b.query(q.Right, path))
	case gojq.OpAssign, gojq.OpModify, gojq.OpUpdateAdd, gojq.OpUpdateDiv, gojq.OpUpdateMod, gojq.OpUpdateAlt:
		err := errors.Join(b.query(q.Left, true), b.query(q.Right, false))
		q.Right = bounded(q.Right)
		return err
	case gojq.OpUpdateSub, gojq.OpUpdateMul:
		return fmt.Errorf("it cannot use %s: |= does the same", q.Op)
	}
	if path {
		return notPath(q.Op.String())
	}
	if err := errors.Join(b.query(q.Left, false), b.query(q.Right, false)); err != nil {
		return err
	}
	q.Left, q.Right = bounded(q.Left), bounded(q.Right)
	switch q.Op {
	case gojq.OpMul:
		*q = *call(fnMultiply, q.Left, q.Right)
	case gojq.OpSub:
		*q = *call(fnSubtract, q.Left, q.Right)
	}
	return nil
}

func notPath(what string) error {
	return fmt.Errorf("%s is no part of a path that can be changed or deleted", what)
}

func (b bounder) pipe(q *gojq.Query, path bool) error {
	for _, p := range q.Patterns {
		if err := b.pattern(p); err != nil {
			return err
		}
	}
	binds := len(q.Patterns) > 0
	if err := errors.Join(b.query(q.Left, path && !binds), b.query(q.Right, path)); err != nil {
		return err
	}
	if !path || binds {
		q.Left = bounded(q.Left)
	}
	return nil
}

// pattern refuses names that are worked out.
func (b bounder) pattern(p *gojq.Pattern) error {
	if p == nil {
		return nil
	}
	for _, sub := range p.Array {
		if err := b.pattern(sub); err != nil {
			return err
		}
	}
	for _, o := range p.Object {
		if o.KeyQuery != nil || o.KeyString != nil && len(o.KeyString.Queries) > 0 {
			return errors.New("it cannot work out names in a pattern")
		}
		if err := b.pattern(o.Val); err != nil {
			return err
		}
	}
	return nil
}

func (b bounder) term(t *gojq.Term, path bool) error {
	err := b.kind(t, path)
	for _, s := range t.SuffixList {
		err = errors.Join(err, b.index(s.Index, path))
	}
	return err
}

func (b bounder) kind(t *gojq.Term, path bool) error {
	switch t.Type {
	case gojq.TermTypeIdentity, gojq.TermTypeRecurse:
		return nil
	case gojq.TermTypeIndex:
		return b.index(t.Index, path)
	case gojq.TermTypeFunc:
		return b.function(t, path)
	case gojq.TermTypeQuery:
		return b.query(t.Query, path)
	case gojq.TermTypeIf:
		return b.condition(t.If, path)
	case gojq.TermTypeTry:
		return errors.Join(b.query(t.Try.Body, path), b.query(t.Try.Catch, path))
	case gojq.TermTypeLabel, gojq.TermTypeBreak:
		return errors.New("it cannot use label and break: first(…) and limit(…) do the same")
	}
	if path {
		return notPath("a value")
	}
	return b.value(t)
}

// value goes through what makes a new value.
func (b bounder) value(t *gojq.Term) error {
	switch t.Type {
	case gojq.TermTypeObject:
		return b.object(t.Object)
	case gojq.TermTypeArray:
		if t.Array == nil || t.Array.Query == nil {
			return nil
		}
		err := b.query(t.Array.Query, false)
		t.Array.Query = pipe(t.Array.Query, call(fnGather))
		return err
	case gojq.TermTypeUnary:
		return b.term(t.Unary.Term, false)
	case gojq.TermTypeFormat:
		return b.text(t.Str)
	case gojq.TermTypeString:
		return b.text(t.Str)
	case gojq.TermTypeReduce:
		r := t.Reduce
		err := errors.Join(b.patterns(r.Patterns), b.query(r.Query, false), b.query(r.Start, false), b.query(r.Update, false))
		r.Query, r.Start, r.Update = bounded(r.Query), bounded(r.Start), bounded(r.Update)
		return err
	case gojq.TermTypeForeach:
		f := t.Foreach
		err := errors.Join(b.patterns(f.Patterns), b.query(f.Query, false), b.query(f.Start, false), b.query(f.Update, false), b.query(f.Extract, false))
		f.Query, f.Start, f.Update = bounded(f.Query), bounded(f.Start), bounded(f.Update)
		return err
	}
	return nil // a number, null, true, false
}

func (b bounder) patterns(all []*gojq.Pattern) error {
	for _, p := range all {
		if err := b.pattern(p); err != nil {
			return err
		}
	}
	return nil
}

func (b bounder) object(o *gojq.Object) error {
	if o == nil {
		return nil
	}
	for _, kv := range o.KeyVals {
		if err := errors.Join(b.text(kv.KeyString), b.query(kv.KeyQuery, false), b.query(kv.Val, false)); err != nil {
			return err
		}
	}
	return nil
}

func (b bounder) condition(c *gojq.If, path bool) error {
	err := errors.Join(b.query(c.Cond, false), b.query(c.Then, path), b.query(c.Else, path))
	for _, e := range c.Elif {
		err = errors.Join(err, b.query(e.Cond, false), b.query(e.Then, path))
	}
	return err
}

// text goes through a string with "\(…)" in it.
func (b bounder) text(s *gojq.String) error {
	if s == nil {
		return nil
	}
	n := 0
	for _, q := range s.Queries {
		if q.Term == nil || q.Term.Str != nil && q.Term.Type == gojq.TermTypeString {
			continue
		}
		if n++; n > maxInterpolations {
			return fmt.Errorf(`it cannot have more than %d "\(…)" in one string`, maxInterpolations)
		}
		inner := &gojq.Query{Term: q.Term}
		if err := b.query(inner, false); err != nil {
			return err
		}
		*q = gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeQuery, Query: bounded(inner)}}
	}
	return nil
}

// index goes through what stands in brackets. An index that is worked out can be
// so large that changing what it leads to makes an array of that length.
func (b bounder) index(i *gojq.Index, path bool) error {
	if i == nil {
		return nil
	}
	if err := b.text(i.Str); err != nil {
		return err
	}
	if path && (i.Start != nil || i.End != nil || i.IsSlice) {
		return notPath("an index")
	}
	for _, q := range []**gojq.Query{&i.Start, &i.End} {
		if *q == nil {
			continue
		}
		if err := b.query(*q, false); err != nil {
			return err
		}
		*q = pipe(bounded(*q), call(fnKey))
	}
	return nil
}

// allowed lists the functions that may be called, each with the numbers of
// arguments it may have.
const allowed = " length/0 utf8bytelength/0 not/0 keys/0 keys_unsorted/0 values/0 nulls/0 booleans/0 numbers/0 strings/0 arrays/0 objects/0 iterables/0 scalars/0" +
	" has/1 in/1 map/1 map_values/1 select/1 empty/0 error/0 error/1 add/0 any/0 any/1 any/2 all/0 all/1 all/2 flatten/0 flatten/1 floor/0 ceil/0 round/0 trunc/0 sqrt/0 fabs/0 abs/0" +
	" min/0 max/0 sort/0 unique/0 min_by/1 max_by/1 sort_by/1 group_by/1 unique_by/1 reverse/0 contains/1 startswith/1 endswith/1 ltrimstr/1 rtrimstr/1 trim/0 ltrim/0 rtrim/0" +
	" split/1 join/1 ascii_downcase/0 ascii_upcase/0 tostring/0 tonumber/0 toboolean/0 type/0 tojson/0 fromjson/0 to_entries/0 from_entries/0 with_entries/1 del/1 first/0 first/1 last/0 last/1" +
	" nth/1 limit/2 index/1 rindex/1 indices/1 test/1 test/2 capture/1 sub/2 gsub/2 todate/0 fromdate/0 recurse/0 isempty/1 IN/1 true/0 false/0 null/0 "

// function goes through a call.
func (b bounder) function(t *gojq.Term, path bool) error {
	f := t.Func
	if strings.HasPrefix(f.Name, "$") {
		if f.Name == "$ENV" || f.Name == "$__prog_args" {
			return fmt.Errorf("it cannot read %s", f.Name)
		}
		return nil
	}
	if !strings.Contains(allowed, fmt.Sprintf(" %s/%d ", f.Name, len(f.Args))) {
		return fmt.Errorf("it cannot call %s/%d", f.Name, len(f.Args))
	}
	if path && !strings.Contains(" select empty first last recurse error ", " "+f.Name+" ") {
		return notPath(f.Name)
	}
	inPath := f.Name == "del" || path && (f.Name == "first" || f.Name == "last")
	for i, arg := range f.Args {
		if err := b.query(arg, inPath); err != nil {
			return err
		}
		if !inPath {
			f.Args[i] = bounded(arg)
		}
	}
	b.replace(t, f)
	return nil
}

// replace puts a function that looks first in the place of one that does not.
func (b bounder) replace(t *gojq.Term, f *gojq.Func) {
	switch f.Name {
	case "test", "capture", "sub", "gsub": // matches are counted from the beginning, each of them
		t.Type, t.Func = gojq.TermTypeQuery, nil
		t.Query = pipe(call(fnShort), &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeFunc, Func: f}})
	}
	switch f.Name {
	case "contains":
		f.Name = fnContains
	case "join":
		f.Name = fnJoin
	case "index", "rindex", "indices":
		f.Args[0] = pipe(f.Args[0], call(fnKey))
	case "sub", "gsub":
		f.Args[1] = pipe(f.Args[1], call(fnShort))
	case "min_by", "max_by", "sort_by", "group_by", "unique_by":
		keys := &gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeArray, Array: &gojq.Array{Query: f.Args[0]}}}
		f.Name, f.Args = "_"+f.Name, []*gojq.Query{bounded(call("map", keys))}
	}
}

// boundedFunctions are what the bounder puts in, for one run.
func boundedFunctions(budget int) []gojq.CompilerOption {
	check := func(v any) any {
		if err := within(v, budget); err != nil {
			return err
		}
		return v
	}
	gathered := 0
	return []gojq.CompilerOption{
		gojq.WithFunction(fnBound, 0, 0, func(v any, _ []any) any { return check(v) }),
		gojq.WithFunction(fnGather, 0, 0, func(v any, _ []any) any {
			if gathered++; gathered > maxGathered+budget/8 {
				return errLarge()
			}
			return v
		}),
		gojq.WithFunction(fnShort, 0, 0, func(v any, _ []any) any {
			if s, ok := v.(string); ok && len(s) > maxShort {
				return errLarge()
			}
			return v
		}),
		gojq.WithFunction(fnKey, 0, 0, func(v any, _ []any) any {
			if _, ok := v.([]any); ok {
				return errors.New("an array cannot be searched for in an array")
			}
			return v
		}),
		gojq.WithFunction(fnMultiply, 2, 2, func(_ any, args []any) any {
			_, left := args[0].(string)
			if _, right := args[1].(string); left || right {
				return errors.New("a string cannot be multiplied here")
			}
			return run(multiply(), args)
		}),
		gojq.WithFunction(fnSubtract, 2, 2, func(_ any, args []any) any {
			if product(args[0], args[1]) > 1e6 {
				return errLarge()
			}
			return run(subtract(), args)
		}),
		gojq.WithFunction(fnContains, 1, 1, func(v any, args []any) any {
			if product(v, args[0]) > 1e6 {
				return errLarge()
			}
			return run(contains(), []any{v, args[0]})
		}),
		gojq.WithFunction(fnJoin, 1, 1, func(v any, args []any) any {
			all, _ := v.([]any)
			if s, ok := args[0].(string); ok && len(all)*len(s) > budget {
				return errLarge()
			}
			return run(joined(), []any{v, args[0]})
		}),
	}
}

var (
	multiply = sync.OnceValue(func() *gojq.Code { return compiled(".[0] * .[1]") })
	subtract = sync.OnceValue(func() *gojq.Code { return compiled(".[0] - .[1]") })
	contains = sync.OnceValue(func() *gojq.Code { return compiled(". as [$a, $b] | $a | contains($b)") })
	joined   = sync.OnceValue(func() *gojq.Code { return compiled(". as [$a, $b] | $a | join($b)") })
)

// compiled is an expression of our own.
func compiled(text string) *gojq.Code {
	q, err := gojq.Parse(text)
	if err != nil {
		panic(err) // a fault of this file
	}
	code, err := gojq.Compile(q)
	if err != nil {
		panic(err)
	}
	return code
}

func run(code *gojq.Code, input []any) any {
	v, _ := code.Run(input).Next()
	return v
}

// product is how many comparisons two values may take.
func product(a, b any) float64 {
	n, m := maxProduct, maxProduct
	_ = measure(a, &n, 0)
	_ = measure(b, &m, 0)
	left, right := float64(maxProduct-n), float64(maxProduct-m)
	_, text := a.(string)
	if _, both := b.(string); text && both {
		return 0
	}
	return left / nodeSize * right / nodeSize
}

const (
	maxProduct = 1 << 30
	nodeSize   = 16   // bytes that a value counts for beside its text
	maxDepth   = 5000 // of nested values
)

func errLarge() error { return errors.New("it makes a value that is too large") }

// within reports whether a value is no larger than budget.
func within(v any, budget int) error { return measure(v, &budget, 0) }

// measure takes what a value is from what is left.
func measure(v any, left *int, depth int) error {
	*left -= nodeSize
	switch v := v.(type) {
	case string:
		*left -= len(v)
	case json.Number:
		*left -= len(v)
	case *big.Int:
		*left -= v.BitLen() / 2 // its digits take more time than room
	case []any:
		if depth > maxDepth {
			return errLarge()
		}
		for _, item := range v {
			if err := measure(item, left, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		if depth > maxDepth {
			return errLarge()
		}
		for key, item := range v {
			*left -= len(key)
			if err := measure(item, left, depth+1); err != nil {
				return err
			}
		}
	}
	if *left < 0 {
		return errLarge()
	}
	return nil
}
