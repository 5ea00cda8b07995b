package ratchet

import "time"

// A Reason is the detail behind a Code: SCREAMING_SNAKE, stable, for programs.
// The set is open to growth; each has one Code and is retryable or not.
type Reason string

// What is wrong with a request or a task on disk.
const (
	ReasonUsage              Reason = "USAGE"               // a command line that cannot be followed
	ReasonValidation         Reason = "VALIDATION_ERROR"    // a value breaks a rule
	ReasonSerialization      Reason = "SERIALIZATION_ERROR" // bytes that are not what they should be (JSON, …)
	ReasonConfig             Reason = "CONFIG_ERROR"
	ReasonTaskNotFound       Reason = "TASK_NOT_FOUND"
	ReasonTaskInvalidSource  Reason = "TASK_INVALID_SOURCE"    // the folder or archive is not a task
	ReasonTaskValidation     Reason = "TASK_VALIDATION_FAILED" // the task's own files break rules
	ReasonTaskDisabled       Reason = "TASK_DISABLED"
	ReasonTaskDeprecated     Reason = "TASK_DEPRECATED"
	ReasonTaskVersion        Reason = "TASK_VERSION_MISMATCH"
	ReasonInputInvalid       Reason = "INPUT_INVALID" // the input breaks the task's input schema
	ReasonArchiveUnsafe      Reason = "ARCHIVE_UNSAFE"
	ReasonPermission         Reason = "PERMISSION_DENIED" // the task's files may not be read
	ReasonEngineUnknown      Reason = "ENGINE_UNKNOWN"
	ReasonEngineUnavailable  Reason = "ENGINE_UNAVAILABLE"  // this machine has no such engine, or one that does not serve
	ReasonSandboxUnavailable Reason = "SANDBOX_UNAVAILABLE" // this kernel cannot isolate workers
)

// How an execution ends other than well.
const (
	ReasonExecutionNotFound     Reason = "EXECUTION_NOT_FOUND"
	ReasonExecutionFailed       Reason = "EXECUTION_FAILED" // the task threw
	ReasonExecutionCancelled    Reason = "EXECUTION_CANCELLED"
	ReasonExecutionInvalidState Reason = "EXECUTION_INVALID_STATE"
	ReasonWorker                Reason = "EXECUTION_WORKER_ERROR" // the worker died or broke the protocol
	ReasonExecutionTimeout      Reason = "EXECUTION_TIMEOUT"      // wall time
	ReasonCPULimit              Reason = "CPU_LIMIT"
	ReasonMemoryLimit           Reason = "MEMORY_LIMIT"
	ReasonOutputTooLarge        Reason = "OUTPUT_TOO_LARGE"
	ReasonLogLimit              Reason = "LOG_LIMIT"
	ReasonFetchLimit            Reason = "FETCH_LIMIT"
	ReasonFetchBytesLimit       Reason = "FETCH_BYTES_LIMIT"
	ReasonRecursionLimit        Reason = "RECURSION_LIMIT"
	ReasonNeverSettles          Reason = "PROMISE_NEVER_SETTLES"
	ReasonOutputNotJSON         Reason = "OUTPUT_NOT_JSON" // undefined, a function, a cycle, a BigInt
	ReasonOutputInvalid         Reason = "OUTPUT_INVALID"  // the output breaks the task's output schema
	ReasonNoFunction            Reason = "NO_FUNCTION"     // the task's code gives no function to call
	ReasonSyntax                Reason = "SYNTAX_ERROR"
)

// What can happen to an outgoing request.
const (
	ReasonNetwork         Reason = "NETWORK_ERROR"
	ReasonEgressRefused   Reason = "EGRESS_REFUSED" // a rule forbids the address or host
	ReasonTimeout         Reason = "TIMEOUT"
	ReasonTooManyRedirect Reason = "TOO_MANY_REDIRECTS"
	ReasonBodyTooLarge    Reason = "BODY_TOO_LARGE"
	ReasonCircuitOpen     Reason = "CIRCUIT_OPEN"     // the host failed so often that it is left alone for a while
	ReasonDestinationGone Reason = "DESTINATION_GONE" // it said that it wants no more (410)
)

