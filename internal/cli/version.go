package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ratchet-runner/ratchet-go/internal/feature"
	"github.com/ratchet-runner/ratchet-go/internal/js"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// A build says what this program was made of.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"` // of the commit
	Modified bool   `json:"modified"`       // the sources differ from the commit
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	Engine   string `json:"engine"`   // of JavaScript
	Protocol int    `json:"protocol"` // between server and worker
	// Without lists the build tags of what was left out of this program.
	Without []string `json:"without,omitempty"`
}

func thisBuild() build {
	b := build{
		Version: "development", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		Engine: js.Version, Protocol: workerpool.Protocol,
		Without: feature.Without(),
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (b build) String() string {
	text := "ratchet " + b.Version
	if b.Commit != "" {
		text += " (" + b.Commit[:min(12, len(b.Commit))]
		if b.Modified {
			text += ", modified"
		}
		text += ")"
	}
	text = fmt.Sprintf("%s %s %s/%s %s", text, b.Go, b.OS, b.Arch, b.Engine)
	if len(b.Without) > 0 {
		text += " (" + strings.Join(b.Without, " ") + ")"
	}
	return text
}

func (a *app) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Example: `  ratchet version
  ratchet version --json | jq -r .engine`,
		Args: wantArgs(0, 0, "no arguments"),
		RunE: func(*cobra.Command, []string) error { return a.version(asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON, with all that is known of the build")
	return cmd
}

func (a *app) version(asJSON bool) error {
	if asJSON {
		return a.printValue(thisBuild())
	}
	return a.print(thisBuild().String() + "\n")
}
