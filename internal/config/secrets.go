package config

// Secrets says how values of tasks' environments are encrypted at rest.
type Secrets struct {
	KeyFile string
	Key     string
}

func (s *Secrets) settings() []setting {
	return []setting{
		text(&s.KeyFile, "key_file", "ratchet.key", "The file with the key, made when it is missing. Without it what was encrypted is lost: back it up, apart from the database. Every server of one Ratchet needs the same."),
		text(&s.Key, "key", "", "The key itself, in place of a file: 32 bytes in base64.").hidden(maskAll),
	}
}
