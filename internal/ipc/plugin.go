package ipc

// The versions of the plugin protocol that this Ratchet speaks.
const (
	PluginVersionMin = 1
	PluginVersionMax = 1
)

// The kinds of what a server and a plugin say. Numbers are never reused.
const (
	KindPluginHello   Kind = 32 // server to plugin, first
	KindPluginReady   Kind = 33 // plugin to server, its answer
	KindPluginStart   Kind = 34 // server to plugin
	KindPluginStarted Kind = 35 // plugin to server, its answer
	KindPluginCall    Kind = 36 // server to plugin
	KindPluginReturn  Kind = 37 // plugin to server, its answer
	KindPluginCancel  Kind = 38 // server to plugin
	KindPluginLog     Kind = 39 // plugin to server
	KindPluginStop    Kind = 40 // server to plugin, last
)

// PluginHello opens the conversation: the versions that the server speaks.
type PluginHello struct {
	_       struct{} `cbor:",toarray"`
	Min     uint32
	Max     uint32
	Ratchet string // the server's version
}

// PluginReady answers PluginHello.
type PluginReady struct {
	_        struct{} `cbor:",toarray"`
	Version  uint32   // of the protocol, one of those offered
	Manifest []byte   // JSON of ratchet.PluginManifest
	Error    string   // why there is no such version; empty if there is
}

// PluginStart gives a plugin its configuration. Calls follow its answer.
type PluginStart struct {
	_      struct{} `cbor:",toarray"`
	Config []byte   // JSON that fits the manifest's schema
	Data   string   // the folder that it may write to; empty if it has none
}

// PluginStarted answers PluginStart.
type PluginStarted struct {
	_       struct{} `cbor:",toarray"`
	Failure *PluginFailure
}

// PluginCall asks a plugin for something. Many may be under way at once.
type PluginCall struct {
	_        struct{} `cbor:",toarray"`
	ID       uint32   // of the answer
	Op       string   // "hook", "submit", "function", …
	Head     []byte   // JSON
	Body     []byte
	Deadline int64 // milliseconds that it has; the server waits no longer
}

// PluginReturn answers a PluginCall.
type PluginReturn struct {
	_       struct{} `cbor:",toarray"`
	ID      uint32
	Failure *PluginFailure // nil if it did what was asked
	Head    []byte         // JSON
	Body    []byte
}

// PluginCancel says that nobody waits for a call any more.
type PluginCancel struct {
	_  struct{} `cbor:",toarray"`
	ID uint32
}

// PluginLog is one line that a plugin logs.
type PluginLog struct {
	_       struct{} `cbor:",toarray"`
	At      int64    // Unix nanoseconds
	Level   string
	Message string
	Fields  []byte // JSON object or empty
}

// PluginStop asks a plugin to finish its calls and end.
type PluginStop struct {
	_ struct{} `cbor:",toarray"`
}

// A PluginFailure is why a plugin did not do what was asked.
type PluginFailure struct {
	_       struct{} `cbor:",toarray"`
	Kind    string   // "error", "rejected", "timeout", "panic" or "unsupported"
	Message string
	Retry   bool   // the same call may succeed later
	Data    []byte // JSON object or empty
}

func (*PluginHello) kind() Kind   { return KindPluginHello }
func (*PluginReady) kind() Kind   { return KindPluginReady }
func (*PluginStart) kind() Kind   { return KindPluginStart }
func (*PluginStarted) kind() Kind { return KindPluginStarted }
func (*PluginCall) kind() Kind    { return KindPluginCall }
func (*PluginReturn) kind() Kind  { return KindPluginReturn }
func (*PluginCancel) kind() Kind  { return KindPluginCancel }
func (*PluginLog) kind() Kind     { return KindPluginLog }
func (*PluginStop) kind() Kind    { return KindPluginStop }

// newPluginMessage returns the message of a kind between server and plugin, nil
// for any other.
func newPluginMessage(k Kind) Message {
	switch k {
	case KindPluginHello:
		return new(PluginHello)
	case KindPluginReady:
		return new(PluginReady)
	case KindPluginStart:
		return new(PluginStart)
	case KindPluginStarted:
		return new(PluginStarted)
	case KindPluginCall:
		return new(PluginCall)
	case KindPluginReturn:
		return new(PluginReturn)
	case KindPluginCancel:
		return new(PluginCancel)
	case KindPluginLog:
		return new(PluginLog)
	case KindPluginStop:
		return new(PluginStop)
	default:
		return nil
	}
}

// What a PluginCall asks for.
const (
	PluginOpHook      = "hook"      // head: the event; body: input and output
	PluginOpSubmit    = "submit"    // as a hook; the answer's body is the new input, if it is another
	PluginOpFunction  = "function"  // head: {function, task, jobId, executionId}; bodies: argument, value
	PluginOpDeliver   = "deliver"   // head: the delivery; body: what to deliver
	PluginOpTransform = "transform" // as deliver; the answer's body is what to deliver instead
	PluginOpSources   = "sources"   // the answer's head is a list of {name, revision}
	PluginOpSource    = "source"    // head: {name}; the answer's body is a zip
	PluginOpEvents    = "events"    // head: {events, dropped}
	PluginOpConfig    = "config"    // head: the configuration
	PluginOpHealth    = "health"
	PluginOpMetrics   = "metrics" // the answer's head is an object of numbers
)
