package destination

import (
	"context"
	"encoding/json"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/ratchet-runner/ratchet-go"
)

// References are the names in "${NAME}" of the destination's URL, headers and
// secrets: what has to be known before an attempt.
func References(d *ratchet.Destination) (names []string) {
	add := func(text string) {
		if t, err := parse(text, true); err == nil {
			names = append(names, t.references()...)
		}
	}
	add(d.URL)
	for _, v := range d.Headers {
		add(v)
	}
	d.EachSecret(func(_ string, s ratchet.Secret) ratchet.Secret {
		if name, reference := s.Reference(); reference {
			names = append(names, name)
		}
		return s
	})
	return names
}

// URL is the destination's URL with its variables and references filled in.
func (e *Event) URL(refs map[string]string) (string, error) {
	return e.fill(e.due.Spec.URL, refs, inURL)
}

// Header is the value of one of the destination's headers.
func (e *Event) Header(name string, refs map[string]string) (string, error) {
	v, err := e.fill(e.due.Spec.Headers[name], refs, func(v, _ string) string { return inLine(v) })
	return strings.TrimSpace(inLine(v)), err
}

// Path is the destination's path with its variables filled in: below the root,
// whatever they are.
func (e *Event) Path() (string, error) {
	p, err := e.fill(e.due.Spec.Path, nil, func(v, _ string) string { return inPath(v) })
	if err != nil {
		return "", err
	}
	p = path.Clean(p)
	if wrong := wrongPath(p); wrong != "" {
		return "", ratchet.Errorf(ratchet.ReasonValidation, "the path %q %s", p, wrong)
	}
	for element := range strings.SplitSeq(p, "/") {
		if len(element) > 255 {
			return "", ratchet.Errorf(ratchet.ReasonValidation, "an element of the path %q is longer than 255 bytes", clip(p, 100))
		}
	}
	return p, nil
}

// Prefix is what is put before each line.
func (e *Event) Prefix() (string, error) {
	return e.fill(e.due.Spec.Prefix, nil, func(v, _ string) string { return inLine(v) })
}

func (e *Event) fill(text string, refs map[string]string, escape func(value, before string) string) (string, error) {
	t, err := parse(text, refs != nil)
	if err != nil {
		return "", ratchet.Errorf(ratchet.ReasonValidation, "the template %q: %w", clip(text, 100), err)
	}
	return t.render(func(name, before string) (string, error) {
		v, err := e.plainValue(name)
		return escape(v, before), err
	}, refs)
}

// A Body is what is delivered.
type Body struct {
	Data        []byte
	ContentType string
	Head        int // bytes of a first line that names columns, to be left out where there is one
}

// Transformed is the body as a plugin has made it. It is called what the destination
// says, or what it was before.
func (b *Body) Transformed(data []byte) (*Body, error) {
	if len(data) > maxBody {
		return nil, tooLarge(len(data))
	}
	return &Body{Data: data, ContentType: b.ContentType}, nil
}

// Body makes the body: Select, then Template or Format.
func (e *Event) Body(ctx context.Context) (*Body, error) {
	if e.due.Spec.Template != "" {
		return e.templateBody(ctx)
	}
	var value json.RawMessage
	var err error
	if e.due.Spec.Select != "" {
		value, err = e.Select(ctx, e.due.Spec.Select)
	} else {
		value, err = e.Envelope()
	}
	if err != nil {
		return nil, err
	}
	return e.format(value)
}

func (e *Event) templateBody(ctx context.Context) (*Body, error) {
	spec := &e.due.Spec
	t, err := parse(spec.Template, false)
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "template: %w", err)
	}
	if e.selected = e.output(); spec.Select != "" && t.uses("selected") {
		if e.selected, err = e.Select(ctx, spec.Select); err != nil {
			return nil, err
		}
	}
	contentType := spec.ContentType
	isJSON := isJSONType(contentType)
	if contentType == "" {
		isJSON = t.makesJSON()
		contentType = "text/plain; charset=utf-8"
		if isJSON {
			contentType = "application/json"
		}
	}
	text, err := t.render(func(name, before string) (string, error) {
		raw, err := e.value(name)
		if err != nil {
			return "", err
		}
		if isJSON {
			return inJSON(raw, before), nil
		}
		return plain(raw), nil
	}, nil)
	if err != nil {
		return nil, err
	}
	if isJSON && !json.Valid([]byte(text)) {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "the template does not make JSON: %s", clip(text, 200))
	}
	if len(text) > maxBody {
		return nil, tooLarge(len(text))
	}
	return &Body{Data: []byte(text), ContentType: contentType}, nil
}

// maxBody is how large a body may be that is larger than what it is made of.
const maxBody = 32 << 20

func tooLarge(n int) error {
	return ratchet.Errorf(ratchet.ReasonBodyTooLarge, "the body would be of %s, and %s is the most", ratchet.Size(n), ratchet.Size(maxBody))
}

func isJSONType(contentType string) bool {
	media, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	media = strings.TrimSpace(media)
	return media == "application/json" || strings.HasSuffix(media, "+json")
}

// makesJSON reports whether the template is a JSON text if each of its variables
// is one: within a string its content, else a value.
func (t template) makesJSON() bool {
	text, err := t.render(func(_, before string) (string, error) { return inJSON(json.RawMessage("0"), before), nil }, nil)
	text = strings.TrimSpace(text)
	return err == nil && text != "" && strings.ContainsAny(text[:1], `{["`) && json.Valid([]byte(text))
}

// wrongPath says what is wrong with a path; empty: nothing.
func wrongPath(p string) string {
	switch {
	case p == "", p == ".":
		return "names no file"
	case strings.HasPrefix(p, "/"), len(p) > 1 && p[1] == ':', strings.HasPrefix(p, "~"):
		return "must be relative: files are written below delivery.root"
	case strings.Contains(p, "\\"):
		return `has a "\": elements are separated by "/"`
	case strings.HasSuffix(p, "/"):
		return "names a folder, not a file"
	case strings.ContainsRune(p, 0):
		return "has a NUL byte"
	case !utf8.ValidString(p):
		return "is not UTF-8"
	case len(p) > MaxPath:
		return "is longer than 4096 bytes"
	}
	for element := range strings.SplitSeq(p, "/") {
		if element == ".." {
			return `leads out of delivery.root by ".."`
		}
	}
	return ""
}
