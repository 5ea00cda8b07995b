"use strict";
const { Session } = require("inspector"), net = require("net"), { parentPort, workerData } = require("worker_threads");
const socket = new net.Socket({ fd: workerData.descriptor, readable: true, writable: true });
const say = (message) => { socket.write(JSON.stringify(message) + "\n"); };
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
  own.post("Debugger.enable");
  own.post("Debugger.setBreakpointByUrl", { url: workerData.program, lineNumber: 0 }, (error, result) => {
    breakpoint = result?.breakpointId;
    say({ method: "Ratchet.run" });
  });
}

let rest = "";
socket.setEncoding("utf8");
socket.on("error", () => {});
socket.on("data", (chunk) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  for (const line of lines) {
    const { id, method, params } = JSON.parse(line);
    if (method === "Runtime.runIfWaitingForDebugger") {
      say({ id, result: {} });
      if (workerData.brk) brk(); else say({ method: "Ratchet.run" });
      continue;
    }
    session.post(method, params, (error, result) => { say(error ? { id, error } : { id, result }); });
  }
});
parentPort.postMessage("ready");
