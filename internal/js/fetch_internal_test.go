package js

import (
	"fmt"
	"testing"
)

func TestMIMETypesAreWrittenInTheStandardsWay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"text/plain", "text/plain"},
		{" TEXT/Plain ; Charset=UTF-8 ", "text/plain;charset=UTF-8"},
		{`a/b; c="d e"`, `a/b;c="d e"`},
		{`a/b; c="d\"e\\"; f=g`, `a/b;c="d\"e\\";f=g`},
		{`a/b; c="d`, "a/b;c=d"},
		{`a/b; c=""`, `a/b;c=""`},
		{`a/b; c=""; c=d`, `a/b;c=""`},
		{`a/b; c=`, "a/b"},
		{`a/b;c=1;c=2`, "a/b;c=1"},
		{`a/b;;c;d=e;`, "a/b;d=e"},
		{`a/b; c d=e`, "a/b"},
		{`a/b; c="d" junk; e=f`, `a/b;c=d;e=f`},
		{"a", ""},
		{"a/", ""},
		{"/b", ""},
		{"a /b", ""},
		{"", ""},
		{"a/b c", ""},
	} {
		got := ""
		if m, ok := parseMIME(c.in); ok {
			got = m.String()
		}
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
}

// FuzzMultipart wants parts that lie inside the body and do not overlap.
func FuzzMultipart(f *testing.F) {
	const disposition = "\r\nContent-Disposition: form-data; name=\"a\""
	for _, seed := range []string{
		"--B--", "--B" + disposition + "\r\n\r\n1\r\n--B--\r\n", "--B" + disposition + "; filename=\"f\"\r\nContent-Type: x/y\r\n\r\n1\r\n--B--",
		"--B" + disposition + "\r\n\r\n1\r\n--B" + disposition + "\r\n\r\n\r\n--B--", "--B\r\n\r\n--B--", "--B", "--B\r\n", "--B" + disposition + "\r\n\r\n--B--",
	} {
		f.Add([]byte(seed), "B")
	}
	f.Fuzz(func(t *testing.T, body []byte, boundary string) {
		parts, ok := parseMultipart(body, boundary)
		if !ok {
			return
		}
		end := 0
		for _, p := range parts {
			if p.Start < end || p.End < p.Start || p.End > len(body) {
				t.Fatalf("got part from %d to %d, the one before ends at %d of %d", p.Start, p.End, end, len(body))
			}
			end = p.End
		}
	})
}

// FuzzDataURL wants whatever is taken to have a type that parses.
func FuzzDataURL(f *testing.F) {
	for _, seed := range []string{"data:,a", "data:text/plain;base64,QQ==", "data:;base64 ,x", "data:a/b;c=\"d,e", "data:,%", "data:,%4", "data:,%41"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		kind, _, ok := parseDataURL(text)
		if !ok {
			return
		}
		if m, ok := parseMIME(kind); !ok || m.String() != kind {
			t.Errorf("%q: got type %q, which is written %q", text, kind, fmt.Sprint(m))
		}
	})
}
