package pluginhost_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

// bePlugin makes the process the plugin of a name. It does not return.
func bePlugin(name string) {
	manifestOnly(name)
	beBad(name)
	require := func(name, version string) ratchet.PluginRequirement {
		return ratchet.PluginRequirement{Name: name, Version: version}
	}
	all := map[string]func() plugin.Plugin{
		"good": good, "broken": brokenPlugin, "greedy": greedy, "late": late, "fails-to-start": failsToStart,
		"circle-a": related("circle-a", "1.0.0", require("circle-b", "")),
		"circle-b": related("circle-b", "1.0.0", require("circle-c", "")),
		"circle-c": related("circle-c", "1.0.0", require("circle-a", "")),
		"base":     related("base", "1.5.0"),
		"user":     related("user", "1.0.0", require("base", "^1.2")),
		"modern":   related("modern", "1.0.0", require("base", ">=2")),
	}
	if p, ok := all[name]; ok {
		plugin.Main(p())
	}
	fmt.Fprintf(os.Stderr, "there is no plugin %q in these tests\n", name)
	os.Exit(3)
}

// good does everything that plugins can do, well.
func good() plugin.Plugin {
	var started plugin.Setup
	var told []string
	note := func(word string) { told = append(told, word) }
	hook := func(priority int) *plugin.Hook {
		return &plugin.Hook{Priority: priority, Call: func(_ context.Context, e *plugin.Event) error {
			note(fmt.Sprintf("%s %s %s %s", e.Hook, e.Task, e.Input, e.Output))
			return nil
		}}
	}
	return plugin.Plugin{
		Name: "good", Version: "1.2.0", Description: "does all that plugins can do",
		Config: json.RawMessage(`{"type":"object","properties":{"greeting":{"type":"string"}},"additionalProperties":false}`),
		Start: func(_ context.Context, s plugin.Setup) error {
			started = s
			s.Log.Info("it starts", "greeting", string(s.Config))
			fmt.Println("printed on standard output")
			return nil
		},
		Stop: func(context.Context) error {
			return os.WriteFile(filepath.Join(started.Data, "stopped"), []byte("yes"), 0o600)
		},
		ConfigChanged: func(_ context.Context, config json.RawMessage) error {
			started.Config = config
			return nil
		},
		BeforeValidation: hook(0), AfterValidation: hook(0), BeforeExecution: hook(1), AfterExecution: hook(0), OnSuccess: hook(0), OnFailure: hook(0),
		Submit: &plugin.Middleware{Call: func(_ context.Context, e *plugin.Event) error {
			if strings.Contains(string(e.Input), "forbidden") {
				return plugin.Reject("forbidden words")
			}
			if strings.Contains(string(e.Input), "rewrite") {
				e.Input = json.RawMessage(`{"rewritten":true}`)
			}
			return nil
		}},
		Functions: map[string]plugin.Function{
			"echo": plugin.Func(func(_ context.Context, in any) (any, error) { return in, nil }),
			"typed": {
				Input: json.RawMessage(`{"type":"string"}`), Output: json.RawMessage(`{"type":"integer"}`),
				Call: func(_ context.Context, c plugin.Call) (json.RawMessage, error) {
					if string(c.Argument) == `"liar"` {
						return json.RawMessage(`"no integer"`), nil
					}
					return json.RawMessage("7"), nil
				},
			},
			"told":   plugin.Func(func(context.Context, any) ([]string, error) { return told, nil }),
			"config": plugin.Func(func(context.Context, any) (json.RawMessage, error) { return started.Config, nil }),
			"touch": plugin.Func(func(_ context.Context, path string) (string, error) {
				return "", os.WriteFile(path, []byte("x"), 0o600)
			}),
			"read": plugin.Func(func(_ context.Context, path string) (string, error) {
				text, err := os.ReadFile(path)
				return string(text), err
			}),
			"data":    plugin.Func(func(context.Context, any) (string, error) { return started.Data, nil }),
			"environ": plugin.Func(func(context.Context, any) ([]string, error) { return os.Environ(), nil }),
			"dial": plugin.Func(func(ctx context.Context, address string) (string, error) {
				c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
				if err != nil {
					return "", err
				}
				return "connected", c.Close()
			}),
			"fail": plugin.Func(func(context.Context, any) (any, error) {
				return nil, &plugin.Error{Message: "out of luck", Retry: true, Data: json.RawMessage(`{"code":7}`)}
			}),
			"panic": plugin.Func(func(context.Context, any) (any, error) { panic("oh no") }),
			"crash": plugin.Func(func(context.Context, any) (any, error) {
				fmt.Fprintln(os.Stderr, "fatal error: it crashes")
				os.Exit(5)
				return nil, nil
			}),
			"wait": plugin.Func(func(ctx context.Context, _ any) (any, error) {
				<-ctx.Done()
				note("cancelled")
				return nil, ctx.Err()
			}),
			"sleep": plugin.Func(func(ctx context.Context, ms int) (int, error) {
				timer := time.NewTimer(time.Duration(ms) * time.Millisecond)
				defer timer.Stop()
				select {
				case <-timer.C:
					return os.Getpid(), nil
				case <-ctx.Done():
					return 0, ctx.Err()
				}
			}),
			"fork": plugin.Func(func(_ context.Context, seconds string) (int, error) {
				cmd := exec.Command("/bin/sleep", seconds)
				if err := cmd.Start(); err != nil {
					return 0, err
				}
				return cmd.Process.Pid, nil
			}),
			"hang": plugin.Func(func(context.Context, any) (any, error) { select {} }),
			"eat": plugin.Func(func(context.Context, any) (any, error) {
				var all [][]byte
				for {
					b := make([]byte, 16<<20)
					for i := 0; i < len(b); i += 4096 {
						b[i] = 1
					}
					all = append(all, b)
					runtime.KeepAlive(all)
				}
			}),
			"flood": plugin.Func(func(context.Context, any) (any, error) {
				for {
					started.Log.Info(strings.Repeat("flood ", 1000))
				}
			}),
			"scream": plugin.Func(func(context.Context, any) (any, error) {
				for {
					fmt.Fprintln(os.Stderr, strings.Repeat("scream ", 1000))
				}
			}),
		},
		Destination: func(_ context.Context, d plugin.Delivery) error {
			note("delivery " + d.ID + " " + string(d.Config) + " " + string(d.Body))
			return nil
		},
		Transform: func(_ context.Context, d plugin.Delivery) ([]byte, error) {
			return []byte(strings.ToUpper(string(d.Body))), nil
		},
		Source: &plugin.Source{
			List: func(context.Context) ([]plugin.SourceTask, error) {
				return []plugin.SourceTask{{Name: "a", Revision: "1"}}, nil
			},
			Get: func(_ context.Context, name string) ([]byte, error) {
				if name != "a" {
					return nil, errors.New("no such task")
				}
				return []byte("PK zip of a"), nil
			},
		},
		Events: &plugin.Subscriber{Types: []ratchet.EventType{ratchet.EventJob}, Handle: func(_ context.Context, b plugin.Batch) error {
			for _, e := range b.Events {
				note("event " + e.ID)
			}
			return nil
		}},
		Health: func(context.Context) error { return nil },
		Metrics: func(context.Context) (map[string]float64, error) {
			return map[string]float64{"told": float64(len(told))}, nil
		},
	}
}

