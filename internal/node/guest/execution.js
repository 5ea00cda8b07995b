// One execution: its context, its timers, what it asks of the server, its end.
(function (require, use) {
  "use strict";
  const vm = require("vm");
  const { kinds, send, awaitMessage, backlog } = use("wire");
  const { pure } = use("host");
  const { Clock } = use("clock");
  const { frames } = use("trace");
  const { builtin, refused } = use("builtins");
  const maxTimer = 2 ** 31 - 1, firstSync = 2 ** 31, longestString = 2 ** 29 - 24, maxLog = 32 << 20;

  // Scripts are compiled once; a context evaluates them.
  const scripts = new Map();
  let load;
  function evaluate(name, context) {
    let script = scripts.get(name);
    if (script === undefined) {
      const source = load(name);
      if (source === undefined) throw new ReferenceError("no prelude module " + name);
      script = new vm.Script(source, { filename: "ratchet:" + name + ".js" });
      scripts.set(name, script);
    }
    return script.runInContext(context);
  }

  // prepare makes a context in which nothing has run but the prelude.
  function prepare(loader) {
    load = loader;
    const context = vm.createContext(vm.constants.DONT_CONTEXTIFY ?? {}, { name: "task" });
    const bridge = evaluate("node/bridge", context)();
    const place = { context, bridge, host: undefined, x: undefined, chance: {} };
    place.host = hostOf(place);
    place.dispatch = evaluate("core", context)(place.host);
    bridge.set("require", bridge.wrap((specifier) => {
      const exports = builtin(specifier, place.x);
      if (exports === undefined) throw refused(specifier);
      return exports;
    }));
    bridge.lazy("Buffer", () => builtin("buffer", place.x).Buffer);
    return place;
  }

  // instead are modules that V8 and Node are better at than the prelude's own.
  const instead = new Set(["inspect", "format", "subtle"]);

  function hostOf(place) {
    const { bridge, context } = place;
    const host = { __proto__: null };
    const effects = {
      module: (name) => evaluate(instead.has(name) ? "node/" + name : name, context),
      context: () => place.x.task.context || "{}",
      timer: (id, ms) => { place.x.arm(id, ms); },
      clearTimer: (id) => { place.x.disarm(id); },
      request: (call, op, head, body) => { place.x.request(call, op, head, body); },
      requestSync: (op, head, body) => place.x.requestSync(op, head, body),
      done: (json) => { place.x.finish(json); },
      fail: (kind, name, message, stack, extra) => { place.x.fail(kind, `${name}`, `${message}`, `${stack}`, extra); },
      log: (level, message, fields) => { place.x.log(`${level}`, `${message}`, `${fields}`); },
      progress: (value, message) => { place.x.progress(value, `${message}`); },
      now: () => place.x.clock.elapsed() / 1e6,
      timeOrigin: () => place.x.clock.start,
    };
    for (const set of [effects, pure(bridge, place.chance)]) for (const name in set) host[name] = bridge.wrap(set[name]);
    host.bridge = bridge;
    host.node = (name) => builtin(name, place.x);
    return host;
  }

  class Execution {
    done = false;
    pending = new Set(); // calls without a reply
    #timers = new Map();
    #unhandled = new Map();
    #result;
    #nextSync = 0;
    #stopped = false;
    #cpu = process.cpuUsage();
    #memory;
    #owner;

    constructor(id, place, task, owner) {
      this.id = id;
      this.task = task;
      this.#owner = owner;
      Object.assign(this, { context: place.context, bridge: place.bridge, host: place.host, dispatch: place.dispatch });
      this.#memory = memory();
      this.clock = new Clock(task.timeline, this);
      place.x = this;
      if (task.timeline !== null) {
        place.chance.fill = this.clock.fill;
        this.bridge.chance(this.clock.random);
      }
    }

    // turn lets the execution's code run.
    turn(f) {
      if (this.done) return;
      try {
        f();
      } catch (e) {
        this.crash(e);
      }
      this.clock.turned();
    }

    start(program) {
      this.turn(() => {
        if (this.task.timeline !== null) this.dispatch(3, "clock");
        program(this);
      });
    }

    // probe finds the function in the globals.
    probe() { return evaluate("probe", this.context); }

    // crash ends the execution with what came out of its code.
    crash(e) {
      if (this.done) return;
      try {
        this.host.fatal(e);
      } catch {
        this.end({ failure: { kind: "threw", name: "Error", message: "the task failed, and its error cannot be told" } });
      }
    }

    // Timers.
    arm(id, ms) {
      ms = +ms > 0 ? +ms : 0;
      if (!(ms <= maxTimer)) ms = 1;
      this.disarm(id);
      if (this.done) return;
      this.#timers.set(id, this.clock.after(ms, () => {
        this.#timers.delete(id);
        this.turn(() => this.dispatch(1, id));
      }));
    }
    disarm(id) {
      const t = this.#timers.get(id);
      if (t === undefined) return;
      this.#timers.delete(id);
      this.clock.cancel(t);
    }
    timersModule() {
      const { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate } = this.host.timers;
      return { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate };
    }

    // What it asks of the server.
    #ask(call, op, head, body) {
      return send(kinds.request, (w) => {
        w.array(6);
        w.int(this.id);
        w.int(call);
        w.text(`${op}`.slice(0, 256));
        w.bytes(`${head}`);
        if (body === undefined) w.nil();
        else w.bytes(body);
        w.int(this.clock.elapsed());
      });
    }
    request(call, op, head, body) {
      if (this.done) return;
      this.pending.add(call);
      this.#owner.balance();
      if (!this.#ask(call, op, head, bytesOf(body))) {
        this.deliver({ call, failed: true, head: '{"name":"TypeError","message":"the request is larger than Ratchet passes on"}', body: null, at: 0 });
      }
    }
    requestSync(op, head, body) {
      const call = firstSync + ++this.#nextSync;
      if (this.#stopped || this.done) throw new Error("interrupted");
      this.#ask(call, op, head, bytesOf(body));
      const reply = awaitMessage(({ kind, fields }) => {
        if (kind === kinds.cancel && fields[0] === this.id) return { cancelled: true };
        return kind === kinds.reply && fields[0] === this.id && fields[1] === call ? { fields } : undefined;
      });
      if (backlog() > 0) setImmediate(this.#owner.deliver);
      if (reply.cancelled) {
        this.cancel();
        throw new Error("interrupted");
      }
      const [, , failed, answer, bytes, at] = reply.fields;
      this.clock.took(call, at);
      return [failed, answer.toString(), bytes === null ? undefined : this.host.own(bytes)];
    }
    deliver(reply) {
      if (this.done || !this.pending.has(reply.call)) return;
      this.clock.arrived(reply);
    }
    // reply hands an answer to the code.
    reply({ call, failed, head, body }) {
      this.pending.delete(call);
      this.#owner.balance();
      this.turn(() => this.dispatch(2, call, failed, head, body === null ? undefined : this.host.own(body)));
    }

    log(level, message, fields) {
      if (this.done) return;
      if (fields.length > maxLog) fields = "";
      if (message.length > maxLog) message = message.slice(0, maxLog) + "…";
      send(kinds.log, (w) => {
        w.array(5);
        w.int(this.id);
        w.int(this.clock.unix());
        w.text(level.slice(0, 256));
        w.text(message);
        w.bytes(fields);
      });
    }
    progress(value, message) {
      if (this.done) return;
      send(kinds.progress, (w) => { w.array(3); w.int(this.id); w.float(+value); w.text(message.slice(0, 16 << 10)); });
    }

    // Rejections that nobody handled.
    rejected(reason, promise) {
      if (this.#unhandled.size < 100) this.#unhandled.set(promise, reason);
    }
    handled(promise) { this.#unhandled.delete(promise); }
    #reasons(failure) {
      const reasons = [];
      for (const reason of this.#unhandled.values()) {
        let text;
        try {
          if (reason !== null && typeof reason === "object" && typeof reason.message === "string") {
            if (failure !== undefined && failure.message === reason.message) continue;
            text = `${reason.name}: ${reason.message}`.replace(/: $/, "") + "\n" + frames(`${reason.stack}`);
          } else {
            text = String(reason);
          }
        } catch {
          text = "a value that cannot be shown";
        }
        reasons.push(text.trimEnd());
      }
      return reasons.sort();
    }

    // The end.
    finish(json) {
      const limit = this.task.output;
      const size = Buffer.byteLength(json);
      if (limit > 0 && size > limit) this.end({ failure: { kind: "output_too_large", size } });
      else this.end({ output: json });
    }
    fail(kind, name, message, stack, extra) {
      const unfinished = name === "RangeError" && message === "Invalid string length" &&
        /^RangeError: Invalid string length\n {4}at (?:JSON\.)?stringify \(<anonymous>\)\n {4}at finish \(ratchet:core\.js:/.test(stack);
      if (unfinished) this.end({ failure: { kind: "output_too_large", size: longestString } });
      else this.end({ failure: { kind, name, message, stack: frames(stack), extra } });
    }
    cancel() {
      this.#stopped = true;
      this.end({ failure: { kind: "stopped" } });
    }
    stuck() {
      if (!this.done && this.pending.size === 0) this.end({ failure: { kind: "never_settles" } });
    }
    // end takes the first result. It is told once the code has come to rest, so
    // that what it goes on doing counts against this execution and no other.
    end(result) {
      if (this.done) return;
      this.done = true;
      this.#result = result;
      for (const id of [...this.#timers.keys()]) this.disarm(id);
      this.clock.stop();
      setImmediate(() => this.#tell());
    }
    #tell() {
      const { output, failure } = this.#result;
      const spent = process.cpuUsage(this.#cpu);
      const cpu = (spent.user + spent.system) * 1000;
      let f = failure;
      if (this.task.cpu > 0 && cpu > this.task.cpu) f = { kind: "cpu" };
      else if (f !== undefined && f.kind === "threw" && f.name === "RangeError") f = { ...f, kind: limitOf(f.message) };
      this.#owner.done(this, {
        output: output ?? "", failure: f, cpu, memory: Math.max(0, memory() - this.#memory), taken: this.clock.taken,
        unhandled: f === undefined || f.kind === "threw" || f.kind === "never_settles" ? this.#reasons(f) : [],
      });
    }
  }

  // limitOf is the limit that a RangeError of V8 tells of.
  function limitOf(message) {
    if (message === "Maximum call stack size exceeded") return "recursion";
    if (/^(Array buffer allocation failed|Failed to allocate memory|WebAssembly\.Memory\(\): could not allocate memory|ArrayBuffer\.prototype\.resize: Out of memory)/.test(message)) return "memory";
    return "threw";
  }

  // memory is what JavaScript holds, garbage included, as V8 knows it.
  function memory() {
    const s = require("v8").getHeapStatistics();
    return s.used_heap_size + s.external_memory;
  }
  const bytesOf = (body) => (body === undefined || body === null ? undefined
    : ArrayBuffer.isView(body) ? new Uint8Array(body.buffer, body.byteOffset, body.byteLength) : new Uint8Array(body));

  return { Execution, prepare };
})
