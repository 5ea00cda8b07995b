package schema

import (
	"fmt"
	"strings"

	gql "github.com/99designs/gqlgen/graphql"

	"github.com/ratchet-runner/ratchet-go"
)

// Each enum is one of the domain's, in capitals.

// marshalWord writes one of the domain's words; the empty one is null.
func marshalWord(word string) gql.Marshaler {
	if word == "" {
		return gql.Null
	}
	return gql.MarshalString(strings.ToUpper(word))
}

// unmarshalWord reads one of the words.
func unmarshalWord[T ~string](v any, all ...T) (word T, err error) {
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = strings.ToUpper(string(a))
		if v == names[i] {
			return a, nil
		}
	}
	return word, invalid("this is not one of the values", strings.Join(names, ", "), shown(v))
}

// unmarshalName reads one of the words that have a type of their own.
func unmarshalName[T fmt.Stringer](v any, parse func(string) (T, error), all []T) (word T, err error) {
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = strings.ToUpper(a.String())
	}
	text, _ := v.(string)
	if text == strings.ToUpper(text) {
		if word, err = parse(text); err == nil {
			return word, nil
		}
	}
	return word, invalid("this is not one of the values", strings.Join(names, ", "), shown(v))
}

// MarshalJobStatus writes a ratchet.JobStatus.
func MarshalJobStatus(v ratchet.JobStatus) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalJobStatus reads a ratchet.JobStatus.
func UnmarshalJobStatus(v any) (ratchet.JobStatus, error) {
	return unmarshalWord(v, ratchet.JobStatuses()...)
}

// MarshalJobState writes a ratchet.JobState.
func MarshalJobState(v ratchet.JobState) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalJobState reads a ratchet.JobState.
func UnmarshalJobState(v any) (ratchet.JobState, error) {
	return unmarshalWord(v, ratchet.JobStates()...)
}

// MarshalExecutionState writes a ratchet.ExecutionState.
func MarshalExecutionState(v ratchet.ExecutionState) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalExecutionState reads a ratchet.ExecutionState.
func UnmarshalExecutionState(v any) (ratchet.ExecutionState, error) {
	return unmarshalWord(v, ratchet.ExecutionStates()...)
}

// MarshalMissedPolicy writes a ratchet.MissedPolicy.
func MarshalMissedPolicy(v ratchet.MissedPolicy) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalMissedPolicy reads a ratchet.MissedPolicy.
func UnmarshalMissedPolicy(v any) (ratchet.MissedPolicy, error) {
	return unmarshalWord(v, ratchet.MissedPolicies()...)
}

// MarshalOverlapPolicy writes a ratchet.OverlapPolicy.
func MarshalOverlapPolicy(v ratchet.OverlapPolicy) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalOverlapPolicy reads a ratchet.OverlapPolicy.
func UnmarshalOverlapPolicy(v any) (ratchet.OverlapPolicy, error) {
	return unmarshalWord(v, ratchet.OverlapPolicies()...)
}

// MarshalScope writes a ratchet.Scope.
func MarshalScope(v ratchet.Scope) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalScope reads a ratchet.Scope.
func UnmarshalScope(v any) (ratchet.Scope, error) { return unmarshalWord(v, ratchet.Scopes()...) }

// MarshalErrorCode writes a ratchet.Code.
func MarshalErrorCode(v ratchet.Code) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalErrorCode reads a ratchet.Code.
func UnmarshalErrorCode(v any) (ratchet.Code, error) { return unmarshalWord(v, ratchet.Codes()...) }

// MarshalEventType writes a ratchet.EventType.
func MarshalEventType(v ratchet.EventType) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalEventType reads a ratchet.EventType.
func UnmarshalEventType(v any) (ratchet.EventType, error) {
	return unmarshalWord(v, ratchet.EventTypes()...)
}

// MarshalEngine writes a ratchet.Engine.
func MarshalEngine(v ratchet.Engine) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalEngine reads a ratchet.Engine.
func UnmarshalEngine(v any) (ratchet.Engine, error) {
	return unmarshalWord(v, ratchet.Engines()...)
}

// MarshalIsolation writes a ratchet.Isolation.
func MarshalIsolation(v ratchet.Isolation) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalIsolation reads a ratchet.Isolation.
func UnmarshalIsolation(v any) (ratchet.Isolation, error) {
	return unmarshalWord(v, ratchet.IsolationTask, ratchet.IsolationExecution)
}

