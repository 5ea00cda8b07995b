// Command wasm is a plugin of the tests, for WebAssembly.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"

	"github.com/ratchet-runner/ratchet-go/plugin"
)

func main() {
	plugin.Main(plugin.Plugin{
		Name: "pure", Version: "1.0.0",
		Submit: &plugin.Middleware{Call: func(_ context.Context, e *plugin.Event) error {
			if bytes.Contains(e.Input, []byte("forbidden")) {
				return plugin.Reject("forbidden words")
			}
			e.Input = bytes.ToLower(e.Input)
			return nil
		}},
		Transform: func(_ context.Context, d plugin.Delivery) ([]byte, error) { return bytes.ToUpper(d.Body), nil },
		Functions: map[string]plugin.Function{
			"double": plugin.Func(func(_ context.Context, n int) (int, error) { return 2 * n, nil }),
			"loop": plugin.Func(func(context.Context, any) (any, error) {
				for n := 0; ; n++ {
					if n < 0 {
						return n, nil
					}
				}
			}),
			"eat": plugin.Func(func(context.Context, any) (any, error) {
				var all [][]byte
				for {
					all = append(all, bytes.Repeat([]byte{1}, 1<<20))
					if len(all) < 0 {
						return nil, nil
					}
				}
			}),
			"read": plugin.Func(func(_ context.Context, path string) (string, error) {
				text, err := os.ReadFile(path)
				return string(text), err
			}),
			"panic": plugin.Func(func(context.Context, any) (json.RawMessage, error) { panic("oh no") }),
			"exit":  plugin.Func(func(context.Context, any) (any, error) { os.Exit(7); return nil, nil }),
		},
	})
}
