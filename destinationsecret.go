package ratchet

import (
	"slices"
	"strconv"
	"strings"
)

// sealedPrefix begins a secret that is kept, and hiddenSecret is what is shown of
// it.
const (
	sealedPrefix = "sealed:"
	hiddenSecret = "***"
)

// Sealed reports whether s is encrypted, as it is in the store.
func (s Secret) Sealed() bool { return strings.HasPrefix(string(s), sealedPrefix) }

// Hidden reports whether s is what is shown of a sealed secret, and no secret.
func (s Secret) Hidden() bool { return s == hiddenSecret }

// Reference returns the name in "${NAME}"; ok is false for any other text.
func (s Secret) Reference() (name string, ok bool) {
	name, ok = strings.CutPrefix(string(s), "${")
	if !ok || !strings.HasSuffix(name, "}") {
		return "", false
	}
	name = strings.TrimSuffix(name, "}")
	return name, name != "" && !strings.ContainsAny(name, "${}")
}

// EachSecret calls f with every secret of the destination that is set and the pointer to
// it, and keeps what f returns in its place. It changes what d refers to: see
// [Destination.CloneSecrets].
func (d *Destination) EachSecret(f func(pointer string, s Secret) Secret) {
	set := func(pointer string, s *Secret) {
		if *s != "" {
			*s = f(pointer, *s)
		}
	}
	for i := range d.Secrets {
		set("/secrets/"+strconv.Itoa(i), &d.Secrets[i])
	}
	if d.Auth == nil {
		return
	}
	set("/auth/bearer", &d.Auth.Bearer)
	if d.Auth.Basic != nil {
		set("/auth/basic/password", &d.Auth.Basic.Password)
	}
	if d.Auth.APIKey != nil {
		set("/auth/apiKey/key", &d.Auth.APIKey.Key)
	}
}

// CloneSecrets returns a copy of d whose secrets are its own.
func (d *Destination) CloneSecrets() Destination {
	c := *d
	c.Secrets = slices.Clone(d.Secrets)
	if d.Auth != nil {
		auth := *d.Auth
		if auth.Basic != nil {
			auth.Basic = new(*auth.Basic)
		}
		if auth.APIKey != nil {
			auth.APIKey = new(*auth.APIKey)
		}
		c.Auth = &auth
	}
	return c
}

// Shown returns the destinations as anybody may see them: of a secret only that
// there is one, or the variable that it is read from. It is the one way out of
// the server.
func Shown(all []Destination) []Destination {
	if !slices.ContainsFunc(all, func(d Destination) bool { return len(d.Secrets) > 0 || d.Auth != nil }) {
		return all
	}
	shown := make([]Destination, len(all))
	for i := range all {
		shown[i] = all[i].CloneSecrets()
		shown[i].EachSecret(func(_ string, s Secret) Secret {
			if _, reference := s.Reference(); reference {
				return s
			}
			return hiddenSecret
		})
	}
	return shown
}
