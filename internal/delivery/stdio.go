package delivery

import (
	"bytes"
	"context"
	"io"
	"unicode"
	"unicode/utf8"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/destination"
)

// A console is a stream of the process that people read. One writes at a time, and
// whole lines.
type console struct {
	name string
	w    io.Writer
	turn chan struct{} // holds one token
}

func newConsole(name string, w io.Writer) *console {
	c := &console{name: name, w: w, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

// write writes the text, and waits no longer than ctx: a pipe that nobody reads
// keeps one writer, and not the others.
func (c *console) write(ctx context.Context, text []byte) error {
	select {
	case <-c.turn:
	case <-ctx.Done():
		return ratchet.Errorf(ratchet.ReasonTimeout, "nobody reads %s", c.name)
	}
	written := make(chan error, 1)
	go func() {
		_, err := c.w.Write(text)
		c.turn <- struct{}{}
		written <- err
	}()
	select {
	case err := <-written:
		if err != nil {
			return ratchet.Errorf(ratchet.ReasonIO, "write to %s: %w", c.name, err)
		}
		return nil
	case <-ctx.Done():
		return ratchet.Errorf(ratchet.ReasonTimeout, "nobody reads %s", c.name)
	}
}

// print writes the body to a console, the prefix before each line.
func (r *Runner) print(ctx context.Context, c *console, e *errand, body *destination.Body) verdict {
	prefix, err := e.event.Prefix()
	if err != nil {
		return failed(err)
	}
	var text bytes.Buffer
	for line := range bytes.Lines(harmless(body.Data)) {
		text.WriteString(prefix)
		text.Write(bytes.TrimSuffix(line, []byte("\n")))
		text.WriteByte('\n')
	}
	if err := c.write(ctx, text.Bytes()); err != nil {
		return again(err)
	}
	return verdict{bytes: int64(text.Len())}
}

// harmless is text for a terminal that is not to obey it.
func harmless(text []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' && r != '\n' {
			return utf8.RuneError
		}
		return r
	}, text)
}
