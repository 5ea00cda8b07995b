package inspector

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/coder/websocket"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// DefaultPort is where debuggers look first.
const DefaultPort = 9229

// A Server lends workers to debuggers that connect to a port of this machine.
type Server struct {
	listener net.Listener
	http     *http.Server
	life     context.Context //nolint:containedctx // of what debuggers are told
	end      context.CancelFunc

	mu      sync.Mutex
	targets []*target
	closed  bool
	wait    sync.WaitGroup
}

// A target is a worker that debuggers may look into.
type target struct {
	id    string
	title string
	file  string // the task's entry, a URL
	conn  io.ReadWriteCloser
	may   chan struct{} // closed once a debugger lets the program run
	once  sync.Once
	over  chan struct{} // closed when the worker is gone

	writing sync.Mutex // apart: a worker may want to be heard before it reads on

	mu     sync.Mutex
	client *websocket.Conn // who looks on
}

// Listen takes the port on the loopback interface; 0 is any. The error of one that
// is taken says so.
func Listen(ctx context.Context, port int) (*Server, error) {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, ratchet.Errorf(ratchet.ReasonServiceUnavailable, "the inspector's port %s is taken, perhaps by another program that is being inspected: take another with --inspect=PORT, or any with --inspect=0", address)
	case errors.Is(err, syscall.EACCES):
		return nil, ratchet.Errorf(ratchet.ReasonPermission, "the inspector's port %s is not for this user: take one from 1024 on with --inspect=PORT", address)
	case err != nil:
		return nil, ratchet.Errorf(ratchet.ReasonServiceUnavailable, "the inspector cannot listen on %s: %w", address, err)
	}
	s := &Server{listener: listener}
	s.life, s.end = context.WithCancel(context.WithoutCancel(ctx))
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.wait.Go(func() { _ = s.http.Serve(listener) }) // until Close
	return s, nil
}

// Addr is where debuggers connect: "127.0.0.1:9229".
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close sends the debuggers away and lets the workers be.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	targets := slices.Clone(s.targets)
	s.mu.Unlock()
	for _, t := range targets {
		_ = t.conn.Close() // whoever reads it learns so
	}
	s.end()
	_ = s.http.Close()
	s.wait.Wait()
}

// Add lends a worker, whose inspector conn is; the title and file are what
// debuggers show. It returns at once, with where debuggers find it.
func (s *Server) Add(conn io.ReadWriteCloser, title, file string) (webSocket string) {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // it cannot fail
	t := &target{id: hex.EncodeToString(id), title: title, file: file, conn: conn, may: make(chan struct{}), over: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return ""
	}
	s.targets = append(s.targets, t)
	s.wait.Go(func() {
		t.read(s.life)
		s.remove(t)
	})
	return "ws://" + s.Addr() + "/" + t.id
}

func (s *Server) remove(t *target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.targets = slices.DeleteFunc(s.targets, func(one *target) bool { return one == t })
}

// Wait returns once a debugger has let some worker's program run, or ctx ends.
func (s *Server) Wait(ctx context.Context) error {
	for {
		s.mu.Lock()
		targets := slices.Clone(s.targets)
		s.mu.Unlock()
		for _, t := range targets {
			select {
			case <-t.may:
				return nil
			default:
			}
		}
		if len(targets) == 0 {
			return ErrGone
		}
		select {
		case <-targets[len(targets)-1].may:
		case <-targets[len(targets)-1].over:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// read passes on what the worker says.
func (t *target) read(life context.Context) {
	defer close(t.over)
	lines := lineReader(t.conn)
	for lines.Scan() {
		if bytes.HasPrefix(lines.Bytes(), []byte(`{"method":"Ratchet.run"`)) {
			t.once.Do(func() { close(t.may) })
			continue
		}
		if client := t.looking(); client != nil {
			tell(life, client, lines.Bytes())
		}
	}
	if client := t.looking(); client != nil {
		_ = client.Close(websocket.StatusGoingAway, "the worker has ended")
	}
}

func (t *target) looking() *websocket.Conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.client
}

// patience is how long a debugger may take to read a message. One that does not
// is sent away.
const patience = 30 * time.Second

func tell(life context.Context, client *websocket.Conn, line []byte) {
	ctx, cancel := context.WithTimeout(life, patience)
	defer cancel()
	if client.Write(ctx, websocket.MessageText, line) != nil {
		_ = client.CloseNow() // it is gone
	}
}

// say sends the worker a message.
func (t *target) say(line []byte) error {
	t.writing.Lock()
	defer t.writing.Unlock()
	_, err := t.conn.Write(append(bytes.TrimSpace(line), '\n'))
	return err
}

// ServeHTTP answers debuggers: which workers there are, and then the protocol.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !local(r.Host) { // a site that has its name lead here
		http.Error(w, "this is only for the machine itself: ask for 127.0.0.1 or localhost", http.StatusForbidden)
		return
	}
	switch r.URL.Path {
	case "/json", "/json/list":
		answer(w, s.list(r.Host))
	case "/json/version":
		answer(w, map[string]string{"Browser": "ratchet", "Protocol-Version": "1.1"})
	default:
		if t := s.find(r.URL.Path[1:]); t != nil {
			s.lend(w, r, t)
			return
		}
		http.NotFound(w, r)
	}
}

// local reports whether the name of the host is one that only this machine has.
func local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_ = json.NewEncoder(w).Encode(v) // who does not read it has no answer
}

// A listed target, as debuggers know it.
type listed struct {
	Description string `json:"description"`
	Frontend    string `json:"devtoolsFrontendUrl"`
	ID          string `json:"id"`
	Title       string `json:"title"`
	Type        string `json:"type"`
	URL         string `json:"url"`
	WebSocket   string `json:"webSocketDebuggerUrl"`
}

func (s *Server) list(host string) []listed {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []listed{}
	for _, t := range s.targets {
		all = append(all, listed{
			Description: "a worker of ratchet", ID: t.id, Title: t.title, Type: "node", URL: t.file,
			Frontend:  "devtools://devtools/bundled/js_app.html?experiments=true&v8only=true&ws=" + host + "/" + t.id,
			WebSocket: "ws://" + host + "/" + t.id,
		})
	}
	slices.Reverse(all) // debuggers take the first
	return all
}

func (s *Server) find(id string) *target {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.targets {
		if t.id == id {
			return t
		}
	}
	return nil
}

// lend lets a debugger look into a worker until it goes.
func (s *Server) lend(w http.ResponseWriter, r *http.Request, t *target) {
	if t.looking() != nil {
		http.Error(w, "somebody looks into this worker already", http.StatusConflict)
		return
	}
	// Who asks is known by Host; debuggers are pages of other origins.
	client, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return // it was told
	}
	defer func() { _ = client.CloseNow() }()
	client.SetReadLimit(maxMessage)
	t.mu.Lock()
	t.client = client
	t.mu.Unlock()
	for {
		_, line, err := client.Read(s.life)
		if err != nil || t.say(line) != nil {
			break
		}
	}
	t.mu.Lock()
	t.client = nil
	t.mu.Unlock()
	// Nothing stands still that nobody looks at, and the next begins anew.
	for _, method := range []string{"Debugger.resume", "Debugger.disable", "Runtime.disable", "Profiler.disable", "HeapProfiler.disable"} {
		if t.say([]byte(`{"id":-1,"method":"`+method+`"}`)) != nil {
			return
		}
	}
}
