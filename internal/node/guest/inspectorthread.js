"use strict";
const { Session } = require("inspector"), fs = require("fs"), { workerData } = require("worker_threads");
const descriptor = workerData.descriptor;

// The socket is read and written as a file: the filter knows no other socket than
// the one of the worker's own conversation. It blocks, this thread or one of Node's.
function say(message) {
  const line = Buffer.from(JSON.stringify(message) + "\n");
  try {
    for (let at = 0; at < line.length;) at += fs.writeSync(descriptor, line, at, line.length - at);
  } catch {
    // Nobody is there to hear it.
  }
}
const ours = (url) => url.startsWith("ratchet:") || url.startsWith("node:") || url.startsWith("[");

const session = new Session();
session.connectToMainThread();
session.on("inspectorNotification", (message) => {
  // Only the task's own code is of interest, and Node's own is not to be stepped into.
  if (message.method === "Debugger.scriptParsed" && (message.params.url === "" || ours(message.params.url))) return;
  say(message);
});

// brk stops the program at its first statement, in a session that nobody sees.
function brk() {
  const own = new Session();
  own.connectToMainThread();
  let breakpoint;
  own.on("Debugger.paused", () => {
    if (breakpoint === undefined) return;
    own.post("Debugger.removeBreakpoint", { breakpointId: breakpoint });
    breakpoint = undefined;
  });
  own.on("Debugger.resumed", () => { own.post("Debugger.disable"); });
  own.post("Debugger.enable");
  own.post("Debugger.setBreakpointByUrl", { url: workerData.program, lineNumber: 0 }, (error, result) => {
    breakpoint = result?.breakpointId;
    say({ method: "Ratchet.run" });
  });
}

function handle({ id, method, params }) {
  if (method === "Runtime.runIfWaitingForDebugger") {
    say({ id, result: {} });
    if (workerData.brk) brk(); else say({ method: "Ratchet.run" });
    return;
  }
  session.post(method, params, (error, result) => { say(error ? { id, error } : { id, result }); });
}

const decoder = new TextDecoder(), chunk = Buffer.allocUnsafeSlow(1 << 16);
let rest = "";
(function next() {
  fs.read(descriptor, chunk, 0, chunk.length, null, (error, n) => {
    if (error || n === 0) return; // the server is gone
    const lines = (rest + decoder.decode(chunk.subarray(0, n), { stream: true })).split("\n");
    rest = lines.pop();
    for (const line of lines) handle(JSON.parse(line));
    next();
  });
})();
