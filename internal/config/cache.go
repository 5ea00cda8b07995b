package config

import (
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A Cache says how much is kept in memory so that it need not be made again.
type Cache struct {
	Results ratchet.Size
	Shared  string
	// SharedTimeout bounds one use of what is Shared.
	SharedTimeout time.Duration
	Bundles       ratchet.Size
	Bytecode      ratchet.Size
}

func (c *Cache) settings() []setting {
	return []setting{
		size(&c.Results, "results", "64MB", 0, 64*ratchet.GB, "Memory for results of tasks that have them kept (cache in metadata.json); 0 keeps none."),
		text(&c.Shared, "shared", "none", "Where servers find each other's results beside their own memory: none, postgres (a table of the database), redis://user:password@host:port/database, rediss:// or unix:///path/of/socket.").hidden(maskPassword),
		span(&c.SharedTimeout, "shared_timeout", "100ms", time.Millisecond, 10*time.Second, "How long that may take; what is not there by then is made again."),
		size(&c.Bundles, "bundles", "128MB", ratchet.MB, 64*ratchet.GB, "Memory for versions of tasks that are ready to run."),
		size(&c.Bytecode, "bytecode", "64MB", ratchet.MB, 64*ratchet.GB, "Memory for compiled programs, so that workers need not compile them again."),
	}
}
