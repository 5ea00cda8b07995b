package ratchet_test

import (
	"encoding/json"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
)

// No list is any public host, an empty one is none: JSON must not mix them up.
func TestNoListAndAnEmptyOneStayApart(t *testing.T) {
	t.Parallel()
	for text, isNil := range map[string]bool{`{}`: true, `{"net": null}`: true, `{"net": []}`: false} {
		var p, again ratchet.Permissions
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatal(err)
		}
		if (p.Net == nil) != isNil || (again.Net == nil) != isNil {
			t.Errorf("%s: got %#v, and through %s %#v", text, p.Net, b, again.Net)
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
		Net: []string{"example.com", "*.example.com", "*.example.com:443", "a_b.example:8080", "192.0.2.7", "2001:db8::1", "[2001:db8::1]:443", "xn--gre-6ka8l.example", "localhost"},
		Env: []string{"API_TOKEN", "lower"},
	}.Validate())
	for _, pattern := range []string{"", "*", "*:443", "https://example.com", "example.com/path", "*.", "*.*.com", "a.*.com", "*example.com", "größe.example", "a b", "example.com:", "example.com:0", "*.0.0.1", "127.1", "a..b", ".a", "[x]"} {
		checkWrong(t, pattern, ratchet.Permissions{Net: []string{pattern}}.Validate(), "/net/0")
	}
	for _, name := range []string{"", "A=b", "A B", "A\x00"} {
		checkWrong(t, name, ratchet.Permissions{Env: []string{"OK", name}}.Validate(), "/env/1")
	}
}
