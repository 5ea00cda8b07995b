package bundle_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// form is one way to write a task that returns the sum of a and b.
type form struct {
	file string
	code string
	kind bundle.Kind
	same bool // the code is run as it was written
}

const body = "{ return input.a + input.b }"

func forms() map[string]form {
	return map[string]form{
		"function expression":         {"main.js", "(function(input, context) " + body + ")", bundle.Script, true},
		"with a semicolon":            {"main.js", "(function(input) " + body + ");\n", bundle.Script, true},
		"bare function":               {"main.js", "// adds\nfunction(input) " + body + "\n", bundle.Script, false},
		"bare function, semicolon":    {"main.js", "function (input) " + body + ";\n// end\n", bundle.Script, false},
		"bare async function":         {"main.js", "'use strict';\nasync function(input) " + body, bundle.Script, false},
		"main and its name":           {"main.js", "function main(input) " + body + "\nmain;", bundle.Script, true},
		"main alone":                  {"main.js", "function main(input, context) " + body, bundle.Script, true},
		"const main":                  {"main.js", "const main = (input) => input.a + input.b", bundle.Script, true},
		"arrow":                       {"main.js", "(input) => input.a + input.b", bundle.Script, true},
		"arrow with a block":          {"main.js", "({a, b}) => { return a + b };", bundle.Script, true},
		"async arrow":                 {"main.js", "async (input) => input.a + input.b", bundle.Script, true},
		"async main":                  {"main.js", "async function main(input) { return (await Promise.resolve(input.a)) + input.b }", bundle.Script, true},
		"execute":                     {"main.js", "function execute(input) " + body, bundle.Script, true},
		"hashbang":                    {"main.js", "#!/usr/bin/env node\n(input) => input.a + input.b", bundle.Script, true},
		"newer syntax":                {"main.js", "(input) => { using r = {[Symbol.dispose]() {}}; return input.a + input.b }", bundle.Script, false},
		"module.exports":              {"main.js", "module.exports = function(input) " + body, bundle.Module, false},
		"module.exports of a cjs":     {"main.cjs", "module.exports = async (input) => input.a + input.b", bundle.Module, false},
		"module.exports object":       {"main.js", "module.exports = { main(input) " + body + " }", bundle.Module, false},
		"exports.main":                {"main.js", "exports.main = function(input) " + body, bundle.Module, false},
		"exports.handler":             {"main.js", "exports.handler = async (input) => input.a + input.b", bundle.Module, false},
		"exports.default":             {"main.js", "exports.default = (input) => input.a + input.b", bundle.Module, false},
		"module.exports if there":     {"main.js", "function main(input) " + body + "\nif (typeof module !== 'undefined') module.exports = main;\nmain;", bundle.Module, false},
		"export default function":     {"main.mjs", "export default function(input) " + body, bundle.Module, false},
		"export default arrow":        {"index.js", "export default async (input) => input.a + input.b", bundle.Module, false},
		"export function main":        {"main.js", "export async function main(input) " + body, bundle.Module, false},
		"export const handler":        {"main.js", "export const handler = (input) => input.a + input.b", bundle.Module, false},
		"export const execute":        {"main.js", "const execute = (input) => input.a + input.b\nexport { execute }", bundle.Module, false},
		"mjs without exports":         {"main.mjs", "function main(input) " + body, bundle.Script, true},
		"top-level await":             {"main.js", "const one = await Promise.resolve(1)\nexport default (input) => input.a + input.b * one", bundle.Module, false},
		"top-level await, no export":  {"main.js", "const one = await Promise.resolve(1)\nfunction main(input) { return input.a + input.b * one }", bundle.Module, false},
		"import.meta":                 {"main.js", "export default (input) => import.meta ? input.a + input.b : 0", bundle.Module, false},
		"TypeScript arrow":            {"main.ts", "(input: {a: number, b: number}): number => input.a + input.b", bundle.Script, false},
		"TypeScript bare function":    {"main.ts", "function (input: {a: number; b: number}): number " + body + ";", bundle.Script, false},
		"TypeScript enum":             {"main.ts", "enum E { Zero, One }\nnamespace N { export const z = 0 }\ninterface I { a: number; b: number }\nfunction main(input: I) { return input.a + input.b * E.One + N.z }\nmain;", bundle.Script, false},
		"TypeScript export":           {"main.mts", "export default async function(input: {a: number, b: number}): Promise<number> " + body, bundle.Module, false},
		"TypeScript decorator":        {"main.ts", "const d = (v: any, c: any) => v;\nclass C { @d m() { return 0 } }\nfunction main(input: any) { return input.a + input.b + new C().m() }\nmain;", bundle.Script, false},
		"type import, value of arrow": {"main.ts", "import type { I } from './types'\n(input: I) => input.a + input.b", bundle.Script, false},
		"import":                      {"main.js", "import { add } from './lib.mjs'\nexport default ({a, b}) => add(a, b)", bundle.Module, false},
		"import, no export, main":     {"main.js", "import { add } from './lib.mjs'\nfunction main({a, b}) { return add(a, b) }", bundle.Script, false},
		"import, no export, arrow":    {"main.js", "import { add } from './lib.mjs';\n({a, b}) => add(a, b)", bundle.Script, false},
		"import of ts from js":        {"main.js", "import { add } from './typed.ts'\nimport { zero } from './typed'\nexport default ({a, b}) => add(a, b) + zero", bundle.Module, false},
		"import of js that is ts":     {"main.ts", "import { add } from './typed.js'\nexport default ({a, b}) => add(a, b)", bundle.Module, false},
		"import of JSON":              {"main.js", "import data from './data.json'\nimport d2 from './data.json' with { type: 'json' }\nexport default ({a, b}) => a + b + data.zero + d2.zero", bundle.Module, false},
		"dynamic import":              {"main.js", "(async ({a, b}) => { const { add } = await import('./lib.mjs'); return add(a, b) })", bundle.Script, false},
		"dynamic import, default":     {"main.js", "export default async ({a, b}) => (await import('./lib.mjs')).add(a, b)", bundle.Module, false},
		"require, old form":           {"main.js", "const { add } = require('./old.js')\n;(function({a, b}) { return add(a, b) })", bundle.Script, false},
		"require, main":               {"main.js", "const { add } = require('./old')\nfunction main({a, b}) { return add(a, b) }", bundle.Script, false},
		"require in a bare function":  {"main.js", "function({a, b}) { return require('./old').add(a, b) }", bundle.Script, false},
		"require and exports":         {"main.js", "const { add } = require('./old.js')\nexports.main = ({a, b}) => add(a, b)", bundle.Module, false},
		"package":                     {"main.js", "import add from 'adder'\nimport { sub } from '@scope/sub/deep'\nexport default ({a, b}) => add(a, sub(b, 0))", bundle.Module, false},
		"required package":            {"main.js", "const add = require('adder')\nmodule.exports = ({a, b}) => add(a, b)", bundle.Module, false},
		"package for browsers":        {"main.js", "import add from 'browserish'\nexport default ({a, b}) => add(a, b)", bundle.Module, false},
		"subpath import":              {"main.js", "import { add } from '#lib'\nexport default ({a, b}) => add(a, b)", bundle.Module, false},
	}
}

