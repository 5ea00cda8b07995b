package recording

import "github.com/ratchet-runner/ratchet-go/internal/bundle"

// Hide returns what replaces the values of env: in a text, in a body of a type,
// in a URL, and back again.
func Hide(env map[string]string) (text func(string) string, body func(kind, text string) string, url, restore func(string) string) {
	s, back := newSecrets(), newSecrets()
	shown := placeholders(env)
	s.addEnv(env, shown)
	for name, p := range shown {
		if p != "" {
			back.add(p, env[name], true)
		}
	}
	return s.text, func(kind, text string) string { return string(s.body(kind, []byte(text))) }, s.url,
		func(text string) string { return string(back.body("", []byte(text))) }
}

// SecretHeader reports whether a header's values are secrets.
var SecretHeader = secretHeader

// TaskFiles returns the files of a task as a recording holds them.
func TaskFiles(b *bundle.Bundle) (string, map[string][]byte) { return taskFiles(b) }
