package plugin_test

import (
	"testing"

	"github.com/ratchet-runner/ratchet-go/plugin"
)

func TestARangeHasTheVersionsThatItSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text    string
		in, out []string
	}{
		{"", []string{"1.0.0", "0.0.1-alpha"}, nil},
		{"*", []string{"1.0.0"}, nil},
		{"1.2.3", []string{"1.2.3", "1.2.3+build"}, []string{"1.2.4", "1.2.3-rc1"}},
		{"=1.2.3", []string{"1.2.3"}, []string{"1.2.4"}},
		{"1.2", []string{"1.2.0", "1.2.9"}, []string{"1.3.0", "1.1.9"}},
		{"1", []string{"1.0.0", "1.9.9"}, []string{"2.0.0", "0.9.9"}},
		{"^1.2", []string{"1.2.0", "1.9.0"}, []string{"1.1.9", "2.0.0", "2.0.0-beta"}},
		{"^0.2.3", []string{"0.2.3", "0.2.9"}, []string{"0.2.2", "0.3.0"}},
		{"^0.0.3", []string{"0.0.3"}, []string{"0.0.4"}},
		{"~1.2.3", []string{"1.2.3", "1.2.9"}, []string{"1.3.0", "1.2.2"}},
		{">=1.2 <2", []string{"1.2.0", "1.99.0"}, []string{"2.0.0", "1.1.0"}},
		{">1.2.3-rc1", []string{"1.2.3-rc2", "1.2.3-rc1.1", "1.2.3"}, []string{"1.2.3-rc1", "1.2.3-beta"}},
		{"<=1.0.0", []string{"1.0.0", "0.1.0"}, []string{"1.0.1"}},
	} {
		r, err := plugin.ParseRange(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		for _, v := range c.in {
			if !r.Has(v) {
				t.Errorf("%q has not %s", c.text, v)
			}
		}
		for _, v := range append(c.out, "nonsense", "") {
			if len(c.text) > 1 && r.Has(v) {
				t.Errorf("%q has %s", c.text, v)
			}
		}
	}
	for _, bad := range []string{"x", "1.2.3.4", "=>1", "^", ">= 1", "1.-2", "!1", "1 || 2"} {
		if _, err := plugin.ParseRange(bad); err == nil {
			t.Errorf("%q is taken for a range", bad)
		}
	}
}
