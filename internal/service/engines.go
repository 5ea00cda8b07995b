package service

import (
	"context"

	"github.com/ratchet-runner/ratchet-go"
)

// builtIn are the engines of a node that knows no other.
func builtIn() []ratchet.EngineInfo {
	return []ratchet.EngineInfo{{Name: ratchet.EngineQuickJS, Path: ratchet.BuiltIn, Source: ratchet.BuiltIn, Default: true, Chosen: true, Usable: true}}
}

func (s *Service) listEngines(ctx context.Context, _ None) ([]ratchet.EngineInfo, error) {
	if s.engines == nil {
		return builtIn(), nil
	}
	return s.engines.List(ctx), nil
}

// checkEngine refuses a version that could not run on this node: a job of it would
// only fail.
func (s *Service) checkEngine(ctx context.Context, v *ratchet.Version) error {
	if s.engines == nil {
		return nil
	}
	return s.engines.Check(ctx, v.Engine)
}

// withEngine fills in what a version runs in that names no engine.
func (s *Service) withEngine(v *ratchet.Version) *ratchet.Version {
	if v == nil || v.Engine != "" || s.engines == nil {
		return v
	}
	filled := *v
	filled.Engine = s.engines.Default()
	return &filled
}
