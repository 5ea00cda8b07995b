package pluginhost

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// maxLine bounds a line that a plugin prints or logs.
const maxLine = 4 << 10

// A flood counts what a plugin says unasked.
type flood struct {
	limit int
	since time.Time
	bytes int
}

// add counts n bytes, and returns an error if they are too many for this second.
func (f *flood) add(n int) error {
	if now := time.Now(); now.Sub(f.since) > time.Second {
		f.since, f.bytes = now, 0
	}
	if f.bytes += n; f.bytes > f.limit {
		return fmt.Errorf("it floods the server: more than %s of log lines in a second", ratchet.Size(f.limit))
	}
	return nil
}

// lines makes log records of what a plugin prints.
type lines struct {
	from io.ReadCloser

	done chan struct{} // closed when there is no more

	mu      sync.Mutex
	process *process
	sign    string // the first line that tells of a bad end
	recent  string // the last line
}

func newLines(from io.ReadCloser) *lines { return &lines{from: from, done: make(chan struct{})} }

// to says whose lines they are; it comes before drain.
func (l *lines) to(p *process) { l.process = p }

// drain reads until the end.
func (l *lines) drain() {
	defer close(l.done)
	meter := flood{limit: l.process.config.Flood}
	r := bufio.NewReaderSize(l.from, maxLine)
	for {
		line, prefix, err := r.ReadLine()
		if err != nil {
			return
		}
		text := strings.ToValidUTF8(string(line), "\uFFFD")
		for prefix && err == nil { // the rest of a line that is too long is dropped
			var more []byte
			more, prefix, err = r.ReadLine()
			if meter.add(len(more)) != nil {
				break
			}
		}
		if err := meter.add(len(line) + 1); err != nil {
			l.process.kill(err)
			_, _ = io.Copy(io.Discard, r) // until it is dead
			return
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		l.note(text)
		l.process.log.Info("plugin printed", slog.String("line", text))
	}
}

// finish waits for what is on the way, but not for whoever else still has the
// pipe.
func (l *lines) finish() {
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-l.done:
	case <-timer.C:
	}
	_ = l.from.Close() // nothing is lost that we would wait for
}

// note remembers a line, in case it is the last word.
func (l *lines) note(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recent = line
	for _, sign := range []string{"panic:", "fatal error:", "Error:", "error:", "Uncaught"} {
		if l.sign == "" && strings.Contains(line, sign) {
			l.sign = line
		}
	}
}

// last is the line that best says how the plugin died.
func (l *lines) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return limit(strings.TrimSpace(cmp.Or(l.sign, l.recent)), 300)
}

// isClosed reports whether err only says that a pipe is closed.
func isClosed(err error) bool { return errors.Is(err, os.ErrClosed) || isBrokenPipe(err) }
