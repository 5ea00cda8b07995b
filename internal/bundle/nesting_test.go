package bundle_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// deep returns sources of about n bytes that nest as deep as they are long.
func deep(n int) map[string]string {
	return map[string]string{
		"parentheses":      "export default () => " + strings.Repeat("(", n),
		"closed":           "export default () => " + strings.Repeat("(", n/2) + "1" + strings.Repeat(")", n/2),
		"arrays":           "export default () => " + strings.Repeat("[", n),
		"blocks":           strings.Repeat("{", n),
		"not":              "export default () => " + strings.Repeat("!", n) + "1",
		"minus":            "export default () => " + strings.Repeat("- ", n/2) + "1",
		"typeof":           "export default () => " + strings.Repeat("typeof ", n/7) + "1",
		"arrows":           "export default " + strings.Repeat("a=>", n/3) + "1",
		"conditions":       "export default () => " + strings.Repeat("a?b:", n/4) + "1",
		"ifs":              strings.Repeat("if(a)", n/5) + ";",
		"elses":            strings.Repeat("if(a);else ", n/11) + ";",
		"else blocks":      strings.Repeat("if(a){}else ", n/12) + ";",
		"labels":           strings.Repeat("a:", n/2) + ";",
		"assignments":      strings.Repeat("a=", n/2) + "1",
		"members":          "a" + strings.Repeat(".a", n/2),
		"optional members": "a" + strings.Repeat("?.a", n/3),
		"calls":            "a" + strings.Repeat("()", n/2),
		"template":         strings.Repeat("`${", n/3),
		"script":           strings.Repeat("(", n),
	}
}

func loadSource(t *testing.T, source, imported string) error {
	t.Helper()
	dir := t.TempDir()
	for file, text := range map[string]string{
		"metadata.json": `{"name": "deep", "version": "1.0.0"}`, "main.js": source, "deep.js": imported,
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := bundle.Load(t.Context(), dir, bundle.Options{})
	return err
}

// A few megabytes of any of these end a process in which esbuild parses them.
func TestSourceThatNestsTooDeepIsRefused(t *testing.T) {
	t.Parallel()
	for name, source := range deep(1 << 20) {
		if err := loadSource(t, source, ""); err == nil || !strings.Contains(err.Error(), "nests too deep") && !strings.Contains(fmt.Sprint(ratchet.AsError(err).Details), "nests too deep") {
			t.Errorf("%s: got %v, want it refused for its nesting", name, err)
		}
	}
	if err := loadSource(t, "import './deep.js'; export default () => 1", strings.Repeat("(", 1<<20)); err == nil {
		t.Error("an imported file: got no error")
	}
}

// What is too short to be looked at must be harmless.
func TestShortSourceCannotNestTooDeep(t *testing.T) {
	t.Parallel()
	for _, source := range deep(2 << 10) {
		_ = loadSource(t, source, "") // an error or not: the process lives
	}
}

func TestLongSourceIsNotDeepSource(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("export default () => [\n")
	for b.Len() < 1<<20 {
		b.WriteString("  { a: [1, -2, !3], b: (x) => x ? y : z, c: `t${1}` },\n")
	}
	b.WriteString("].length;\nvar x, y, z;\nif (x) y; else if (y) z;\n")
	dir := t.TempDir()
	path := filepath.Join(dir, "long.mjs")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.Load(t.Context(), path, bundle.Options{}); err != nil {
		t.Error(err)
	}
}
