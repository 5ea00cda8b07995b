package rest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/problem"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// An answer is what a request gets if nothing is wrong.
type answer struct {
	status   int    // 0: the route's own
	data     []byte // JSON; nil: there is no body
	meta     *meta  // of a list
	location string // of what was made, or what to ask later
	count    int    // of the list's items in data
	version  string // begins the ETag of what can be changed, for If-Match
	follow   func(*sender) error
}

// A meta is what there is to say of a list besides its items.
type meta struct {
	Total   *int    `json:"total" doc:"How many there are in all; null if they are more than 10,000."`
	Limit   int     `json:"limit" doc:"How many a page holds."`
	Offset  *int    `json:"offset,omitempty" doc:"How many come before this page; missing after a cursor."`
	Next    *string `json:"next" doc:"The cursor of the next page; null if this is the last."`
	Running *bool   `json:"running,omitempty" doc:"Of a log: the execution goes on, so there may be more."`
}

// encode is JSON without escapes for HTML, which nobody asked for.
func encode[T any](v T) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// single answers with one thing.
func single[T any](_ *request, v T) (answer, error) {
	data, err := encode(v)
	return answer{data: data}, err
}

// empty answers with nothing.
func empty(*request, service.None) (answer, error) { return answer{}, nil }

// page answers with a part of a list.
func page[T any](r *request, p ratchet.Page[T]) (answer, error) {
	if p.Items == nil {
		p.Items = []T{}
	}
	data, err := encode(p.Items)
	m := &meta{Limit: r.limit}
	if p.Total >= 0 {
		m.Total = &p.Total
	}
	if _, cursor := r.query["cursor"]; !cursor {
		m.Offset = &p.Offset
	}
	if p.Next != "" {
		m.Next = &p.Next
	}
	return answer{data: data, meta: m, count: len(p.Items)}, err
}

// whole answers with a list that has no pages.
func whole[T any](r *request, items []T) (answer, error) {
	if items == nil {
		items = []T{}
	}
	data, err := encode(items)
	total, first := len(items), 0
	return answer{data: data, meta: &meta{Total: &total, Limit: total, Offset: &first}, count: total}, err
}

// send answers the request.
func (a *api) send(r *request, ans answer) {
	h := r.w.Header()
	status := ans.status
	if status == 0 {
		status = r.route.status()
	}
	if ans.location != "" {
		h.Set("Location", ans.location)
	}
	if ans.data == nil {
		r.w.WriteHeader(status)
		return
	}
	h.Set("Cache-Control", "no-store")
	body := append([]byte(`{"data":`), ans.data...)
	if ans.meta != nil {
		ans.listHeaders(r, h)
		m, err := encode(ans.meta)
		if err != nil {
			a.fail(r.w, r.Request, err)
			return
		}
		body = append(append(body, `,"meta":`...), m...)
	}
	body = append(body, '}', '\n')
	if r.route.tagged {
		h.Set("Cache-Control", "private, no-cache")
		tag := etag(ans.version, body)
		h.Set("Etag", tag)
		if (r.Method == http.MethodGet || r.Method == http.MethodHead) && matches(r.Header.Values("If-None-Match"), tag) {
			r.w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Type", jsonType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	r.w.WriteHeader(status)
	_, _ = r.w.Write(body) // a client that is gone hears nothing
}

// listHeaders says in headers what meta says.
func (ans answer) listHeaders(r *request, h http.Header) {
	total := "*"
	if ans.meta.Total != nil {
		total = strconv.Itoa(*ans.meta.Total)
		h.Set("X-Total-Count", total)
	}
	units := "*"
	if ans.count > 0 && ans.meta.Offset != nil {
		units = fmt.Sprintf("%d-%d", *ans.meta.Offset, *ans.meta.Offset+ans.count-1)
	}
	h.Set("Content-Range", path.Base(r.route.op.Path)+" "+units+"/"+total)
	if ans.meta.Next != nil {
		h.Set("Link", "<"+r.next(*ans.meta.Next, ans.meta.Limit)+`>; rel="next"`)
	}
}

// next is the address of the next page.
func (r *request) next(cursor string, limit int) string {
	query := url.Values{}
	for name, values := range r.query {
		switch name {
		case "_start", "_end", "page", "offset", "cursor", "limit":
		default:
			query[name] = values
		}
	}
	query.Set("cursor", cursor)
	query.Set("limit", strconv.Itoa(limit))
	return r.URL.EscapedPath() + "?" + query.Encode()
}

// etag names a content. What can be changed has its version before.
func etag(version string, body []byte) string {
	sum := sha256.Sum256(body)
	tag := hex.EncodeToString(sum[:12])
	if version != "" {
		tag = version + "-" + tag
	}
	return `"` + tag + `"`
}

// matches reports whether a tag is among those of an If-None-Match.
func matches(headers []string, tag string) bool {
	for _, given := range tagsOf(headers) {
		if given == "*" || given == strings.Trim(tag, `"`) {
			return true
		}
	}
	return false
}

// tagsOf splits the tags of If-Match and If-None-Match, without their quotes.
func tagsOf(headers []string) (tags []string) {
	for tag := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag = strings.Trim(tag, `"`); tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}

// fail answers with what is wrong. What is wrong inside goes to the log.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.Of(err)
	if p.Status >= http.StatusInternalServerError && r.Context().Err() == nil {
		a.log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", cmp.Or(r.Pattern, r.URL.Path),
			"status", p.Status, "request_id", w.Header().Get(problem.RequestID), "error", errorText(err))
	}
	problem.Write(w, p)
}

// errorText is the text of an error with that of its cause.
func errorText(err error) string {
	if p, ok := errors.AsType[*problem.Problem](err); ok && p.Unwrap() != nil {
		err = p.Unwrap() // the problem itself does not say what is wrong inside
	}
	text := err.Error()
	if e := ratchet.AsError(err); e.Cause != nil && !strings.Contains(text, e.Cause.Error()) {
		text += ": " + e.Cause.Error()
	}
	return text
}
