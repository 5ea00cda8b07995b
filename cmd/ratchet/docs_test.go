//go:build unix

package main_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go/internal/node/nodetest"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

// A fence is a block of a page between lines of three backticks. Its head says
// what it is to whoever follows the page:
//
//	sh              commands to type; they must end with 0
//	sh exit=3       commands that must end with 3
//	sh background   a command for another terminal, which listens on servicePort
//	text interrupt  Ctrl-C there: the command must end with 0
//	sh needs=npm    commands that need the npm registry; of another name, a program
//	output          what the commands before it print; … stands for any text,
//	                alone on its line for any lines
//	js FILE         what to write into the file, in whatever language
//
// A block of another head is there to be read.
type fence struct {
	lang string
	args []string
	text string
	line int // of the page, from 1, of the text
}

func (f fence) has(arg string) bool { return slices.Contains(f.args, arg) }

func fences(page string) (all []fence) {
	var open *fence
	for i, line := range strings.SplitAfter(page, "\n") {
		head, isFence := strings.CutPrefix(strings.TrimRight(line, "\n"), "```")
		switch {
		case isFence && open != nil:
			all = append(all, *open)
			open = nil
		case isFence:
			words := strings.Fields(head + " ")
			open = &fence{line: i + 2}
			if len(words) > 0 {
				open.lang, open.args = words[0], words[1:]
			}
		case open != nil:
			open.text += line
		}
	}
	return all
}

// servicePort is where the page's stand-in for an API listens. The test takes
// another, for this one may be in use.
const servicePort = "8047"

// serviceDatabase is the page's PostgreSQL. The test has one of its own.
const serviceDatabase = "postgres://ratchet:secret@db.example/ratchet"

// A reader follows a page in a folder of its own, and in one shell: what it
// exports and where it is outlast a block.
type reader struct {
	t      *testing.T
	dir    string
	shell  string // folder of what the shell remembers
	port   string
	output string            // of the last commands
	failed bool              // the last commands were not run
	lacks  map[string]bool   // what could not be had, and was said
	words  *strings.Replacer // of the page by those of the test
	other  *exec.Cmd         // in the other terminal
	ended  chan struct{}     // when it has
}

// The guides are followed to the letter, but for the port.
func TestTheGuidesAreTrue(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"write-a-task.md", "guide-server.md", "guide-postgres.md", "guide-deliver.md", "from-rust.md", "write-a-plugin.md"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			followPage(t, filepath.Join("..", "..", "docs", name))
		})
	}
}

// The page about engines is true on a machine with a Node.
func TestTheGuideToEnginesIsTrue(t *testing.T) {
	t.Setenv("RATCHET_ENGINES_NODE_PATH", nodetest.Runtime(t).Path)
	followPage(t, filepath.Join("..", "..", "docs", "engines.md"))
}

func followPage(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	r := &reader{t: t, dir: t.TempDir(), shell: t.TempDir(), port: port, lacks: map[string]bool{}}
	page, ran := string(data), 0
	words := []string{servicePort, port}
	if strings.Contains(page, serviceDatabase) {
		words = append(words, serviceDatabase, "'"+storetest.Postgres(t)+"'") // its URL may have what the shell would read
	}
	r.words = strings.NewReplacer(words...)
	for _, f := range fences(page) {
		switch {
		case f.lang == "sh":
			ran++
			r.run(f)
		case f.has("interrupt"):
			r.interrupt(f)
		case f.lang == "output":
			page = r.compare(page, f)
		case len(f.args) == 1:
			r.write(f)
		}
		if t.Failed() && !*update {
			t.Fatalf("stopped at %s:%d: what follows rests on it", file, f.line)
		}
	}
	if ran == 0 {
		t.Fatalf("%s has no commands", file)
	}
	if *update && page != string(data) {
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func (r *reader) write(f fence) {
	file := filepath.Join(r.dir, f.args[0])
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(r.words.Replace(f.text)), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// command returns what runs the block after the words before it.
func (r *reader) command(f fence, before string) *exec.Cmd {
	cmd := exec.CommandContext(r.t.Context(), "sh", "-ec", before+r.words.Replace(f.text))
	cmd.Dir = r.dir
	source, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		r.t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "SHELL_STATE="+r.shell, "CHECKOUT="+source)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

func (r *reader) run(f fence) {
	r.failed = false
	want := 0
	for _, arg := range f.args {
		if code, ok := strings.CutPrefix(arg, "exit="); ok {
			want, _ = strconv.Atoi(code)
		}
		if what, ok := strings.CutPrefix(arg, "needs="); ok && !r.have(what, f) {
			r.failed = true
			return
		}
	}
	if f.has("background") {
		r.serve(f)
		return
	}
	var out bytes.Buffer
	cmd := r.command(f, `if [ -f "$SHELL_STATE/env" ]; then . "$SHELL_STATE/env"; cd "$(cat "$SHELL_STATE/dir")"; fi
trap 'export -p > "$SHELL_STATE/env"; pwd > "$SHELL_STATE/dir"' EXIT
`)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if cmd.ProcessState == nil {
		r.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		r.t.Errorf("line %d: got exit code %d, want %d:\n%s\n%s", f.line, got, want, f.text, &out)
	}
	r.output = strings.ReplaceAll(out.String(), r.port, servicePort)
}

// serve starts the command and waits until it listens.
func (r *reader) serve(f fence) {
	cmd := r.command(f, "exec ") // so that a signal is the command's own
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	r.other, r.ended = cmd, ended
	r.t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
	})
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		conn, err := net.Dial("tcp", "127.0.0.1:"+r.port)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-ended:
			r.t.Fatalf("line %d: the service ended: %v\n%s", f.line, cmd.ProcessState, f.text)
		case <-time.After(20 * time.Millisecond):
		}
	}
	r.t.Fatalf("line %d: nothing listens on %s after %v", f.line, r.port, patience)
}

