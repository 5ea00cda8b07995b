package bundle

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/destination"
)

// Metadata is what metadata.json says of a task.
type Metadata struct {
	Name        string // what it is called by: "name", else the slug of "label", else of the folder
	Label       string // what people read
	Description string
	Version     string // semantic
	UUID        string // of the earlier Ratchet; an alias
	Tags        []string
	Category    string
	Author      string
	License     string
	// RatchetVersion, CreatedAt and UpdatedAt are kept as they were written.
	RatchetVersion string
	CreatedAt      string
	UpdatedAt      string
	Documentation  string
	Deprecated     bool
	// DeprecationMessage says what to use instead of a deprecated task.
	DeprecationMessage string

	Engine      ratchet.Engine
	Isolation   ratchet.Isolation
	Slots       int // executions at once in one worker; 0 means 1
	Fetch       ratchet.FetchMode
	Limits      ratchet.Limits // zero fields mean the default
	Permissions ratchet.Permissions
	Retry       ratchet.Retry
	Concurrency *ratchet.Concurrency // nil: no gate
	Rate        *ratchet.Rate        // nil: no bound
	CacheTTL    ratchet.Duration     // how long results are kept; 0: not at all
	// Destinations are where results go of jobs that name none.
	Destinations []ratchet.Destination
}

// metadataReader reads metadata.json into m, and notes all that is wrong on the
// way.
type metadataReader struct {
	*document
	m Metadata
}

// parseMetadata reads metadata.json; unnamed tells that the task is called by the
// fallback.
func parseMetadata(file string, data []byte, fallback string, f *findings) (m Metadata, doc *document, unnamed bool) {
	r := metadataReader{document: readDocument(file, data, f)}
	if r.root == nil {
		return Metadata{}, r.document, false
	}
	if r.root.kind != jsonObject {
		r.wrong(r.root, "", "the metadata of a task", `an object such as {"name": "my-task", "version": "1.0.0"}`, r.root.describe())
		return Metadata{}, r.document, false
	}
	// "core" is read first so that what stands beside it wins.
	if core := r.root.get("core"); core != nil {
		r.object(core, "/core", r.identity())
	}
	r.object(r.root, "", r.fields())
	unnamed = r.name(fallback)
	r.version()
	r.bounds()
	return r.m, r.document, unnamed
}

// identity lists the keys that may also stand in "core".
func (r *metadataReader) identity() map[string]fieldReader {
	return map[string]fieldReader{
		"uuid": r.text(&r.m.UUID), "name": r.text(&r.m.Name), "label": r.text(&r.m.Label),
		"description": r.text(&r.m.Description), "version": r.text(&r.m.Version),
	}
}

func (r *metadataReader) fields() map[string]fieldReader {
	m := &r.m
	known := r.identity()
	maps.Copy(known, map[string]fieldReader{
		"core":                func(*jsonNode, string) {},
		"tags":                r.texts(&m.Tags),
		"category":            r.text(&m.Category),
		"author":              r.author,
		"license":             r.text(&m.License),
		"ratchet_version":     r.text(&m.RatchetVersion),
		"created_at":          r.text(&m.CreatedAt),
		"updated_at":          r.text(&m.UpdatedAt),
		"documentation":       r.text(&m.Documentation),
		"deprecated":          r.deprecated,
		"deprecation_message": r.text(&m.DeprecationMessage),
		"timeout":             r.decoded(&m.Limits.Wall, "a span such as \"30s\" or a number of seconds"),
		"memory":              r.decoded(&m.Limits.Memory, "an amount such as \"128MB\" or a number of bytes"),
		"memory_limit":        r.decoded(&m.Limits.Memory, "an amount such as \"128MB\" or a number of bytes"),
		"limits":              func(n *jsonNode, pointer string) { r.object(n, pointer, r.limits()) },
		"permissions": func(n *jsonNode, pointer string) {
			r.object(n, pointer, map[string]fieldReader{
				"net": r.texts(&m.Permissions.Net), "env": r.texts(&m.Permissions.Env), "plugins": r.texts(&m.Permissions.Plugins),
			})
		},
		"retry":        func(n *jsonNode, pointer string) { r.object(n, pointer, r.retry()) },
		"concurrency":  r.concurrency,
		"destinations": r.destinations,
		"rate":         r.rate,
		"cache": func(n *jsonNode, pointer string) {
			r.object(n, pointer, map[string]fieldReader{"ttl": r.decoded(&m.CacheTTL, "a span such as \"10m\" or a number of seconds")})
			if n.kind == jsonObject {
				r.needs(n, pointer, "ttl", `{"ttl": "10m"}`)
			}
		},
		"fetch":     word(r.document, &m.Fetch, ratchet.FetchAsync, ratchet.FetchSync),
		"engine":    word(r.document, &m.Engine, ratchet.Engines()...),
		"isolation": word(r.document, &m.Isolation, ratchet.IsolationTask, ratchet.IsolationExecution),
		"slots":     r.count(&m.Slots, 1, ratchet.MaxSlots),
	})
	return known
}

