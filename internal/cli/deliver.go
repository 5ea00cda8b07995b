package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/destination"
)

// defineDeliver defines the flag that names destinations.
func defineDeliver(flags *pflag.FlagSet, into *[]string, of string) {
	flags.StringArrayVar(into, "deliver", nil, "where "+of+" goes: webhook=`URL`, file=PATH, plugin=NAME, stdout or stderr, \"failure:\" or \"always:\" before it; JSON; @FILE; none for nowhere; repeatable")
}

// destinations reads what --deliver names. Nothing is nil: the task's own; "none"
// is an empty list.
func (a *app) destinations(ctx context.Context, given []string) (all []ratchet.Destination, err error) {
	if len(given) > 0 {
		all = []ratchet.Destination{} // "[]" is nowhere
	}
	for _, text := range given {
		var some []ratchet.Destination
		switch {
		case text == "none" && len(given) == 1:
			return []ratchet.Destination{}, nil
		case text == "none":
			return nil, usage("give it alone, or leave it out", "--deliver none does not go with other destinations")
		case strings.HasPrefix(text, "@"), strings.HasPrefix(text, "{"), strings.HasPrefix(text, "["):
			some, err = a.destinationsOf(ctx, text)
		default:
			var one ratchet.Destination
			one, err = destination.ParseShort(text)
			some = []ratchet.Destination{one}
			if err != nil {
				err = usage(`as in --deliver https://example.com/results, --deliver 'file=out/{{job_id}}.json' or --deliver failure:webhook=https://example.com/alerts`, "--deliver: %v", err)
			}
		}
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// destinationsOf reads JSON, or a file of it: a destination, or a list of them.
func (a *app) destinationsOf(ctx context.Context, text string) (all []ratchet.Destination, err error) {
	in, err := a.readInput(ctx, "--deliver", text)
	if err != nil {
		return nil, err
	}
	data, place := bytes.TrimSpace(in.text), ""
	if bytes.HasPrefix(data, []byte("[")) {
		var items []json.RawMessage
		if err = json.Unmarshal(data, &items); err == nil {
			for i, item := range items {
				var d ratchet.Destination
				if err = json.Unmarshal(item, &d); err != nil {
					place = fmt.Sprintf("/%d", i)
					break
				}
				all = append(all, d)
			}
		}
	} else {
		var d ratchet.Destination
		err = json.Unmarshal(data, &d)
		all = []ratchet.Destination{d}
	}
	if err == nil {
		return all, nil
	}
	e := ratchet.AsError(err)
	if len(e.Details) == 0 {
		of := "--deliver"
		if in.from != of {
			of += ": " + in.from
		}
		return nil, usage(`a destination is an object such as {"type": "webhook", "url": "https://example.com/results"}`, "%s is not JSON: %v", of, err)
	}
	for i := range e.Details {
		e.Details[i].Pointer = place + e.Details[i].Pointer
	}
	return nil, &failure{err: e, headline: "--deliver: " + describe(e.Details[0]), hint: "docs/deliveries.md lists what a destination may say"}
}
