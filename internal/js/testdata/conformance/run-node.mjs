// Runs the conformance cases under Node: node run-node.mjs [file…]
// It judges the cases themselves. Exit status 1 if one fails.
import fs from "node:fs";
import path from "node:path";
import vm from "node:vm";
import { startServer } from "./_server.mjs";

const dir = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const harness = fs.readFileSync(path.join(dir, "_harness.js"), "utf8");
const wanted = process.argv.slice(2).map((f) => path.basename(f));
const files = fs.readdirSync(dir).filter((f) => f.endsWith(".js") && !f.startsWith("_") && (wanted.length === 0 || wanted.includes(f)));
const { base, close } = await startServer();

let passed = 0, skipped = 0, failed = 0;
for (const file of files) {
  const source = `(function () { "use strict";${harness}\n${fs.readFileSync(path.join(dir, file), "utf8")}\nreturn runCase; })`;
  const load = () => vm.runInThisContext(source, { filename: file })();
  const list = await load()({ list: true });
  for (let index = 0; index < list.length; index++) {
    const { name, node } = list[index];
    if (node) {
      skipped++;
      continue;
    }
    const wrong = await load()({ index, base });
    if (wrong === null) passed++;
    else {
      failed++;
      console.log(`FAIL ${file}: ${name}\n     ${wrong.split("\n")[0]}`);
    }
  }
}
close();
console.log(`${passed} passed, ${skipped} not for Node, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