func (r *metadataReader) limits() map[string]fieldReader {
	l := &r.m.Limits
	const span, amount = "a span such as \"30s\" or a number of seconds", "an amount such as \"1MB\" or a number of bytes"
	return map[string]fieldReader{
		"timeout": r.decoded(&l.Wall, span), "cpu": r.decoded(&l.CPU, span),
		"memory": r.decoded(&l.Memory, amount), "output": r.decoded(&l.Output, amount), "logs": r.decoded(&l.Logs, amount),
		"fetches": r.count(&l.Fetches, 1, 1_000_000), "fetchBytes": r.decoded(&l.FetchBytes, amount),
		"fetchBody": r.decoded(&l.FetchBody, amount),
		"recursion": r.count(&l.Recursion, ratchet.MinRecursion, ratchet.MaxRecursion),
	}
}

func (r *metadataReader) retry() map[string]fieldReader {
	p := &r.m.Retry
	const span = "a span such as \"1s\" or a number of seconds"
	return map[string]fieldReader{
		"maxAttempts": r.count(&p.MaxAttempts, 1, ratchet.MaxAttempts), "initialDelay": r.decoded(&p.InitialDelay, span),
		"maxDelay": r.decoded(&p.MaxDelay, span), "factor": r.number(&p.Factor), "jitter": r.number(&p.Jitter),
		"backoff": word(r.document, &p.Backoff, ratchet.Backoffs()...),
	}
}

// concurrency reads the gate of the task's jobs, whose key is the task's name
// unless it has one.
func (r *metadataReader) concurrency(n *jsonNode, pointer string) {
	c := &ratchet.Concurrency{}
	r.object(n, pointer, map[string]fieldReader{"key": r.text(&c.Key), "max": r.count(&c.Max, 1, ratchet.MaxGate)})
	if n.kind == jsonObject {
		r.needs(n, pointer, "max", `{"max": 1}`)
		r.m.Concurrency = c
	}
}

// rate reads how often the task may start.
func (r *metadataReader) rate(n *jsonNode, pointer string) {
	v := &ratchet.Rate{}
	r.object(n, pointer, map[string]fieldReader{
		"max": r.count(&v.Max, 1, ratchet.MaxRate), "per": r.decoded(&v.Per, "a span such as \"1m\" or a number of seconds"),
	})
	if n.kind == jsonObject {
		r.needs(n, pointer, "max", `{"max": 100, "per": "1m"}`)
		r.needs(n, pointer, "per", `{"max": 100, "per": "1m"}`)
		r.m.Rate = v
	}
}

// destinations reads where results go. What is wrong with one says itself.
func (r *metadataReader) destinations(n *jsonNode, pointer string) {
	if n.kind != jsonArray {
		r.wrong(n, pointer, "destinations has the wrong type", `an array such as [{"type": "webhook", "url": "https://example.com/results"}]`, n.describe())
		return
	}
	for i := range n.items {
		var d ratchet.Destination
		text, err := json.Marshal(n.items[i].value())
		if err == nil {
			err = json.Unmarshal(text, &d)
		}
		if err != nil {
			for _, detail := range ratchet.AsError(err).Details {
				at := fmt.Sprintf("%s/%d%s", pointer, i, detail.Pointer)
				r.wrong(r.root.at(splitPointer(at)), at, detail.Message, detail.Expected, detail.Got)
			}
			continue
		}
		r.m.Destinations = append(r.m.Destinations, d)
	}
}

// references checks that the task declares the variables that its destinations need.
func (r *metadataReader) references() {
	for i := range r.m.Destinations {
		for _, ref := range destination.ReferencesAt(&r.m.Destinations[i]) {
			if !slices.Contains(r.m.Permissions.Env, ref.Name) {
				at := fmt.Sprintf("/destinations/%d%s", i, ref.Pointer)
				r.wrong(r.root.at(splitPointer(at)), at, "the task does not declare this variable", `the name in "permissions": {"env": […]} too`, "${"+ref.Name+"}")
			}
		}
	}
}

// needs reports a key that the object n must have.
func (r *metadataReader) needs(n *jsonNode, pointer, key, example string) {
	if v := n.get(key); v == nil || v.kind == jsonNull {
		r.wrong(n, pointer, lastToken(pointer)+" has no "+key, lastToken(pointer)+" such as "+example, n.describe())
	}
}

