package config

import (
	"slices"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
)

// prefix begins the names of our variables.
const prefix = "RATCHET_"

// strangers are variables of ours that are not of the configuration.
func strangers() []string {
	return []string{
		"RATCHET_CONFIG", "RATCHET_SERVER", "RATCHET_API_KEY", "RATCHET_DEBUG", "RATCHET_INSTALL_DIR",
		"RATCHET_TORTURE", "RATCHET_FAST_TESTS", "RATCHET_TEST_WORKER",
	}
}

func (l *loader) readEnviron(environ []string) {
	given := slices.Sorted(slices.Values(environ)) // so that messages have an order
	known := strangers()
	byEnv := map[string]Key{}
	for _, k := range l.keys {
		known = append(known, k.Env())
		byEnv[k.Env()] = k
	}
	for _, entry := range given {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || !strings.HasPrefix(name, prefix) {
			continue
		}
		place := ratchet.Detail{Pointer: name}
		if k, ok := byEnv[name]; ok {
			l.variable(k, name, value)
		} else if old, ok := oldVariable(name); ok {
			l.oldVariable(old, name, value, environ)
		} else if !slices.Contains(known, name) && !strings.HasPrefix(name, "RATCHET_TEST_") {
			l.warn(place, "no key has this variable%s", didYouMean(name, known, prefix))
		}
	}
}

func (l *loader) variable(k Key, name, value string) {
	place := ratchet.Detail{Pointer: name}
	if k.Name == "server.port" && strings.HasPrefix(value, "tcp://") {
		// Kubernetes gives every pod NAME_PORT=tcp://… of every service NAME.
		l.warn(place, "passed over: %q is what Kubernetes says of a service called ratchet-server; set enableServiceLinks: false, or --port", value)
		return
	}
	if value == "" && k.Kind != KindText && k.Kind != KindList {
		return // as a script does that has nothing to say
	}
	l.assign(assignment{key: k.Name, text: value, from: name, place: place})
}
