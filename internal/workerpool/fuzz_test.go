package workerpool

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os/exec"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/ipc"
)

// talkative is a Handler that answers each request at once, twice.
type talkative struct{ heard int }

func (h *talkative) Start(*Execution) Run { return Run{Input: []byte("1")} }
func (h *talkative) Request(x *Execution, m *Request) {
	h.heard++
	x.Reply(&Reply{Call: m.Call})
	x.Reply(&Reply{Call: m.Call, Failed: true, Body: m.Body})
}
func (h *talkative) Log(*Execution, *Log)           { h.heard++ }
func (h *talkative) Progress(*Execution, *Progress) { h.heard++ }

// conversation turns fuzzed bytes into the bytes that a child sends: each step
// is one byte that chooses a message, one that addresses it, and what the
// message takes of the rest. A step of an unknown number sends the rest raw.
func conversation(script []byte) []byte {
	var sent bytes.Buffer
	conn, err := ipc.NewConn(struct {
		io.Reader
		io.Writer
		io.Closer
	}{nil, &sent, io.NopCloser(nil)})
	if err != nil {
		panic(err)
	}
	for len(script) >= 2 {
		step, id, rest := script[0], uint32(script[1]%5), script[2:]
		n := min(len(rest), 4)
		payload := rest[:n]
		var m ipc.Message
		switch step % 16 {
		case 0, 1:
			m = &ipc.Log{Exec: id, Level: string(payload), Message: string(payload)}
		case 2, 3:
			m = &ipc.Request{Exec: id, Call: id, Op: "fetch", Head: payload, Body: payload}
		case 4:
			m = &ipc.Progress{Exec: id, Value: float64(id), Message: string(payload)}
		case 5, 6:
			m = &ipc.Done{Exec: id, Output: payload}
		case 7:
			m = &ipc.Done{Exec: id, Failure: &ipc.Failure{Kind: string(payload)}}
		case 8:
			m = &ipc.Bound{Bytecode: payload}
		case 9:
			m = &ipc.Bound{Failure: &ipc.Failure{}}
		case 10:
			m = &ipc.Ready{Sandbox: payload}
		case 11:
			m = &ipc.Hello{Version: id}
		case 12:
			m = &ipc.Run{Exec: id}
		case 13:
			m = &ipc.Bind{Source: payload}
		case 14: // a frame of the right form around the rest
			head := binary.LittleEndian.AppendUint32(nil, uint32(len(rest)+1))
			sent.Write(append(append(head, byte(16+id)), rest...))
			return sent.Bytes()
		default:
			sent.Write(rest)
			return sent.Bytes()
		}
		if conn.Send(m) != nil {
			return sent.Bytes()
		}
		script = rest[n:]
	}
	return sent.Bytes()
}

// FuzzWorkerMessages lets a child say anything at all while it runs two
// executions. The pool must not panic, both executions must end, and the pool
// must close.
func FuzzWorkerMessages(f *testing.F) {
	for _, script := range []string{
		"", "\x00\x01logs\x02\x01requ\x04\x01prog\x05\x01done\x05\x02done", "\x05\x01done\x05\x01done",
		"\x08\x01code\x09\x00", "\x0a\x01", "\x0b\x01", "\x0c\x01", "\x0d\x01", "\x0e\x05\x81\x01", "\x0f\x00\xff\xff\xff\xff\x15",
		"\x07\x01kind\x07\x02kind\x00\x01late", "\x02\x03none", "\x05\x01\x05\x02",
	} {
		f.Add([]byte(script))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		p := New(Config{})
		defer p.Close()
		ours, theirs := net.Pipe()
		conn, err := ipc.NewConn(ours)
		if err != nil {
			t.Fatal(err)
		}
		noStderr := &tail{done: make(chan struct{})}
		close(noStderr.done)
		w := &worker{
			domain: &Domain{Key: "a", Slots: 2, Program: Program{Cache: new(Bytecode)}}, used: 2,
			pool: p, id: p.slot(), conn: conn, stderr: noStderr, cmd: exec.Command("/never-started"),
			execs: map[uint32]*Execution{}, gone: make(chan struct{}),
		}
		w.binding.Do(func() {}) // there is no process to limit
		p.mu.Lock()
		p.workers, p.running = append(p.workers, w), 1
		p.mu.Unlock()
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(io.Discard, theirs) // until either side closes
		}()
		var running []*Execution
		for range 2 {
			x, err := w.start(new(talkative))
			if err != nil {
				t.Fatal(err)
			}
			running = append(running, x)
		}
		p.tasks.Go(w.receive)
		_, _ = theirs.Write(conversation(script)) // the pool may hang up in the middle
		theirs.Close()
		for _, x := range running {
			<-x.ended
			if (x.done == nil) == (x.err == nil) {
				t.Errorf("an execution ended with done %+v and error %v", x.done, x.err)
			}
			p.release(w)
		}
		<-w.gone
		<-read
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.running != 0 || len(p.workers) != 0 || w.used != 0 {
			t.Errorf("the pool still counts %d running and %d workers", p.running, len(p.workers))
		}
	})
}
