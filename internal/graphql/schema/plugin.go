package schema

import (
	"encoding/json"
	"strings"

	gql "github.com/99designs/gqlgen/graphql"

	"github.com/ratchet-runner/ratchet-go"
)

// A Plugin is a plugin as GraphQL shows it.
type Plugin struct{ *ratchet.Plugin }

// Metrics are its own numbers.
func (p Plugin) Metrics() (json.RawMessage, error) {
	if p.Plugin.Metrics == nil {
		return nil, nil
	}
	return json.Marshal(p.Plugin.Metrics)
}

// MarshalPluginKind writes a ratchet.PluginKind.
func MarshalPluginKind(v ratchet.PluginKind) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalPluginKind is never asked for: it is only shown.
func UnmarshalPluginKind(v any) (ratchet.PluginKind, error) {
	return unmarshalWord(v, ratchet.PluginExecutable, ratchet.PluginWASM, ratchet.PluginBuiltIn)
}

// MarshalPluginStatus writes a ratchet.PluginStatus.
func MarshalPluginStatus(v ratchet.PluginStatus) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalPluginStatus is never asked for: it is only shown.
func UnmarshalPluginStatus(v any) (ratchet.PluginStatus, error) {
	return unmarshalWord(v, ratchet.PluginUnloaded, ratchet.PluginLoading, ratchet.PluginActive, ratchet.PluginDisabled, ratchet.PluginFailed, ratchet.PluginUnloading)
}

// MarshalPluginCapability writes a ratchet.PluginCapability.
func MarshalPluginCapability(v ratchet.PluginCapability) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalPluginCapability is never asked for: it is only shown.
func UnmarshalPluginCapability(v any) (ratchet.PluginCapability, error) {
	return unmarshalWord(v, ratchet.PluginHooks, ratchet.PluginSubmit, ratchet.PluginFunctions, ratchet.PluginDestination, ratchet.PluginTransform, ratchet.PluginSource, ratchet.PluginEvents)
}

// MarshalPluginOnError writes a ratchet.PluginOnError.
func MarshalPluginOnError(v ratchet.PluginOnError) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalPluginOnError reads a ratchet.PluginOnError.
func UnmarshalPluginOnError(v any) (ratchet.PluginOnError, error) {
	return unmarshalWord(v, ratchet.PluginOnErrors()...)
}

// MarshalHookPoint writes a ratchet.HookPoint, whose words GraphQL parts by "_".
func MarshalHookPoint(v ratchet.HookPoint) gql.Marshaler {
	var b strings.Builder
	for _, r := range string(v) {
		if 'A' <= r && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return marshalWord(b.String())
}

// UnmarshalHookPoint is never asked for: it is only shown.
func UnmarshalHookPoint(v any) (ratchet.HookPoint, error) {
	return unmarshalWord(v, ratchet.HookPoints()...)
}
