package recording

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/redact"
)

// A Comparison is what a replay did other than the execution that was recorded.
// Secrets in it are placeholders.
type Comparison struct {
	Result   *Difference         // output or error; nil if it is the same
	Requests []RequestDifference // in the order in which the replay made them
	Logs     *Difference
	// Cut says that the recorded execution was stopped from outside, at its time
	// limit or by somebody, and that only what it did until then was compared.
	Cut bool
}

// A Difference is two texts of several lines that are not the same.
type Difference struct{ Recorded, Replayed string }

// What can be different about a request.
const (
	Unrecorded = "unrecorded" // the recording has none like it
	Changed    = "changed"    // headers or body
	Moved      = "moved"      // it came after one that it came before
	NotMade    = "not made"   // it is in the recording only
)

// A RequestDifference is one request that is not as recorded.
type RequestDifference struct {
	Kind    string
	Number  int    // among the requests of the replay, from 1; of one not made among the recorded
	Title   string // method and URL
	Closest string // of an unrecorded one: what is most like it, with its number; "" if there is nothing
	Diff    *Difference
}

// Equal reports whether there is no difference.
func (c *Comparison) Equal() bool { return c.Result == nil && c.Logs == nil && len(c.Requests) == 0 }

// Compare says in what e, which came of the Replay's Request, is not as recorded.
func (p *Replay) Compare(e *ratchet.Execution) *Comparison {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finish()
	r := p.recording
	c := &Comparison{Cut: p.cut(e)}
	if recorded, replayed := r.result(e.VersionDigest), p.result(e); recorded != replayed && !c.Cut {
		c.Result = &Difference{recorded, replayed}
	}
	c.Requests = p.requests(c.Cut)
	recorded, replayed := logLines(r.Logs, nil), logLines(e.Logs, p.hide)
	if c.Cut && strings.HasPrefix(replayed, recorded) {
		replayed = recorded
	}
	if recorded != replayed {
		c.Logs = &Difference{recorded, replayed}
	}
	return c
}

// cut reports whether the recorded execution was stopped where the replay, which
// waits for nothing, went on.
func (p *Replay) cut(e *ratchet.Execution) bool {
	switch p.recording.Meta.Reason {
	case ratchet.ReasonExecutionTimeout, ratchet.ReasonExecutionCancelled:
		return e.Error == nil || e.Error.Reason != p.recording.Meta.Reason
	}
	return false
}

// result is what came of the recorded execution, as text. What depends on where
// a task's code stands is left out if the replay was of other code.
func (r *Recording) result(digest string) string {
	if r.Error == nil {
		return string(indent(r.Output))
	}
	return errorText(r.Error, digest == r.Meta.Task.Digest)
}

func (p *Replay) result(e *ratchet.Execution) string {
	if e.Error == nil {
		return string(indent(p.hide.JSON(e.Output)))
	}
	return errorText(p.hide.Error(e.Error), e.VersionDigest == p.recording.Meta.Task.Digest)
}

func errorText(e *ratchet.Error, places bool) string {
	text := fmt.Sprintf("error %s\n", e.Reason)
	switch e.Reason {
	case ratchet.ReasonExecutionTimeout, ratchet.ReasonCPULimit, ratchet.ReasonMemoryLimit, ratchet.ReasonWorker:
		return text // the message says what was measured
	}
	text += e.Message + "\n"
	if len(e.Data) > 0 {
		text += string(indent(e.Data))
	}
	if !places {
		return text
	}
	if e.Stack != "" {
		text += e.Stack + "\n"
	}
	for _, d := range e.Details {
		line, _ := encode(d) // texts and numbers always can be
		text += string(line) + "\n"
	}
	return text
}

// logLines writes each entry as a line, or more if it has more, without its time.
func logLines(logs []ratchet.LogEntry, hide *redact.Secrets) string {
	var b strings.Builder
	for _, l := range logs {
		if hide != nil {
			l = hide.Log(l)
		}
		fmt.Fprintf(&b, "%s %s", l.Level, l.Message)
		if len(l.Fields) > 0 {
			fmt.Fprintf(&b, " %s", l.Fields)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// requests compares the requests. Of an execution that was cut those count which
// it made until then.
func (p *Replay) requests(cut bool) (found []RequestDifference) {
	last := -1
	for i, m := range p.made {
		d := RequestDifference{Number: i + 1, Title: m.request.title()}
		x := m.exchange
		if x == nil {
			if cut && m.ask.At >= time.Duration(p.recording.Meta.Limits.Wall) {
				continue
			}
			d.Kind = Unrecorded
			if m.closest != nil {
				d.Closest = fmt.Sprintf("#%d %s", p.position(m.closest)+1, m.closest.Request.title())
			}
			found = append(found, d)
			continue
		}
		position := p.position(x)
		if recorded, replayed := x.Request.text(), m.request.text(); recorded != replayed {
			d.Kind, d.Diff = Changed, &Difference{recorded, replayed}
			found = append(found, d)
		}
		if position < last {
			d.Kind, d.Diff = Moved, nil
			found = append(found, d)
		}
		last = max(last, position)
	}
	for i, x := range p.recording.exchanges {
		if p.used[x.Call] == nil {
			found = append(found, RequestDifference{Kind: NotMade, Number: i + 1, Title: x.Request.title()})
		}
	}
	return found
}

// position is where x is in the recording, from 0.
func (p *Replay) position(x *Exchange) int {
	i, _ := slices.BinarySearchFunc(p.recording.exchanges, x.Call, byCall)
	return i
}

func byCall(x *Exchange, call uint32) int { return int(int64(x.Call) - int64(call)) }

// text is all of the request that is compared.
func (q *Request) text() string {
	var b strings.Builder
	b.WriteString(q.title() + "\n")
	if q.Redirect != "follow" {
		b.WriteString("(redirect: " + q.Redirect + ")\n")
	}
	for _, h := range q.Header {
		b.WriteString(h[0] + ": " + h[1] + "\n")
	}
	if len(q.Body) == 0 {
		return b.String()
	}
	body, encoding := bodyText(q.Body)
	switch {
	case encoding != "":
		body = encoding + " " + body
	case json.Valid(q.Body): // spaces make no difference
		body = strings.TrimSuffix(string(indent(q.Body)), "\n")
	}
	return b.String() + "\n" + body + "\n"
}
