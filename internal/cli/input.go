package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// maxInput bounds the input: what a worker can be sent at once.
const maxInput = 64 * ratchet.MB

// input is the JSON text that a task is given.
type input struct {
	text json.RawMessage
	from string // what messages call it: a flag, a file, stdin
	file string // to watch; empty if it is none
}

// readInput returns what the value of --input stands for: JSON itself, "@FILE",
// or "-" for Stdin.
func (a *app) readInput(ctx context.Context, flag, value string) (input, error) {
	name, isFile := strings.CutPrefix(value, "@")
	switch {
	case value == "-" || value == "@-":
		text, err := a.readStdin(ctx)
		return input{text: text, from: "stdin"}, err
	case isFile:
		text, err := readFile(name)
		return input{text: text, from: name, file: name}, err
	case strings.TrimSpace(value) == "":
		return input{}, usage(`give JSON as in `+flag+` '{"name": "Ada"}', @FILE, or - for stdin`, "%s is empty", flag)
	default:
		in := input{text: json.RawMessage(value), from: flag}
		if info, err := os.Stat(value); err == nil && info.Mode().IsRegular() {
			return in, usage("to read the file: "+flag+" @"+value, "%s %s is the name of a file, not JSON", flag, value)
		}
		return in, nil
	}
}

func readFile(name string) (json.RawMessage, error) {
	f, err := os.Open(name)
	switch {
	case name == "":
		return nil, usage("as in --input @input.json", "the name of a file is missing after the @")
	case errors.Is(err, fs.ErrNotExist):
		return nil, &failure{
			err:  ratchet.Errorf(ratchet.ReasonInputInvalid, "the input file %s does not exist", name),
			hint: "the name is taken from the folder in which the command runs",
		}
	case err != nil:
		return nil, ratchet.Errorf(ratchet.ReasonInputInvalid, "cannot read the input file %s: %w", name, plain(err))
	}
	defer f.Close()
	return readAll(f, "the input file "+name)
}

// readStdin reads Stdin to its end, unless ctx ends first.
func (a *app) readStdin(ctx context.Context) (json.RawMessage, error) {
	if a.StdinTerminal {
		fmt.Fprintln(a.Stderr, a.err.dim("reading the input from the terminal; Ctrl-D ends it"))
	}
	type result struct {
		text json.RawMessage
		err  error
	}
	read := make(chan result, 1)
	go func() { // left behind if ctx ends: nothing wakes a read of a terminal
		text, err := readAll(a.Stdin, "stdin")
		read <- result{text, err}
	}()
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case r := <-read:
		return r.text, r.err
	}
}

func readAll(r io.Reader, what string) (json.RawMessage, error) {
	text, err := io.ReadAll(io.LimitReader(r, int64(maxInput)+1))
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonInputInvalid, "cannot read %s: %w", what, plain(err))
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // which some editors write
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, &failure{
			err:  ratchet.Errorf(ratchet.ReasonInputInvalid, "%s is empty", what),
			hint: "it must hold one JSON value, such as {}",
		}
	}
	if len(text) > int(maxInput) {
		return nil, ratchet.Errorf(ratchet.ReasonInputInvalid, "%s is larger than %v, the most a task can be given", what, maxInput)
	}
	return text, nil
}

// plain returns the error of an operation on a file without the operation and
// the name, which the message around it has.
func plain(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// maxExample bounds an input that a hint shows, in bytes.
const maxExample = 200

// exampleInput returns an input that the task takes, for hints: that of one of
// its tests, else one made of its schema; empty if neither is short and valid.
func exampleInput(b *bundle.Bundle) string {
	var candidates []any
	for _, test := range b.Tests {
		var t struct {
			Input json.RawMessage `json:"input"`
			Fails bool            `json:"should_fail"`
		}
		if json.Unmarshal(test.Data, &t) == nil && len(t.Input) > 0 && !t.Fails {
			candidates = append(candidates, t.Input)
		}
	}
	for _, value := range append(candidates, sample(b.Input.Raw(), 0)) {
		text, err := encode(value)
		if err == nil && len(text) <= maxExample && len(b.Input.Validate(text)) == 0 {
			return string(text)
		}
	}
	return ""
}

// sample returns a value of the sort that the schema asks for.
func sample(schema json.RawMessage, depth int) any {
	var s struct {
		Type       any                        `json:"type"`
		Default    json.RawMessage            `json:"default"`
		Const      json.RawMessage            `json:"const"`
		Examples   []json.RawMessage          `json:"examples"`
		Enum       []json.RawMessage          `json:"enum"`
		Minimum    json.RawMessage            `json:"minimum"`
		Properties map[string]json.RawMessage `json:"properties"`
		Required   []string                   `json:"required"`
	}
	if json.Unmarshal(schema, &s) != nil || depth > 4 {
		return nil
	}
	for _, value := range append([]json.RawMessage{s.Const, s.Default}, append(s.Examples, s.Enum...)...) {
		if len(value) > 0 {
			return value
		}
	}
	kind, _ := s.Type.(string)
	switch {
	case kind == "object" || kind == "" && len(s.Properties) > 0:
		object := map[string]any{}
		for _, name := range s.Required {
			object[name] = sample(s.Properties[name], depth+1)
		}
		return object
	case kind == "array":
		return []any{}
	case kind == "string":
		return "…"
	case kind == "boolean":
		return true
	case (kind == "number" || kind == "integer") && len(s.Minimum) > 0:
		return s.Minimum
	case kind == "number" || kind == "integer":
		return 1
	}
	return nil
}

// encode returns v as JSON on one line, with < and > as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}
