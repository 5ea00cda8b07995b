// Writes golden.json and calls.json beside it: what this machine's Node prints
// for each of cases.js and calls.js. Run: node internal/js/testdata/inspect/generate.mjs
import { Console } from "node:console";
import { readFileSync, writeFileSync } from "node:fs";
import { Writable } from "node:stream";
import { format } from "node:util";
import { runInThisContext } from "node:vm";

const load = (name) => runInThisContext(readFileSync(new URL(name, import.meta.url), "utf8"), { filename: name });
const save = (name, list) => writeFileSync(new URL(name, import.meta.url), JSON.stringify(list, null, 1) + "\n");

save("golden.json", load("cases.js").map((f) => ({ source: f.toString(), text: format(...f()) })));

let text = "";
const out = new Writable({ write(chunk, encoding, done) { text += chunk; done(); } });
const console = new Console({ stdout: out, stderr: out, colorMode: false });
save("calls.json", load("calls.js").map((f) => {
  text = "";
  f(console);
  return { source: f.toString(), text };
}));