// Who may ask, and how much.
const (
	ReasonUnauthenticated Reason = "UNAUTHENTICATED" // no key, or one that is not known
	ReasonForbidden       Reason = "FORBIDDEN"       // the key lacks the scope
	ReasonQueueFull       Reason = "QUEUE_FULL"      // too many jobs wait
	ReasonChanged         Reason = "CHANGED"         // somebody changed the thing meanwhile
	ReasonRateLimited     Reason = "RATE_LIMITED"    // too many requests of a kind
)

// What is wrong with a request before anybody looks at what it asks.
const (
	ReasonRouteNotFound Reason = "ROUTE_NOT_FOUND"        // there is nothing at this path
	ReasonMethod        Reason = "METHOD_NOT_ALLOWED"     // but not for this method
	ReasonMediaType     Reason = "UNSUPPORTED_MEDIA_TYPE" // the body is of a type that is not taken
	ReasonTooLarge      Reason = "REQUEST_TOO_LARGE"
	ReasonOriginRefused Reason = "ORIGIN_REFUSED" // a browser sent it for another site
)

// The parts of Ratchet around an execution.
const (
	ReasonEntityNotFound      Reason = "ENTITY_NOT_FOUND"
	ReasonStorageConnection   Reason = "STORAGE_CONNECTION_FAILED"
	ReasonStorageQuery        Reason = "STORAGE_QUERY_FAILED"
	ReasonStorageTransaction  Reason = "STORAGE_TRANSACTION_FAILED"
	ReasonStorageMigration    Reason = "STORAGE_MIGRATION_FAILED"
	ReasonStorageDuplicateKey Reason = "STORAGE_DUPLICATE_KEY"
	ReasonStorageNotFound     Reason = "STORAGE_NOT_FOUND"    // there is no database where one should be
	ReasonStorageFull         Reason = "STORAGE_FULL"         // no space is left
	ReasonStorageReadOnly     Reason = "STORAGE_READ_ONLY"    // it may not be written
	ReasonStorageCorrupt      Reason = "STORAGE_CORRUPT"      // it is damaged, or something else
	ReasonStorageLocked       Reason = "STORAGE_LOCKED"       // another process has it
	ReasonStorageSchemaNewer  Reason = "STORAGE_SCHEMA_NEWER" // a newer Ratchet has written it
	ReasonServiceNotFound     Reason = "SERVICE_NOT_FOUND"
	ReasonServiceUnavailable  Reason = "SERVICE_UNAVAILABLE"
	ReasonServiceInit         Reason = "SERVICE_INITIALIZATION_FAILED"
	ReasonPluginNotFound      Reason = "PLUGIN_NOT_FOUND"
	ReasonPluginLoad          Reason = "PLUGIN_LOAD_FAILED"
	ReasonPluginAPIVersion    Reason = "PLUGIN_API_VERSION_MISMATCH"
	ReasonPluginNotCapable    Reason = "PLUGIN_CAPABILITY_NOT_SUPPORTED"
	ReasonPluginRejected      Reason = "PLUGIN_REJECTED"    // a plugin refused the job
	ReasonPluginFailed        Reason = "PLUGIN_FAILED"      // it answered with an error, crashed, or broke the protocol
	ReasonPluginTimeout       Reason = "PLUGIN_TIMEOUT"     // it was over its budget
	ReasonPluginUnavailable   Reason = "PLUGIN_UNAVAILABLE" // it is not enabled, or failed too often
	ReasonPluginDenied        Reason = "PLUGIN_DENIED"      // it needs more than it was allowed, or the task may not call it
	ReasonPluginChecksum      Reason = "PLUGIN_CHECKSUM_MISMATCH"
	ReasonPluginDependency    Reason = "PLUGIN_DEPENDENCY" // one that it requires is missing or in a circle, or it is required
	ReasonAlreadyExists       Reason = "ALREADY_EXISTS"    // what should be made is there
	ReasonIO                  Reason = "IO_ERROR"
	ReasonInternal            Reason = "INTERNAL_ERROR"
)

