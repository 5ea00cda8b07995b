package ratchettest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// WithPlugins has the server look for plugins in the folder.
func WithPlugins(dir string) Option {
	return func(s *start) {
		WithConfig(func(c *config.Config) { c.Plugins.Dirs = []string{dir} })(s)
		if worker := os.Getenv("RATCHET_TEST_WORKER"); worker != "" {
			s.options.PluginLauncher = []string{worker, "plugin-launch"}
		}
	}
}

// BuildPlugin builds a package of this module as the plugin of a name, into a
// folder.
func BuildPlugin(t testing.TB, dir, name, pkg string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "ratchet-plugin-"+name), pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the plugin %s: %v\n%s", name, err, out)
	}
}

// Enable has the server use a plugin, with all that it needs.
func (s *Server) Enable(name string, r ratchet.PluginRequest) *ratchet.Plugin {
	s.t.Helper()
	r.AllowAll = true
	p, err := s.Service().EnablePlugin.Call(s.Context(), service.EnablePlugin{Plugin: name, PluginRequest: r})
	if err != nil {
		s.t.Fatalf("enable the plugin %s: %v %+v", name, err, ratchet.AsError(err).Details)
	}
	return p
}

// Plugin is a plugin as it is now.
func (s *Server) Plugin(name string) *ratchet.Plugin {
	s.t.Helper()
	p, err := s.Service().GetPlugin.Call(s.Context(), service.PluginRef{Plugin: name})
	if err != nil {
		s.t.Fatalf("look at the plugin %s: %v", name, err)
	}
	return p
}
