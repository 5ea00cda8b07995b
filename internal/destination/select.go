//go:build !noserver

package destination

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/itchyny/gojq"

	"github.com/ratchet-runner/ratchet-go"
)

// selectTime is how long a jq expression may take.
const selectTime = time.Second

// errNothing says that a jq expression gave no value, or several.
var errNothing = errors.New("it gives none or several values, and exactly one is wanted: [ … ] makes one of several, // takes another one for none")

// checkSelect says what is wrong with a jq expression.
func checkSelect(expression string) (err error) {
	defer guard(&err)
	q, err := parseSelect(expression)
	if err != nil {
		return err
	}
	_, err = compileSelect(q, 0)
	return err
}

// parseSelect reads an expression and bounds what it can cost.
func parseSelect(expression string) (*gojq.Query, error) {
	q, err := gojq.Parse(expression)
	if err != nil {
		if e, ok := errors.AsType[*gojq.ParseError](err); ok && e.Token != "" {
			return nil, fmt.Errorf("it is not jq: there is %q where it does not belong, at character %d", clip(e.Token, 20), e.Offset)
		}
		return nil, errors.New("it is not jq: it ends before it is complete")
	}
	if err := (bounder{}).query(q, false); err != nil {
		return nil, err
	}
	return q, nil
}

func compileSelect(q *gojq.Query, budget int) (*gojq.Code, error) {
	code, err := gojq.Compile(q, boundedFunctions(budget)...)
	if err != nil {
		return nil, fmt.Errorf("it is not jq that can be run: %s", strings.TrimPrefix(err.Error(), "gojq: "))
	}
	return code, nil
}

// Select is what a jq expression makes of the envelope, in bounded time and size.
// A path alone, such as ".output.items", leaves what it leads to as it is written
// there; else members are in the order of their names.
func (e *Event) Select(ctx context.Context, expression string) (json.RawMessage, error) {
	envelope, err := e.Envelope()
	if err != nil {
		return nil, err
	}
	value, err := selectFrom(ctx, envelope, expression)
	if errors.Is(err, errSlow) { // or the server is busy
		return nil, ratchet.Errorf(ratchet.ReasonTimeout, "select %q: %w %s", clip(expression, 100), err, selectTime)
	}
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "select %q: %w", clip(expression, 100), err)
	}
	return value, nil
}

func selectFrom(ctx context.Context, envelope json.RawMessage, expression string) (value json.RawMessage, err error) {
	defer guard(&err)
	plainQuery, err := gojq.Parse(expression)
	if err == nil {
		if path, ok := simplePath(plainQuery); ok {
			return follow(envelope, path), nil
		}
	}
	q, err := parseSelect(expression)
	if err != nil {
		return nil, err
	}
	budget := 4*len(envelope) + 1<<20
	code, err := compileSelect(q, budget)
	if err != nil {
		return nil, err
	}
	var input any
	dec := json.NewDecoder(bytes.NewReader(envelope))
	dec.UseNumber()
	if err := oneValue(dec, &input); err != nil {
		return nil, err
	}
	return runSelect(ctx, code, input, budget)
}

func runSelect(ctx context.Context, code *gojq.Code, input any, budget int) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, selectTime)
	defer cancel()
	iter := code.RunWithContext(ctx, input)
	value, err := next(iter)
	if err != nil {
		return nil, err
	}
	if _, another := iter.Next(); another {
		if ctx.Err() != nil {
			return nil, errSlow
		}
		return nil, errNothing
	}
	if err := within(value, budget); err != nil {
		return nil, err
	}
	return gojq.Marshal(value)
}

func next(iter gojq.Iter) (any, error) {
	value, found := iter.Next()
	if !found {
		return nil, errNothing
	}
	err, failed := value.(error)
	switch {
	case !failed:
		return value, nil
	case errors.Is(err, context.DeadlineExceeded):
		return nil, errSlow
	default:
		return nil, errors.New(clip(err.Error(), 500))
	}
}

// errSlow says that an expression had no time left.
var errSlow = errors.New("it took longer than")

// guard makes an error of a panic: an expression of a stranger must not end the
// server, whatever it finds in the library.
func guard(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("it cannot be run: %.200v", p)
	}
}

// simplePath reports whether a query is nothing but members' names, ".a.b", and
// which.
func simplePath(q *gojq.Query) (path []string, ok bool) {
	t := q.Term
	if t == nil || len(q.FuncDefs) > 0 || len(q.Imports) > 0 || q.Meta != nil {
		return nil, false
	}
	switch t.Type {
	case gojq.TermTypeIdentity:
	case gojq.TermTypeIndex:
		if t.Index.Name == "" {
			return nil, false
		}
		path = append(path, t.Index.Name)
	default:
		return nil, false
	}
	for _, s := range t.SuffixList {
		if s.Iter || s.Optional || s.Index == nil || s.Index.Name == "" {
			return nil, false
		}
		path = append(path, s.Index.Name)
	}
	return path, true
}

// follow is what a path of members' names leads to; null if it leads nowhere.
func follow(raw json.RawMessage, path []string) json.RawMessage {
	for _, name := range path {
		all, ok := members(raw)
		if !ok {
			return json.RawMessage("null")
		}
		raw = json.RawMessage("null")
		for _, m := range all { // of several of the same name the last one, as in JavaScript
			if m.key == name {
				raw = m.value
			}
		}
	}
	return raw
}
