package testfile

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// The file's form for encoding/json.
type (
	testDocument struct {
		Name        string            `json:"name,omitempty"`
		Description string            `json:"description,omitempty"`
		Input       json.RawMessage   `json:"input"`
		Expected    json.RawMessage   `json:"expected_output,omitempty"`
		Fails       any               `json:"should_fail,omitempty"`
		Network     bool              `json:"network,omitempty"`
		Env         map[string]string `json:"env,omitempty"`
		Now         *time.Time        `json:"now,omitempty"`
		Seed        uint64            `json:"seed,omitempty"`
		Mock        *mockDocument     `json:"mock,omitempty"`
	}
	mockDocument struct {
		HTTP []exchangeDocument `json:"http"`
	}
	exchangeDocument struct {
		URL      string            `json:"url"`
		Method   string            `json:"method"`
		Request  *wantedDocument   `json:"request,omitempty"`
		Times    int               `json:"times,omitempty"`
		Delay    string            `json:"delay,omitempty"`
		Error    string            `json:"error,omitempty"`
		Response *responseDocument `json:"response,omitempty"`
	}
	wantedDocument struct {
		Headers map[string]any  `json:"headers,omitempty"`
		Body    json.RawMessage `json:"body,omitempty"`
	}
	responseDocument struct {
		URL        string          `json:"url,omitempty"`
		Status     int             `json:"status"`
		StatusText string          `json:"statusText,omitempty"`
		Headers    map[string]any  `json:"headers,omitempty"`
		Body       json.RawMessage `json:"body,omitempty"`
		Encoding   string          `json:"encoding,omitempty"`
	}
	failsDocument struct {
		Reason  ratchet.Reason `json:"reason,omitempty"`
		Message []string       `json:"message,omitempty"`
	}
)

// Format writes a test as a file. [Parse] reads the same test of it, but for the
// places of mocks.
func Format(t *Test) ([]byte, error) {
	d := testDocument{Name: t.Name, Description: t.Description, Input: t.Input, Expected: t.Expected, Network: t.Network, Env: t.Env, Seed: t.Seed}
	if !t.Now.IsZero() {
		d.Now = &t.Now
	}
	switch f := t.Fails; {
	case f == nil:
	case f.Reason == "" && len(f.Texts)+len(f.Either) == 0:
		d.Fails = true
	case len(f.Either) > 0:
		d.Fails = f.Either
	default:
		d.Fails = failsDocument{f.Reason, f.Texts}
	}
	if len(t.Mocks) > 0 {
		d.Mock = &mockDocument{}
		for _, m := range t.Mocks {
			d.Mock.HTTP = append(d.Mock.HTTP, m.document())
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		return nil, fmt.Errorf("write the test %s: %w", t.Name, err)
	}
	l := layout{text: b.Bytes(), unit: "  ", spaced: true, break1: true}
	return []byte(l.lay(parse(b.Bytes()), "", 0, true) + "\n"), nil
}

func (m *Mock) document() exchangeDocument {
	d := exchangeDocument{URL: m.URL, Method: m.Method, Times: m.Times, Error: m.Error}
	if m.Delay > 0 {
		d.Delay = m.Delay.String()
	}
	if w := m.Request; len(w.Header) > 0 || w.Body != nil {
		d.Request = &wantedDocument{object(w.Header), w.Body}
	}
	if m.Error == "" {
		d.Response = m.response()
	}
	return d
}

func (m *Mock) response() *responseDocument {
	d := &responseDocument{URL: m.FinalURL, Status: m.Status, StatusText: m.StatusText}
	kind := ""
	for _, h := range m.Header {
		if h[0] == "content-type" {
			kind = h[1]
		}
	}
	implied := ""
	switch {
	case len(m.Body) == 0:
	case strings.Contains(kind, "json") && asValue(m.Body):
		d.Body, implied = m.Body, "application/json"
	case utf8.Valid(m.Body):
		d.Body, implied = json.RawMessage(quote(string(m.Body))), "text/plain;charset=UTF-8"
	default:
		d.Body, d.Encoding, implied = json.RawMessage(quote(base64.StdEncoding.EncodeToString(m.Body))), "base64", "application/octet-stream"
	}
	d.Headers = object(m.Header)
	if kind == implied {
		delete(d.Headers, "content-type")
	}
	return d
}

// asValue reports whether a body, written as the JSON value that it is, is read
// as the same bytes. A string is read as text, and null as no body.
func asValue(body []byte) bool {
	if !utf8.Valid(body) || !json.Valid(body) || body[0] == '"' || string(body) == "null" {
		return false
	}
	var b bytes.Buffer
	err := json.Compact(&b, []byte(layout{text: body, unit: "  "}.lay(parse(body), "", 0, true)))
	return err == nil && bytes.Equal(b.Bytes(), body)
}

// object writes headers by name, with an array where one comes more than once.
func object(header [][2]string) map[string]any {
	made := map[string]any{}
	for _, h := range header {
		switch before := made[h[0]].(type) {
		case nil:
			made[h[0]] = h[1]
		case string:
			made[h[0]] = []string{before, h[1]}
		case []string:
			made[h[0]] = append(before, h[1])
		}
	}
	return made
}
