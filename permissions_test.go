package ratchet_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ratchet-runner/ratchet-go"
)

func TestAllowsHost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern       string
		allow, refuse []string
	}{
		{
			"example.com",
			[]string{"example.com", "EXAMPLE.com", "example.com.", "example.com:443", "example.com:8080"},
			[]string{"www.example.com", "example.org", "notexample.com", "example.com.evil.org", "", "example.com:", "example.com:0", "example.com:99999", "example.com:http", "user@example.com", "example.com/x", " example.com"},
		},
		{
			"*.example.com",
			[]string{"www.example.com", "a.b.example.com", "WWW.EXAMPLE.COM.", "www.example.com:8443"},
			[]string{"example.com", ".example.com", "notexample.com", "wwwexample.com", "www.example.com.evil.org"},
		},
		{"example.com:8443", []string{"example.com:8443", "example.com:08443"}, []string{"example.com", "example.com:443", "www.example.com:8443"}},
		{"*.example.com:8443", []string{"www.example.com:8443"}, []string{"www.example.com", "example.com:8443"}},
		{"*", []string{"example.com", "10.0.0.1", "[::1]:80", "localhost"}, []string{""}},
		{"*:443", []string{"example.com:443"}, []string{"example.com", "example.com:80"}},
		{"192.0.2.7", []string{"192.0.2.7", "192.0.2.7:80", "[::ffff:192.0.2.7]:80"}, []string{"192.0.2.70", "192.0.2.8"}},
		{"2001:db8::1", []string{"[2001:db8::1]", "[2001:DB8:0:0::1]:443", "2001:db8::1"}, []string{"[2001:db8::2]", "[2001:db8::1", "[2001:db8::1]x", "[2001:db8::1]:"}},
		{"[2001:db8::1]:443", []string{"[2001:db8::1]:443"}, []string{"[2001:db8::1]:80", "2001:db8::1"}},
		{"*.0.2.7", nil, []string{"192.0.2.7"}},
		{"*.", nil, []string{"example.com", "example.com."}},
		{"https://example.com", nil, []string{"example.com", "https://example.com"}},
		{"[example.com]", nil, []string{"example.com"}},
	} {
		p := ratchet.Permissions{Net: []string{"other.test", c.pattern}}
		for _, host := range c.allow {
			if !p.AllowsHost(host) {
				t.Errorf("%q refuses %q", c.pattern, host)
			}
		}
		for _, host := range c.refuse {
			if p.AllowsHost(host) {
				t.Errorf("%q allows %q", c.pattern, host)
			}
		}
	}
}

func TestNoListAllowsAnyHostAndAnEmptyOneNone(t *testing.T) {
	t.Parallel()
	var p ratchet.Permissions
	if !p.AllowsHost("example.com") {
		t.Error("no list refuses a host")
	}
	if p.AllowsEnv("PATH") {
		t.Error("no list allows an environment variable")
	}
	for text, want := range map[string]bool{`{}`: true, `{"net": null}`: true, `{"net": []}`: false} {
		var p ratchet.Permissions
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var again ratchet.Permissions
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatal(err)
		}
		if p.AllowsHost("example.com") != want || again.AllowsHost("example.com") != want {
			t.Errorf("%s: got %t, and through %s %t, want %t", text, p.AllowsHost("example.com"), b, again.AllowsHost("example.com"), want)
		}
	}
}

func TestAllowsEnv(t *testing.T) {
	t.Parallel()
	p := ratchet.Permissions{Env: []string{"TOKEN"}}
	for name, want := range map[string]bool{"TOKEN": true, "token": false, "TOKEN2": false, "": false} {
		if got := p.AllowsEnv(name); got != want {
			t.Errorf("%q: got %t, want %t", name, got, want)
		}
	}
}

func TestPermissionsRules(t *testing.T) {
	t.Parallel()
	checkWrong(t, "good", ratchet.Permissions{
		Net: []string{"example.com", "*.example.com", "*", "*:443", "a_b.example:8080", "192.0.2.7", "2001:db8::1", "[2001:db8::1]:443", "xn--gre-6ka8l.example", "localhost"},
		Env: []string{"API_TOKEN", "lower"},
	}.Validate())
	for _, pattern := range []string{"", "https://example.com", "example.com/path", "*.", "*.*.com", "a.*.com", "*example.com", "größe.example", "a b", "example.com:", "example.com:0", "*.0.0.1", "127.1", "a..b", ".a", "[x]"} {
		checkWrong(t, pattern, ratchet.Permissions{Net: []string{pattern}}.Validate(), "/net/0")
	}
	for _, name := range []string{"", "A=b", "A B", "A\x00"} {
		checkWrong(t, name, ratchet.Permissions{Env: []string{"OK", name}}.Validate(), "/env/1")
	}
}

func TestWhatValidatesMatchesItself(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[a-zA-Z0-9.:*\[\]_-]{1,20}`).Draw(t, "pattern")
		p := ratchet.Permissions{Net: []string{pattern}}
		host := strings.Replace(pattern, "*.", "any.", 1)
		if pattern[0] == '*' {
			host = strings.Replace(host, "*", "any", 1)
		}
		if p.Validate() == nil && !p.AllowsHost(host) {
			t.Fatalf("the valid pattern %q refuses %q", pattern, host)
		}
	})
}
