package sqlstore

import (
	"encoding/json"
	"fmt"
	"time"
)

// stamp is how a time is kept: microseconds since 1970, NULL for none.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// text is how JSON is kept: as it came, NULL for none.
func text(raw json.RawMessage) any {
	if raw == nil {
		return nil
	}
	return string(raw)
}

// asJSON is how a structure is kept.
func asJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

// scanTime reads a stamp into t.
type scanTime struct{ t *time.Time }

// Scan implements sql.Scanner.
func (s scanTime) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*s.t = time.Time{}
	case int64:
		*s.t = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("scan time: got %T, want microseconds", src)
	}
	return nil
}

// scanText reads a text that may be NULL into s.
type scanText[S ~string] struct{ s *S }

// Scan implements sql.Scanner.
func (s scanText[S]) Scan(src any) error {
	b, err := textOf(src)
	*s.s = S(b)
	return err
}

// scanRaw reads a JSON text into raw, NULL as nil.
type scanRaw struct{ raw *json.RawMessage }

// Scan implements sql.Scanner.
func (s scanRaw) Scan(src any) error {
	b, err := textOf(src)
	*s.raw = b
	return err
}

// scanJSON reads a JSON text into what v points to; NULL and the empty text
// leave it.
type scanJSON struct{ v any }

// Scan implements sql.Scanner.
func (s scanJSON) Scan(src any) error {
	b, err := textOf(src)
	if err != nil || len(b) == 0 {
		return err
	}
	return json.Unmarshal(b, s.v)
}

// textOf returns a copy of a text, nil for NULL.
func textOf(src any) ([]byte, error) {
	switch v := src.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(v), nil
	case []byte:
		return append([]byte{}, v...), nil
	default:
		return nil, fmt.Errorf("scan text: got %T, want a text", src)
	}
}

// scanInt reads a number that may be NULL into n.
type scanInt[N ~int | ~int8 | ~int64] struct{ n *N }

// Scan implements sql.Scanner.
func (s scanInt[N]) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*s.n = 0
	case int64:
		*s.n = N(v)
	default:
		return fmt.Errorf("scan number: got %T, want an integer", src)
	}
	return nil
}
