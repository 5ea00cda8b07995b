// Package destination knows what a destination of results says: whether it is
// right, what its templates, its jq expression and its format make of a job, and
// how its secrets are sealed. Bringing the result there is left to package
// delivery.
package destination

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// Where says where a destination stands that is checked. The zero Where is a
// job's request of which nothing else is known.
type Where struct {
	// Bundle is a task's metadata: everybody who has the task reads it, so
	// secrets must be references.
	Bundle bool
	// Kept is a destination that comes from the store, whose secrets are sealed.
	Kept bool
	// Env reports whether "${NAME}" has a value, and is asked for each reference.
	// Nil: not checked.
	Env func(name string) bool
	// Tags are the job's, from which "{{meta_…}}" comes; nil: not known yet, and
	// every meta_… is let pass.
	Tags []string
	// Variables are the names of the operator's own template variables: "env_…".
	Variables []string
}

// The bounds of a destination.
const (
	MaxURL      = 2048
	MaxPath     = 4096
	MaxHeaders  = 32
	MaxHeader   = 4096 // bytes of a value
	MaxSelect   = 4096
	MaxTemplate = 64 << 10
	MaxSecrets  = 3
	MaxTimeout  = ratchet.Duration(5 * time.Minute)
	MaxName     = 100
)

// CheckAll reports what is wrong with the destinations of a job, a schedule or a
// task; pointers begin with the destination's index: "/0/url".
func CheckAll(all []ratchet.Destination, where Where) (wrong []ratchet.Detail) {
	if len(all) > ratchet.MaxDestinations {
		wrong = append(wrong, ratchet.Detail{
			Message: "there are too many destinations", Expected: fmt.Sprintf("at most %d", ratchet.MaxDestinations), Got: fmt.Sprint(len(all)),
		})
		return wrong
	}
	seen := map[string]int{}
	for i := range all {
		pointer := fmt.Sprintf("/%d", i)
		for _, d := range Check(&all[i], where) {
			d.Pointer = pointer + d.Pointer
			wrong = append(wrong, d)
		}
		if name := all[i].Name; name != "" {
			if first, twice := seen[name]; twice {
				wrong = append(wrong, ratchet.Detail{
					Pointer: pointer + "/name", Message: fmt.Sprintf("the name is that of destination %d too", first), Expected: "a name of its own", Got: name,
				})
			}
			seen[name] = i
		}
	}
	return wrong
}

// Prepare returns the destinations as they are kept: each with a name, and with
// what it means where it says nothing.
func Prepare(all []ratchet.Destination) []ratchet.Destination {
	if len(all) == 0 {
		return all
	}
	ready := slices.Clone(all)
	for i, name := range ratchet.DestinationNames(all) {
		ready[i].Name = name
		if ready[i].On == "" {
			ready[i].On = ratchet.DeliverSuccess
		}
	}
	return ready
}

// FromOperator returns the destinations of the operator's configuration so that
// "${NAME}" in a URL or a header means the server's own environment, not that of
// the task whose result is delivered. It comes after [CheckAll], which refuses
// such names from anybody else. References of secrets stay as they are.
func FromOperator(all []ratchet.Destination) []ratchet.Destination {
	own := slices.Clone(all)
	for i := range own {
		own[i].URL = ofServer(own[i].URL)
		own[i].Headers = maps.Clone(own[i].Headers)
		for name, value := range own[i].Headers {
			own[i].Headers[name] = ofServer(value)
		}
	}
	return own
}

func ofServer(text string) string {
	return strings.ReplaceAll(text, "${", "${"+ServerPrefix)
}

// A Sealer encrypts; secret.Box is one.
type Sealer interface {
	Seal(plain, context []byte) ([]byte, error)
}

// Seal returns the destinations with their plain secrets encrypted. References and
// what is sealed already stay.
func Seal(all []ratchet.Destination, box Sealer) ([]ratchet.Destination, error) {
	sealed := make([]ratchet.Destination, len(all))
	var failed error
	for i := range all {
		sealed[i] = all[i].CloneSecrets()
		sealed[i].EachSecret(func(pointer string, s ratchet.Secret) ratchet.Secret {
			if _, reference := s.Reference(); reference || s.Sealed() || failed != nil {
				return s
			}
			data, err := box.Seal([]byte(s), ratchet.DestinationContext())
			if err != nil {
				failed = fmt.Errorf("seal %s of destination %s: %w", pointer, all[i].Name, err)
				return ""
			}
			return ratchet.Secret(sealedPrefix + base64.StdEncoding.EncodeToString(data))
		})
	}
	return sealed, failed
}

const sealedPrefix = "sealed:"

// ServerPrefix begins the name in a reference to the server's own environment,
// which the operator's configuration means by "${NAME}": see [FromOperator].
const ServerPrefix = "server:"

// An Opener knows what secrets stand for.
type Opener interface {
	// Open decrypts what was sealed for a context; secret.Box does.
	Open(sealed, context []byte) ([]byte, error)
	// Env is the value of a variable of a task's environment, or of the server's
	// own if the task is zero; found is false if it has none.
	Env(ctx context.Context, task ratchet.TaskID, name string) (value string, found bool, err error)
}

// ParseShort reads a destination as it is written on a command line:
// "webhook=https://example.com/hook", "file=out/{{job_id}}.json", "plugin=NAME",
// "stdout", "stderr" or a URL alone; with "failure:" or "always:" before it, it is
// told of other ends than success. A file has the format that its name tells.
func ParseShort(text string) (ratchet.Destination, error) {
	var d ratchet.Destination
	for _, on := range []ratchet.DeliverWhen{ratchet.DeliverSuccess, ratchet.DeliverFailure, ratchet.DeliverAlways} {
		if rest, found := strings.CutPrefix(text, string(on)+":"); found {
			d.On, text = on, rest
			break
		}
	}
	typ, value, found := strings.Cut(text, "=")
	switch {
	case strings.HasPrefix(text, "https://"), strings.HasPrefix(text, "http://"):
		d.Type, d.URL = ratchet.DestinationWebhook, text
	case !found && (typ == "stdout" || typ == "stderr"):
		d.Type = ratchet.DestinationType(typ)
	case found && value != "" && typ == "webhook":
		d.Type, d.URL = ratchet.DestinationWebhook, value
	case found && value != "" && (typ == "file" || typ == "filesystem"):
		d.Type, d.Path = ratchet.DestinationFile, value
		formatByName(&d)
	case found && value != "" && typ == "plugin":
		d.Type, d.Plugin = ratchet.DestinationPlugin, value
	default:
		return d, ratchet.Errorf(ratchet.ReasonValidation,
			`%q is not a destination: want "webhook=https://…", "file=PATH", "plugin=NAME", "stdout" or "stderr", with "failure:" or "always:" before it if it is not for successes; or JSON, or @FILE`, text)
	}
	return d, nil
}

// formatByName gives a file the format that its name tells. A table or a plain text
// holds no envelope; what it is of then is the output, which only a success has.
func formatByName(d *ratchet.Destination) {
	switch strings.ToLower(path.Ext(d.Path)) {
	case ".yaml", ".yml":
		d.Format = ratchet.FormatYAML
		return
	case ".csv":
		d.Format = ratchet.FormatCSV
	case ".txt":
		d.Format = ratchet.FormatRaw
	default:
		return
	}
	if d.On == "" || d.On == ratchet.DeliverSuccess {
		d.Select = ".output"
	}
}
