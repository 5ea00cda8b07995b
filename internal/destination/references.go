package destination

import (
	"strings"

	"github.com/ratchet-runner/ratchet-go"
)

// A Reference is a "${NAME}" of a destination, and where it stands: "/auth/bearer".
type Reference struct{ Pointer, Name string }

// ReferencesAt lists the references of a destination with their places, for whoever
// checks them.
func ReferencesAt(d *ratchet.Destination) (all []Reference) {
	add := func(pointer, text string) {
		t, err := parse(text, true)
		if err != nil {
			return // which Check tells
		}
		for _, name := range t.references() {
			all = append(all, Reference{pointer, name})
		}
	}
	add("/url", d.URL)
	for header, value := range d.Headers {
		add("/headers/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(header), value)
	}
	c := d.CloneSecrets()
	c.EachSecret(func(pointer string, s ratchet.Secret) ratchet.Secret {
		if name, ok := s.Reference(); ok {
			all = append(all, Reference{pointer, name})
		}
		return s
	})
	return all
}
