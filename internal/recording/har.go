package recording

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
)

// The documents of HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/), as
// far as Ratchet writes them. Fields that begin with "_" are ours, but for
// "_error", in which browsers look for why a request failed.
type (
	harEntry struct {
		Started  harTime     `json:"startedDateTime"`
		Time     float64     `json:"time"` // ms
		Request  harRequest  `json:"request"`
		Response harResponse `json:"response"`
		Cache    struct{}    `json:"cache"`
		Timings  harTimings  `json:"timings"`
		Address  string      `json:"serverIPAddress,omitempty"`
		Ratchet  harRatchet  `json:"_ratchet"`
	}
	harRequest struct {
		Method      string       `json:"method"`
		URL         string       `json:"url"`
		HTTPVersion string       `json:"httpVersion"`
		Cookies     []harPair    `json:"cookies"`
		Headers     []harPair    `json:"headers"`
		QueryString []harPair    `json:"queryString"`
		PostData    *harPostData `json:"postData,omitempty"`
		HeadersSize int          `json:"headersSize"`
		BodySize    int          `json:"bodySize"`
	}
	harResponse struct {
		Status      int        `json:"status"` // 0 if none came
		StatusText  string     `json:"statusText"`
		HTTPVersion string     `json:"httpVersion"`
		Cookies     []harPair  `json:"cookies"`
		Headers     []harPair  `json:"headers"`
		Content     harContent `json:"content"`
		RedirectURL string     `json:"redirectURL"`
		HeadersSize int        `json:"headersSize"`
		BodySize    int        `json:"bodySize"`
		Error       string     `json:"_error,omitempty"`
	}
	harPostData struct {
		MimeType string `json:"mimeType"`
		Text     string `json:"text"`
		Encoding string `json:"_encoding,omitempty"` // "base64" of a binary body, for which HAR has no field
	}
	harContent struct {
		Size     int    `json:"size"`
		MimeType string `json:"mimeType"`
		Text     string `json:"text"`
		Encoding string `json:"encoding,omitempty"`
	}
	harPair struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	harTimings struct { // ms; -1: does not apply
		Blocked float64 `json:"blocked"`
		DNS     float64 `json:"dns"`
		Connect float64 `json:"connect"` // with the TLS handshake
		Send    float64 `json:"send"`
		Wait    float64 `json:"wait"`
		Receive float64 `json:"receive"`
		SSL     float64 `json:"ssl"`
	}
	// harRatchet is what a replay needs beside the request and the response.
	harRatchet struct {
		Call       uint32         `json:"call"`
		Asked      int64          `json:"asked"`        // ns since the start, as the task saw it
		At         *int64         `json:"at,omitempty"` // when the answer was taken; none: it was not
		Redirect   string         `json:"redirect,omitempty"`
		URL        string         `json:"url,omitempty"` // of the last hop, if not the request's
		Redirected bool           `json:"redirected,omitempty"`
		Error      *ratchet.Error `json:"error,omitempty"`
		Unanswered bool           `json:"unanswered,omitempty"` // the execution ended first
	}
)

// network is what the HAR says of the way, and a replay does not need.
type network struct {
	proto    string
	address  string
	received int64
	timings  egress.Timings
	hops     int
}

// harTime is a time in ISO 8601 with milliseconds.
type harTime time.Time

// MarshalText writes it.
func (t harTime) MarshalText() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, "2006-01-02T15:04:05.000Z07:00"), nil
}

// UnmarshalText reads any fraction.
func (t *harTime) UnmarshalText(b []byte) (err error) {
	v, err := time.Parse(time.RFC3339Nano, string(b))
	*t = harTime(v)
	return err
}

// encode is v as JSON on one line, with < and > as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

// quoted is s as a JSON string.
func quoted(s string) string {
	b, _ := encode(s) // a string always can be
	return string(b)
}

