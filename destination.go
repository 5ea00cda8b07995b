package ratchet

import "encoding/json"

// A Destination is where the result of a job goes once the job is finished. A job
// names its own; else it has those of its schedule; else those of its task's
// version. The operator's configuration may add others to all jobs.
//
// Its texts URL, Path, values of Headers and Prefix are templates: "{{job_id}}"
// stands for the job's ID. See package delivery for the variables.
type Destination struct {
	Type DestinationType `json:"type"`
	// Name tells it from the others of the job; default its type and place, as in
	// "webhook-1".
	Name string      `json:"name,omitempty"`
	On   DeliverWhen `json:"on,omitempty"` // default success
	// Select is a jq expression that makes the body of the envelope; default all
	// of it.
	Select string `json:"select,omitempty"`
	// Template makes the body as text, instead of Format.
	Template string         `json:"template,omitempty"`
	Format   DeliveryFormat `json:"format,omitempty"` // default json
	// Transform names a plugin, which makes something else of the body before it is
	// delivered.
	Transform string `json:"transform,omitempty"`

	Timeout Duration `json:"timeout,omitzero"`  // of one attempt; default 30s, at most 5m
	Retry   Retry    `json:"retry,omitzero"`    // default: of webhooks the schedule of Standard Webhooks, of others Retry's
	RetryOn []int    `json:"retryOn,omitempty"` // statuses that are tried again; default 408, 425, 429 and 500 to 599

	// Of a webhook.
	URL         string            `json:"url,omitempty"`
	Method      string            `json:"method,omitempty"` // default POST
	Headers     map[string]string `json:"headers,omitempty"`
	ContentType string            `json:"contentType,omitempty"` // default that of the format
	Auth        *WebhookAuth      `json:"auth,omitempty"`
	// Secrets sign the body as Standard Webhooks has it: "whsec_…" by HMAC-SHA256,
	// "whsk_…" by Ed25519. All of them sign, so that a secret can be changed while
	// its receiver still checks by the old one. At most 3.
	Secrets []Secret `json:"secrets,omitempty"`

	// Of a file.
	Path     string   `json:"path,omitempty"`     // below the operator's delivery.root
	Mode     string   `json:"mode,omitempty"`     // octal; default "0640"
	IfExists FileRule `json:"ifExists,omitempty"` // default fail
	// Of stdout and stderr: put before each line.
	Prefix string `json:"prefix,omitempty"`

	// Of a plugin: its name, and what it is told beside the result.
	Plugin string            `json:"plugin,omitempty"`
	Config DestinationConfig `json:"config,omitempty"`
}

// A DestinationConfig is the JSON text that a plugin's destination is told.
type DestinationConfig = json.RawMessage

// A DestinationType is a way of delivering.
type DestinationType string

// The types of destinations.
const (
	DestinationWebhook DestinationType = "webhook"
	DestinationFile    DestinationType = "file" // "filesystem" is accepted
	DestinationStdout  DestinationType = "stdout"
	DestinationStderr  DestinationType = "stderr"
	DestinationPlugin  DestinationType = "plugin"
)

// DestinationTypes returns every DestinationType.
func DestinationTypes() []DestinationType {
	return []DestinationType{DestinationWebhook, DestinationFile, DestinationStdout, DestinationStderr, DestinationPlugin}
}

// A DeliverWhen says after which end of a job a destination is told.
type DeliverWhen string

// When to deliver.
const (
	DeliverSuccess DeliverWhen = "success" // the job was completed
	DeliverFailure DeliverWhen = "failure" // it failed for good
	DeliverAlways  DeliverWhen = "always"  // it was completed, failed or was cancelled
)

// DeliverWhens returns every DeliverWhen.
func DeliverWhens() []DeliverWhen {
	return []DeliverWhen{DeliverSuccess, DeliverFailure, DeliverAlways}
}

// A DeliveryFormat is how a body is written.
type DeliveryFormat string

// The formats.
const (
	FormatJSON    DeliveryFormat = "json" // indented; of a webhook compact
	FormatCompact DeliveryFormat = "json_compact"
	FormatYAML    DeliveryFormat = "yaml"
	FormatCSV     DeliveryFormat = "csv" // an array of objects, one object, or an array of arrays
	FormatRaw     DeliveryFormat = "raw" // a text as it is; anything else as compact JSON
)

// DeliveryFormats returns every DeliveryFormat.
func DeliveryFormats() []DeliveryFormat {
	return []DeliveryFormat{FormatJSON, FormatCompact, FormatYAML, FormatCSV, FormatRaw}
}

// A FileRule says what becomes of a file that is there already.
type FileRule string

// The rules for files.
const (
	FileFail      FileRule = "fail"
	FileOverwrite FileRule = "overwrite"
	FileBackup    FileRule = "backup" // it is kept as NAME.backup, and overwritten
	FileAppend    FileRule = "append"
)

// FileRules returns every FileRule.
func FileRules() []FileRule { return []FileRule{FileFail, FileOverwrite, FileBackup, FileAppend} }

// A WebhookAuth is how a webhook says who sends it. One of the fields is set.
type WebhookAuth struct {
	Bearer Secret      `json:"bearer,omitempty"`
	Basic  *BasicAuth  `json:"basic,omitempty"`
	APIKey *APIKeyAuth `json:"apiKey,omitempty"`
}

// A BasicAuth is a user name and a password.
type BasicAuth struct {
	Username string `json:"username"`
	Password Secret `json:"password"`
}

// An APIKeyAuth is a header that holds a key.
type APIKeyAuth struct {
	Header string `json:"header,omitempty"` // default X-API-Key
	Key    Secret `json:"key"`
}

// A Secret is text that is not shown once it was given. It is written
// "${NAME}" for a variable of the task's environment (of the server's own in the
// configuration), which is read at each attempt; any other text is sealed before
// it is kept, and then is "sealed:…" in the store and "***" to whoever reads it.
type Secret string
