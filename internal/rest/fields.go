package rest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// fieldComments are the comments of the domain's fields, by "Type.Field". A test
// keeps them what the source says.
//
//go:embed fields.json
var fieldComments []byte

// complete adds to the schemas what Go's types do not tell: what the fields mean,
// which may be null, and that answers may come to have more members.
func complete(doc *huma.OpenAPI) error {
	comments := map[string]string{}
	if err := json.Unmarshal(fieldComments, &comments); err != nil {
		return fmt.Errorf("read the comments of fields: %w", err)
	}
	registry := doc.Components.Schemas
	taken := map[string]bool{}
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Post, item.Patch} {
			if op != nil && op.RequestBody != nil {
				for _, media := range op.RequestBody.Content {
					reach(registry, media.Schema, taken)
				}
			}
		}
	}
	for name, schema := range registry.Map() {
		if !taken[name] && schema.AdditionalProperties == false {
			schema.AdditionalProperties = nil
		}
		t := registry.TypeFromRef("#/components/schemas/" + name)
		for _, f := range reflect.VisibleFields(t) {
			member, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			p := schema.Properties[member]
			if p == nil {
				continue
			}
			owner := t
			if n := len(f.Index); n > 1 {
				owner = t.FieldByIndex(f.Index[:n-1]).Type
			}
			p.Description = sentence(comments[owner.Name()+"."+f.Name], p.Description)
			if p.Ref != "" && f.Type.Kind() == reflect.Pointer && !strings.HasPrefix(options, "omit") {
				schema.Properties[member] = &huma.Schema{Description: p.Description, AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}}
			}
		}
	}
	return nil
}

// sentence joins what is said of a field with what is said of its type.
func sentence(field, kind string) string {
	if field == "" || kind == "" {
		return field + kind
	}
	return strings.TrimSuffix(field, ".") + ". " + kind
}

// reach notes the schemas that one leads to.
func reach(registry huma.Registry, s *huma.Schema, seen map[string]bool) {
	if s == nil {
		return
	}
	if s.Ref != "" {
		name := s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
		if !seen[name] {
			seen[name] = true
			reach(registry, registry.SchemaFromRef(s.Ref), seen)
		}
		return
	}
	reach(registry, s.Items, seen)
	for _, p := range slices.Concat([]*huma.Schema{}, s.AnyOf, s.AllOf, s.OneOf) {
		reach(registry, p, seen)
	}
	for _, p := range s.Properties {
		reach(registry, p, seen)
	}
}
