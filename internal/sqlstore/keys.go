package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// touchEvery is how old the note of a key's last use gets.
const touchEvery = time.Minute

func keys() table[ratchet.Key] {
	return table[ratchet.Key]{
		name: "keys", noun: "key", missing: ratchet.ReasonEntityNotFound,
		fields: ratchet.KeyFields,
		special: map[string]column{
			"id":        {parse: idsOf(ratchet.ParseID[ratchet.Key])},
			"expiresAt": {null: true},
			"revokedAt": {null: true},
		},
		columns: []string{"id", "name", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at"},
		dest: func(k *ratchet.Key) []any {
			return []any{
				&k.ID, &k.Name,
				scanJSON{&k.Scopes},
				scanTime{&k.CreatedAt},
				scanTime{&k.ExpiresAt},
				scanTime{&k.LastUsedAt},
				scanTime{&k.RevokedAt},
			}
		},
		values: func(k *ratchet.Key) values {
			return values{
				{"id", k.ID},
				{"name", k.Name},
				{"scopes", jsonValue{k.Scopes}},
				{"created_at", stamp(k.CreatedAt)},
				{"expires_at", stamp(k.ExpiresAt)},
				{"last_used_at", stamp(k.LastUsedAt)},
				{"revoked_at", stamp(k.RevokedAt)},
			}
		},
	}
}

// Keys returns a part of the list of keys.
func (s *Store) Keys(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Key], error) {
	return keys().list(ctx, s.reader(), q)
}

// Key returns a key and the hash of its text.
func (s *Store) Key(ctx context.Context, id ratchet.KeyID) (key *ratchet.Key, hash []byte, err error) {
	t := keys()
	t.columns = append(t.columns, "hash")
	dest := t.dest
	t.dest = func(k *ratchet.Key) []any { return append(dest(k), &hash) }
	key, err = t.get(ctx, s.reader(), id.String(), "id = ?", id)
	return key, hash, err
}

// CreateKey keeps a new key and the hash of its text. The name of a key that was
// revoked is free again.
func (s *Store) CreateKey(ctx context.Context, k *ratchet.Key, hash []byte) error {
	fresh := *k
	if fresh.CreatedAt.IsZero() {
		fresh.CreatedAt = now()
	}
	err := s.write(ctx, "create key", func(tx *tx) error {
		return keys().create(ctx, tx, &fresh, fresh.Name, value{"hash", append([]byte{}, hash...)})
	})
	if err == nil {
		*k = fresh
	}
	return err
}

// RevokeKey ends a key for good. One that was revoked before stays as it is.
func (s *Store) RevokeKey(ctx context.Context, id ratchet.KeyID) (key *ratchet.Key, err error) {
	err = s.write(ctx, "revoke key", func(tx *tx) error {
		if _, err := tx.exec(ctx, "UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", stamp(now()), id); err != nil {
			return err
		}
		key, err = keys().get(ctx, tx, id.String(), "id = ?", id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return key, nil
}

// TouchKey notes that the key was used, unless that was noted within the minute
// before.
func (s *Store) TouchKey(ctx context.Context, id ratchet.KeyID, at time.Time) error {
	var last time.Time
	err := s.reader().queryRow(ctx, "SELECT last_used_at FROM keys WHERE id = ?", id).Scan(scanTime{&last})
	if errors.Is(err, errNoRows) {
		return keys().notFound(id.String())
	}
	if err != nil || at.Sub(last) < touchEvery {
		return wrap("read key", err)
	}
	return s.write(ctx, "touch key", func(tx *tx) error {
		_, err := tx.exec(ctx, "UPDATE keys SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)", stamp(at), id, stamp(at))
		return err
	})
}
