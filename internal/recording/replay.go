package recording

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/redact"
)

// A Replay stands in the place of the outside and answers from a Recording. It
// serves one execution.
type Replay struct {
	recording *Recording
	env       map[string]string // as the task gets it
	hide      *redact.Secrets   // values to placeholders
	restore   *redact.Secrets   // placeholders to the values that were given

	mu      sync.Mutex
	next    [2]uint32                // asynchronous and synchronous: the number whose turn it is
	waiting map[uint32]chan struct{} // by call
	left    []executor.Ask           // whose turn had not come when the execution ended
	used    map[uint32]*match        // by the call of the recorded exchange
	bound   map[string]bool          // placeholders that stand for a value of this execution
	made    []*match                 // in the order of calls
}

// A match is a request of a replay, and the exchange that answers it.
type match struct {
	ask      executor.Ask
	request  Request   // redacted
	exchange *Exchange // nil if the recording has no such request
	closest  *Exchange // then: the one most like it, if there is any
}

// NewReplay returns a Replay of r. Variables that values does not hold are, for
// the task, their placeholders.
func NewReplay(r *Recording, values map[string]string) *Replay {
	p := &Replay{
		recording: r, env: maps.Clone(values), hide: redact.New(), restore: redact.New(),
		next: [2]uint32{1, 1}, waiting: map[uint32]chan struct{}{}, used: map[uint32]*match{},
		bound: map[string]bool{},
	}
	if p.env == nil {
		p.env = map[string]string{}
	}
	shown := redact.Placeholders(p.env) // of those that the recording does not know
	for name, stands := range r.Meta.Env {
		shown[name] = stands
		if value, given := values[name]; !given {
			p.env[name] = stands
		} else if stands != "" {
			p.restore.Add(stands, value, true)
			for _, pair := range redact.Ancestors(value, stands) {
				p.restore.Add(pair[1], pair[0], true)
			}
		}
	}
	p.hide.AddEnv(p.env, shown)
	for _, stands := range shown {
		p.bound[stands] = true
	}
	for _, x := range r.exchanges {
		for _, h := range slices.Concat(x.Request.Header, responseHeader(x)) {
			redact.EachSecret(h[0], h[1], func(_, part string) string {
				if redact.IsPlaceholder(part) {
					p.hide.Add(part, part, true) // which the task may encode, and no other gets
					p.hide.Add(redact.PasswordOf(part), redact.PasswordOf(part), true)
				}
				return part
			})
		}
	}
	return p
}

func responseHeader(x *Exchange) [][2]string {
	if x.Response == nil {
		return nil
	}
	return x.Response.Header
}

// Request returns what to execute, with the task b, to run the recording again.
// Variables that b does not declare are left out.
func (p *Replay) Request(b *bundle.Bundle) executor.Request {
	m := &p.recording.Meta
	env := maps.Clone(p.env)
	maps.DeleteFunc(env, func(name, _ string) bool {
		_, recorded := m.Env[name]
		return recorded && !b.Permissions.AllowsEnv(name)
	})
	return executor.Request{
		Bundle: b, ID: m.Execution.ID, Job: m.Execution.Job, Attempt: m.Execution.Attempt,
		Input: p.restore.JSON(p.recording.Input), Limits: m.Limits, Env: env, Effects: p,
		Timeline: &executor.Timeline{Seed: m.Timeline.Seed, Start: m.Timeline.Start, Replay: true},
	}
}

// Taken takes note of nothing: what the task did shows in its requests.
func (p *Replay) Taken(uint32, time.Duration) {}

// Fetch answers from the recording.
func (p *Replay) Fetch(ctx context.Context, ask executor.Ask) (executor.Answer, error) {
	if turn := p.turn(ask.Call); turn != nil {
		select {
		case <-turn:
		case <-ctx.Done():
			p.mu.Lock()
			defer p.mu.Unlock()
			p.left = append(p.left, ask)
			return executor.Answer{}, context.Cause(ctx)
		}
	}
	p.mu.Lock()
	m := p.find(ask)
	p.mu.Unlock()
	return p.answer(m)
}

// turn returns nil, or what to wait for until every request with a lower number
// was matched: requests come in goroutines of their own, and which exchange
// answers one may depend on which are taken.
func (p *Replay) turn(call uint32) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if number(call) == int(p.next[line(call)]) {
		return nil
	}
	turn := make(chan struct{})
	p.waiting[call] = turn
	return turn
}