// library is what the forms import. Its own functions are called main, and it
// leaves functions as values of its statements, to be in the way.
func library() files {
	return files{
		"lib.mjs":       "function main(a, b) { return a + b }\nmain.prototype.x = function wrong() {}\nexport { main as add }",
		"typed.ts":      "export const add = (a: number, b: number): number => a + b; export const zero: number = 0",
		"types.ts":      "export interface I { a: number, b: number }",
		"data.json":     `{"zero": 0}`,
		"old.js":        "function main(a, b) { return a + b }\nexports.add = main",
		"package.json":  `{"type": "commonjs", "imports": {"#lib": "./lib.mjs"}}`,
		"tsconfig.json": `{"compilerOptions": {"jsx": "nonsense", "target": "es5"}}`,

		"node_modules/adder/package.json":      `{"name": "adder", "main": "lib/index.js"}`,
		"node_modules/adder/lib/index.js":      "module.exports = (a, b) => a + b",
		"node_modules/@scope/sub/package.json": `{"name": "@scope/sub", "exports": {"./deep": {"node": "./wrong.js", "import": "./deep.mjs"}}}`,
		"node_modules/@scope/sub/deep.mjs":     "export const sub = (a, b) => a - b",
		"node_modules/browserish/package.json": `{"name": "browserish", "main": "node.js", "browser": {"./node.js": "./web.js", "fs": false}}`,
		"node_modules/browserish/node.js":      "module.exports = require('fs')",
		"node_modules/browserish/web.js":       "const fs = require('fs'); module.exports = (a, b) => a + b",
	}
}

// callIn runs a bundle as the engine would, in the machine's Node.js.
const callIn = `
const vm = require('node:vm');
const [kind, code] = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const pick = (o, names) => typeof o === 'function' ? o : names.map((n) => o?.[n]).map((f) => typeof f === 'function' ? f : f && typeof f === 'object' ? pick(f, ['default', 'main', 'handler', 'execute']) : undefined).find(Boolean);
(async () => {
  let f;
  if (kind === 'module') {
    f = pick({...await import('data:text/javascript;base64,' + Buffer.from(code).toString('base64'))}, ['default', 'main', 'handler', 'execute']);
  } else {
    f = pick(vm.runInThisContext(code), ['main', 'default', 'handler', 'execute']);
    for (const name of ['main', 'execute', 'handler']) f ??= vm.runInThisContext('typeof ' + name + ' === "function" ? ' + name + ' : undefined');
  }
  console.log(JSON.stringify(await f({a: 2, b: 40})));
})().catch((e) => { console.log(e.stack); });
`

