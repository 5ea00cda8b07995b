package graphql

import (
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// Coverage is what TestTheSchemaIsTheCatalogue looks at.
func Coverage() map[string][]string { return coverage() }

// Uncovered are the fields beside the catalogue.
func Uncovered() map[string]string { return uncovered() }

// LoadSchema is the schema as it is served.
func LoadSchema(t *testing.T) *ast.Schema {
	h, err := New(t.Context(), service.New(service.Deps{}, service.Config{}), Config{})
	if err != nil {
		t.Fatal(err)
	}
	return h.schema
}
