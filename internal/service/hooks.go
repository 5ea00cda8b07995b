package service

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/webhook"
)

// Of hooks.
const (
	maxHookName    = 100
	leastSecret    = 16 // characters of a secret of GitHub's scheme
	mostSecret     = 200
	oldSecretValid = 24 * time.Hour
	hooksPath      = "/hooks/"
)

func (s *Service) listHooks(ctx context.Context, in TaskRef) ([]ratchet.Hook, error) {
	t, err := s.findTask(ctx, in.Task)
	if err != nil {
		return nil, err
	}
	return s.store.Hooks(ctx, t.ID)
}

func (s *Service) findHook(ctx context.Context, id ratchet.HookID) (*ratchet.Hook, error) {
	if id.IsZero() {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "no hook is named: give its ID, such as hook_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69")
	}
	h, err := s.store.Hook(ctx, id)
	if failure, known := ratchetError(err); known && failure.Code == ratchet.CodeNotFound {
		return nil, ratchet.Errorf(ratchet.ReasonEntityNotFound, "there is no hook %s: \"ratchet hook list TASK\" shows those of a task", id)
	}
	if err != nil {
		return nil, fmt.Errorf("find hook: %w", err)
	}
	return h, nil
}

// createHook makes a hook. Its token and its secret are nowhere in plain text but
// in what is returned.
func (s *Service) createHook(ctx context.Context, in CreateHook) (*ratchet.CreatedHook, error) {
	t, err := s.findTask(ctx, in.Task)
	if err != nil {
		return nil, err
	}
	if in.Name == "" {
		in.Name = "default"
	}
	if in.Verify == "" {
		in.Verify = ratchet.HookStandard
	}
	var wrong problems
	wrong.text("/name", "the name", in.Name, textRule{least: 1, most: maxHookName, not: "/"})
	wrong.priority(in.Priority)
	if !slices.Contains(ratchet.HookSchemes(), in.Verify) {
		wrong.wrong("/verify", "this is no way to verify a caller", fmt.Sprintf("one of %s, %s, %s", ratchet.HookStandard, ratchet.HookGitHub, ratchet.HookInsecureNone), string(in.Verify))
	}
	checkHookSecret(&wrong, in.Verify, in.Secret)
	if err := wrong.err(); err != nil {
		return nil, err
	}
	h := &ratchet.HookKey{Hook: ratchet.Hook{
		ID: ratchet.NewID[ratchet.Hook](), Name: in.Name, TaskID: t.ID, Task: t.Name, Verify: in.Verify,
		Enabled: true, Priority: in.Priority, CreatedAt: s.now(),
	}}
	token := newToken()
	h.TokenHash = tokenHash(token)
	secret := in.Secret
	if secret == "" {
		secret = newHookSecret(in.Verify)
	}
	if h.Secret, err = s.sealHook(h.ID, secret); err != nil {
		return nil, err
	}
	if err := s.store.CreateHook(ctx, h); err != nil {
		return nil, err
	}
	made := &ratchet.CreatedHook{Hook: h.Hook, Path: hooksPath + token, Secret: secret}
	if made.URL = made.Path; s.config.URL != nil {
		made.URL = s.config.URL() + made.Path
	}
	return made, nil
}

// checkHookSecret adds what is wrong with a secret that was given.
func checkHookSecret(wrong *problems, verify ratchet.HookScheme, secret string) {
	if secret == "" {
		return
	}
	switch verify {
	case ratchet.HookStandard:
		if _, err := webhook.ParseKey(secret); err != nil {
			wrong.wrong("/secret", "the secret cannot be used: "+err.Error(), `"whsec_" and the base64 of 24 to 64 bytes, or the "whpk_" of whoever signs; without one, a secret is made`, "another text")
		}
	case ratchet.HookGitHub:
		if n := len(secret); n < leastSecret || n > mostSecret {
			wrong.wrong("/secret", "the secret's length is out of bounds", fmt.Sprintf("%d to %d characters; without one, a secret is made", leastSecret, mostSecret), fmt.Sprintf("%d characters", n))
		}
	case ratchet.HookInsecureNone:
		wrong.wrong("/secret", "a hook that verifies nothing has no secret", "no secret, or another \"verify\"", "a secret")
	}
}

func newHookSecret(verify ratchet.HookScheme) string {
	switch verify {
	case ratchet.HookStandard:
		return webhook.NewSecret()
	case ratchet.HookGitHub:
		var random [32]byte
		_, _ = rand.Read(random[:]) // never fails
		return hex.EncodeToString(random[:])
	default:
		return ""
	}
}

// newToken is the last element of a hook's URL: 256 bits of chance.
func newToken() string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(random[:])
}

func tokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

func (s *Service) sealHook(id ratchet.HookID, secret string) ([]byte, error) {
	if secret == "" {
		return nil, nil
	}
	sealed, err := s.sealer.Seal([]byte(secret), ratchet.HookContext(id))
	if err != nil {
		return nil, fmt.Errorf("seal the secret of %s: %w", id, err)
	}
	return sealed, nil
}

func (s *Service) updateHook(ctx context.Context, in UpdateHook) (*ratchet.Hook, error) {
	if in.Enabled == nil && in.Priority == nil {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "there is nothing to change: give \"enabled\" or \"priority\"")
	}
	if in.Priority != nil {
		var wrong problems
		if wrong.priority(*in.Priority); len(wrong.details) > 0 {
			return nil, wrong.err()
		}
	}
	if _, err := s.findHook(ctx, in.ID); err != nil {
		return nil, err
	}
	defer s.callers.forget()
	return s.store.UpdateHook(ctx, in.ID, in.HookPatch)
}

func (s *Service) rotateHook(ctx context.Context, in HookRef) (*ratchet.CreatedHook, error) {
	h, err := s.findHook(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if h.Verify == ratchet.HookInsecureNone {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "hook %q verifies nothing, so it has no secret: delete it, and make one that does", h.Name)
	}
	secret := newHookSecret(h.Verify)
	sealed, err := s.sealHook(h.ID, secret)
	if err != nil {
		return nil, err
	}
	defer s.callers.forget()
	if h, err = s.store.RotateHook(ctx, h.ID, sealed, s.now().Add(oldSecretValid)); err != nil {
		return nil, err
	}
	return &ratchet.CreatedHook{Hook: *h, Secret: secret}, nil
}

func (s *Service) deleteHook(ctx context.Context, in HookRef) (None, error) {
	if _, err := s.findHook(ctx, in.ID); err != nil {
		return None{}, err
	}
	defer s.callers.forget()
	return None{}, s.store.DeleteHook(ctx, in.ID)
}
