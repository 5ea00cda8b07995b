package pluginhost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/ipc"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

// prepared is a plugin of which everything was checked that can be before it runs.
type prepared struct {
	file      file
	checksum  string
	manifest  ratchet.PluginManifest
	raw       []byte // the manifest as the plugin gave it
	config    *bundle.Schema
	functions map[string]signature
}

// A signature is what a function takes and returns; nil is anything.
type signature struct{ input, output *bundle.Schema }

// lookup finds a plugin and reads what it says of itself.
func (h *Host) lookup(ctx context.Context, name string) (*prepared, error) {
	return h.pinned(ctx, name, "")
}

// pinned is lookup, which does not touch a file of another checksum than the pin,
// if there is one.
func (h *Host) pinned(ctx context.Context, name, pin string) (*prepared, error) {
	one, ok := h.files.find()[name]
	if !ok {
		where := "no folder of plugins is configured"
		if len(h.config.Dirs) > 0 {
			where = "looked for " + prefix + name + " in " + strings.Join(h.config.Dirs, ", ")
		}
		return nil, ratchet.Errorf(ratchet.ReasonPluginNotFound, "plugin %q was not found on this node: %s", name, where)
	}
	sum, err := h.files.checksum(one)
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonPluginLoad, "plugin %q: %w", name, err)
	}
	if pin != "" && one.builtIn == nil && pin != sum {
		return nil, ratchet.Errorf(ratchet.ReasonPluginChecksum,
			"plugin %q is pinned to the checksum %s, but %s has %s: somebody exchanged it. \"ratchet plugin enable %s\" pins the new one",
			name, pin, one.path, sum, name)
	}
	return h.files.read(ctx, one, sum)
}

// read returns what a file says of itself, which is asked once as long as the file
// stays the same.
func (f *files) read(ctx context.Context, one file, sum string) (*prepared, error) {
	key := one.path + "\x00" + one.name + "\x00" + sum
	f.mu.Lock()
	kept, ok := f.manifests[key]
	f.mu.Unlock()
	if ok && (kept.err == nil || time.Now().Before(kept.until)) {
		return kept.ready, kept.err
	}
	ready, err := f.host.inspect(ctx, one, sum)
	if ctx.Err() != nil {
		return ready, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.manifests == nil {
		f.manifests = map[string]stated{}
	}
	f.manifests[key] = stated{ready, err, time.Now().Add(3 * time.Second)}
	return ready, err
}

// maxManifest bounds what a plugin may say of itself.
const maxManifest = 1 << 20

// inspect asks a file for its manifest and checks that.
func (h *Host) inspect(ctx context.Context, one file, sum string) (*prepared, error) {
	load := func(format string, args ...any) error {
		return ratchet.Errorf(ratchet.ReasonPluginLoad, "plugin %q: "+format, append([]any{one.name}, args...)...)
	}
	p := &prepared{file: one, checksum: sum}
	if one.builtIn != nil {
		raw, err := json.Marshal(one.builtIn.Manifest())
		if err != nil {
			return nil, load("manifest: %w", err)
		}
		p.raw = raw
	} else {
		if err := executable(one); err != nil {
			return nil, load("%w", err)
		}
		raw, err := h.ask(ctx, one)
		if err != nil {
			return nil, load("read its manifest (%s manifest): %w", one.path, err)
		}
		p.raw = raw
	}
	dec := json.NewDecoder(bytes.NewReader(p.raw))
	if err := dec.Decode(&p.manifest); err != nil {
		return nil, load("its manifest is not what it should be: %w; it begins %q", err, limit(string(p.raw), 60))
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, p.raw); err != nil {
		return nil, load("its manifest is not JSON alone: %w", err)
	}
	p.raw = compact.Bytes()
	m := &p.manifest
	if m.Protocol[0] > ipc.PluginVersionMax || m.Protocol[1] < ipc.PluginVersionMin {
		return nil, ratchet.Errorf(ratchet.ReasonPluginAPIVersion,
			"plugin %q speaks versions %d to %d of the plugin protocol, this server %d to %d: one of the two is too old",
			one.name, m.Protocol[0], m.Protocol[1], ipc.PluginVersionMin, ipc.PluginVersionMax)
	}
	if err := plugin.ValidateManifest(*m); err != nil {
		return nil, load("its manifest cannot be used: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if m.Name != one.name {
		return nil, load("its manifest says that its name is %q: the file must be called %s%s", m.Name, prefix, m.Name)
	}
	if n := m.Needs; one.kind == ratchet.PluginWASM && (n.Network || n.Listen || len(n.Files) > 0) {
		return nil, load("it is WebAssembly, which has neither network nor files, but needs them")
	}
	if err := p.schemas(); err != nil {
		return nil, load("%w", err)
	}
	return p, nil
}

// schemas compiles those of a manifest.
func (p *prepared) schemas() (err error) {
	compile := func(what string, raw json.RawMessage) *bundle.Schema {
		if len(raw) == 0 || err != nil {
			return nil
		}
		s, e := bundle.ParseSchema(raw)
		if e != nil {
			err = fmt.Errorf("%s in its manifest is no JSON Schema: %w", what, e)
		}
		return s
	}
	p.config = compile("configSchema", p.manifest.ConfigSchema)
	p.functions = map[string]signature{}
	for _, f := range p.manifest.Functions {
		p.functions[f.Name] = signature{
			input:  compile("the input of function "+f.Name, f.Input),
			output: compile("the output of function "+f.Name, f.Output),
		}
	}
	return err
}

// prepare checks everything about a plugin that can be checked before it runs with
// these settings.
func (h *Host) prepare(ctx context.Context, name string, s ratchet.PluginSettings) (*prepared, error) {
	p, err := h.pinned(ctx, name, s.Pin)
	if err != nil {
		return nil, err
	}
	if more := missing(p.manifest.Needs, s.Allowed); len(more) > 0 && p.file.builtIn == nil {
		return nil, ratchet.Errorf(ratchet.ReasonPluginDenied,
			"plugin %q needs %s, which it was not allowed: \"ratchet plugin enable %s --allow all\" allows all that it needs",
			name, strings.Join(more, ", "), name)
	}
	if err := p.accepts(s.Config); err != nil {
		return nil, err
	}
	return p, h.requirements(ctx, p.manifest)
}

// accepts checks a configuration against the plugin's schema.
func (p *prepared) accepts(config json.RawMessage) error {
	if len(config) == 0 {
		config = json.RawMessage("{}")
	}
	details := p.config.Validate(config)
	if len(details) == 0 {
		return nil
	}
	for i := range details {
		details[i].File, details[i].Line, details[i].Column, details[i].Text = "", 0, 0, ""
	}
	first := details[0].Message
	if details[0].Pointer != "" {
		first = details[0].Pointer + ": " + first
	}
	return ratchet.Errorf(ratchet.ReasonValidation, "the configuration of plugin %q breaks its schema: %s", p.manifest.Name, first).WithDetails(details...)
}

// missing names the needs that are not allowed.
func missing(needs, allowed ratchet.PluginNeeds) (more []string) {
	if needs.Network && !allowed.Network {
		more = append(more, "the network")
	}
	if needs.Listen && !allowed.Listen {
		more = append(more, "to listen for connections")
	}
	for _, f := range needs.Files {
		if !slices.ContainsFunc(allowed.Files, func(a ratchet.PluginFile) bool { return a.Path == f.Path && (a.Write || !f.Write) }) {
			way := "to read "
			if f.Write {
				way = "to write "
			}
			more = append(more, way+f.Path)
		}
	}
	if needs.Memory > allowed.Memory {
		more = append(more, needs.Memory.String()+" of memory")
	}
	return more
}

func sameNeeds(a, b ratchet.PluginNeeds) bool {
	return len(missing(a, b)) == 0 && len(missing(b, a)) == 0
}

// start starts a plugin that is prepared and waits until it takes calls.
func (h *Host) start(ctx context.Context, ready *prepared, s ratchet.PluginSettings) (*process, error) {
	name := ready.manifest.Name
	data, err := h.dataFolder(ready)
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonPluginLoad, "plugin %q: make its folder: %w", name, err)
	}
	c, rw, stderr, err := h.spawn(ctx, ready.file, ready.manifest.Needs, data, "serve")
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonPluginLoad, "plugin %q cannot be started: %w", name, err)
	}
	var memory ratchet.Size // of a process; what runs in the server is bounded by other means
	if ready.file.kind == ratchet.PluginExecutable {
		memory = max(ready.manifest.Needs.Memory, h.config.Memory)
	}
	p, err := h.converse(ctx, name, c, rw, stderr, memory)
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonPluginUnavailable, "plugin %q: %w", name, err)
	}
	if err := p.greet(ready, s.Config, data); err != nil {
		p.kill(err)
		<-p.ended
		if e, ok := errors.AsType[*ratchet.Error](err); ok {
			return nil, e
		}
		return nil, ratchet.Errorf(ratchet.ReasonPluginLoad, "plugin %q cannot be started: %w", name, err)
	}
	return p, nil
}