func TestFunctionForms(t *testing.T) {
	t.Parallel()
	node, nodeErr := exec.LookPath("node")
	for name, f := range forms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := library()
			all[f.file] = f.code
			b := load(t, all.write(t))
			if b.Kind != f.kind {
				t.Errorf("got a %s, want a %s:\n%s", b.Kind, f.kind, b.Code)
			}
			if same := string(b.Code) == f.code; same != f.same {
				t.Errorf("got the code as it was: %v, want %v:\n%s", same, f.same, b.Code)
			}
			if len(b.Warnings) > 0 {
				t.Errorf("got warnings:\n%s", lines(b.Warnings))
			}
			if nodeErr != nil {
				t.Skip("no node to call it")
			}
			message, err := json.Marshal([]string{string(b.Kind), string(b.Code)})
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), node, "-e", callIn)
			cmd.Stdin = strings.NewReader(string(message))
			out, err := cmd.CombinedOutput()
			if strings.TrimSpace(string(out)) != "42" {
				t.Errorf("got %s (%v), want 42, from:\n%s", out, err, b.Code)
			}
		})
	}
}

func TestBrokenCode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files  files
		reason ratchet.Reason
		want   []string
	}{
		"syntax":              {files{"main.js": "(function(input) {\n\treturn é input\n})"}, ratchet.ReasonSyntax, []string{"main.js:2:11: Expected \";\" but found \"input\""}},
		"bare function":       {files{"main.js": "function(input) { return input + }"}, ratchet.ReasonSyntax, []string{"main.js:1:34: Unexpected \"}\""}},
		"TypeScript":          {files{"main.ts": "const x: number = ;\nexport default x"}, ratchet.ReasonSyntax, []string{"main.ts:1:19: Unexpected \";\""}},
		"imported":            {files{"main.js": "import './lib/a.js'", "lib/a.js": "\nlet let = 1"}, ratchet.ReasonSyntax, []string{"lib/a.js:2:5"}},
		"imported JSON":       {files{"main.js": "import a from './a.json'\nexport default a", "a.json": "{\n  \"a\": 1,\n}"}, ratchet.ReasonTaskValidation, []string{"a.json:3:1: a comma too many"}},
		"await at the top":    {files{"main.js": "const x = await fetch('https://example.com');\n(i) => x"}, ratchet.ReasonSyntax, []string{"main.js:1:11: await at the top level", "export default"}},
		"await and require":   {files{"main.js": "const a = require('./a');\nconst x = await a;\n(i) => x", "a.js": "module.exports = 1"}, ratchet.ReasonSyntax, []string{"main.js:2:11: await at the top level"}},
		"no such file":        {files{"main.js": "import x from './gone.js'\nexport default x"}, ratchet.ReasonTaskValidation, []string{`main.js:1:15: cannot find "./gone.js"`, "in the task's folder"}},
		"no such package":     {files{"main.js": "\nconst x = require('left-pad/deep')"}, ratchet.ReasonTaskValidation, []string{`main.js:2:19: cannot find the package "left-pad/deep"`, "npm install left-pad`"}},
		"scoped package":      {files{"main.js": "import '@a/b/c'"}, ratchet.ReasonTaskValidation, []string{"npm install @a/b`"}},
		"node built-in":       {files{"main.js": "import fs from 'node:fs'\nimport {get} from 'https'\nimport p from 'fs/promises'\nexport default () => fs"}, ratchet.ReasonTaskValidation, []string{`main.js:1:16: cannot import "node:fs": it is a module of Node's and not available in this engine`, `main.js:2:19: cannot import "https"`, "the global fetch", `main.js:3:15: cannot import "fs/promises"`}},
		"node built-in alone": {files{"main.js": "import \"path\"; import 'node:test/reporters'"}, ratchet.ReasonTaskValidation, []string{`main.js:1:8: cannot import "path": it is a module of Node's and not available in this engine`, `cannot import "node:test/reporters": it is a module`}},
		"absolute path":       {files{"main.js": "import '/etc/passwd'"}, ratchet.ReasonTaskValidation, []string{`main.js:1:8: cannot import "/etc/passwd": a task is made of`}},
		"tsconfig paths": {files{"main.ts": "import c from '@/c'\nimport 'lib/d'\nexport default c", "tsconfig.json": `{"compilerOptions": {"paths": {"@/*": ["./src/*"], "lib/d": []}}}`}, ratchet.ReasonTaskValidation, []string{
			`main.ts:1:15: cannot find "@/c": "paths" of tsconfig.json are not read, expected a relative import, such as "./file"`, `main.ts:2:8: cannot find "lib/d": "paths" of tsconfig.json are not read`,
		}},
		"alias of a bundler": {files{"main.ts": "import c from '@/c'\nimport '~/d'\nexport default c"}, ratchet.ReasonTaskValidation, []string{`main.ts:1:15: cannot find "@/c": it is an alias, not a package`, `main.ts:2:8: cannot find "~/d": it is an alias`}},
		"polyfilled":         {files{"main.js": "import e from 'node:events'"}, ratchet.ReasonTaskValidation, []string{"npm install events`"}},
		"network":            {files{"main.js": "import x from 'https://esm.sh/x'\nexport default x"}, ratchet.ReasonTaskValidation, []string{`main.js:1:15: cannot import "https://esm.sh/x": tasks import nothing over the network`}},
		"missing export":     {files{"main.js": "import {b} from './a.js'\nexport default b", "a.js": "export const a = 1"}, ratchet.ReasonTaskValidation, []string{"main.js:1:9: No matching export in \"a.js\" for import \"b\""}},
		"image":              {files{"main.js": "import './a.png'", "a.png": "x"}, ratchet.ReasonTaskValidation, []string{"main.js:1:8", `cannot import "a.png"`}},
		"unknown subpath":    {files{"main.js": "import '#x'"}, ratchet.ReasonTaskValidation, []string{`cannot find "#x"`, "package.json"}},
		"outside the folder": {files{"main.js": "import '../../outside.js'\nexport default 1"}, ratchet.ReasonTaskValidation, []string{"main.js:1:8"}},
		"too much code":      {files{"main.js": "(i) => '" + strings.Repeat("x", 11<<20) + "'"}, ratchet.ReasonTaskValidation, []string{"too large", "at most 10MB"}},
		"too much imported":  {files{"main.js": "import a from './a.txt'; export default a", "a.txt": strings.Repeat("x", 21<<20)}, ratchet.ReasonTaskValidation, []string{"a.txt is larger than 20MB"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := c.files.write(t)
			reason, text := refused(t, dir, bundle.Options{})
			if reason != c.reason {
				t.Errorf("got reason %s, want %s", reason, c.reason)
			}
			wants(t, text, c.want...)
		})
	}
}

