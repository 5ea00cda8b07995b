package config

import "time"

// A Database says where everything is kept.
type Database struct {
	URL            string
	MaxConnections int
	ConnectTimeout time.Duration
	Synchronous    string
}

func (d *Database) settings() []setting {
	return []setting{
		text(&d.URL, "url", "ratchet.db", "A SQLite file (a path, or sqlite:path), or postgres://user:password@host:port/name. Several servers on one PostgreSQL are one Ratchet.").hidden(maskPassword),
		number(&d.MaxConnections, "max_connections", 10, 4, 1000, "Connections to PostgreSQL at most. SQLite has one that writes and a few that read."),
		span(&d.ConnectTimeout, "connect_timeout", "30s", time.Second, time.Hour, "How long to wait for a connection to PostgreSQL."),
		word(&d.Synchronous, "synchronous", "full", []string{"full", "normal"}, "SQLite: full survives the loss of power; normal may lose the last moments then, and is faster."),
	}
}