// Code returns the reason's category.
func (r Reason) Code() Code {
	switch r {
	case ReasonUsage, ReasonValidation, ReasonSerialization, ReasonConfig,
		ReasonTaskInvalidSource, ReasonTaskValidation, ReasonTaskVersion,
		ReasonInputInvalid, ReasonArchiveUnsafe, ReasonEngineUnknown, ReasonPluginNotCapable,
		ReasonSyntax, ReasonNoFunction, ReasonMethod, ReasonMediaType, ReasonTooLarge,
		ReasonPluginRejected:
		return CodeInvalid
	case ReasonTaskNotFound, ReasonExecutionNotFound, ReasonEntityNotFound,
		ReasonServiceNotFound, ReasonPluginNotFound, ReasonTaskDeprecated, ReasonStorageNotFound,
		ReasonRouteNotFound, ReasonDestinationGone:
		return CodeNotFound
	case ReasonUnauthenticated:
		return CodeUnauthenticated
	case ReasonTaskDisabled, ReasonPermission, ReasonEgressRefused, ReasonForbidden, ReasonOriginRefused,
		ReasonPluginDenied:
		return CodeForbidden
	case ReasonExecutionInvalidState, ReasonStorageDuplicateKey, ReasonExecutionCancelled, ReasonAlreadyExists,
		ReasonChanged, ReasonPluginChecksum, ReasonPluginDependency, ReasonPluginAPIVersion:
		return CodeConflict
	case ReasonQueueFull, ReasonRateLimited:
		return CodeExhausted
	case ReasonExecutionFailed, ReasonExecutionTimeout, ReasonCPULimit, ReasonMemoryLimit,
		ReasonOutputTooLarge, ReasonLogLimit, ReasonFetchLimit, ReasonFetchBytesLimit,
		ReasonRecursionLimit, ReasonNeverSettles, ReasonOutputNotJSON, ReasonOutputInvalid,
		ReasonWorker:
		return CodeTaskFailed
	case ReasonTimeout, ReasonPluginTimeout:
		return CodeTimeout
	case ReasonNetwork, ReasonTooManyRedirect, ReasonBodyTooLarge, ReasonCircuitOpen, ReasonServiceUnavailable,
		ReasonStorageConnection, ReasonSandboxUnavailable, ReasonEngineUnavailable, ReasonStorageFull, ReasonStorageReadOnly, ReasonStorageLocked,
		ReasonPluginUnavailable, ReasonPluginFailed, ReasonPluginLoad:
		return CodeUnavailable
	default:
		return CodeInternal
	}
}

// Retryable reports whether the same request may succeed later, unchanged.
func (r Reason) Retryable() bool { return r.RetryDelay() > 0 }

// RetryDelay is how long to wait before the first retry; 0 if not retryable.
// The delays are those of the earlier Ratchet.
func (r Reason) RetryDelay() time.Duration {
	switch r {
	case ReasonCircuitOpen: // the error itself says it more exactly
		return time.Minute
	case ReasonServiceUnavailable:
		return 5 * time.Second
	case ReasonTimeout, ReasonExecutionTimeout, ReasonPluginTimeout, ReasonPluginUnavailable:
		return 2 * time.Second
	case ReasonWorker, ReasonNetwork, ReasonStorageConnection, ReasonQueueFull, ReasonPluginFailed:
		return time.Second
	case ReasonIO, ReasonStorageTransaction, ReasonStorageFull:
		return 500 * time.Millisecond
	default:
		return 0
	}
}
