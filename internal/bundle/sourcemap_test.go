package bundle_test

import (
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// place finds the only "HERE" in a text and returns its line and column.
func place(t testing.TB, text string) (line, column int) {
	t.Helper()
	before, _, ok := strings.Cut(text, "HERE")
	if !ok {
		t.Fatalf("no HERE in:\n%s", text)
	}
	line = strings.Count(before, "\n") + 1
	return line, len(before) - strings.LastIndexByte(before, '\n')
}

func TestPositionsLeadToTheUsersOwnLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files files
		in    string // the file with HERE
	}{
		"plain":                {files{"main.js": "// one\n(function (input) {\n  if (input) HERE();\n})"}, "main.js"},
		"bare, first line":     {files{"main.js": "function (input) { HERE(); }"}, "main.js"},
		"bare, second line":    {files{"main.js": "function (input) {\n HERE(); }"}, "main.js"},
		"bare after a comment": {files{"main.js": "/* x */ async function (input) { HERE(); }"}, "main.js"},
		"TypeScript":           {files{"main.ts": "interface I { a: number }\ntype T = I;\nfunction main(input: I): void {\n  const x: T = input; HERE(x);\n}"}, "main.ts"},
		"bare TypeScript":      {files{"main.ts": "function (input: {a: number}): void { const x: number = 1; HERE(x); }"}, "main.ts"},
		"imported TypeScript":  {files{"main.ts": "import { f } from './lib/deep'\nexport default (i: any) => f(i)", "lib/deep.ts": "export interface I { a: number }\n\n\nexport function f(i: I): never {\n\tconst n: number = i.a; throw HERE(n);\n}"}, "lib/deep.ts"},
		"importing TypeScript": {files{"main.ts": "import { f } from './lib'\ntype T = number\nexport default (i: any) => {\n  f(i as T); HERE(i);\n}", "lib.ts": "export function f(i: number) {}"}, "main.ts"},
		"package":              {files{"main.js": "module.exports = require('p')", "node_modules/p/index.js": "\nmodule.exports = () => { HERE() }"}, "node_modules/p/index.js"},
		"bare with a require":  {files{"main.js": "function (input) { const a = require('./a'); HERE(a); }", "a.js": "exports.a = 1"}, "main.js"},
		"main after an import": {files{"main.js": "import {a} from './a.js'\nfunction main(i) {\n  HERE(a) }", "a.js": "function main() {}; export const a = main"}, "main.js"},
		"export with await":    {files{"main.js": "const x = await 1\nfunction main(i) {\n  HERE(x) }"}, "main.js"},
		"lines of Windows":     {files{"main.ts": "type T = 1\r\nexport default (i: T) => {\r\n  HERE(i)\r\n}"}, "main.ts"},
		"after a byte order":   {files{"main.js": "\ufefffunction (i) {\n  HERE(i)\n}"}, "main.js"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.TrimPrefix(c.files[c.in], "\ufeff")
			b := load(t, c.files.write(t))
			line, column := place(t, string(b.Code))
			wantLine, wantColumn := place(t, text)
			file, gotLine, gotColumn, ok := b.SourceMap.Position(line, column)
			if !ok || file != c.in || gotLine != wantLine || gotColumn != wantColumn {
				t.Errorf("got %s:%d:%d (%v), want %s:%d:%d, for %d:%d of:\n%s", file, gotLine, gotColumn, ok, c.in, wantLine, wantColumn, line, column, b.Code)
			}
			want := strings.TrimSuffix(strings.Split(text, "\n")[wantLine-1], "\r")
			if got := b.SourceMap.Line(file, gotLine); got != want {
				t.Errorf("got line %q, want %q", got, want)
			}
		})
	}
}

func TestPositionsThatLeadNowhere(t *testing.T) {
	t.Parallel()
	b := load(t, files{"main.js": "(i) => 1"}.write(t))
	for _, line := range []int{-1, 0, 2, 1 << 30} {
		if file, l, c, ok := b.SourceMap.Position(line, 1); ok {
			t.Errorf("line %d: got %s:%d:%d, want nothing", line, file, l, c)
		}
	}
	var none *bundle.SourceMap
	if _, _, _, ok := none.Position(1, 1); ok {
		t.Error("got a position without a source map")
	}
	if got := b.SourceMap.Line("other.js", 1); got != "" {
		t.Errorf("got %q of a file that is not there", got)
	}
}