// encodeHAR writes the exchanges as HAR, one entry a line. What it decodes goes
// through hide.
func encodeHAR(version string, exchanges []*Exchange, hide func(string) string) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"log":{"version":"1.2","creator":{"name":"Ratchet","version":%s},"pages":[],"entries":[`, quoted(version))
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for i, x := range exchanges {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		entry := x.har()
		for i, p := range entry.Request.QueryString {
			entry.Request.QueryString[i] = harPair{hide(p.Name), hide(p.Value)}
		}
		if err := e.Encode(entry); err != nil {
			return nil, err
		}
		b.Truncate(b.Len() - 1)
	}
	b.WriteString("\n]}}\n")
	return b.Bytes(), nil
}

func (x *Exchange) har() *harEntry {
	proto := x.network.proto
	if proto == "" {
		proto = "unknown"
	}
	q := &x.Request
	e := &harEntry{
		Started: harTime(x.started), Time: ms(x.spent),
		Request: harRequest{
			Method: q.Method, URL: q.URL, HTTPVersion: proto,
			Cookies: cookies(q.Header, "cookie"), Headers: pairs(q.Header), QueryString: query(q.URL),
			HeadersSize: -1, BodySize: len(q.Body),
		},
		Timings: x.timings(), Address: x.network.address,
		Ratchet: harRatchet{Call: x.Call, Asked: int64(x.Asked), Error: x.Error},
	}
	if len(q.Body) > 0 {
		text, encoding := bodyText(q.Body)
		e.Request.PostData = &harPostData{header(q.Header, "content-type"), text, encoding}
	}
	if q.Redirect != egress.RedirectFollow {
		e.Ratchet.Redirect = q.Redirect
	}
	if x.Taken {
		at := int64(x.At)
		e.Ratchet.At = &at
	}
	x.harResponse(e, proto)
	return e
}

func (x *Exchange) harResponse(e *harEntry, proto string) {
	e.Response = harResponse{
		HTTPVersion: proto, Cookies: []harPair{}, Headers: []harPair{}, Content: harContent{MimeType: "x-unknown"},
		HeadersSize: -1, BodySize: -1,
	}
	r := &e.Response
	switch p := x.Response; {
	case p != nil:
		r.Status, r.StatusText = p.Status, p.StatusText
		r.Cookies, r.Headers = cookies(p.Header, "set-cookie"), pairs(p.Header)
		r.RedirectURL, r.BodySize = header(p.Header, "location"), int(x.network.received)
		if kind := header(p.Header, "content-type"); kind != "" {
			r.Content.MimeType = kind
		}
		r.Content.Size = len(p.Body)
		r.Content.Text, r.Content.Encoding = bodyText(p.Body)
		e.Ratchet.Redirected = p.Redirected
		if p.URL != x.Request.URL {
			e.Ratchet.URL = p.URL
		}
	case x.Error != nil:
		r.Error = x.Error.Message
	default:
		e.Ratchet.Unanswered = true
		r.Error = "the execution ended before the answer came"
	}
}

// timings parts the time of the exchange so that the parts come to the whole.
func (x *Exchange) timings() harTimings {
	t := x.network.timings
	h := harTimings{Blocked: -1, DNS: -1, Connect: -1, SSL: -1, Wait: ms(x.spent)}
	if x.Response == nil {
		return h
	}
	if t.DNS > 0 {
		h.DNS = ms(t.DNS)
	}
	if t.Connect > 0 {
		h.Connect = ms(t.Connect + t.TLS)
	}
	if t.TLS > 0 {
		h.SSL = ms(t.TLS)
	}
	h.Wait = ms(t.FirstByte)
	rest := ms(max(x.spent-t.DNS-t.Connect-t.TLS-t.FirstByte, 0))
	if x.network.hops > 0 {
		h.Blocked = rest // of which the earlier hops are the most
	} else {
		h.Receive = rest
	}
	return h
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// bodyText is a body as HAR holds it: text if it is UTF-8, else base64.
func bodyText(body []byte) (text, encoding string) {
	if utf8.Valid(body) {
		return string(body), ""
	}
	return base64.StdEncoding.EncodeToString(body), "base64"
}

func bodyOf(text, encoding string) ([]byte, error) {
	if encoding == "base64" {
		return base64.StdEncoding.DecodeString(text)
	}
	return []byte(text), nil
}

func pairs(header [][2]string) []harPair {
	list := make([]harPair, len(header))
	for i, h := range header {
		list[i] = harPair{strings.ToValidUTF8(h[0], "\uFFFD"), strings.ToValidUTF8(h[1], "\uFFFD")}
	}
	return list
}

func unpair(list []harPair) [][2]string {
	header := make([][2]string, len(list))
	for i, p := range list {
		header[i] = [2]string{p.Name, p.Value}
	}
	return header
}

// cookies lists the cookies of the headers of that name.
func cookies(list [][2]string, name string) []harPair {
	found := []harPair{}
	for _, h := range list {
		if !equalFold(h[0], name) {
			continue
		}
		for i, pair := range strings.Split(h[1], ";") {
			if i > 0 && name == "set-cookie" {
				break
			}
			if n, v, ok := strings.Cut(strings.TrimSpace(pair), "="); ok {
				found = append(found, harPair{n, v})
			}
		}
	}
	return found
}

func equalFold(a, b string) bool { return len(a) == len(b) && strings.EqualFold(a, b) }

// query lists the parameters of the URL, decoded, in order.
func query(text string) []harPair {
	list := []harPair{}
	_, after, _ := strings.Cut(text, "?")
	after, _, _ = strings.Cut(after, "#")
	for part := range strings.SplitSeq(after, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		list = append(list, harPair{unescapeQuery(name), unescapeQuery(value)})
	}
	return list
}

func unescapeQuery(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		s = plain
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// decodeHAR reads what encodeHAR wrote.
func decodeHAR(text []byte) ([]*Exchange, error) {
	var doc struct {
		Log struct {
			Entries []harEntry `json:"entries"`
		} `json:"log"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	exchanges := make([]*Exchange, len(doc.Log.Entries))
	for i := range doc.Log.Entries {
		x, err := doc.Log.Entries[i].exchange()
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		exchanges[i] = x
	}
	return exchanges, nil
}

func (e *harEntry) exchange() (x *Exchange, err error) {
	x = &Exchange{
		Call: e.Ratchet.Call, Asked: time.Duration(e.Ratchet.Asked), Error: e.Ratchet.Error,
		Request: Request{
			Method: e.Request.Method, URL: e.Request.URL, Header: unpair(e.Request.Headers), Redirect: e.Ratchet.Redirect,
		},
		started: time.Time(e.Started),
	}
	if x.Request.Redirect == "" {
		x.Request.Redirect = egress.RedirectFollow
	}
	if p := e.Request.PostData; p != nil {
		if x.Request.Body, err = bodyOf(p.Text, p.Encoding); err != nil {
			return nil, fmt.Errorf("the request's body: %w", err)
		}
	}
	if e.Ratchet.At != nil {
		x.At, x.Taken = time.Duration(*e.Ratchet.At), true
	}
	if x.Error != nil || e.Ratchet.Unanswered {
		return x, nil
	}
	r := &e.Response
	x.Response = &Response{
		Status: r.Status, StatusText: r.StatusText, Header: unpair(r.Headers),
		URL: e.Ratchet.URL, Redirected: e.Ratchet.Redirected,
	}
	if x.Response.URL == "" {
		x.Response.URL = x.Request.URL
	}
	if x.Response.Body, err = bodyOf(r.Content.Text, r.Content.Encoding); err != nil {
		return nil, fmt.Errorf("the response's body: %w", err)
	}
	return x, nil
}
