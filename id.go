package ratchet

import (
	"bytes"
	"crypto/rand"
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// An ID identifies one entity of type T. IDs of different entities are different
// types: a [TaskID] where a [JobID] is wanted does not compile, and is a clear
// error in text.
//
// An ID is a UUID of version 7 and so sorts by the time it was made. Its text
// form is the entity's prefix before the canonical UUID, as in
// "job_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69". The zero ID identifies nothing.
type ID[T entity] [16]byte

// An entity is a type that has IDs.
type entity interface{ idPrefix() string }

// The IDs of the domain.
type (
	TaskID      = ID[Task]
	VersionID   = ID[Version]
	JobID       = ID[Job]
	ExecutionID = ID[Execution]
	ScheduleID  = ID[Schedule]
	NodeID      = ID[Node]
	KeyID       = ID[Key]
	DeliveryID  = ID[Delivery]
	HookID      = ID[Hook]
)

// NewID returns a fresh ID. Of two IDs made in one process more than a quarter
// of a microsecond apart the later one is the greater, as long as the clock is
// not set back: after the milliseconds come 12 bits of their fraction (RFC 9562,
// section 6.2, method 3), then 62 random bits.
func NewID[T entity]() (id ID[T]) {
	now := time.Now()
	fraction := uint64(now.Nanosecond()%1e6) << 12 / 1e6
	binary.BigEndian.PutUint64(id[:8], uint64(now.UnixMilli())<<16|7<<12|fraction)
	rand.Read(id[8:])
	id[8] = id[8]&0x3f | 0x80
	return id
}

// ParseID parses the text form of an ID. The prefix may be left out; another
// entity's prefix is an error.
func ParseID[T entity](s string) (id ID[T], err error) {
	want := prefixOf[T]()
	digits := s
	if prefix, rest, found := strings.Cut(s, "_"); found {
		if prefix != want {
			return id, Errorf(ReasonValidation, "invalid %s id %q: it starts with \"%s_\", want \"%s_\"", want, s, prefix, want)
		}
		digits = rest
	}
	if !id.parseUUID(digits) {
		return ID[T]{}, Errorf(ReasonValidation, "invalid %s id %q: want \"%s_\" and a UUID such as 0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69", want, s, want)
	}
	return id, nil
}

func prefixOf[T entity]() string {
	var t T
	return t.idPrefix()
}

// uuidLen is the length of a canonical UUID.
const uuidLen = 36

// parseUUID fills id from a canonical UUID and reports whether s was one.
func (id *ID[T]) parseUUID(s string) bool {
	if len(s) != uuidLen || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	_, err := hex.Decode(id[:], []byte(s[:8]+s[9:13]+s[14:18]+s[19:23]+s[24:]))
	return err == nil
}

// String returns the text form.
func (id ID[T]) String() string {
	b, _ := id.MarshalText()
	return string(b)
}

// UUID returns the text form without the prefix.
func (id ID[T]) UUID() string {
	return string(id.appendUUID(nil))
}

func (id ID[T]) appendUUID(b []byte) []byte {
	for i, part := range [][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return b
}

// IsZero reports whether id identifies nothing.
func (id ID[T]) IsZero() bool { return id == ID[T]{} }

// Compare returns -1, 0 or 1 as id was made before, is, or was made after other.
func (id ID[T]) Compare(other ID[T]) int { return bytes.Compare(id[:], other[:]) }

// MarshalText writes the text form.
func (id ID[T]) MarshalText() ([]byte, error) {
	prefix := prefixOf[T]()
	b := make([]byte, 0, len(prefix)+1+uuidLen)
	b = append(append(b, prefix...), '_')
	return id.appendUUID(b), nil
}

// UnmarshalText reads what [ParseID] accepts.
func (id *ID[T]) UnmarshalText(b []byte) (err error) {
	*id, err = ParseID[T](string(b))
	return err
}

// Value gives a database the 16 bytes, or NULL for the zero ID.
func (id ID[T]) Value() (driver.Value, error) {
	if id.IsZero() {
		return nil, nil
	}
	return id[:], nil
}

// Scan reads from a database the 16 bytes, the text form as bytes or string, or
// NULL as the zero ID.
func (id *ID[T]) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*id = ID[T]{}
		return nil
	case string:
		return id.UnmarshalText([]byte(v))
	case []byte:
		if len(v) == len(id) {
			copy(id[:], v)
			return nil
		}
		return id.UnmarshalText(v)
	default:
		return fmt.Errorf("scan %s id: got %T, want bytes or a string", prefixOf[T](), src)
	}
}