// MarshalFetchMode writes a ratchet.FetchMode.
func MarshalFetchMode(v ratchet.FetchMode) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalFetchMode reads a ratchet.FetchMode.
func UnmarshalFetchMode(v any) (ratchet.FetchMode, error) {
	return unmarshalWord(v, ratchet.FetchAsync, ratchet.FetchSync)
}

// MarshalJobPriority writes a ratchet.Priority.
func MarshalJobPriority(v ratchet.Priority) gql.Marshaler { return marshalWord(v.String()) }

// UnmarshalJobPriority reads a ratchet.Priority.
func UnmarshalJobPriority(v any) (ratchet.Priority, error) {
	return unmarshalName(v, ratchet.ParsePriority, ratchet.Priorities())
}

// MarshalLogLevel writes a ratchet.LogLevel.
func MarshalLogLevel(v ratchet.LogLevel) gql.Marshaler { return marshalWord(v.String()) }

// UnmarshalLogLevel reads a ratchet.LogLevel.
func UnmarshalLogLevel(v any) (ratchet.LogLevel, error) {
	return unmarshalName(v, ratchet.ParseLogLevel, ratchet.LogLevels())
}

// MarshalHealth writes how something is.
func MarshalHealth(v string) gql.Marshaler { return marshalWord(v) }

// UnmarshalHealth is never asked for: health is only shown.
func UnmarshalHealth(v any) (string, error) {
	return unmarshalWord(v, "healthy", "degraded", "unhealthy")
}

// MarshalBreakerKind writes a ratchet.BreakerKind.
func MarshalBreakerKind(v ratchet.BreakerKind) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalBreakerKind is never asked for: breakers are only shown.
func UnmarshalBreakerKind(v any) (ratchet.BreakerKind, error) {
	return unmarshalWord(v, ratchet.BreakerHost, ratchet.BreakerPlugin)
}

// MarshalBreakerState writes a ratchet.BreakerState.
func MarshalBreakerState(v ratchet.BreakerState) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalBreakerState is never asked for: breakers are only shown.
func UnmarshalBreakerState(v any) (ratchet.BreakerState, error) {
	return unmarshalWord(v, ratchet.BreakerClosed, ratchet.BreakerHalfOpen, ratchet.BreakerOpen)
}

// MarshalCacheUse writes a ratchet.CacheUse.
func MarshalCacheUse(v ratchet.CacheUse) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalCacheUse is never asked for: it is only shown.
func UnmarshalCacheUse(v any) (ratchet.CacheUse, error) {
	return unmarshalWord(v, ratchet.CacheHit, ratchet.CacheBypass)
}

// MarshalDestinationType writes a ratchet.DestinationType.
func MarshalDestinationType(v ratchet.DestinationType) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalDestinationType is never asked for: destinations are scalars.
func UnmarshalDestinationType(v any) (ratchet.DestinationType, error) {
	return unmarshalWord(v, ratchet.DestinationTypes()...)
}

// MarshalDeliveryState writes a ratchet.DeliveryState.
func MarshalDeliveryState(v ratchet.DeliveryState) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalDeliveryState is never asked for: states are only shown.
func UnmarshalDeliveryState(v any) (ratchet.DeliveryState, error) {
	return unmarshalWord(v, ratchet.DeliveryStates()...)
}

// MarshalHookScheme writes a ratchet.HookScheme.
func MarshalHookScheme(v ratchet.HookScheme) gql.Marshaler {
	return marshalWord(strings.ReplaceAll(string(v), "-", "_"))
}

// UnmarshalHookScheme reads a ratchet.HookScheme.
func UnmarshalHookScheme(v any) (ratchet.HookScheme, error) {
	var words []ratchet.HookScheme
	for _, s := range ratchet.HookSchemes() {
		words = append(words, ratchet.HookScheme(strings.ReplaceAll(string(s), "-", "_")))
	}
	word, err := unmarshalWord(v, words...)
	return ratchet.HookScheme(strings.ReplaceAll(string(word), "_", "-")), err
}

// MarshalBackoff writes a ratchet.Backoff.
func MarshalBackoff(v ratchet.Backoff) gql.Marshaler { return marshalWord(string(v)) }

// UnmarshalBackoff reads a ratchet.Backoff.
func UnmarshalBackoff(v any) (ratchet.Backoff, error) { return unmarshalWord(v, ratchet.Backoffs()...) }
