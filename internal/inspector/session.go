// Package inspector speaks the protocol by which debuggers look into JavaScript:
// with a worker, as one that counts what code ran and for how long; and with
// debuggers, to whom it lends the workers over a WebSocket on this machine. What
// workers there are it is told.
package inspector

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// maxMessage bounds one message of the protocol, either way: a script with its
// source map may be long.
const maxMessage = 256 << 20

// A message is one of the protocol.
type message struct {
	ID     int             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *struct {
		Code    json.RawMessage `json:"code"`
		Message string          `json:"message"`
	} `json:"error,omitempty"`
}

// ErrGone is what a Session returns whose worker has ended.
var ErrGone = errors.New("the worker has ended")

// A Session looks into one worker.
type Session struct {
	conn io.ReadWriteCloser
	over chan struct{}

	writing sync.Mutex // apart: a worker may want to be heard before it reads on

	mu    sync.Mutex
	next  int
	calls map[int]chan message
	ended bool
}

// NewSession returns a Session over the connection, which becomes its own.
func NewSession(conn io.ReadWriteCloser) *Session {
	s := &Session{conn: conn, over: make(chan struct{}), calls: map[int]chan message{}}
	go s.read() // until the connection ends; Close waits
	return s
}

// Close ends the session.
func (s *Session) Close() {
	_ = s.conn.Close() // nothing is lost that anybody waits for
	<-s.over
}

func (s *Session) read() {
	defer close(s.over)
	lines := lineReader(s.conn)
	for lines.Scan() {
		var m message
		if json.Unmarshal(lines.Bytes(), &m) != nil || m.ID == 0 {
			continue
		}
		s.mu.Lock()
		if got := s.calls[m.ID]; got != nil {
			delete(s.calls, m.ID)
			got <- m
		}
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for _, got := range s.calls {
		close(got)
	}
	s.calls = nil
}

func lineReader(r io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxMessage)
	return lines
}

// Call has the worker carry out a command of the protocol, and reads its result
// into out, if that is not nil.
func (s *Session) Call(ctx context.Context, method string, params, out any) error {
	got, err := s.send(method, params)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case m, open := <-got:
		switch {
		case !open:
			return fmt.Errorf("%s: %w", method, ErrGone)
		case m.Error != nil:
			return fmt.Errorf("%s: %s", method, m.Error.Message)
		case out == nil:
			return nil
		}
		if err := json.Unmarshal(m.Result, out); err != nil {
			return fmt.Errorf("%s: read its result: %w", method, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, context.Cause(ctx))
	}
}

func (s *Session) send(method string, params any) (<-chan message, error) {
	m := message{Method: method}
	if params != nil {
		text, err := json.Marshal(params)
		if err != nil {
			return nil, fmt.Errorf("encode parameters: %w", err)
		}
		m.Params = text
	}
	got := make(chan message, 1)
	if m.ID = s.enter(got); m.ID == 0 {
		return nil, ErrGone
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if _, err := s.conn.Write(append(text, '\n')); err != nil {
		return nil, ErrGone
	}
	return got, nil
}

// enter notes who waits for an answer, and returns the number of the question; 0
// if the worker is gone.
func (s *Session) enter(got chan message) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return 0
	}
	s.next++
	s.calls[s.next] = got
	return s.next
}
