package ratchet

import (
	"strings"
	"time"
)

// A Task is a named function that Ratchet can run. What it does is in its
// versions; a Task is what they have in common and what people read about it.
type Task struct {
	ID TaskID `json:"id,omitzero"`
	// Name is what the task is called by, unique: letters, digits, "-" and "_",
	// at most MaxTaskName of them. See [Slug].
	Name        string   `json:"name"`
	Label       string   `json:"label,omitempty"`       // the name that people read
	Description string   `json:"description,omitempty"` // what it does, in a sentence or two
	Tags        []string `json:"tags,omitempty"`
	Category    string   `json:"category,omitempty"`
	Author      string   `json:"author,omitempty"`
	License     string   `json:"license,omitempty"` // an SPDX expression
	// Aliases are other names it is found by, such as the uuid that its
	// metadata had in the earlier Ratchet.
	Aliases    []string `json:"aliases,omitempty"`
	Deprecated bool     `json:"deprecated,omitzero"`
	// DeprecationMessage says what to use instead of a deprecated task.
	DeprecationMessage string `json:"deprecationMessage,omitempty"`

	// Version and VersionDigest are of the newest version, which new jobs run.
	Version       string `json:"version,omitempty"`
	VersionDigest string `json:"versionDigest,omitempty"`
	Enabled       bool   `json:"enabled"` // takes new jobs
	Paused        bool   `json:"paused"`  // takes them, but starts none

	CreatedAt time.Time `json:"createdAt,omitzero"`
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
}

// MaxTaskName is the greatest length of a task's name.
const MaxTaskName = 100

func (Task) idPrefix() string { return "task" }

// Validate reports what is wrong with t, each as one Detail whose Pointer is the
// field's JSON name.
func (t *Task) Validate() (wrong []Detail) {
	switch {
	case t.Name == "":
		wrong = append(wrong, required("/name", "a name such as \"send-invoice\""))
	case !validTaskName(t.Name):
		expected := "letters, digits, \"-\" and \"_\", at most 100, the first not a \"-\""
		if slug := Slug(t.Name); slug != "" {
			expected += ", such as \"" + slug + "\""
		}
		wrong = append(wrong, Detail{Pointer: "/name", Message: "name is not a task's name", Expected: expected, Got: t.Name})
	}
	return wrong
}

func validTaskName(s string) bool {
	if s == "" || len(s) > MaxTaskName || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '-' && s[i] != '_' {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// Slug makes a task's name of any text: "Send Invoice (v2)" becomes
// "send-invoice-v2". It is empty if the text has no letter or digit of ASCII.
func Slug(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return r >= 0x80 || r != '_' && !isAlnum(byte(r))
	})
	slug := strings.Join(words, "-")
	if len(slug) > MaxTaskName {
		slug = strings.TrimRight(slug[:MaxTaskName], "-")
	}
	if strings.Trim(slug, "-_") == "" {
		return ""
	}
	return slug
}
