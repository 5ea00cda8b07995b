package config

import "log/slog"

// Logging says what the server writes about itself.
type Logging struct {
	Level  string
	Format string
}

func (l *Logging) settings() []setting {
	return []setting{
		word(&l.Level, "level", "info", []string{"debug", "info", "warn", "error"}, "The least level that is written."),
		word(&l.Format, "format", "text", []string{"text", "json"}, "The form of a line."),
	}
}

// SlogLevel is the level, for slog.
func (l *Logging) SlogLevel() slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		return slog.LevelInfo
	}
	return level
}
