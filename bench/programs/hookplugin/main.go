// Command hookplugin is a plugin that is called on the way of every job and does
// nothing: once an attempt as ratchet-plugin-one, and wherever a plugin can be
// called as ratchet-plugin-every.
package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/ratchet-runner/ratchet-go/plugin"
)

func main() {
	name := strings.TrimPrefix(filepath.Base(os.Args[0]), "ratchet-plugin-")
	hook := &plugin.Hook{Call: func(context.Context, *plugin.Event) error { return nil }}
	p := plugin.Plugin{Name: name, Version: "1.0.0", AfterExecution: hook}
	if name == "every" {
		p.BeforeValidation, p.AfterValidation, p.BeforeExecution, p.OnSuccess, p.OnFailure = hook, hook, hook, hook, hook
		p.Submit = &plugin.Middleware{Call: hook.Call}
	}
	plugin.Main(p)
}
