package service

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
)

// maxKeyName is the greatest length of a key's name, in characters.
const maxKeyName = 100

// createKey makes a key. Its text is nowhere but in what is returned.
func (s *Service) createKey(ctx context.Context, r ratchet.KeyRequest) (*ratchet.CreatedKey, error) {
	var wrong problems
	wrong.text("/name", "the name", r.Name, textRule{least: 1, most: maxKeyName})
	if len(r.Scopes) == 0 {
		wrong.wrong("/scopes", "scopes are missing", "some of "+fmt.Sprint(ratchet.Scopes()), "")
	}
	for i, scope := range r.Scopes {
		if !slices.Contains(ratchet.Scopes(), scope) {
			wrong.wrong(fmt.Sprintf("/scopes/%d", i), "this is no scope", "one of "+fmt.Sprint(ratchet.Scopes()), string(scope))
		}
	}
	if r.ExpiresIn < 0 {
		wrong.wrong("/expiresIn", "expiresIn is out of bounds", "more than 0", r.ExpiresIn.String())
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	k := ratchet.Key{ID: ratchet.NewID[ratchet.Key](), Name: r.Name, CreatedAt: s.now()}
	for _, scope := range ratchet.Scopes() {
		if slices.Contains(r.Scopes, scope) {
			k.Scopes = append(k.Scopes, scope)
		}
	}
	if r.ExpiresIn > 0 {
		k.ExpiresAt = k.CreatedAt.Add(time.Duration(r.ExpiresIn))
	}
	text, hash := auth.NewKey(k.ID)
	if err := s.store.CreateKey(ctx, &k, hash); err != nil {
		return nil, err
	}
	return &ratchet.CreatedKey{Key: k, Text: text}, nil
}

func (s *Service) revokeKey(ctx context.Context, in KeyRef) (*ratchet.Key, error) {
	if in.ID.IsZero() {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "no key is named: give its ID, such as key_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69")
	}
	return s.store.RevokeKey(ctx, in.ID)
}