// finish matches the requests that the end of the execution overtook.
func (p *Replay) finish() {
	slices.SortFunc(p.left, func(a, b executor.Ask) int { return cmp.Compare(a.Call, b.Call) })
	for _, ask := range p.left {
		p.find(ask)
	}
	p.left = nil
	for _, m := range p.made {
		p.reread(m)
	}
}

// reread hides again what a request holds, for a credential may have stood in it
// before a header, of a later one, showed it to be one.
func (p *Replay) reread(m *match) {
	raw := requestOf(m.ask.Request)
	hidden := hiddenRequest(p.hide, raw)
	m.request.URL, m.request.Body, m.request.Header = hidden.URL, hidden.Body, hidden.Header
}

// Placeholders returns the names of the variables that are, for a task that may
// read them, not values but their placeholders.
func (p *Replay) Placeholders(b *bundle.Bundle) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(p.recording.Meta.Env)) {
		if stands := p.recording.Meta.Env[name]; stands != "" && p.env[name] == stands && b.Permissions.AllowsEnv(name) {
			names = append(names, name)
		}
	}
	return names
}

// Shown is e, which came of the Replay's Request, with placeholders for secrets.
func (p *Replay) Shown(e *ratchet.Execution) *ratchet.Execution {
	p.mu.Lock()
	defer p.mu.Unlock()
	shown := *e
	if len(e.Output) > 0 {
		shown.Output = p.hide.JSON(e.Output)
	}
	if e.Error != nil {
		shown.Error = p.hide.Error(e.Error)
	}
	shown.Logs = slices.Clone(e.Logs)
	for i := range shown.Logs {
		shown.Logs[i] = p.hide.Log(shown.Logs[i])
	}
	return &shown
}

// line is 1 for synchronous requests.
func line(call uint32) int { return int(call / syncCall) }

// find matches the request whose turn it is, and lets the next one go on.
//
// It is answered by the recorded one of the same number if that is the same, else
// by the first that is; else by the one of the same number, or the first, that
// has the same method and URL. Each recorded one answers once.
//
// The lock is held.
func (p *Replay) find(ask executor.Ask) *match {
	m := &match{ask: ask, request: requestOf(ask.Request)}
	q := &m.request
	raw := q.Header
	q.URL, q.Body = p.hide.URL(q.URL), p.hide.Body(header(raw, "content-type"), q.Body)
	alike := func(x *Exchange) bool { return q.Method == x.Request.Method && q.URL == x.Request.URL }
	m.exchange = p.first(ask.Call, func(x *Exchange) bool {
		if !alike(x) || q.Redirect != x.Request.Redirect || !bytes.Equal(q.Body, x.Request.Body) {
			return false
		}
		shown, _ := p.headers(raw, x, func(string) string { return "" })
		return slices.Equal(shown, x.Request.Header)
	})
	if m.exchange == nil {
		m.exchange = p.first(ask.Call, alike)
	}
	if m.exchange == nil {
		m.exchange = p.first(ask.Call, func(x *Exchange) bool { return q.Method == x.Request.Method && p.fits(q.URL, x.Request.URL) })
	}
	var names map[string]string
	q.Header, names = p.headers(raw, m.exchange, p.hide.Number)
	for part, placeholder := range names {
		p.hide.Learn(part, placeholder, true)
		p.bound[placeholder] = true
	}
	if m.exchange == nil {
		m.closest = p.closest(q)
	} else {
		p.used[m.exchange.Call] = m
	}
	p.made = append(p.made, m)
	p.next[line(ask.Call)]++
	following := ask.Call + 1
	if turn := p.waiting[following]; turn != nil {
		delete(p.waiting, following)
		close(turn)
	}
	return m
}

// fits reports whether a URL is as recorded if it holds a credential that no
// header has shown yet, where the recording has a placeholder. The credential is
// known from then on.
func (p *Replay) fits(u, recorded string) bool {
	before, rest, found := strings.Cut(recorded, redact.PlaceholderStart+"header-")
	if !found {
		return false
	}
	n := redact.PlaceholderLen(redact.PlaceholderStart + "header-" + rest)
	if n == 0 {
		return false
	}
	stands, after := recorded[len(before):len(before)+n], recorded[len(before)+n:]
	value, starts := strings.CutPrefix(u, before)
	value, ends := strings.CutSuffix(value, after)
	if !starts || !ends || p.bound[stands] {
		return false
	}
	plain, err := url.PathUnescape(value)
	if err != nil || len(plain) < redact.MinLearnt || strings.ContainsAny(value, "&/?#") {
		return false
	}
	p.hide.Learn(plain, stands, true)
	p.bound[stands] = true
	return true
}

