package service

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
)

// Bounds of what is set of an environment at once.
const (
	maxValue     = 64 << 10 // bytes of a value
	maxVariables = 200
)

// listEnv lists what the newest version declares and what has a value.
func (s *Service) listEnv(ctx context.Context, in TaskRef) ([]ratchet.EnvVar, error) {
	t, err := s.findTask(ctx, in.Task)
	if err != nil {
		return nil, err
	}
	return s.store.Env(ctx, t.ID)
}

// declared returns the task and the names that its newest version may read.
func (s *Service) declared(ctx context.Context, ref string) (*ratchet.Task, []string, error) {
	t, err := s.findTask(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	v, err := s.findVersion(ctx, t, "")
	if err != nil {
		return nil, nil, err
	}
	return t, v.Permissions.Env, nil
}

// setEnv keeps values for names that the task declares: one that it does not is a
// mistake, and a secret that nothing reads.
func (s *Service) setEnv(ctx context.Context, in SetEnv) ([]ratchet.EnvVar, error) {
	t, declared, err := s.declared(ctx, in.Task)
	if err != nil {
		return nil, err
	}
	var wrong problems
	if n := len(in.Values); n == 0 || n > maxVariables {
		wrong.wrong("", "the number of variables is out of bounds", fmt.Sprintf("1 to %d, each a name with its value", maxVariables), fmt.Sprint(n))
	}
	for _, name := range slices.Sorted(maps.Keys(in.Values)) {
		pointer := "/" + escapePointer(shorten(name))
		if !slices.Contains(declared, name) {
			wrong.wrong(pointer, undeclared(t, declared, name), declaredNames(declared), name)
		}
		switch value := in.Values[name]; {
		case len(value) > maxValue:
			wrong.wrong(pointer, "the value is too long", "at most "+ratchet.Size(maxValue).String(), ratchet.Size(len(value)).String())
		case strings.ContainsRune(value, 0):
			wrong.wrong(pointer, "the value has a NUL character", "a text without one", "")
		}
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	sealed := map[string][]byte{}
	for name, value := range in.Values {
		if sealed[name], err = s.sealer.Seal([]byte(value), ratchet.EnvContext(t.ID, name)); err != nil {
			return nil, fmt.Errorf("seal value of %s: %w", name, err)
		}
	}
	defer s.purge(t) // a write that failed may have been made all the same
	if err := s.store.SetEnv(ctx, t.ID, sealed); err != nil {
		return nil, err
	}
	return s.store.Env(ctx, t.ID)
}

func undeclared(t *ratchet.Task, declared []string, name string) string {
	message := fmt.Sprintf("task %q does not declare this variable", t.Name)
	if near := ratchet.Nearest(name, declared); near != "" {
		return fmt.Sprintf("%s; is %q meant?", message, near)
	}
	return message + `: add it to "permissions": {"env": […]} in its metadata.json`
}

func declaredNames(declared []string) string {
	if len(declared) == 0 {
		return "no variables, for it declares none"
	}
	return strings.Join(declared, ", ")
}

// unsetEnv forgets a value, whether the name is declared or no longer.
func (s *Service) unsetEnv(ctx context.Context, in EnvRef) (None, error) {
	t, err := s.findTask(ctx, in.Task)
	if err != nil {
		return None{}, err
	}
	defer s.purge(t)
	return None{}, s.store.UnsetEnv(ctx, t.ID, in.Name)
}

func escapePointer(token string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
}
