package ratchet

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// A Version is one content of a task. Its digest names it: the same content is
// the same version wherever it comes from.
type Version struct {
	ID     VersionID `json:"id,omitzero"`
	Task   string    `json:"task"`              // the task's name
	Digest string    `json:"digest"`            // "sha256:" and 64 hexadecimal digits
	Semver string    `json:"version,omitempty"` // what its author calls it, such as "1.2.0"

	Engine    Engine    `json:"engine,omitempty"`    // empty means the configured default
	Isolation Isolation `json:"isolation,omitempty"` // empty means IsolationTask
	// Slots is how many executions one worker may run at once, for tasks that
	// mostly wait; 0 means 1.
	Slots       int         `json:"slots,omitzero"`
	Fetch       FetchMode   `json:"fetch,omitempty"` // empty means FetchAsync
	Limits      Limits      `json:"limits,omitzero"`
	Permissions Permissions `json:"permissions,omitzero"`
	Retry       Retry       `json:"retry,omitzero"`
	// Concurrency is the gate of jobs that name none of their own; Rate bounds
	// how often the task starts, whatever its version. Nil means no bound.
	Concurrency *Concurrency `json:"concurrency,omitempty"`
	Rate        *Rate        `json:"rate,omitempty"`

	// Destinations are where results go of jobs that name none. Their secrets are
	// variables of the task's environment: a bundle holds none.
	Destinations []Destination `json:"destinations,omitempty"`

	InputSchema  json.RawMessage `json:"inputSchema,omitempty"`  // JSON Schema; none accepts anything
	OutputSchema json.RawMessage `json:"outputSchema,omitempty"` // JSON Schema; none accepts anything
	CreatedAt    time.Time       `json:"createdAt,omitzero"`
}

func (Version) idPrefix() string { return "version" }

// MaxSlots is the greatest number of executions that one worker may run at once.
const MaxSlots = 1000

// Validate reports what is wrong with v, each as one Detail whose Pointer leads
// to the field in v's JSON form.
func (v *Version) Validate() (wrong []Detail) {
	if v.Task == "" {
		wrong = append(wrong, required("/task", "the name of a task"))
	}
	if !validDigest(v.Digest) {
		wrong = append(wrong, Detail{Pointer: "/digest", Message: "digest is not a digest", Expected: "\"sha256:\" and 64 hexadecimal digits", Got: v.Digest})
	}
	if v.Semver != "" && !ValidSemver(v.Semver) {
		wrong = append(wrong, Detail{Pointer: "/version", Message: "version is not a semantic version", Expected: "three numbers such as \"1.2.0\", and what semver.org allows after them", Got: v.Semver})
	}
	wrong = append(wrong, invalidField("/engine", v.Engine)...)
	wrong = append(wrong, invalidField("/isolation", v.Isolation)...)
	wrong = append(wrong, invalidField("/fetch", v.Fetch)...)
	if v.Slots < 0 || v.Slots > MaxSlots {
		wrong = append(wrong, Detail{Pointer: "/slots", Message: "slots is out of bounds", Expected: fmt.Sprintf("1 to %d", MaxSlots), Got: fmt.Sprint(v.Slots)})
	}
	if v.Slots > 1 && v.Isolation == IsolationExecution {
		wrong = append(wrong, Detail{Pointer: "/slots", Message: "slots and isolation do not agree", Expected: "1 slot with a worker for each execution", Got: fmt.Sprint(v.Slots)})
	}
	wrong = append(wrong, under("/limits", v.Limits.Validate())...)
	wrong = append(wrong, under("/permissions", v.Permissions.Validate())...)
	wrong = append(wrong, under("/retry", v.Retry.Validate())...)
	wrong = append(wrong, notJSON("/inputSchema", v.InputSchema)...)
	return append(wrong, notJSON("/outputSchema", v.OutputSchema)...)
}

func validDigest(s string) bool {
	digits, ok := strings.CutPrefix(s, "sha256:")
	if !ok || len(digits) != 64 || digits != strings.ToLower(digits) {
		return false
	}
	_, err := hex.DecodeString(digits)
	return err == nil
}

// ValidSemver reports whether s is a semantic version as semver.org 2.0.0
// defines it, without a leading "v".
func ValidSemver(s string) bool {
	core, build, hasBuild := strings.Cut(s, "+")
	core, pre, hasPre := strings.Cut(core, "-")
	numbers := strings.Split(core, ".")
	for _, n := range numbers {
		if !validNumber(n) {
			return false
		}
	}
	return len(numbers) == 3 &&
		(!hasPre || validIdentifiers(pre, false)) &&
		(!hasBuild || validIdentifiers(build, true))
}

// validIdentifiers checks the dotted part after "-" or "+"; only after "+" may a
// number have leading zeros.
func validIdentifiers(s string, leadingZeros bool) bool {
	for id := range strings.SplitSeq(s, ".") {
		rest := strings.TrimFunc(id, func(r rune) bool { return r == '-' || r < 0x80 && isAlnum(byte(r)) })
		if id == "" || rest != "" {
			return false
		}
		if !leadingZeros && digitsOnly(id) && !validNumber(id) {
			return false
		}
	}
	return true
}

func validNumber(s string) bool {
	return digitsOnly(s) && (s == "0" || s[0] != '0')
}

func digitsOnly(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