// greet is the handshake.
func (p *process) greet(ready *prepared, config json.RawMessage, data string) error {
	p.out <- &ipc.PluginHello{Min: ipc.PluginVersionMin, Max: ipc.PluginVersionMax, Ratchet: p.config.Version}
	m, err := p.await("the hello", p.config.StartBudget)
	if err != nil {
		return err
	}
	r, ok := m.(*ipc.PluginReady)
	switch {
	case !ok:
		return fmt.Errorf("%w: it answered the hello with %T", errBroken, m)
	case r.Error != "" || r.Version < ipc.PluginVersionMin || r.Version > ipc.PluginVersionMax:
		text := r.Error
		if text == "" {
			text = fmt.Sprintf("it chose version %d, of %d to %d", r.Version, ipc.PluginVersionMin, ipc.PluginVersionMax)
		}
		return ratchet.Errorf(ratchet.ReasonPluginAPIVersion, "plugin %q and this server have no version of the plugin protocol in common: %s", p.name, text)
	}
	var said bytes.Buffer
	if err := json.Compact(&said, r.Manifest); err != nil || !bytes.Equal(said.Bytes(), ready.raw) {
		return errors.New("once started it says another manifest than when it was asked for it")
	}
	p.out <- &ipc.PluginStart{Config: orNull(config), Data: data}
	if m, err = p.await("the start", p.config.StartBudget); err != nil {
		return err
	}
	started, ok := m.(*ipc.PluginStarted)
	if !ok {
		return fmt.Errorf("%w: it answered the start with %T", errBroken, m)
	}
	if f := started.Failure; f != nil {
		return fmt.Errorf("its start failed: %s", limit(f.Message, maxLine))
	}
	return nil
}

func orNull(doc json.RawMessage) json.RawMessage {
	if len(doc) == 0 {
		return json.RawMessage("{}")
	}
	return doc
}
