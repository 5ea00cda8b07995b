package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// printJSON writes a JSON text to Stdout: indented and in colours on a terminal,
// compact on one line elsewhere. The order of keys and the text of numbers and
// strings stay as they are.
func (a *app) printJSON(text []byte) error {
	var b bytes.Buffer
	if a.StdoutTerminal {
		if json.Indent(&b, text, "", "  ") == nil {
			text = []byte(a.out.json(b.Bytes()))
		}
	} else if json.Compact(&b, text) == nil {
		text = b.Bytes()
	}
	return a.print(string(text) + "\n")
}

// printValue is printJSON of a value's own JSON form.
func (a *app) printValue(v any) error {
	text, err := encode(v)
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	return a.printJSON(text)
}

func (a *app) print(text string) error {
	if _, err := a.Stdout.Write([]byte(text)); err != nil {
		return ratchet.Errorf(ratchet.ReasonIO, "cannot write the result: %w", plain(err))
	}
	return nil
}

// A screen shows on Stderr what a task does while it runs: the lines it logs,
// and on a terminal how far it is.
type screen struct {
	app  *app
	live bool // show a line that changes

	mu       sync.Mutex
	title    string
	progress ratchet.Progress
	begun    time.Time
	drawn    bool // the line is there now
	frame    int
	stop     chan struct{}
	stopped  sync.WaitGroup
}

// What the line that changes looks like.
const (
	frames     = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
	framePause = 100 * time.Millisecond
	patience   = 300 * time.Millisecond // before it shows at all
	clearLine  = "\r\x1b[K"
)

func (a *app) newScreen(quiet bool) *screen {
	return &screen{app: a, live: a.err.colour && !quiet}
}

// begin starts to show progress until end.
func (s *screen) begin(title string) {
	if !s.live {
		return
	}
	s.mu.Lock()
	s.title, s.begun, s.progress = title, time.Now(), ratchet.Progress{}
	s.mu.Unlock()
	stop := make(chan struct{})
	s.stop = stop
	s.stopped.Go(func() {
		tick := time.NewTicker(framePause)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case now := <-tick.C:
				s.mu.Lock()
				if now.Sub(s.begun) > patience {
					s.frame++
					s.draw(now)
				}
				s.mu.Unlock()
			}
		}
	})
}

// end takes the line of progress away.
func (s *screen) end() {
	if !s.live {
		return
	}
	close(s.stop)
	s.stopped.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
}

// log shows a line that the task logged.
func (s *screen) log(e ratchet.LogEntry) {
	p := s.app.err
	level := "[" + e.Level.String() + "]"
	switch {
	case e.Level >= ratchet.LevelError:
		level = p.red(level)
	case e.Level >= ratchet.LevelWarn:
		level = p.yellow(level)
	case e.Level < ratchet.LevelInfo:
		level = p.dim(level)
	default:
		level = p.cyan(level)
	}
	text := level + " " + harmless(e.Message)
	if string(e.Fields) == ratchet.HintFields {
		text, e.Fields = p.yellow("hint:")+" "+harmless(e.Message), nil
	}
	if len(e.Fields) > 0 && string(e.Fields) != "{}" {
		text += " " + p.dim(harmless(string(e.Fields)))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	fmt.Fprintln(s.app.Stderr, strings.ReplaceAll(text, "\n", "\n    "))
}

// advance notes how far the task says it is.
func (s *screen) advance(p ratchet.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress = p
}

// draw writes the line anew. The lock is held.
func (s *screen) draw(now time.Time) {
	spinner := []rune(frames)
	text := s.title
	if s.progress != (ratchet.Progress{}) {
		text += fmt.Sprintf(" %.0f%% %s", s.progress.Value*100, s.progress.Message)
	}
	text = fmt.Sprintf("%s  %.1fs", strings.ReplaceAll(harmless(strings.TrimSpace(text)), "\n", " "), now.Sub(s.begun).Seconds())
	if width := s.app.columns(true) - 3; len([]rune(text)) > width {
		text = string([]rune(text)[:width])
	}
	fmt.Fprint(s.app.Stderr, clearLine+s.app.err.cyan(string(spinner[s.frame%len(spinner)]))+" "+text)
	s.drawn = true
}

// erase removes the line. The lock is held.
func (s *screen) erase() {
	if s.drawn {
		fmt.Fprint(s.app.Stderr, clearLine)
		s.drawn = false
	}
}
