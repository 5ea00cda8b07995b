package config

import (
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// Plugins says where plugins are and what each may use.
type Plugins struct {
	Enabled bool
	Dirs    []string
	Budget  time.Duration
	Timeout time.Duration
	Memory  ratchet.Size
	Queue   int
	Sync    time.Duration
}

func (p *Plugins) settings() []setting {
	return []setting{
		toggle(&p.Enabled, "enabled", true, "Look for plugins. Each is used only once it was enabled by itself (ratchet plugin enable)."),
		list(&p.Dirs, "dirs", "plugins", "folders, in the data folder where they are relative", func(dir string) bool { return dir != "" }, "Where plugins are: files called ratchet-plugin-NAME. Whoever may write there runs code on this machine."),
		span(&p.Budget, "budget", "1s", time.Millisecond, time.Minute, "What one call of a hook may take, where the plugin's own settings do not say."),
		span(&p.Timeout, "timeout", "30s", time.Millisecond, 10*time.Minute, "What any other call of a plugin may take: a function, a destination, a source."),
		size(&p.Memory, "memory", "256MB", 16*ratchet.MB, 64*ratchet.GB, "Memory of a plugin's process that does not ask for more."),
		number(&p.Queue, "queue", 1000, 1, 1_000_000, "Events that wait for a plugin that follows them; more are dropped and counted."),
		span(&p.Sync, "sync", "1m", time.Second, 24*time.Hour, "How often plugins that bring tasks are asked for them."),
	}
}
