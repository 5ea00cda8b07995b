package graphql

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
)

// protocol is the one that is spoken over WebSockets: graphql-ws's.
const protocol = "graphql-transport-ws"

// How that protocol ends a connection.
const (
	closeBadRequest      = 4400
	closeUnauthorized    = 4401
	closeInitTimeout     = 4408
	closeSubscriberTwice = 4409
	closeTooManyInits    = 4429
)

// Bounds of a connection.
const (
	initTime   = 10 * time.Second
	maxMessage = 1 << 20
	maxRunning = 100              // operations at once
	pingTime   = 30 * time.Second // between pings of a connection
	leaveTime  = time.Second      // for operations to end by themselves when the server does
	maxReason  = 120              // bytes of why a connection is closed
)

func isUpgrade(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket") && r.Method == http.MethodGet
}

// A message is what is said over a connection.
type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// A socket is one connection.
type socket struct {
	h    *Handler
	conn *websocket.Conn

	mu      sync.Mutex
	running map[string]context.CancelFunc
	leaving bool           // it takes no more operations
	tasks   sync.WaitGroup // operations
	work    sync.WaitGroup // all that runs for it
}

// allowedOrigin reports whether the page that opens a WebSocket may: browsers let
// any do it, and show us which one it is.
func (h *Handler) allowedOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true // no browser
	}
	if u, err := url.Parse(origin); err == nil && strings.EqualFold(u.Host, r.Host) {
		return true
	}
	return h.cors != nil && h.cors.OriginAllowed(r)
}

// serveSocket serves a WebSocket until one side ends it.
func (h *Handler) serveSocket(w http.ResponseWriter, r *http.Request) {
	if !h.allowedOrigin(r) {
		h.refuse(w, r, http.StatusForbidden, ratchet.Errorf(ratchet.ReasonOriginRefused,
			"a page of %q may not open a WebSocket here: name its origin in the server's cors.allowed_origins", shorten(r.Header.Get("Origin"))))
		return
	}
	_, known := auth.From(r.Context())
	if !known && h.config.Keys == nil {
		h.refuse(w, r, http.StatusUnauthorized, unauthenticated())
		return
	}
	if !strings.Contains(strings.Join(r.Header.Values("Sec-Websocket-Protocol"), ","), protocol) {
		h.refuse(w, r, http.StatusBadRequest, ratchet.Errorf(ratchet.ReasonValidation, "this WebSocket speaks the protocol %s: ask for it in Sec-WebSocket-Protocol", protocol))
		return
	}
	if refusal := h.enter(); refusal != nil {
		h.refuse(w, r, http.StatusServiceUnavailable, refusal)
		return
	}
	conn, err := websocket.Accept(bare{w}, r, &websocket.AcceptOptions{Subprotocols: []string{protocol}, InsecureSkipVerify: true}) // the origin was looked at
	if err != nil {
		h.leave()
		h.log.InfoContext(r.Context(), "a WebSocket was not opened", "error", err.Error())
		return
	}
	conn.SetReadLimit(maxMessage)
	s := &socket{h: h, conn: conn, running: map[string]context.CancelFunc{}}
	ctx, cancel := context.WithCancel(withRequestID(context.WithoutCancel(r.Context()), w.Header().Get(requestIDHeader)))
	// The request is over: its stack and all that it holds are given back. Close
	// waits for the connection.
	go func() {
		defer h.leave()
		defer cancel()
		s.live(ctx, cancel)
	}()
}

// live serves the connection until it ends, and waits for all that runs for it.
func (s *socket) live(ctx context.Context, cancel func()) {
	left := make(chan struct{})
	stop := context.AfterFunc(s.h.life, func() {
		defer close(left)
		s.leave()
		cancel()
	})
	s.serve(ctx)
	cancel()
	if !stop() {
		<-left
	}
	s.work.Wait()
	_ = s.conn.CloseNow() // if nobody did
}

// leave ends the connection because the server does. Operations that are ending
// have a moment to say so.
func (s *socket) leave() {
	s.mu.Lock()
	s.leaving = true
	s.mu.Unlock()
	told := make(chan struct{})
	s.work.Go(func() {
		s.tasks.Wait()
		close(told)
	})
	select {
	case <-told:
	case <-time.After(leaveTime):
	}
	s.close(websocket.StatusGoingAway, "the server is stopping")
}