// first returns the exchange that answers the call: the one of its number, else
// the first, of those that are like it and not used.
func (p *Replay) first(call uint32, like func(*Exchange) bool) *Exchange {
	all := p.recording.exchanges
	i, found := slices.BinarySearchFunc(all, call, byCall)
	if found && p.used[call] == nil && like(all[i]) {
		return all[i]
	}
	for _, x := range all {
		if p.used[x.Call] == nil && like(x) {
			return x
		}
	}
	return nil
}

// headers returns the headers of a request with placeholders, and those among
// them that are new, by what they stand for. A secret that is not known is taken
// for the one that x has in its place, if that stands for no other; else it gets
// a fresh one.
func (p *Replay) headers(list [][2]string, x *Exchange, fresh func(kind string) string) (shown [][2]string, names map[string]string) {
	names = map[string]string{}
	taken := map[string]bool{}
	shown = make([][2]string, len(list))
	for i, h := range list {
		places := placesIn(x, i, h[0])
		value := p.hide.Header(h[0], h[1], func(kind, part string) string {
			if names[part] == "" {
				place := places[kind]
				if !redact.IsPlaceholder(place) || p.bound[place] || taken[place] {
					place = fresh(kind)
				}
				names[part], taken[place] = place, true
			}
			return names[part]
		})
		shown[i] = [2]string{h[0], value}
	}
	return shown, names
}

// placesIn returns the secret parts of header i of x, by kind, if that has the
// name.
func placesIn(x *Exchange, i int, name string) map[string]string {
	if x == nil || i >= len(x.Request.Header) || !equalFold(x.Request.Header[i][0], name) {
		return nil
	}
	places := map[string]string{}
	redact.EachSecret(name, x.Request.Header[i][1], func(kind, part string) string {
		places[kind] = part
		return part
	})
	return places
}

// closest returns the exchange whose request is most like q, used or not.
func (p *Replay) closest(q *Request) (found *Exchange) {
	best := 0
	for _, x := range p.recording.exchanges {
		score := 2 * common(q.URL, x.Request.URL)
		if q.Method == x.Request.Method {
			score += 5
		}
		if p.used[x.Call] == nil {
			score++
		}
		if score > best {
			best, found = score, x
		}
	}
	return found
}

// common is how many bytes two texts share at their starts and at their ends.
func common(a, b string) (n int) {
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	start, most := n, min(len(a), len(b))
	for n < most && a[len(a)-1-n+start] == b[len(b)-1-n+start] {
		n++
	}
	return n
}

// answer is what the task gets.
func (p *Replay) answer(m *match) (executor.Answer, error) {
	x := m.exchange
	if x == nil {
		hint := "; it has none at all"
		if m.closest != nil {
			hint = "; the closest is " + m.closest.Request.title()
		}
		return executor.Answer{At: m.ask.At}, ratchet.Errorf(ratchet.ReasonNetwork, "fetch: the recording has no request %s%s", m.request.title(), hint)
	}
	at := x.At
	switch {
	case !x.Taken: // after all that was
		at = time.Duration(p.recording.Meta.Limits.Wall)
	case m.ask.At > at:
		at = m.ask.At + x.Delay()
	}
	switch {
	case x.Error != nil:
		return executor.Answer{At: at}, p.restore.Error(x.Error)
	case x.Response == nil:
		return executor.Answer{At: at}, ratchet.Errorf(ratchet.ReasonTimeout, "fetch %s: the recorded execution ended before the answer came", m.request.URL)
	}
	res := hiddenResponse(p.restore, x.Response)
	return executor.Answer{At: at, Response: &egress.Response{
		Status: res.Status, StatusText: res.StatusText, Header: res.Header, Body: res.Body,
		URL: res.URL, Redirected: res.Redirected,
	}}, nil
}

// title is the request in one line.
func (q *Request) title() string { return q.Method + " " + q.URL }