func TestSyntaxErrorShowsItsLine(t *testing.T) {
	t.Parallel()
	r, err := bundle.Check(t.Context(), files{"main.js": "function(input) {\r\n  return input +;\r\n}"}.write(t), bundle.Options{})
	if err != nil || len(r.Problems) != 1 {
		t.Fatalf("got %v %v, want one problem", r, err)
	}
	if d := r.Problems[0]; d.Text != "  return input +;" || d.File != "main.js" || d.Line != 2 || d.Column != 17 {
		t.Errorf("got %+v", d)
	}
}

func TestRequireThatMayFailIsNoProblem(t *testing.T) {
	t.Parallel()
	b := load(t, files{"main.js": "let x; try { x = require('left-pad') } catch { x = 1 }\nmodule.exports = () => x"}.write(t))
	wants(t, string(b.Code), "left-pad")
}

func TestIgnoredTsconfigWarns(t *testing.T) {
	t.Parallel()
	b := load(t, files{
		"main.ts": "import {a} from './a'\nexport default a", "a.ts": "export const a = (i: any) => i",
		"tsconfig.json": "{\"compilerOptions\": {\n  \"paths\": {\"@/*\": [\"./*\"]}}}",
	}.write(t))
	wants(t, lines(b.Warnings), `tsconfig.json:2:3: tsconfig.json is not read; "paths" has no effect`)
}

func TestBrokenTsconfigWarns(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{\n  \"compilerOptions\": {\"strict\": tru}\n}":                                                            "tsconfig.json:2:33: tsconfig.json is not read, and broken: unexpected 't'",
		"{ // one of TypeScript's\n/* {{ */ \"compilerOptions\": {\"lib\": [\"es//2022\",], \"strict\": true,\n},}": "",
	} {
		b := load(t, files{"main.ts": "(i: any) => i", "tsconfig.json": text}.write(t))
		if got := lines(b.Warnings); (got == "") != (want == "") || !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestDirectEvalIsNoWarning(t *testing.T) {
	t.Parallel()
	b := load(t, files{"main.js": "import {a} from './a.js'; export default (i) => eval('a')", "a.js": "export const a = 1"}.write(t))
	if len(b.Warnings) > 0 {
		t.Errorf("got %s", lines(b.Warnings))
	}
}
