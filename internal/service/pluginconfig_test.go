package service_test

import (
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func TestSecretsInConfigurationsOfPluginsAreHidden(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ schema, config, want string }{
		"none":           {`{"properties":{"a":{"type":"string"}}}`, `{"a":"x", "b":1}`, `{"a":"x", "b":1}`},
		"write-only":     {`{"properties":{"a":{"type":"string","writeOnly":true},"b":{}}}`, `{"a":"x","b":1}`, `{"a":"[hidden]","b":1}`},
		"password":       {`{"properties":{"a":{"type":"string","format":"password"},"b":{}}}`, `{"a":"x","b":1}`, `{"a":"[hidden]","b":1}`},
		"below":          {`{"properties":{"a":{"properties":{"s":{"writeOnly":true},"t":{}}}}}`, `{"a":{"s":"x","t":1}}`, `{"a":{"s":"[hidden]","t":1}}`},
		"in a list":      {`{"properties":{"a":{"items":{"writeOnly":true}},"b":{}}}`, `{"a":["x"],"b":1}`, `{"a":"[hidden]","b":1}`},
		"of any name":    {`{"properties":{"b":{}},"additionalProperties":{"writeOnly":true}}`, `{"a":"x","b":1}`, `{"a":"[hidden]","b":1}`},
		"said elsewhere": {`{"$defs":{"s":{"writeOnly":true}},"properties":{"a":{"$ref":"#/$defs/s"},"b":{}}}`, `{"a":"x","b":1}`, `{"a":"[hidden]","b":1}`},
		"either":         {`{"anyOf":[{"properties":{"a":{"writeOnly":true}}}]}`, `{"a":"x"}`, `"[hidden]"`},
		"all of it":      {`{"writeOnly":true,"properties":{"a":{}}}`, `{"a":"x"}`, `"[hidden]"`},
	} {
		if got := service.HideSecrets(c.schema, c.config); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestAConfigurationMayBeSentBackAsItWasShown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ sent, kept, want string }{
		"as it was":       {`{"a":"[hidden]","b":2}`, `{"a":"x","b":1}`, `{"a":"x","b":2}`},
		"below":           {`{"o":{"a":"[hidden]"}}`, `{"o":{"a":"x"}}`, `{"o":{"a":"x"}}`},
		"whole":           {`"[hidden]"`, `{"a":"x"}`, `{"a":"x"}`},
		"new":             {`{"a":"y"}`, `{"a":"x"}`, `{"a":"y"}`},
		"never was any":   {`{"a":"[hidden]"}`, ``, `{"a":"[hidden]"}`},
		"is kept in form": {`{ "b": 2.0 }`, `{"a":"x"}`, `{ "b": 2.0 }`},
	} {
		if got := service.Unhidden(c.sent, c.kept); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}
