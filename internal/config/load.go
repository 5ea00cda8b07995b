package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
)

// Sources are where values come from; a later one comes before an earlier one.
type Sources struct {
	// File is read. Empty: DefaultFile, if it exists.
	File string
	// Environ are variables, each NAME=VALUE, as os.Environ gives them.
	Environ []string
	// Flags are values from the command line.
	Flags []Flag
}

// A Flag gives a key a value.
type Flag struct{ Key, Value, Flag string }

// A Loaded Config knows where its values came from.
type Loaded struct {
	Config
	File     string           // that was read; empty if none
	Warnings []ratchet.Detail // what is odd and does not keep the server from running

	from map[string]string
}

// From says where the value of a key came from: "default", "FILE:LINE", a
// variable or a flag.
func (l *Loaded) From(key string) string {
	if from := l.from[key]; from != "" {
		return from
	}
	return "default"
}

// Load reads all sources. The error is a *ratchet.Error with a Detail for
// everything that is wrong.
func Load(s Sources) (*Loaded, error) {
	name := s.File
	if name == "" {
		name = DefaultFile
	}
	data, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && s.File == "":
		name, data = "", nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, ratchet.Errorf(ratchet.ReasonConfig, "the configuration file %s does not exist", name)
	case err != nil:
		return nil, ratchet.Errorf(ratchet.ReasonConfig, "cannot read the configuration file %s: %w", name, err)
	}
	return Parse(name, data, s)
}

// Parse is Load of a file that is there already; it does not look at s.File.
func Parse(name string, data []byte, s Sources) (*Loaded, error) {
	l := &loader{Loaded: Loaded{Config: Default(), File: name, from: map[string]string{}}}
	l.places, l.parts = map[string]ratchet.Detail{}, map[string]func(string) ratchet.Detail{}
	l.settings = l.Config.settings()
	l.keys = Keys()
	if name != "" {
		l.readFile(name, data)
	}
	l.readEnviron(s.Environ)
	for _, f := range s.Flags {
		l.assign(assignment{key: f.Key, text: f.Value, from: f.Flag, place: ratchet.Detail{Pointer: f.Flag}})
	}
	l.check()
	if len(l.problems) > 0 {
		return nil, l.err()
	}
	return &l.Loaded, nil
}

// A loader gathers values, and all that is wrong with them.
type loader struct {
	Loaded
	settings []setting
	keys     []Key
	places   map[string]ratchet.Detail                      // of each value that was given
	parts    map[string]func(pointer string) ratchet.Detail // of those that have parts
	problems []ratchet.Detail
}

// An assignment gives a key a value.
type assignment struct {
	key, text string
	from      string         // for people
	place     ratchet.Detail // for messages: a File and Line, or a Pointer
	// part is the place of a part of the value, by a JSON pointer. Nil: it has none.
	part func(pointer string) ratchet.Detail
}

func (l *loader) assign(a assignment) {
	i := slices.IndexFunc(l.settings, func(s setting) bool { return s.Name == a.key })
	if i < 0 {
		l.problem(a.place, "there is no key %q%s", a.key, didYouMean(a.key, names(l.keys), ""))
		return
	}
	s := l.settings[i]
	if text, note := sameMeaning(a.key, a.text); note != "" {
		l.warn(a.place, "%s: %s", a.key, note)
		a.text = text
	}
	if err := s.set(a.text); err != nil {
		l.unset(a, err)
		return
	}
	l.from[a.key], l.places[a.key], l.parts[a.key] = a.from, a.place, a.part
}

// unset tells why a value is none: of one with parts, what is wrong with each.
func (l *loader) unset(a assignment, err error) {
	e, ok := errors.AsType[*ratchet.Error](err)
	if !ok || len(e.Details) == 0 {
		l.problem(a.place, "%s: %v", a.key, err)
		return
	}
	l.wrongParts(a.key, a.place, a.part, e.Details)
}

// wrongParts tells what is wrong with parts of a value.
func (l *loader) wrongParts(key string, whole ratchet.Detail, part func(string) ratchet.Detail, wrong []ratchet.Detail) {
	for _, d := range wrong {
		place := whole
		if part != nil {
			place = part(d.Pointer)
		}
		place.Expected, place.Got = d.Expected, d.Got
		l.problem(place, "%s%s: %s", key, strings.ReplaceAll(d.Pointer, "/", "."), d.Message)
	}
}

func (l *loader) problem(place ratchet.Detail, format string, args ...any) {
	place.Message = fmt.Sprintf(format, args...)
	l.problems = append(l.problems, place)
}

func (l *loader) warn(place ratchet.Detail, format string, args ...any) {
	place.Message = fmt.Sprintf(format, args...)
	place.Text = "" // a warning is one line
	l.Warnings = append(l.Warnings, place)
}

func (l *loader) err() error {
	message := fmt.Sprintf("the configuration has %d problems", len(l.problems))
	if len(l.problems) == 1 {
		message = "the configuration has a problem"
	}
	return ratchet.Errorf(ratchet.ReasonConfig, "%s", message).WithDetails(l.problems...)
}

// check looks at values that must go together.
func (l *loader) check() {
	at := func(key string) ratchet.Detail { return l.places[key] }
	if t := l.Server.TLS; (t.CertFile == "") != (t.KeyFile == "") {
		given, missing := "server.tls.cert_file", "server.tls.key_file"
		if t.CertFile == "" {
			given, missing = missing, given
		}
		l.problem(at(given), "%s needs %s too", given, missing)
	}
	if c := l.Server.CORS; c.AllowCredentials && slices.Contains(c.AllowedOrigins, "*") {
		l.problem(at("server.cors.allow_credentials"), `server.cors.allow_credentials does not go with the origin "*": any site could act as whoever visits it`)
	}
	all := func(origin string) bool { return origin == "*" }
	if slices.ContainsFunc(l.Server.CORS.AllowedOrigins, all) && !l.KeysRequired() {
		l.warn(at("server.cors.allowed_origins"), `server.cors.allowed_origins: the origin "*" is passed over: without keys (auth.require_keys) any site could have code run here`)
		l.Server.CORS.AllowedOrigins = slices.DeleteFunc(l.Server.CORS.AllowedOrigins, all)
	}
	if l.Auth.InsecureNoAuth && l.Auth.RequireKeys {
		l.problem(at("auth.insecure_no_auth"), "auth.insecure_no_auth and auth.require_keys exclude each other")
	}
	if l.Database.URL == "" {
		l.problem(at("database.url"), "database.url is empty: name a file, such as ratchet.db")
	}
	if inMemory(l.Database.URL) {
		l.problem(at("database.url"), "database.url: a database in memory would lose every job with the server; name a file, such as ratchet.db")
	}
	if scheme, _, ok := strings.Cut(l.Database.URL, "://"); ok && !slices.Contains([]string{"postgres", "postgresql", "sqlite"}, scheme) {
		l.problem(at("database.url"), "database.url: there is no database of the kind %q; want a file, or postgres://…", scheme)
	}
	const goals = "delivery.destinations"
	l.wrongParts(goals, at(goals), l.parts[goals], l.Delivery.checkDestinations())
	if l.Secrets.KeyFile == "" && l.Secrets.Key == "" {
		l.problem(at("secrets.key_file"), "secrets.key_file is empty: name a file, or give secrets.key")
	}
}

func inMemory(url string) bool {
	return strings.Contains(url, ":memory:") || strings.Contains(url, "mode=memory")
}