// close ends the connection with a reason.
func (s *socket) close(code websocket.StatusCode, reason string) {
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "")
	}
	_ = s.conn.Close(code, reason) // one that is closed is closed
}

// serve reads messages until the connection ends.
func (s *socket) serve(ctx context.Context) {
	ctx, ok := s.begin(ctx)
	if !ok {
		return
	}
	defer every(pingTime, func() bool { return s.alive(ctx) })()
	for {
		m, err := s.read(ctx)
		if err != nil {
			s.unreadable(err)
			return
		}
		if !s.handle(ctx, m) {
			return
		}
	}
}

// begin waits for the first message, which may carry a key.
func (s *socket) begin(ctx context.Context) (context.Context, bool) {
	waiting, cancel := context.WithTimeout(ctx, initTime)
	defer cancel()
	timer := time.AfterFunc(initTime-time.Second, func() { s.close(closeInitTimeout, "Connection initialisation timeout") })
	defer timer.Stop()
	for {
		m, err := s.read(waiting)
		switch {
		case err != nil:
			s.unreadable(err)
			return nil, false
		case m.Type == "ping":
			if s.write(ctx, message{Type: "pong"}) != nil {
				return nil, false
			}
			continue
		case m.Type != "connection_init":
			s.close(closeUnauthorized, "Unauthorized")
			return nil, false
		}
		if ctx, err = s.admit(ctx, m.Payload); err != nil {
			s.close(closeUnauthorized, ratchet.AsError(err).Message)
			return nil, false
		}
		return ctx, s.write(ctx, message{Type: "connection_ack"}) == nil
	}
}

// admit finds out who asks, if a key is shown only now. One that is shown must be
// good.
func (s *socket) admit(ctx context.Context, payload json.RawMessage) (context.Context, error) {
	fields, err := object(payload)
	if err != nil {
		return ctx, unauthenticated()
	}
	key := ""
	for name, raw := range fields {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			continue
		}
		switch strings.ToLower(name) {
		case "authorization":
			scheme, rest, found := strings.Cut(text, " ")
			if !found || !strings.EqualFold(scheme, "Bearer") {
				return ctx, unauthenticated()
			}
			key = strings.TrimSpace(rest)
		case "x-api-key":
			key = text
		}
	}
	if key == "" || s.h.config.Keys == nil {
		if _, known := auth.From(ctx); !known {
			return ctx, unauthenticated()
		}
		return ctx, nil
	}
	p, err := s.h.config.Keys.Authenticate(ctx, key)
	if err != nil {
		return ctx, err
	}
	return auth.With(ctx, p), nil
}

// handle does what a message asks; false if that ends the connection.
func (s *socket) handle(ctx context.Context, m message) bool {
	switch m.Type {
	case "subscribe":
		return s.subscribe(ctx, m)
	case "complete":
		s.mu.Lock()
		if cancel := s.running[m.ID]; cancel != nil {
			cancel()
		}
		s.mu.Unlock()
	case "ping":
		return s.write(ctx, message{Type: "pong", Payload: m.Payload}) == nil
	case "pong":
	case "connection_init":
		s.close(closeTooManyInits, "Too many initialisation requests")
		return false
	default:
		s.close(closeBadRequest, fmt.Sprintf("%q is no type of message", shorten(m.Type)))
		return false
	}
	return true
}

// subscribe begins an operation.
func (s *socket) subscribe(ctx context.Context, m message) bool {
	var op operation
	if m.ID == "" || json.Unmarshal(m.Payload, &op) != nil {
		s.close(closeBadRequest, "a subscribe message needs an id, and a payload with a query")
		return false
	}
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	_, twice := s.running[m.ID]
	many := len(s.running) >= maxRunning
	leaving := s.leaving
	if !twice && !many && !leaving {
		s.running[m.ID] = cancel
		s.tasks.Add(1)
	}
	s.mu.Unlock()
	to := &subscriber{s: s, ctx: ctx, id: m.ID}
	switch {
	case leaving:
		cancel()
		return true // it is about to hear why
	case twice:
		cancel()
		s.close(closeSubscriberTwice, "Subscriber for "+m.ID+" already exists")
		return false
	case many:
		cancel()
		to.ended = true // it never began
		return errors.Is(to.fail(s.h.list(ctx, overLimit("operations at once on this connection", maxRunning, "end some of them"))), errFailed)
	}
	s.work.Go(func() {
		defer s.tasks.Done()
		defer cancel()
		s.operate(ctx, &op, to)
	})
	return true
}

