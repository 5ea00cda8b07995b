package config

// OldNames lists names of the earlier Ratchet, what they stand for, and why they
// stand for nothing.
func OldNames() (all [][3]string) {
	for _, o := range append(oldKeys(), oldVariables()...) {
		all = append(all, [3]string{o.name, o.now, o.why})
	}
	return all
}
