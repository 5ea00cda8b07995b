package ratchet

import "time"

// A Delivery is the result of one job on its way to one destination. It is made in
// the transaction that finishes the job, and attempted until the destination has
// taken it or no attempt is left: at least once, whatever dies meanwhile.
type Delivery struct {
	ID          DeliveryID      `json:"id,omitzero"`
	Job         JobID           `json:"jobId,omitzero"`
	TaskID      TaskID          `json:"taskId,omitzero"`
	Task        string          `json:"task"`
	Destination string          `json:"destination"` // its name
	Type        DestinationType `json:"type"`
	// Target is where it goes, with nothing secret in it: the URL without its
	// query, the path, the plugin.
	Target   string        `json:"target"`
	State    DeliveryState `json:"state"`
	Attempts int           `json:"attempts"`
	Status   int           `json:"status,omitzero"` // of HTTP, of the last attempt
	Error    *Error        `json:"error"`           // of the last attempt, if it failed
	// NextAttemptAt is when a pending one is tried.
	NextAttemptAt time.Time `json:"nextAttemptAt,omitzero"`
	CreatedAt     time.Time `json:"createdAt,omitzero"`
	FinishedAt    time.Time `json:"finishedAt,omitzero"`
	// Receipts are its attempts, the first one first; lists leave them out.
	Receipts []Receipt `json:"receipts,omitempty"`
}

func (Delivery) idPrefix() string { return "delivery" }

// A DeliveryState is where a delivery is in its life.
type DeliveryState string

// The states of a delivery. A failed one may be redelivered.
const (
	DeliveryPending   DeliveryState = "pending"   // waits for its next attempt
	DeliverySending   DeliveryState = "sending"   // an attempt is under way
	DeliveryDelivered DeliveryState = "delivered" // the destination has taken it
	DeliveryFailed    DeliveryState = "failed"    // no attempt is left, or none would help
)

// DeliveryStates returns every DeliveryState.
func DeliveryStates() []DeliveryState {
	return []DeliveryState{DeliveryPending, DeliverySending, DeliveryDelivered, DeliveryFailed}
}

// A Receipt is what one attempt at a delivery came to.
type Receipt struct {
	Attempt  int       `json:"attempt"`
	At       time.Time `json:"at"` // when it began
	Duration int64     `json:"durationMs"`
	Status   int       `json:"status,omitzero"` // of HTTP
	Bytes    int64     `json:"bytes"`           // of the body sent or written
	Error    *Error    `json:"error"`
	// Response is the beginning of what was answered to a webhook, at most 1 KB.
	Response string `json:"response,omitempty"`
}

// A DueDelivery is a delivery whose attempt is this node's to make.
type DueDelivery struct {
	Delivery
	// Spec is the whole destination, its secrets sealed.
	Spec      Destination
	Job       Job        // finished
	Execution *Execution // its last attempt, without logs; nil if it had none
	Version   string     // the semantic version of what ran, if it has one
	Lane      string     // what it shares with others to the same place: see Destination.Lane
	Token     [16]byte   // of the lease
	// Round is how many of its Attempts were made before it was last redelivered:
	// what a retry policy counts is Attempts - Round.
	Round int
}

// A DeliveryEnd is how one attempt at a delivery ended. With a lease that was lost
// it is not written.
type DeliveryEnd struct {
	ID      DeliveryID
	Token   [16]byte
	Receipt Receipt
	State   DeliveryState // pending, delivered or failed
	NextAt  time.Time     // of a pending one
	// Gone says that the destination wants no more (410): deliveries to the same
	// target fail at once until somebody redelivers one.
	Gone bool
	// Free says that the attempt was not made, and does not count: the server
	// stops, or the target's breaker is open. There is no receipt then.
	Free bool
}

// A DestinationTest is what came of trying a destination.
type DestinationTest struct {
	Name    string          `json:"name"`
	Type    DestinationType `json:"type"`
	Target  string          `json:"target"`
	OK      bool            `json:"ok"`
	Sent    bool            `json:"sent"`           // false: it was only checked, and its texts rendered
	Body    string          `json:"body,omitempty"` // at most 4 KB of what is (or would be) delivered
	Receipt *Receipt        `json:"receipt,omitempty"`
	Error   *Error          `json:"error"`
}

