package plugin

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/ipc"
)

var (
	namePattern     = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	functionPattern = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*$`)
	semverPattern   = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
)

// maxName is the greatest length of a plugin's name.
const maxName = 64

// Validate reports whether the manifest of p can be one.
func (p *Plugin) Validate() error { return ValidateManifest(p.Manifest()) }

// Manifest is what p says of itself.
func (p *Plugin) Manifest() ratchet.PluginManifest {
	m := ratchet.PluginManifest{
		Name: p.Name, Version: p.Version, Description: p.Description,
		Author: p.Author, Homepage: p.Homepage, License: p.License,
		Protocol:     [2]int{ipc.PluginVersionMin, ipc.PluginVersionMax},
		ConfigSchema: p.Config, Needs: p.Needs, Requires: p.Requires,
		Destination: p.Destination != nil, Transform: p.Transform != nil, Source: p.Source != nil,
		Health: p.Health != nil, Metrics: p.Metrics != nil,
	}
	for _, point := range ratchet.HookPoints() {
		if h := p.hook(point); h != nil {
			m.Hooks = append(m.Hooks, ratchet.PluginHook{Point: point, Priority: priority(h.Priority), Brief: h.Brief})
		}
	}
	if p.Submit != nil {
		m.Submit = &ratchet.PluginMiddleware{Priority: priority(p.Submit.Priority)}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Functions)) {
		f := p.Functions[name]
		m.Functions = append(m.Functions, ratchet.PluginFunction{Name: name, Description: f.Description, Input: f.Input, Output: f.Output})
	}
	if p.Events != nil {
		m.Events = &ratchet.PluginSubscription{Tasks: p.Events.Tasks}
		for _, t := range p.Events.Types {
			m.Events.Types = append(m.Events.Types, string(t))
		}
	}
	return m
}

func (p *Plugin) hook(point ratchet.HookPoint) *Hook {
	switch point {
	case ratchet.HookBeforeValidation:
		return p.BeforeValidation
	case ratchet.HookAfterValidation:
		return p.AfterValidation
	case ratchet.HookBeforeExecution:
		return p.BeforeExecution
	case ratchet.HookAfterExecution:
		return p.AfterExecution
	case ratchet.HookOnSuccess:
		return p.OnSuccess
	case ratchet.HookOnFailure:
		return p.OnFailure
	default:
		return nil
	}
}

func priority(n int) int {
	if n == 0 {
		return ratchet.HookDefault
	}
	return n
}

// ValidateManifest returns everything that is wrong with a manifest, apart from
// the schemas in it.
func ValidateManifest(m ratchet.PluginManifest) error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !namePattern.MatchString(m.Name) || len(m.Name) > maxName {
		wrong("name %q: want lower-case letters, digits and single dashes, at most %d, the first a letter", m.Name, maxName)
	}
	if !semverPattern.MatchString(m.Version) {
		wrong("version %q: want a semantic version such as 1.2.0", m.Version)
	}
	if m.Protocol[0] < 1 || m.Protocol[1] < m.Protocol[0] {
		wrong("protocol %v: want the lowest and the highest version that the plugin speaks", m.Protocol)
	}
	seen := map[ratchet.HookPoint]bool{}
	for _, h := range m.Hooks {
		if !slices.Contains(ratchet.HookPoints(), h.Point) {
			wrong("hook %q: want one of %v", h.Point, ratchet.HookPoints())
		}
		if seen[h.Point] {
			wrong("hook %q is there twice", h.Point)
		}
		seen[h.Point] = true
		if h.Priority < ratchet.HookFirst || h.Priority > ratchet.HookLast {
			wrong("hook %q: priority %d: want %d to %d", h.Point, h.Priority, ratchet.HookFirst, ratchet.HookLast)
		}
	}
	if m.Submit != nil && (m.Submit.Priority < ratchet.HookFirst || m.Submit.Priority > ratchet.HookLast) {
		wrong("submit: priority %d: want %d to %d", m.Submit.Priority, ratchet.HookFirst, ratchet.HookLast)
	}
	functions := map[string]bool{}
	for _, f := range m.Functions {
		if !functionPattern.MatchString(f.Name) {
			wrong("function %q: want a name that JavaScript can call", f.Name)
		}
		if functions[f.Name] {
			wrong("function %q is there twice", f.Name)
		}
		functions[f.Name] = true
	}
	for _, r := range m.Requires {
		if !namePattern.MatchString(r.Name) {
			wrong("requires %q: that is no name of a plugin", r.Name)
		}
		if _, err := ParseRange(r.Version); err != nil {
			wrong("requires %s: %w", r.Name, err)
		}
	}
	for _, f := range m.Needs.Files {
		if len(f.Path) == 0 || f.Path[0] != '/' {
			wrong("needs file %q: want an absolute path", f.Path)
		}
	}
	return errors.Join(errs...)
}
