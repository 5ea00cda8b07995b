package executor_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// greeter is a plugin of the tests, as the server offers it.
type greeter struct{}

func (greeter) CallFunction(_ context.Context, f executor.Function) (json.RawMessage, error) {
	switch f.Plugin + "." + f.Name {
	case "greet.hello":
		return json.Marshal(map[string]any{"hello": f.Argument, "by": f.Task})
	case "greet.nothing":
		return nil, nil
	case "greet.refuse":
		e := ratchet.Errorf(ratchet.ReasonPluginFailed, "nobody to greet")
		e.Data = json.RawMessage(`{"status":404}`)
		return nil, e
	case "greet.garbage":
		return json.RawMessage("{"), nil
	case "greet.large":
		return json.RawMessage(`"` + strings.Repeat("x", 2000) + `"`), nil
	default:
		return nil, ratchet.Errorf(ratchet.ReasonPluginNotCapable, "plugin %q has no function %q", f.Plugin, f.Name)
	}
}

func TestTasksCallFunctionsOfPlugins(t *testing.T) {
	t.Parallel()
	for _, engine := range []ratchet.Engine{ratchet.EngineQuickJS, ratchet.EngineNode} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			callFunctions(t, engine)
		})
	}
}

func callFunctions(t *testing.T, engine ratchet.Engine) {
	t.Helper()
	x := newExecutorOf(t, engine, workerpool.Config{}).WithFunctions(greeter{})
	tell := `catch (e) { return [e.name, e.code, e.message, e.data ?? null, e instanceof Error, e.stack.includes("task.js")] }`
	for name, c := range map[string]struct{ source, want string }{
		"value":           {`async (i) => await ratchet.plugins.greet.hello(i)`, `{"by":"test","hello":{"n":1}}`},
		"no argument":     {`async () => await ratchet.plugins.greet.hello()`, `{"by":"test","hello":null}`},
		"context":         {`async (i, ctx) => await ctx.plugins["greet"].hello([2])`, `{"by":"test","hello":[2]}`},
		"no value":        {`async () => await ratchet.plugins.greet.nothing(1)`, `null`},
		"many at once":    {`async () => (await Promise.all([1, 2, 3].map((n) => ratchet.plugins.greet.hello(n)))).map((g) => g.hello)`, `[1,2,3]`},
		"plugin's error":  {`async () => { try { await ratchet.plugins.greet.refuse(1) } ` + tell + `}`, `["PluginError","PLUGIN_FAILED","nobody to greet",{"status":404},true,true]`},
		"no function":     {`async () => { try { await ratchet.plugins.greet.shout(1) } catch (e) { return e.code } }`, `"PLUGIN_CAPABILITY_NOT_SUPPORTED"`},
		"not JSON":        {`async () => { try { await ratchet.plugins.greet.garbage(1) } catch (e) { return e.code } }`, `"PLUGIN_FAILED"`},
		"not permitted":   {`async () => { try { await ratchet.plugins.other.hello(1) } catch (e) { return [e.code, e.message.includes("permissions")] } }`, `["PLUGIN_DENIED",true]`},
		"unfit argument":  {`async () => { try { await ratchet.plugins.greet.hello(() => 1) } catch (e) { return e.message } }`, `"ratchet.plugins.greet.hello wants a value that is JSON"`},
		"looked at":       {`async () => [typeof await ratchet.plugins.greet, JSON.stringify(ratchet.plugins), typeof ratchet.plugins.greet.hello, Object.keys(ratchet.plugins)]`, `["object","{\"greet\":{}}","function",["greet"]]`},
		"more than fits":  {`async () => { try { await ratchet.plugins.greet.large() } catch (e) { return e.code } }`, `"BODY_TOO_LARGE"`},
		"nothing is kept": {`() => typeof ratchet.plugins.greet.hello.name`, `"string"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := loadFor(t, engine, folder{"main.js": c.source, "metadata.json": `{"name": "test", "version": "1.0.0", "permissions": {"plugins": ["greet"]}}`})
			wantOutput(t, execute(t, x, executor.Request{Bundle: b, Limits: ratchet.Limits{FetchBody: 1024}}, `{"n":1}`), c.want)
		})
	}
}

func TestCallsOfPluginsAreInTheLedgerAndLimited(t *testing.T) {
	t.Parallel()
	x := newExecutor(t, workerpool.Config{}).WithFunctions(greeter{})
	b := load(t, folder{"main.js": `async () => { for (;;) await ratchet.plugins.greet.hello(7) }`, "metadata.json": `{"name": "test", "version": "1.0.0", "permissions": {"plugins": ["greet"]}}`})
	e := execute(t, x, executor.Request{Bundle: b, Limits: ratchet.Limits{Fetches: 2}}, `{}`)
	wantError(t, e, ratchet.ReasonFetchLimit)
	if len(e.Fetches) != 2 || e.Fetches[0].Host != "plugin:greet" || e.Fetches[0].Sent != 1 || e.Fetches[0].Received == 0 {
		t.Errorf("got %+v", e.Fetches)
	}
}

// asked is an Effects that notes what passes and answers in the plugin's place.
type asked struct {
	executor.Effects
	urls []string
}

func (a *asked) Fetch(ctx context.Context, ask executor.Ask) (executor.Answer, error) {
	a.urls = append(a.urls, ask.Request.Method+" "+ask.Request.URL+" "+string(ask.Request.Body))
	return a.Effects.Fetch(ctx, ask)
}

func TestCallsOfPluginsPassTheSeamAsRequests(t *testing.T) {
	t.Parallel()
	x := newExecutor(t, workerpool.Config{}).WithFunctions(greeter{})
	b := load(t, folder{"main.js": `async () => (await ratchet.plugins.greet.hello({a: [1]})).hello`, "metadata.json": `{"name": "test", "version": "1.0.0", "permissions": {"plugins": ["greet"]}}`})
	seam := &asked{Effects: x.Outside()}
	wantOutput(t, execute(t, x, executor.Request{Bundle: b, Effects: seam}, `{}`), `{"a":[1]}`)
	if diff := cmp.Diff([]string{`POST plugin://greet/hello {"a":[1]}`}, seam.urls); diff != "" {
		t.Error(diff)
	}
}

func TestWithoutAServerThereAreNoPlugins(t *testing.T) {
	t.Parallel()
	x := newExecutor(t, workerpool.Config{})
	b := load(t, folder{"main.js": `async () => { try { await ratchet.plugins.greet.hello() } catch (e) { return [e.name, e.code] } }`, "metadata.json": `{"name": "test", "version": "1.0.0", "permissions": {"plugins": ["greet"]}}`})
	wantOutput(t, execute(t, x, executor.Request{Bundle: b}, `{}`), `["PluginError","PLUGIN_UNAVAILABLE"]`)
}
