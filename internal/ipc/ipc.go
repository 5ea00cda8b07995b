// Package ipc is what Ratchet's server and a child process say to each other:
// the messages, their framing and the version both must speak. The transport is
// any io.ReadWriteCloser; for workers it is an inherited socket pair.
//
// A frame is four bytes of length (little endian, the rest of the frame), one
// byte of kind, and the message as a CBOR array. Documents of tasks (input,
// output, bodies) are byte strings in it: opaque, never parsed here.
package ipc

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/fxamacker/cbor/v2"
)

// Version is the version of the protocol. Both sides say theirs first; a side
// that hears another one ends the conversation.
const Version = 1

// MaxFrame bounds a frame: the largest output or body (64 MB), and room for the
// rest of its message.
const MaxFrame = 66 << 20

// A Kind tells the messages apart on the wire.
type Kind byte

// The kinds. Numbers are never reused.
const (
	KindHello    Kind = 1 // both ways, first
	KindBind     Kind = 2 // server to worker, from here on
	KindRun      Kind = 3
	KindReply    Kind = 4
	KindCancel   Kind = 5
	KindReady    Kind = 16 // worker to server, from here on
	KindBound    Kind = 17
	KindRequest  Kind = 18
	KindLog      Kind = 19
	KindProgress Kind = 20
	KindDone     Kind = 21
)

// A Message is one of the structs below.
type Message interface{ kind() Kind }

// Hello opens the conversation.
type Hello struct {
	_       struct{} `cbor:",toarray"`
	Version uint32
}

// Ready says that a worker has confined itself and waits for its task, or that
// it could not.
type Ready struct {
	_       struct{} `cbor:",toarray"`
	Engine  string   // engine and bytecode version
	Sandbox []byte   // JSON of sandbox.Report
	Error   string   // why the worker may not be used; empty if it may
}

// Bind gives a worker the one task it will ever run.
type Bind struct {
	_         struct{} `cbor:",toarray"`
	File      string   // what stack traces call the program
	Kind      string   // "script" or "module"
	Source    []byte
	Bytecode  []byte // what a worker made of this Source before, or empty
	Memory    int64  // bytes a VM may use
	Recursion int32  // stack slots
	Resident  int32  // VMs kept warm
}

// Bound answers Bind once the program is compiled.
type Bound struct {
	_        struct{} `cbor:",toarray"`
	Bytecode []byte   // empty if Bind brought it
	Failure  *Failure // the engine does not accept the source
}

// Run starts an execution.
type Run struct {
	_       struct{} `cbor:",toarray"`
	Exec    uint32   // chosen by the server; names the execution from here on
	Input   []byte   // JSON
	Context []byte   // JSON object: the task's second argument
	CPU     int64    // nanoseconds of processor time allowed
	Output  int64    // bytes of output allowed
	// Timeline makes the execution repeatable; nil takes time and chance as they come.
	Timeline *Timeline
}

// A Timeline is a clock and a source of chance that can be had again.
type Timeline struct {
	_      struct{} `cbor:",toarray"`
	Seed   uint64
	Start  int64 // Unix nanoseconds
	Replay bool  // do not wait
}

// Taken says when a reply was taken, on the clock of a Timeline.
type Taken struct {
	_    struct{} `cbor:",toarray"`
	Call uint32
	At   int64 // nanoseconds since the start
}

// Cancel stops an execution. Its Done still comes.
type Cancel struct {
	_    struct{} `cbor:",toarray"`
	Exec uint32
}

// Request asks the server for an effect, such as "fetch".
type Request struct {
	_    struct{} `cbor:",toarray"`
	Exec uint32
	Call uint32 // the reply's address
	Op   string
	Head []byte // JSON
	Body []byte
	At   int64 // nanoseconds since the start, as the task sees it
}

// Reply answers a Request.
type Reply struct {
	_      struct{} `cbor:",toarray"`
	Exec   uint32
	Call   uint32
	Failed bool
	Head   []byte // JSON
	Body   []byte
	At     int64 // with a Timeline: when it came, nanoseconds since the start
}

// Log is one line that a task logged.
type Log struct {
	_       struct{} `cbor:",toarray"`
	Exec    uint32
	At      int64 // Unix nanoseconds
	Level   string
	Message string
	Fields  []byte // JSON object or empty
}

// Progress is how far a task says it is.
type Progress struct {
	_       struct{} `cbor:",toarray"`
	Exec    uint32
	Value   float64
	Message string
}

// Done ends an execution.
type Done struct {
	_          struct{} `cbor:",toarray"`
	Exec       uint32
	Output     []byte   // JSON; empty if it failed
	Failure    *Failure // nil if it did not
	CPU        int64    // nanoseconds
	PeakMemory int64    // bytes
	Unhandled  []string // promise rejections nobody handled
	Taken      []Taken  // with a Timeline: the replies, in order
}

