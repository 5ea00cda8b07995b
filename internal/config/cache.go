package config

import "github.com/ratchet-runner/ratchet-go"

// A Cache says how much is kept in memory so that it need not be made again.
type Cache struct {
	Results  ratchet.Size
	Bundles  ratchet.Size
	Bytecode ratchet.Size
}

func (c *Cache) settings() []setting {
	return []setting{
		size(&c.Results, "results", "64MB", 0, 64*ratchet.GB, "Memory for results of tasks that have them kept (cache in metadata.json); 0 keeps none."),
		size(&c.Bundles, "bundles", "128MB", ratchet.MB, 64*ratchet.GB, "Memory for versions of tasks that are ready to run."),
		size(&c.Bytecode, "bytecode", "64MB", ratchet.MB, 64*ratchet.GB, "Memory for compiled programs, so that workers need not compile them again."),
	}
}
