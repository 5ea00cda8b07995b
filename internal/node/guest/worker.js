// The life of a worker process: say hello, be given one program, then run it
// again and again, each time in a context of its own.
(function (require, use, load) {
  "use strict";
  const wire = use("wire");
  const { Execution, prepare } = use("execution");
  const { compile } = use("program");
  const { kinds, send } = wire;
  const version = 1;

  const executions = new Map();
  let program, failure, bound = false, greeted = false;

  // spare is a context made ahead, so that an execution need not wait for it.
  let spare, preparing = false;
  function prepareSoon() {
    if (spare !== undefined || preparing) return;
    preparing = true;
    setImmediate(() => {
      preparing = false;
      if (spare === undefined && executions.size === 0) spare = prepare(load);
    });
  }

  // rest gives memory back once there has been nothing to do for a while: V8
  // collects when it needs to, not when it could.
  const restAfter = 500;
  let resting;
  function rest() {
    const v8 = require("v8"), vm = require("vm");
    v8.setFlagsFromString("--expose-gc");
    const gc = vm.runInNewContext("gc");
    v8.setFlagsFromString("--no-expose-gc");
    gc({ type: "major", execution: "sync", flavor: "last-resort" });
  }

  function done(x, result) {
    executions.delete(x.id);
    balance();
    if (executions.size === 0) resting = setTimeout(() => { if (executions.size === 0) rest(); }, restAfter).unref();
    const f = result.failure;
    const message = (w) => {
      w.array(7);
      w.int(x.id);
      w.bytes(f === undefined ? result.output : "");
      writeFailure(w, f);
      w.int(result.cpu);
      w.int(result.memory);
      w.array(result.unhandled.length);
      for (const text of result.unhandled) w.text(cut(text, 1 << 10));
      w.array(result.taken.length);
      for (const [call, at] of result.taken) { w.array(2); w.int(call); w.int(at); }
    };
    send(kinds.done, message);
    prepareSoon();
  }

  function writeFailure(w, f) {
    if (f === undefined) {
      w.nil();
      return;
    }
    w.array(6);
    w.text(f.kind);
    w.text(cut(f.name ?? "", 256));
    w.text(cut(f.message ?? "", 16 << 10));
    w.text(cut(f.stack ?? "", 32 << 10));
    w.bytes(f.extra ?? "");
    w.int(f.size ?? 0);
  }
  const cut = (s, n) => (s.length > n ? s.slice(0, n) + "…" : s);

  // balance lets the event loop run empty exactly while some execution waits for
  // nothing that the server sends: then it never settles, and beforeExit says so.
  function balance() {
    let hold = executions.size === 0;
    for (const x of executions.values()) if (x.pending.size > 0 || x.done) hold = true;
    wire.hold(hold);
  }

  function handle({ kind, fields }) {
    if (!greeted) {
      if (kind !== kinds.hello || fields[0] !== version) throw new Error("want a hello of protocol version " + version);
      greeted = true;
      return;
    }
    switch (kind) {
      case kinds.bind: bind(fields); return;
      case kinds.run: run(fields); return;
      case kinds.reply: {
        const [exec, call, failed, head, body, at] = fields;
        executions.get(exec)?.deliver({ call, failed, head: head.toString(), body, at });
        balance();
        return;
      }
      case kinds.cancel: executions.get(fields[0])?.cancel(); return;
    }
    throw new Error("a message of kind " + kind);
  }

  function bind([file, kind, source]) {
    if (bound) throw new Error("bound twice");
    bound = true;
    try {
      program = compile(file, kind, source.toString());
    } catch (e) {
      failure = { kind: "syntax", name: e.name, message: e.message, stack: use("trace").ofSyntax(e) };
    }
    send(kinds.bound, (w) => { w.array(2); w.bytes(""); writeFailure(w, failure); });
  }

  function run([id, input, context, cpu, output, timeline]) {
    if (!bound) throw new Error("run before bind");
    clearTimeout(resting);
    const place = spare ?? prepare(load);
    spare = undefined;
    const x = new Execution(id, place, { input: input.toString(), context: context.toString(), cpu, output, timeline }, { done, balance });
    executions.set(id, x);
    balance();
    if (program === undefined) x.end({ failure });
    else x.start(program);
    balance();
  }

  // One that nobody can name is the whole process's.
  const ofPromise = (promise) => {
    if (executions.size === 1) return executions.values().next().value;
    for (const x of executions.values()) if (x.bridge.isOwn(promise)) return x;
    return undefined;
  };
  process.on("unhandledRejection", (reason, promise) => { ofPromise(promise)?.rejected(reason, promise); });
  process.on("rejectionHandled", (promise) => { ofPromise(promise)?.handled(promise); });
  process.on("uncaughtException", (e) => {
    const all = [...executions.values()];
    if (all.length === 0) {
      process.stderr.write(`${e?.stack ?? e}\n`);
      process.exit(1);
    }
    for (const x of all) x.crash(e);
  });
  process.on("beforeExit", () => {
    for (const x of executions.values()) x.stuck();
    balance();
  });

  const inspect = process.argv[process.argv.length - 2];
  if (inspect === "@inspect" || inspect === "@inspect-brk") use("inspector").begin(inspect === "@inspect-brk");

  send(kinds.hello, (w) => { w.array(1); w.int(version); });
  wire.listen(handle, () => process.exit(0));
  const report = process.argv[process.argv.length - 1];
  prepareSoon();
  send(kinds.ready, (w) => { w.array(3); w.text("node-" + process.versions.node); w.bytes(report); w.text(""); });
})
