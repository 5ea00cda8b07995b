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
)

// The parts of Ratchet around an execution.
const (
	ReasonEntityNotFound      Reason = "ENTITY_NOT_FOUND"
	ReasonStorageConnection   Reason = "STORAGE_CONNECTION_FAILED"
	ReasonStorageQuery        Reason = "STORAGE_QUERY_FAILED"
	ReasonStorageTransaction  Reason = "STORAGE_TRANSACTION_FAILED"
	ReasonStorageMigration    Reason = "STORAGE_MIGRATION_FAILED"
	ReasonStorageDuplicateKey Reason = "STORAGE_DUPLICATE_KEY"
	ReasonServiceNotFound     Reason = "SERVICE_NOT_FOUND"
	ReasonServiceUnavailable  Reason = "SERVICE_UNAVAILABLE"
	ReasonServiceInit         Reason = "SERVICE_INITIALIZATION_FAILED"
	ReasonPluginNotFound      Reason = "PLUGIN_NOT_FOUND"
	ReasonPluginLoad          Reason = "PLUGIN_LOAD_FAILED"
	ReasonPluginAPIVersion    Reason = "PLUGIN_API_VERSION_MISMATCH"
	ReasonPluginNotCapable    Reason = "PLUGIN_CAPABILITY_NOT_SUPPORTED"
	ReasonAlreadyExists       Reason = "ALREADY_EXISTS" // what should be made is there
	ReasonIO                  Reason = "IO_ERROR"
	ReasonInternal            Reason = "INTERNAL_ERROR"
)

// Code returns the reason's category.
func (r Reason) Code() Code {
	switch r {
	case ReasonUsage, ReasonValidation, ReasonSerialization, ReasonConfig,
		ReasonTaskInvalidSource, ReasonTaskValidation, ReasonTaskVersion,
		ReasonInputInvalid, ReasonArchiveUnsafe, ReasonEngineUnknown, ReasonPluginNotCapable,
		ReasonSyntax, ReasonNoFunction:
		return CodeInvalid
	case ReasonTaskNotFound, ReasonExecutionNotFound, ReasonEntityNotFound,
		ReasonServiceNotFound, ReasonPluginNotFound, ReasonTaskDeprecated:
		return CodeNotFound
	case ReasonTaskDisabled, ReasonPermission, ReasonEgressRefused:
		return CodeForbidden
	case ReasonExecutionInvalidState, ReasonStorageDuplicateKey, ReasonExecutionCancelled, ReasonAlreadyExists:
		return CodeConflict
	case ReasonExecutionFailed, ReasonExecutionTimeout, ReasonCPULimit, ReasonMemoryLimit,
		ReasonOutputTooLarge, ReasonLogLimit, ReasonFetchLimit, ReasonFetchBytesLimit,
		ReasonRecursionLimit, ReasonNeverSettles, ReasonOutputNotJSON, ReasonOutputInvalid,
		ReasonWorker:
		return CodeTaskFailed
	case ReasonTimeout:
		return CodeTimeout
	case ReasonNetwork, ReasonTooManyRedirect, ReasonBodyTooLarge, ReasonServiceUnavailable,
		ReasonStorageConnection, ReasonSandboxUnavailable:
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
	case ReasonServiceUnavailable:
		return 5 * time.Second
	case ReasonTimeout, ReasonExecutionTimeout:
		return 2 * time.Second
	case ReasonWorker, ReasonNetwork, ReasonStorageConnection:
		return time.Second
	case ReasonIO, ReasonStorageTransaction:
		return 500 * time.Millisecond
	default:
		return 0
	}
}