func brokenPlugin() plugin.Plugin { return plugin.Plugin{Name: "Not A Name", Version: "one"} }

// greedy needs more than it gets by itself.
func greedy() plugin.Plugin {
	p := good()
	p.Name, p.Events = "greedy", nil
	p.Needs = ratchet.PluginNeeds{Network: true, Files: []ratchet.PluginFile{{Path: "/etc/hostname"}}, Memory: 300 * ratchet.MB}
	return p
}

// late is a hook that takes as long as the input says, in milliseconds.
func late() plugin.Plugin {
	return plugin.Plugin{
		Name: "late", Version: "1.0.0",
		BeforeExecution: &plugin.Hook{Call: func(ctx context.Context, e *plugin.Event) error {
			var ms int
			switch err := json.Unmarshal(e.Input, &ms); {
			case err != nil:
				return fmt.Errorf("no number: %w", err)
			case ms < 0:
				os.Exit(-ms)
			}
			timer := time.NewTimer(time.Duration(ms) * time.Millisecond)
			defer timer.Stop()
			select {
			case <-timer.C:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}},
	}
}

func failsToStart() plugin.Plugin {
	return plugin.Plugin{
		Name: "fails-to-start", Version: "1.0.0", BeforeExecution: &plugin.Hook{Call: func(context.Context, *plugin.Event) error { return nil }},
		Start: func(context.Context, plugin.Setup) error { return errors.New("no luck today") },
	}
}
