package httpd

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A response counts what is sent, and bounds how long it may take from its first
// byte. Waiting for a result comes before that, and a stream bounds each of its
// events itself.
type response struct {
	http.ResponseWriter
	timeout time.Duration
	status  int
	bytes   int64
	own     bool // whoever writes sets the deadlines
	units   string
}

// newResponse returns a response without the deadline of the one before it on the
// connection. A connection that knows no deadlines is one of a test.
func newResponse(w http.ResponseWriter, timeout time.Duration) *response {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	return &response{ResponseWriter: w, timeout: timeout}
}

// Unwrap is how http.ResponseController finds the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// SetWriteDeadline is the handler's.
func (w *response) SetWriteDeadline(t time.Time) error {
	w.own = true
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(t)
}

// WriteHeader begins the answer.
func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
		w.bound()
		if w.units != "" {
			w.Header().Set("Content-Range", w.units)
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// bound begins the time that the answer may take.
func (w *response) bound() {
	if !w.own {
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.timeout))
	}
}

// Write sends a part of the answer.
func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Flush sends what there is. Compression, which stands between this and streams,
// knows no other way to ask for it. What fails then fails the next Write too.
func (w *response) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// A listing is an answer whose Content-Range counts other units than bytes, as
// that of a list does. Compression leaves answers with a Content-Range alone, so
// it is kept from it.
type listing struct {
	http.ResponseWriter
	outer *response
}

// Unwrap is how http.ResponseController finds the connection.
func (w *listing) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader takes the header away until the answer has passed.
func (w *listing) WriteHeader(status int) {
	h := w.Header()
	if units := h.Get("Content-Range"); units != "" && !strings.HasPrefix(units, "bytes") {
		w.outer.units = units
		h.Del("Content-Range")
	}
	w.ResponseWriter.WriteHeader(status)
}

// A body must arrive within a time. That ends with the body, so that it does not
// cut a wait; a body that nobody reads to its end is cut off by it.
//
// What is read of bodies is kept until they are dealt with, so that all together
// may not be more than there is room for. The beginning of each does not count:
// those who send little are not refused for those who send much.
type body struct {
	io.ReadCloser
	control *http.ResponseController
	room    *room
	read    int64
}

// A room bounds what is held at once.
type room struct {
	held atomic.Int64
	most int64
}

// uncounted is how much of a body takes no room.
const uncounted = 64 << 10

func newBody(of io.ReadCloser, w http.ResponseWriter, within time.Duration, r *room) *body {
	b := &body{ReadCloser: of, control: http.NewResponseController(w), room: r}
	b.deadline(time.Now().Add(within))
	return b
}

// counted is what the body takes of the room.
func (b *body) counted() int64 { return max(0, b.read-uncounted) }

// done gives the room back.
func (b *body) done() { b.room.held.Add(-b.counted()) }

// Read reads a part of the body.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	before := b.counted()
	b.read += int64(n)
	if more := b.counted() - before; more > 0 && b.room.held.Add(more) > b.room.most {
		return 0, ratchet.Errorf(ratchet.ReasonServiceUnavailable, "this server holds as many large bodies as it may: try again")
	}
	if errors.Is(err, io.EOF) {
		b.deadline(time.Time{})
	}
	return n, err
}

// deadline sets when the connection's reads fail.
func (b *body) deadline(t time.Time) { _ = b.control.SetReadDeadline(t) }