// A Failure is why an execution ended without output.
type Failure struct {
	_       struct{} `cbor:",toarray"`
	Kind    string   // a js.FailureKind
	Name    string
	Message string
	Stack   string
	Extra   []byte // JSON object or empty
	Size    int64
}

func (*Hello) kind() Kind    { return KindHello }
func (*Ready) kind() Kind    { return KindReady }
func (*Bind) kind() Kind     { return KindBind }
func (*Bound) kind() Kind    { return KindBound }
func (*Run) kind() Kind      { return KindRun }
func (*Cancel) kind() Kind   { return KindCancel }
func (*Request) kind() Kind  { return KindRequest }
func (*Reply) kind() Kind    { return KindReply }
func (*Log) kind() Kind      { return KindLog }
func (*Progress) kind() Kind { return KindProgress }
func (*Done) kind() Kind     { return KindDone }

func newMessage(k Kind) (Message, error) {
	switch k {
	case KindHello:
		return new(Hello), nil
	case KindReady:
		return new(Ready), nil
	case KindBind:
		return new(Bind), nil
	case KindBound:
		return new(Bound), nil
	case KindRun:
		return new(Run), nil
	case KindCancel:
		return new(Cancel), nil
	case KindRequest:
		return new(Request), nil
	case KindReply:
		return new(Reply), nil
	case KindLog:
		return new(Log), nil
	case KindProgress:
		return new(Progress), nil
	case KindDone:
		return new(Done), nil
	}
	if m := newPluginMessage(k); m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("message of unknown kind %d", k)
}

// A Conn sends and receives messages. Send may be called from many goroutines,
// Receive from one.
type Conn struct {
	rw  io.ReadWriteCloser
	r   *bufio.Reader
	enc cbor.EncMode
	dec cbor.DecMode

	head [5]byte // of the frame being received
	in   []byte

	mu  sync.Mutex // guards out and writes
	out bytes.Buffer
}

// keep is the largest buffer a Conn holds on to between messages.
const keep = 64 << 10

// NewConn returns a Conn over rw, which Close closes.
func NewConn(rw io.ReadWriteCloser) (*Conn, error) {
	enc, err := cbor.EncOptions{}.EncMode()
	if err != nil {
		return nil, fmt.Errorf("cbor encoder: %w", err)
	}
	dec, err := cbor.DecOptions{
		MaxArrayElements: 1 << 17, MaxMapPairs: 16, MaxNestedLevels: 4,
		IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
	}.DecMode()
	if err != nil {
		return nil, fmt.Errorf("cbor decoder: %w", err)
	}
	return &Conn{rw: rw, r: bufio.NewReaderSize(rw, 16<<10), enc: enc, dec: dec}, nil
}

// ErrTooLarge is returned for a message that does not fit a frame.
var ErrTooLarge = errors.New("message is larger than a frame may be")

// Send writes m in one call to the transport.
func (c *Conn) Send(m Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out.Cap() > keep {
		c.out = bytes.Buffer{}
	}
	c.out.Reset()
	c.out.Write([]byte{0, 0, 0, 0, byte(m.kind())})
	if err := c.enc.NewEncoder(&c.out).Encode(m); err != nil {
		return fmt.Errorf("encode %T: %w", m, err)
	}
	b := c.out.Bytes()
	if len(b)-4 > MaxFrame {
		return fmt.Errorf("send %T of %d bytes: %w", m, len(b), ErrTooLarge)
	}
	binary.LittleEndian.PutUint32(b, uint32(len(b)-4))
	if _, err := c.rw.Write(b); err != nil {
		return fmt.Errorf("send %T: %w", m, err)
	}
	return nil
}

// Receive waits for the next message. It returns io.EOF when the other side
// has closed between two frames. What it allocates grows with what has come,
// not with what a frame claims to hold.
func (c *Conn) Receive() (Message, error) {
	if _, err := io.ReadFull(c.r, c.head[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(c.head[:])
	if n < 1 || n > MaxFrame {
		return nil, fmt.Errorf("receive a frame of %d bytes: %w", n, ErrTooLarge)
	}
	m, err := newMessage(Kind(c.head[4]))
	if err != nil {
		return nil, err
	}
	body, err := c.read(int(n - 1))
	if err != nil {
		return nil, fmt.Errorf("receive %T: %w", m, err)
	}
	if err := c.dec.Unmarshal(body, m); err != nil {
		return nil, fmt.Errorf("decode %T: %w", m, err)
	}
	return m, nil
}

func (c *Conn) read(n int) ([]byte, error) {
	if n <= keep {
		if cap(c.in) < n {
			c.in = make([]byte, max(n, 4096))
		}
		_, err := io.ReadFull(c.r, c.in[:n])
		return c.in[:n], noEOF(err)
	}
	var b bytes.Buffer
	_, err := io.CopyN(&b, c.r, int64(n))
	return b.Bytes(), noEOF(err)
}

// noEOF makes the end of the stream inside a frame the error it is.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Close closes the transport; a Receive that waits ends.
func (c *Conn) Close() error { return c.rw.Close() }