// interrupt ends the command in the other terminal as Ctrl-C does.
func (r *reader) interrupt(f fence) {
	if err := syscall.Kill(-r.other.Process.Pid, syscall.SIGINT); err != nil {
		r.t.Fatalf("line %d: %v", f.line, err)
	}
	select {
	case <-r.ended:
	case <-time.After(patience):
		r.t.Fatalf("line %d: the command does not end", f.line)
	}
	if code := r.other.ProcessState.ExitCode(); code != 0 {
		r.t.Errorf("line %d: got exit code %d, want 0", f.line, code)
	}
}

// have reports whether the reader has what a block needs; what it lacks is a
// skipped test of that name.
func (r *reader) have(what string, f fence) bool {
	missing, told := r.lacks[what]
	if told {
		return !missing
	}
	var err error
	switch what {
	case "npm":
		probe := exec.CommandContext(r.t.Context(), "npm", "view", "ms@2.1.3", "version", "--fetch-retries=0", "--fetch-timeout=10000")
		probe.Dir = r.dir
		err = probe.Run()
	default:
		_, err = exec.LookPath(what)
	}
	r.lacks[what] = err != nil
	if err != nil {
		r.t.Run("needs="+what, func(t *testing.T) {
			t.Skipf("the blocks that need %s are not followed, line %d the first: %v", what, f.line, err)
		})
	}
	return err == nil
}

// compare holds the block against what came, and returns the page with what came
// if it is to be updated.
func (r *reader) compare(page string, f fence) string {
	if r.failed || matches(f.text, r.output) {
		return page
	}
	if *update {
		return strings.Replace(page, "\n```output\n"+f.text+"```\n", "\n```output\n"+soften(r.output)+"```\n", 1)
	}
	r.t.Errorf("line %d: the output is another (-page +came; go test ./cmd/ratchet -run Guide -update writes it):\n%s", f.line, cmp.Diff(f.text, r.output))
	return page
}

// soften leaves open what differs from run to run.
func soften(output string) string {
	for _, vague := range []struct{ from, to string }{
		{`sha256:[0-9a-f]+…?`, "sha256:…"},
		{`\(\d+ ms\)`, "(… ms)"},
		{`in \d+\.\ds\b`, "in …s"},
		{`ran \d+(\.\d+)?ms`, "ran …ms"},
	} {
		output = regexp.MustCompile(vague.from).ReplaceAllString(output, vague.to)
	}
	return output
}

func matches(pattern, text string) bool {
	var b strings.Builder
	for line := range strings.Lines(pattern) {
		if strings.TrimSpace(line) == "…" {
			b.WriteString(`(?:.*\n)*`)
			continue
		}
		b.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*"))
	}
	return regexp.MustCompile(`^` + b.String() + `$`).MatchString(text)
}

// A test that follows a page is only as good as its reading.
func TestPagesAreReadAsTheyAreMeant(t *testing.T) {
	t.Parallel()
	page := "# A\n```sh exit=3\na\nb\n```\ntext\n```output\nc … d\n…\n```\n\n```js dir/main.js\n```\n```\nread me\n```\n"
	want := []fence{{"sh", []string{"exit=3"}, "a\nb\n", 3}, {"output", []string{}, "c … d\n…\n", 8}, {"js", []string{"dir/main.js"}, "", 13}, {"", nil, "read me\n", 15}}
	if got := fences(page); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"a (1)\n", "a (1)\n", true},
		{"a … b\n", "a 12 ms b\n", true},
		{"a … b\n", "a\nb\n", false},
		{"a\n…\nz\n", "a\nz\n", true},
		{"a\n…\nz\n", "a\n1\n2\nz\n", true},
		{"a\n", "a\nb\n", false},
		{"", "a\n", false},
	} {
		if got := matches(test.pattern, test.text); got != test.want {
			t.Errorf("%q of %q: got %v, want %v", test.pattern, test.text, got, test.want)
		}
	}
}