// operate does an operation, and says when it has ended by itself.
func (s *socket) operate(ctx context.Context, op *operation, to *subscriber) {
	defer to.forget()
	defer s.h.caught(ctx, to)
	err := s.h.run(ctx, op, to)
	if ctx.Err() != nil {
		return // the reader, or the connection, has ended it
	}
	if err == nil {
		to.forget()
		err = s.write(ctx, message{ID: to.id, Type: "complete"})
	}
	if err != nil && !errors.Is(err, errFailed) {
		s.h.log.InfoContext(ctx, "a subscriber was dropped", "transport", "websocket", "request_id", requestID(ctx), "error", err.Error())
	}
}

// caught keeps a panic of one operation from the others.
func (h *Handler) caught(ctx context.Context, to *subscriber) {
	if p := recover(); p != nil {
		err := h.recovered(ctx, p)
		_ = to.fail(h.list(ctx, err)) // who is gone hears nothing
	}
}

// read reads a message.
func (s *socket) read(ctx context.Context) (m message, err error) {
	kind, data, err := s.conn.Read(ctx)
	if err != nil {
		return m, fmt.Errorf("read from a WebSocket: %w", err)
	}
	if kind != websocket.MessageText || json.Unmarshal(data, &m) != nil {
		return m, errMessage
	}
	return m, nil
}

var errMessage = errors.New("this is no message of the protocol")

func (s *socket) unreadable(err error) {
	if errors.Is(err, errMessage) {
		s.close(closeBadRequest, err.Error())
	}
}

// write sends a message, which must be taken within a time.
func (s *socket) write(ctx context.Context, m message) error {
	data, err := json.Marshal(message{ID: m.ID, Type: m.Type})
	if err != nil {
		return fmt.Errorf("encode a message: %w", err)
	}
	if m.Payload != nil { // left as it is
		data = append(append(data[:len(data)-1], `,"payload":`...), m.Payload...)
		data = append(data, '}')
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.h.config.ReadWithin)
	defer cancel()
	if err := s.conn.Write(ctx, websocket.MessageText, data); err != nil {
		return fmt.Errorf("write to a WebSocket: %w", err)
	}
	return nil
}

// alive finds out whether the other side is gone without a word.
func (s *socket) alive(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, s.h.config.ReadWithin)
	defer cancel()
	if err := s.conn.Ping(ctx); err != nil {
		_ = s.conn.CloseNow() // it does not answer
		return false
	}
	return true
}

// A subscriber is an outlet to one operation of a connection.
type subscriber struct {
	s   *socket
	ctx context.Context //nolint:containedctx // the operation's
	id  string

	ended bool // its ID may be another's
}

// forget gives the ID free. It is called before the reader hears that the
// operation has ended.
func (to *subscriber) forget() {
	to.s.mu.Lock()
	defer to.s.mu.Unlock()
	if !to.ended {
		to.ended = true
		delete(to.s.running, to.id)
	}
}

func (to *subscriber) next(answer []byte) error {
	return to.s.write(to.ctx, message{ID: to.id, Type: "next", Payload: answer})
}

// errFailed ends an operation that was told why.
var errFailed = errors.New("the operation failed")

func (to *subscriber) fail(errs gqlerror.List) error {
	to.forget()
	if err := to.s.write(to.ctx, message{ID: to.id, Type: "error", Payload: encodeErrors(errs)}); err != nil {
		return err
	}
	return errFailed
}

// bare is the connection's own writer, found under those that compress and count:
// they know nothing of connections that are taken over.
type bare struct{ http.ResponseWriter }

// Hijack takes the connection over.
func (b bare) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(b.innermost()).Hijack()
}

// WriteHeader begins the answer.
func (b bare) WriteHeader(status int) { b.innermost().WriteHeader(status) }

func (b bare) innermost() http.ResponseWriter {
	w := b.ResponseWriter
	for {
		outer, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = outer.Unwrap()
	}
}
