package service

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// problems gathers all that is wrong with a request, so that it is told at once.
type problems struct {
	details []ratchet.Detail
	reasons []ratchet.Reason // of the details, one each
}

// maxProblems bounds what is told about one request.
const maxProblems = 100

func (p *problems) add(reason ratchet.Reason, details ...ratchet.Detail) {
	for _, d := range details {
		if len(p.details) == maxProblems {
			return
		}
		d.Got = shorten(d.Got)
		p.details = append(p.details, d)
		p.reasons = append(p.reasons, reason)
	}
}

// wrong adds a value that breaks a rule.
func (p *problems) wrong(pointer, message, expected, got string) {
	p.add(ratchet.ReasonValidation, ratchet.Detail{Pointer: pointer, Message: message, Expected: expected, Got: got})
}

// under adds what another request, which is part of this one, has wrong with it.
func (p *problems) under(prefix string, other problems) {
	for i, d := range other.details {
		d.Pointer = prefix + d.Pointer
		p.add(other.reasons[i], d)
	}
}

// refuse adds the reason for which err refuses the value at the pointer; an error
// that is no answer to the request is returned.
func (p *problems) refuse(pointer string, err error) error {
	failure, known := ratchetError(err)
	if !known {
		return err
	}
	switch failure.Code {
	case ratchet.CodeInvalid, ratchet.CodeNotFound, ratchet.CodeForbidden, ratchet.CodeConflict:
		p.add(failure.Reason, ratchet.Detail{Pointer: pointer, Message: failure.Message})
		return nil
	default:
		return err
	}
}

// err returns the problems as one Error, nil if there are none. Its reason is
// theirs if they agree, else that the request breaks rules.
func (p *problems) err() error {
	if len(p.details) == 0 {
		return nil
	}
	reason := p.reasons[0]
	for _, r := range p.reasons {
		if r != reason {
			reason = ratchet.ReasonValidation
		}
	}
	message := bundle.Line(p.details[0])
	if n := len(p.details); n > 1 {
		message = fmt.Sprintf("the request has %d problems; the first: %s", n, message)
	}
	return ratchet.Errorf(reason, "%s", message).WithDetails(p.details...)
}

// shorten keeps a value fit for a message.
func shorten(s string) string {
	const most = 80
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// A textRule says what a text may be.
type textRule struct {
	least, most int // characters
	lines       bool
	not         string // characters it may not have
}

// text checks a text that is kept and shown.
func (p *problems) text(pointer, what, value string, rule textRule) {
	expected := fmt.Sprintf("at most %d characters", rule.most)
	if rule.least > 0 {
		expected = fmt.Sprintf("%d to %d characters", rule.least, rule.most)
	}
	switch n := utf8.RuneCountInString(value); {
	case n == 0 && rule.least > 0:
		p.wrong(pointer, what+" is missing", expected, "")
	case n > rule.most:
		p.wrong(pointer, what+" is too long", expected, fmt.Sprintf("%d characters", n))
	case n < rule.least:
		p.wrong(pointer, what+" is too short", expected, value)
	case rule.least > 0 && strings.TrimSpace(value) == "":
		p.wrong(pointer, what+" is blank", expected+", not only spaces", value)
	case !utf8.ValidString(value) || strings.ContainsFunc(value, func(r rune) bool {
		return !unicode.IsPrint(r) && !(rule.lines && (r == '\n' || r == '\t' || r == '\r'))
	}):
		p.wrong(pointer, what+" has characters that cannot be shown", "text without control characters", fmt.Sprintf("%+q", shorten(value)))
	case rule.not != "" && strings.ContainsAny(value, rule.not):
		p.wrong(pointer, what+" has a character that it may not have", "none of "+rule.not, value)
	}
}

// time checks a time that is kept and shown.
func (p *problems) time(pointer string, t time.Time) {
	if year := t.UTC().Year(); !t.IsZero() && (year < ratchet.MinYear || year > ratchet.MaxYear) {
		p.wrong(pointer, "the time is out of bounds", fmt.Sprintf("one in the years %d to %d of UTC", ratchet.MinYear, ratchet.MaxYear), t.Format(time.RFC3339))
	}
}

// tags checks the tags and returns them without repetitions.
func (p *problems) tags(pointer string, tags []string) (unique []string) {
	if len(tags) > ratchet.MaxTags {
		p.wrong(pointer, "there are too many tags", fmt.Sprintf("at most %d", ratchet.MaxTags), fmt.Sprint(len(tags)))
		return nil
	}
	seen := map[string]bool{}
	for i, tag := range tags {
		p.text(fmt.Sprintf("%s/%d", pointer, i), "the tag", tag, textRule{least: 1, most: ratchet.MaxTagLength})
		if !seen[tag] {
			seen[tag] = true
			unique = append(unique, tag)
		}
	}
	return unique
}

// priority checks a priority that no parser made.
func (p *problems) priority(v ratchet.Priority) {
	if v < ratchet.PriorityLow || v > ratchet.PriorityUrgent {
		p.wrong("/priority", "the priority is not known", "low, normal, high or urgent", v.String())
	}
}

// prefixed returns the details with their pointers below prefix.
func prefixed(prefix string, details []ratchet.Detail) []ratchet.Detail {
	under := make([]ratchet.Detail, len(details))
	for i, d := range details {
		d.Pointer = prefix + d.Pointer
		under[i] = d
	}
	return under
}
