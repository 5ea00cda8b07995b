package js

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
)

// fetchFuncs are the host functions of prelude/fetch.js, body.js and formdata.js.
func fetchFuncs() map[string]Func {
	return map[string]Func{
		// context() is the JSON of the task's context, before there is one.
		"context": func(c *Call) error {
			text := string(c.vm.exec.task.Context)
			if text == "" {
				text = "{}"
			}
			c.ReturnString(text)
			return nil
		},
		// mimeType(header) is a Content-Type written in the standard's way, or empty.
		"mimeType": func(c *Call) error {
			text := ""
			if m, ok := parseMIME(c.String(0)); ok {
				text = m.String()
			}
			c.ReturnString(text)
			return nil
		},
		// dataURL(url) is [type, bytes], or null.
		"dataURL": func(c *Call) error {
			kind, body, ok := parseDataURL(c.String(0))
			if !ok {
				c.ReturnNull()
				return nil
			}
			c.returnList(c.vm.newString(kind), c.vm.newBytes(body))
			return nil
		},
		// multipart(bytes, contentType) is the JSON of a list of parts, or null.
		"multipart": func(c *Call) error {
			m, _ := parseMIME(c.String(1))
			parts, ok := parseMultipart(c.Bytes(0), m.param("boundary"))
			if !ok {
				c.ReturnNull()
				return nil
			}
			text, err := json.Marshal(parts)
			if err != nil {
				return err
			}
			c.ReturnString(string(text))
			return nil
		},
	}
}

// parseDataURL is the fetch standard's "data: URL processor".
func parseDataURL(text string) (kind string, body []byte, ok bool) {
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "data:"), "#")
	kind, data, ok := strings.Cut(text, ",")
	if !ok {
		return "", nil, false
	}
	kind = strings.Trim(kind, "\t\n\f\r ")
	data = percentDecode(data)
	if rest, is64 := cutBase64(kind); is64 {
		kind = rest
		if body, ok = forgivingBase64(data); !ok {
			return "", nil, false
		}
	} else {
		body = []byte(data)
	}
	if strings.HasPrefix(kind, ";") {
		kind = "text/plain" + kind
	}
	if m, ok := parseMIME(kind); ok {
		return m.String(), body, true
	}
	return "text/plain;charset=US-ASCII", body, true
}

// cutBase64 takes ";base64" off the end of a data: URL's type.
func cutBase64(kind string) (rest string, found bool) {
	const word = "base64"
	n := len(kind) - len(word)
	if n < 0 || lowerASCII(kind[n:]) != word {
		return kind, false
	}
	return strings.CutSuffix(strings.TrimRight(kind[:n], " "), ";")
}

// percentDecode replaces %XX; what is no such thing stays.
func percentDecode(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if one, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(one)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// A formPart is one part of a multipart/form-data body.
type formPart struct {
	Name     string  `json:"name"`
	Filename *string `json:"filename,omitempty"` // of a file
	Type     *string `json:"type,omitempty"`     // of a file, where it says
	Start    int     `json:"start"`              // its content in the body
	End      int     `json:"end"`
}

// parseMultipart finds the parts of a body, as the fetch standard's
// multipart/form-data parser does.
func parseMultipart(body []byte, boundary string) (parts []formPart, ok bool) {
	parts = []formPart{}
	if boundary == "" || len(boundary) > 200 {
		return nil, false
	}
	dash := []byte("--" + boundary)
	at := bytes.Index(body, dash)
	if at < 0 || at > 0 && !bytes.HasSuffix(body[:at], []byte("\r\n")) {
		return nil, false
	}
	separator := append([]byte("\r\n"), dash...)
	for at += len(dash); ; {
		if bytes.HasPrefix(body[at:], []byte("--")) {
			return parts, true
		}
		if !bytes.HasPrefix(body[at:], []byte("\r\n")) {
			return nil, false
		}
		at += 2
		part, length, ok := partHeaders(body[at:])
		if !ok {
			return nil, false
		}
		part.Start = at + length
		size := bytes.Index(body[part.Start:], separator)
		if size < 0 {
			return nil, false
		}
		part.End = part.Start + size
		parts = append(parts, part)
		at = part.End + len(separator)
	}
}

// partHeaders reads the header lines of a part; length is how far they go, the
// blank line included.
func partHeaders(b []byte) (part formPart, length int, ok bool) {
	named := false
	for {
		end := bytes.Index(b[length:], []byte("\r\n"))
		if end < 0 {
			return part, 0, false
		}
		line := b[length : length+end]
		length += end + 2
		if len(line) == 0 {
			return part, length, named
		}
		name, value, ok := strings.Cut(string(line), ":")
		if !ok {
			return part, 0, false
		}
		value = strings.Trim(value, "\t ")
		switch lowerASCII(strings.TrimRight(name, "\t ")) {
		case "content-disposition":
			if part.Name, part.Filename, named = disposition(value); !named {
				return part, 0, false
			}
		case "content-type":
			part.Type = &value
		}
	}
}

// disposition reads form-data; name="…"; filename="…".
func disposition(s string) (name string, filename *string, ok bool) {
	kind, rest, _ := strings.Cut(s, ";")
	if lowerASCII(strings.Trim(kind, "\t ")) != "form-data" {
		return "", nil, false
	}
	for rest != "" {
		key, after, found := strings.Cut(strings.TrimLeft(rest, "\t "), "=")
		if !found {
			break
		}
		var value string
		if strings.HasPrefix(after, `"`) {
			end := strings.IndexByte(after[1:], '"')
			if end < 0 {
				return "", nil, false
			}
			value, rest = after[1:1+end], after[end+2:]
			_, rest, _ = strings.Cut(rest, ";")
			value = strings.NewReplacer("%0A", "\n", "%0a", "\n", "%0D", "\r", "%0d", "\r", "%22", `"`).Replace(value)
		} else {
			value, rest, _ = strings.Cut(after, ";")
			value = strings.TrimRight(value, "\t ")
		}
		switch lowerASCII(strings.TrimRight(key, "\t ")) {
		case "name":
			name, ok = strings.ToValidUTF8(value, "\uFFFD"), true
		case "filename":
			value = strings.ToValidUTF8(value, "\uFFFD")
			filename = &value
		}
	}
	return name, filename, ok
}
