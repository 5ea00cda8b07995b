// What lets somebody look on while the task runs: the inspector of this thread,
// led to the server over a socket of its own by a thread that goes on while this
// one stands still. There is no listening socket: who may look on, the server says.
(function (require, use, load) {
  "use strict";
  const { Worker } = require("worker_threads");

  // begin starts the thread; with brk, each program stops at its first statement
  // once somebody has said that it may run.
  function begin(brk) {
    const thread = new Worker(load("node/inspectorthread"), { eval: true, workerData: { brk, descriptor: 6, program: "task.js" }, execArgv: [], argv: [], stdin: false, stdout: true, stderr: true });
    thread.unref();
  }

  return { begin };
})
