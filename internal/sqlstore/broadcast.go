package sqlstore

import (
	"bytes"
	"context"
	"log/slog"
	"time"
	"unicode/utf8"

	"github.com/ratchet-runner/ratchet-go"
)

// How nodes on one PostgreSQL tell each other something.
const (
	channel    = "ratchet"
	maxPayload = 7900 // PostgreSQL takes 7999 bytes, of which the sender's ID is 36
	listenWait = time.Second
)

// MaxPayload is how many bytes a Broadcast may have; 0 if there is nobody to
// tell, as with SQLite.
func (s *Store) MaxPayload() int {
	if s.kind == sqlite {
		return 0
	}
	return maxPayload
}

// Broadcast tells the other nodes. It is text without NUL characters, of at most
// MaxPayload bytes; who does not listen now never hears it.
func (s *Store) Broadcast(ctx context.Context, message []byte) error {
	if s.kind == sqlite {
		return nil
	}
	if len(message) > maxPayload || !utf8.Valid(message) || bytes.IndexByte(message, 0) >= 0 {
		return ratchet.Errorf(ratchet.ReasonInternal, "a message to other nodes has %d bytes or is no text: want at most %d bytes of UTF-8", len(message), maxPayload)
	}
	return wrap("tell other nodes", s.tell(ctx, s.cfg.Node.UUID()+string(message)))
}

// Listen calls heard with what other nodes broadcast, until ctx ends. A
// connection that is lost is made again; what was said meanwhile is not heard.
func (s *Store) Listen(ctx context.Context, heard func([]byte)) error {
	if s.kind == sqlite {
		<-ctx.Done()
		return nil
	}
	for {
		err := s.listen(ctx, heard)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // that is how it ends
		}
		s.cfg.Log.WarnContext(ctx, "the connection on which other nodes are heard was lost", slog.Any("error", err))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(listenWait):
		}
	}
}
