package service

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/webhook"
)

// A HookCall is what was posted to the URL of a hook.
type HookCall struct {
	Token  string // the last element of the URL
	Header http.Header
	Body   []byte // as it came
}

// CallHook makes a job of what was posted to a hook: the body is its input. It is no
// operation of the catalogue, because who calls has no key: the hook itself is who
// asks for the job. The same message again gives the same job.
func (s *Service) CallHook(ctx context.Context, call HookCall) (*ratchet.Job, error) {
	h, err := s.knownHook(ctx, call.Token)
	if err != nil {
		return nil, err
	}
	id, err := s.verify(h, &call)
	if err != nil {
		if s.callers.failed(s.clock()) {
			s.config.Log.WarnContext(ctx, "calls of hooks are refused", slog.String("hook", h.Name), slog.String("task", h.Task), slog.String("reason", err.Error()))
		}
		return nil, err
	}
	if !h.Enabled {
		return nil, ratchet.Errorf(ratchet.ReasonForbidden, "the hook is disabled: \"ratchet hook enable\" enables it")
	}
	r := ratchet.JobRequest{Task: h.TaskID.String(), Input: json.RawMessage(call.Body), Priority: h.Priority, Tags: []string{"hook:" + h.Name}}
	if id != "" {
		r.IdempotencyKey = messageKey(h.ID, id)
	}
	ctx = auth.With(ctx, auth.Principal{Name: "hook " + h.Name + " of " + h.Task, Scopes: []ratchet.Scope{ratchet.ScopeRun}})
	job, err := s.SubmitJob.Call(ctx, r)
	if failure, known := ratchetError(err); known {
		switch failure.Reason {
		case ratchet.ReasonTaskDisabled:
			return nil, ratchet.Errorf(ratchet.ReasonForbidden, "%s", failure.Message)
		case ratchet.ReasonAlreadyExists: // the sender wrote it otherwise, or the hook was changed: it is the same message
			job, err = s.jobOf(ctx, h, r.IdempotencyKey)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := s.store.HookUsed(ctx, h.ID, 1, s.now()); err != nil { // the job is there all the same
		s.config.Log.WarnContext(ctx, "a call of a hook was not counted", slog.String("hook", h.Name), slog.Any("error", err))
	}
	return job, nil
}

// jobOf is the job of a message that came before.
func (s *Service) jobOf(ctx context.Context, h *ratchet.HookKey, key string) (*ratchet.Job, error) {
	page, err := s.store.Jobs(ctx, ratchet.Query{Limit: 1, Sort: []ratchet.Sort{{Field: "id", Desc: true}}, Filters: []ratchet.Filter{
		{Field: "taskId", Values: []string{h.TaskID.String()}},
		{Field: "idempotencyKey", Values: []string{key}},
	}})
	if err != nil {
		return nil, fmt.Errorf("find the job of a message: %w", err)
	}
	if len(page.Items) == 0 { // it was deleted since
		return nil, ratchet.Errorf(ratchet.ReasonAlreadyExists, "a message with this ID came before, and its job was deleted: send another one with another ID")
	}
	return &page.Items[0], nil
}

// messageKey is the idempotency key of a message's job.
func messageKey(hook ratchet.HookID, message string) string {
	key := hook.String() + ":" + message
	if len(key) > ratchet.MaxKeyLength || strings.ContainsFunc(message, func(r rune) bool { return r <= ' ' || r > '~' }) {
		sum := sha256.Sum256([]byte(message))
		key = hook.String() + ":sha256:" + hex.EncodeToString(sum[:])
	}
	return key
}

// verify checks who calls, and returns the ID of the message; "" if it has none.
func (s *Service) verify(h *ratchet.HookKey, call *HookCall) (id string, err error) {
	if h.Verify == ratchet.HookInsecureNone {
		return call.Header.Get(webhook.HeaderID), nil
	}
	secrets, err := s.hookSecrets(h)
	if err != nil {
		return "", err
	}
	if h.Verify == ratchet.HookGitHub {
		return verifyGitHub(call, secrets)
	}
	m := webhook.Message{
		ID: call.Header.Get(webhook.HeaderID), Timestamp: call.Header.Get(webhook.HeaderTimestamp),
		Signature: call.Header.Get(webhook.HeaderSignature), Body: call.Body,
	}
	err = webhook.Verify(m, s.clock(), secrets...)
	switch {
	case errors.Is(err, webhook.ErrMissing), errors.Is(err, webhook.ErrTimestamp), errors.Is(err, webhook.ErrSignature):
		return "", ratchet.Errorf(ratchet.ReasonUnauthenticated, "the call is not signed as this hook wants it: %w; sign it by Standard Webhooks with the hook's secret, over the bytes that are sent", err)
	case err != nil:
		return "", fmt.Errorf("verify a call of %s: %w", h.ID, err)
	}
	return m.ID, nil
}

// hookSecrets are the secrets that count now.
func (s *Service) hookSecrets(h *ratchet.HookKey) (plain []string, err error) {
	sealed := [][]byte{h.Secret}
	if len(h.OldSecret) > 0 && s.clock().Before(h.OldUntil) {
		sealed = append(sealed, h.OldSecret)
	}
	for _, one := range sealed {
		text, err := s.sealer.Open(one, ratchet.HookContext(h.ID))
		if err != nil {
			return nil, fmt.Errorf("open the secret of %s: %w", h.ID, err)
		}
		plain = append(plain, string(text))
	}
	return plain, nil
}

// verifyGitHub checks a call as GitHub signs it: without a time, so that only its
// ID keeps one from being made twice, for a day.
func verifyGitHub(call *HookCall, secrets []string) (id string, err error) {
	id = call.Header.Get("X-Github-Delivery")
	signature, ok := strings.CutPrefix(call.Header.Get("X-Hub-Signature-256"), "sha256=")
	got, err := hex.DecodeString(signature)
	if !ok || err != nil || id == "" {
		return "", ratchet.Errorf(ratchet.ReasonUnauthenticated, "the call is not signed as this hook wants it: X-Hub-Signature-256 (sha256=…) and X-GitHub-Delivery are needed")
	}
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(call.Body)
		if hmac.Equal(got, mac.Sum(nil)) {
			return id, nil
		}
	}
	return "", ratchet.Errorf(ratchet.ReasonUnauthenticated, "the call is not signed as this hook wants it: X-Hub-Signature-256 is not the HMAC-SHA256 of the body with the hook's secret")
}

// Bounds of what callers cost.
const (
	hooksKnownFor = 250 * time.Millisecond // other servers may change one
	maxStrangers  = 50                     // unknown tokens looked up in a second
	maxToken      = 100
	tellEvery     = 10 * time.Second
)

// callers knows who called lately, so that guesses cost the store little.
type callers struct {
	mu        sync.Mutex
	known     map[string]knownHook // by token
	second    time.Time            // in which strangers came
	strangers int
	told      time.Time // when the log last heard of refused calls
}

type knownHook struct {
	hook *ratchet.HookKey
	read time.Time
}

// knownHook returns the hook of a token.
func (s *Service) knownHook(ctx context.Context, token string) (*ratchet.HookKey, error) {
	none := ratchet.Errorf(ratchet.ReasonEntityNotFound, "there is no such hook: its URL was shown when it was made, and it may have been deleted")
	if token == "" || len(token) > maxToken {
		return nil, none
	}
	c, now := &s.callers, s.clock()
	c.mu.Lock()
	kept, found := c.known[token]
	if age := now.Sub(kept.read); found && age >= 0 && age < hooksKnownFor {
		c.mu.Unlock()
		return kept.hook, nil
	}
	if second := now.Truncate(time.Second); !second.Equal(c.second) {
		c.second, c.strangers = second, 0
	}
	tooMany := !found && c.strangers >= maxStrangers
	c.mu.Unlock()
	if tooMany {
		return nil, ratchet.Errorf(ratchet.ReasonRateLimited, "too many calls of hooks that are not there: try again in a second")
	}
	h, err := s.store.HookByToken(ctx, tokenHash(token))
	c.mu.Lock()
	defer c.mu.Unlock()
	if failure, known := ratchetError(err); known && failure.Code == ratchet.CodeNotFound {
		delete(c.known, token)
		c.strangers++
		return nil, none
	}
	if err != nil {
		return nil, fmt.Errorf("find hook: %w", err)
	}
	if c.known == nil || len(c.known) >= maxRemembered {
		c.known = map[string]knownHook{}
	}
	c.known[token] = knownHook{h, now}
	return h, nil
}

// forget has all hooks read again: one was changed.
func (c *callers) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for token, kept := range c.known {
		c.known[token] = knownHook{kept.hook, time.Time{}} // known, and no stranger
	}
}

// failed reports whether the log should hear of a refused call.
func (c *callers) failed(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.told) < tellEvery {
		return false
	}
	c.told = now
	return true
}
