package sandbox_test

import (
	"encoding/json"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

func TestArgumentComesBackAsItWas(t *testing.T) {
	t.Parallel()
	for _, arg := range []string{
		"strict", "insecure", "strict,+namespaces,+uid", "strict,!namespaces:1,+uid", "insecure,-landlock,-seccomp",
		"strict,-pdeathsig,!namespaces:28,!uid:13,-empty-root",
	} {
		opts, err := sandbox.ParseArg(arg)
		if err != nil {
			t.Errorf("%s: %v", arg, err)
		}
		if got := opts.Arg(); got != arg {
			t.Errorf("got %s, want %s", got, arg)
		}
	}
	if got, want := (sandbox.Options{}).Arg(), "strict"; got != want {
		t.Errorf("zero options: got %s, want %s", got, want)
	}
}

func TestArgumentThatIsNoneOfOursIsRefused(t *testing.T) {
	t.Parallel()
	for _, arg := range []string{
		"", "none", "Strict", "strict,", "strict,seccomp", "strict,-", "strict,-nothing", "strict,+seccomp:1",
		"strict,!uid", "strict,!uid:", "strict,!uid:0", "strict,!uid:-1", "strict,!uid:x", "strict,!uid:99999", "insecure -seccomp",
	} {
		if opts, err := sandbox.ParseArg(arg); err == nil {
			t.Errorf("%q: got %+v, want an error", arg, opts)
		}
	}
}

func TestReportReads(t *testing.T) {
	t.Parallel()
	r := sandbox.Report{
		Level:   sandbox.LevelReduced,
		Active:  []sandbox.Layer{sandbox.LayerSeccomp},
		Missing: []sandbox.MissingLayer{{Layer: sandbox.LayerLandlock, Why: "not in this kernel"}},
	}
	if got, want := r.String(), "reduced: without landlock (not in this kernel)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"level":"reduced","active":["seccomp"],"missing":[{"layer":"landlock","why":"not in this kernel"}]}`
	if string(text) != want {
		t.Errorf("got %s, want %s", text, want)
	}
}
