package ratchet

import "fmt"

// A LogLevel is how much a log entry matters: the greater the more. Its numbers
// are those of log/slog, so slog.Level(l) is the same level. The zero value is
// LevelInfo.
type LogLevel int8

// The levels, least first.
const (
	LevelTrace LogLevel = -8
	LevelDebug LogLevel = -4
	LevelInfo  LogLevel = 0
	LevelWarn  LogLevel = 4
	LevelError LogLevel = 8
)

// LogLevels returns every LogLevel, least first.
func LogLevels() []LogLevel {
	return []LogLevel{LevelTrace, LevelDebug, LevelInfo, LevelWarn, LevelError}
}

// ParseLogLevel parses "trace", "debug", "info", "warn" or "error" in any case.
func ParseLogLevel(s string) (LogLevel, error) {
	return parseOneOf(s, "log level", "levels", LogLevels())
}

// String returns the word.
func (l LogLevel) String() string {
	switch l {
	case LevelTrace:
		return "trace"
	case LevelDebug:
		return "debug"
	case LevelInfo:
		return "info"
	case LevelWarn:
		return "warn"
	case LevelError:
		return "error"
	default:
		return fmt.Sprintf("LogLevel(%d)", int8(l))
	}
}

// MarshalText writes the word; JSON has it as a string.
func (l LogLevel) MarshalText() ([]byte, error) { return marshalOneOf(l, "log level", LogLevels()) }

// UnmarshalText reads what [ParseLogLevel] accepts.
func (l *LogLevel) UnmarshalText(b []byte) (err error) {
	*l, err = ParseLogLevel(string(b))
	return err
}