// author takes a name, or what package.json has: {"name": …, "email": …}.
func (r *metadataReader) author(n *jsonNode, pointer string) {
	if name := n.get("name"); name != nil {
		n, pointer = name, pointer+"/name"
	}
	r.text(&r.m.Author)(n, pointer)
}

// deprecated takes true, false, or what to use instead.
func (r *metadataReader) deprecated(n *jsonNode, pointer string) {
	switch n.kind {
	case jsonBool:
		r.m.Deprecated = n.text == "true"
	case jsonString:
		r.m.Deprecated, r.m.DeprecationMessage = true, n.text
	default:
		r.wrong(n, pointer, "deprecated has the wrong type", "true, false or what to use instead", n.describe())
	}
}

// name settles what the task is called by. A name that old tasks may have but
// that cannot stand in a URL becomes the label, and its slug the name.
func (r *metadataReader) name(fallback string) (unnamed bool) {
	m := &r.m
	written := m.Name
	switch {
	case written == "":
		if m.Name = ratchet.Slug(m.Label); m.Name == "" {
			m.Name, unnamed = fallback, true
		}
	case len((&ratchet.Task{Name: written}).Validate()) > 0:
		n, pointer := r.root.get("name"), "/name"
		if n == nil {
			n, pointer = r.root.get("core").get("name"), "/core/name"
		}
		if m.Name = ratchet.Slug(written); m.Name == "" {
			m.Name, unnamed = fallback, true
		}
		if m.Label == "" {
			m.Label = written
		}
		detail := r.detail(n.off, pointer, fmt.Sprintf("the name has characters that a name cannot have; the task is called %q", m.Name))
		detail.Expected, detail.Got = `letters, digits, "-" and "_", at most 100`, shorten(written)
		r.warn(detail)
	}
	return unnamed
}

func (r *metadataReader) version() {
	v := r.m.Version
	if ratchet.ValidSemver(v) {
		return
	}
	n, pointer := r.root.get("version"), "/version"
	if core := r.root.get("core"); n == nil && core.get("version") != nil {
		n, pointer = core.get("version"), "/core/version"
	}
	switch {
	case n == nil || n.kind == jsonNull:
		r.wrong(r.root, "", "version is missing", `a semantic version such as "version": "1.0.0"`, "")
	case n.kind == jsonString:
		expected := `three numbers such as "1.0.0"`
		bare := strings.TrimPrefix(strings.TrimSpace(v), "v")
		for _, guess := range []string{bare, bare + ".0", bare + ".0.0"} {
			if ratchet.ValidSemver(guess) {
				expected = fmt.Sprintf("%q", guess)
				break
			}
		}
		r.wrong(n, pointer, "version is not a semantic version", expected, n.describe())
	}
}

// bounds applies the rules of the domain and puts their details where the
// values stand.
func (r *metadataReader) bounds() {
	place := func(prefix string, details []ratchet.Detail) {
		for _, d := range details {
			pointer := prefix + d.Pointer
			if prefix == "/limits" && r.root.get("limits").get(lastToken(d.Pointer)) == nil {
				pointer = d.Pointer // "timeout" and "memory" stand beside "limits" too
			}
			n := r.root.at(splitPointer(pointer))
			r.wrong(n, pointer, d.Message, d.Expected, d.Got)
		}
	}
	place("/limits", r.m.Limits.Validate())
	place("/permissions", r.m.Permissions.Validate())
	place("/retry", r.m.Retry.Validate())
	if n := r.root.get("destinations"); n != nil && len(r.m.Destinations) == len(n.items) { // else their places are others
		place("/destinations", destination.CheckAll(r.m.Destinations, destination.Where{Bundle: true}))
		r.references()
	}
	if c := r.m.Concurrency; c != nil && c.Max > 0 {
		if c.Key == "" {
			c.Key = r.m.Name
		}
		place("/concurrency", c.Validate())
	}
	if v := r.m.Rate; v != nil && v.Max > 0 && v.Per > 0 {
		place("/rate", v.Validate())
	}
	if ttl := r.m.CacheTTL; ttl < 0 || ttl > ratchet.MaxCacheTTL {
		r.wrong(r.root.at(splitPointer("/cache/ttl")), "/cache/ttl", "ttl is out of bounds", "more than 0 and at most "+ratchet.MaxCacheTTL.String(), ttl.String())
	}
	if r.m.Slots > 1 && r.m.Isolation == ratchet.IsolationExecution {
		r.wrong(r.root.get("slots"), "/slots", "slots and isolation do not agree", `1 slot, or isolation "task"`, fmt.Sprint(r.m.Slots))
	}
}