// A DestinationTestRequest asks to try destinations with the result of a job.
type DestinationTestRequest struct {
	Task         string        `json:"task,omitempty"` // whose environment "${NAME}" is; may be empty
	Destinations []Destination `json:"destinations"`   // 1 to MaxDestinations
	Job          JobID         `json:"jobId,omitzero"` // whose result is delivered; default a made-up one
	Send         bool          `json:"send,omitempty"` // default: only check and render
}

// MaxDestinations is how many destinations a job, a schedule or a task may name.
const MaxDestinations = 10

// A Hook is a URL that makes jobs of a task of what is posted to it.
type Hook struct {
	ID     HookID `json:"id,omitzero"`
	Name   string `json:"name"` // unique among its task's
	TaskID TaskID `json:"taskId,omitzero"`
	Task   string `json:"task"`
	// Verify is how the sender proves that it knows the secret.
	Verify    HookScheme `json:"verify"`
	Enabled   bool       `json:"enabled"`
	Priority  Priority   `json:"priority"`
	Calls     int64      `json:"calls"` // accepted so far, to within a minute
	CreatedAt time.Time  `json:"createdAt,omitzero"`
	UsedAt    time.Time  `json:"usedAt,omitzero"`
}

func (Hook) idPrefix() string { return "hook" }

// A HookScheme is how the sender of a hook proves that it knows the secret.
type HookScheme string

// The schemes.
const (
	HookStandard HookScheme = "standard" // Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature
	HookGitHub   HookScheme = "github"   // X-Hub-Signature-256, X-GitHub-Delivery
	// HookInsecureNone lets in whoever knows the URL, again and again.
	HookInsecureNone HookScheme = "insecure-none"
)

// HookSchemes returns every HookScheme.
func HookSchemes() []HookScheme { return []HookScheme{HookStandard, HookGitHub, HookInsecureNone} }

// A HookRequest is a hook to be made.
type HookRequest struct {
	Name     string     `json:"name,omitempty"`   // default "default"
	Verify   HookScheme `json:"verify,omitempty"` // default standard
	Priority Priority   `json:"priority,omitempty"`
	Secret   string     `json:"secret,omitempty"` // default: one is made
}

// A CreatedHook is a hook with its URL and its secret, which are shown this once.
// Of a hook with another secret there is no URL: it is the one it was.
type CreatedHook struct {
	Hook
	URL    string `json:"url,omitempty"`
	Path   string `json:"path,omitempty"` // of the URL: "/hooks/…"
	Secret string `json:"secret,omitempty"`
}

// A HookPatch changes what is not nil.
type HookPatch struct {
	Enabled  *bool     `json:"enabled,omitempty"`
	Priority *Priority `json:"priority,omitempty"`
}

// A HookKey is a hook with what lets its callers in, as it is kept.
type HookKey struct {
	Hook
	TokenHash []byte    // SHA-256 of the last element of its URL
	Secret    []byte    // sealed with [HookContext]; nil of HookInsecureNone
	OldSecret []byte    // sealed too; accepted until OldUntil
	OldUntil  time.Time // zero: there is no old one
}

// HookContext is what a hook's secret is sealed for.
func HookContext(id HookID) []byte { return []byte("hook\x00" + id.String()) }

// DestinationContext is what secrets of destinations are sealed for.
func DestinationContext() []byte { return []byte("destination") }

// DeliveryFields are the fields of a list of deliveries.
func DeliveryFields() []Field {
	return []Field{
		{"id", FieldID, true, nil},
		{"jobId", FieldID, false, nil},
		{"task", FieldText, true, nil},
		{"destination", FieldText, false, nil},
		{"type", FieldEnum, false, []string{"webhook", "file", "stdout", "stderr", "plugin"}},
		{"target", FieldText, false, nil},
		{"state", FieldEnum, true, words(DeliveryStates())},
		{"attempts", FieldNumber, true, nil},
		{"status", FieldNumber, false, nil},
		{"errorReason", FieldText, false, nil},
		{"nextAttemptAt", FieldTime, true, nil},
		{"createdAt", FieldTime, true, nil},
		{"finishedAt", FieldTime, true, nil},
	}
}
