'use strict';

// The SDK of Ratchet's plugins in JavaScript: main(plugin), where plugin is an
// object of the functions that it has. docs/plugin-protocol.md of Ratchet says what
// goes over the wire.

const { frame, kinds, Reader } = require('./frames.js');

const protocol = [1, 1];
const hookPoints = ['beforeValidation', 'afterValidation', 'beforeExecution', 'afterExecution', 'onSuccess', 'onFailure'];
const none = Buffer.alloc(0);

/** PluginError is a failure that says more than its text. */
class PluginError extends Error {
  constructor(message, { retry = false, data } = {}) {
    super(message);
    this.name = 'PluginError';
    this.retry = retry;
    this.data = data;
  }
}

/** reject returns the error with which a submit refuses a job. */
function reject(reason) {
  const err = new PluginError(reason);
  err.rejected = true;
  return err;
}

/** part makes {call, …} of a function or of that. */
function part(value) {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'function' ? { call: value } : value;
}

/** manifest is what a plugin says of itself. */
function manifest(plugin) {
  const functions = Object.keys(plugin.functions || {}).sort();
  const hooks = hookPoints.filter((point) => plugin[point]);
  const events = part(plugin.events);
  const priority = (p) => p.priority || 500;
  return {
    name: plugin.name,
    version: plugin.version,
    description: plugin.description,
    author: plugin.author,
    homepage: plugin.homepage,
    license: plugin.license,
    protocol,
    configSchema: plugin.config,
    needs: plugin.needs || {},
    requires: plugin.requires,
    hooks: hooks.length === 0 ? undefined : hooks.map((point) => {
      const hook = part(plugin[point]);
      return { point, priority: priority(hook), brief: hook.brief || undefined };
    }),
    submit: plugin.submit && { priority: priority(part(plugin.submit)) },
    functions: functions.length === 0 ? undefined : functions.map((name) => {
      const f = part(plugin.functions[name]);
      return { name, description: f.description, input: f.input, output: f.output };
    }),
    destination: plugin.destination ? true : undefined,
    transform: plugin.transform ? true : undefined,
    source: plugin.source ? true : undefined,
    events: events && { types: events.types, tasks: events.tasks },
    health: plugin.health ? true : undefined,
    metrics: plugin.metrics ? true : undefined,
  };
}

const json = (value) => Buffer.from(JSON.stringify(value === undefined ? null : value), 'utf8');
const parse = (bytes, otherwise) => (bytes && bytes.length > 0 ? JSON.parse(bytes.toString('utf8')) : otherwise);

/** failure is an error as the protocol says it. */
function failure(err) {
  if (err && err.unsupported) return ['unsupported', err.message, false, none];
  const message = err instanceof Error ? err.message : String(err);
  const data = err && err.data !== undefined ? json(err.data) : none;
  return [err && err.rejected ? 'rejected' : 'error', message, Boolean(err && err.retry), data];
}

function unsupported(what) {
  const err = new Error(`the plugin has no ${what}`);
  err.unsupported = true;
  return err;
}

/** eventOf reads what a hook and a submit are told. */
function eventOf(head, body) {
  const { inputSize = 0, ...event } = parse(head, {});
  event.input = parse(body && body.subarray(0, inputSize));
  event.output = parse(body && body.subarray(inputSize));
  return event;
}

class Server {
  constructor(plugin, send, exit) {
    this.plugin = plugin;
    this.send = send;
    this.exit = exit;
    this.calls = new Map();
    this.idle = [];
  }

  take(kind, m) {
    switch (kind) {
      case kinds.hello:
        return this.hello(...m);
      case kinds.start:
        return this.start(...m);
      case kinds.call:
        return this.begin(...m);
      case kinds.cancel:
        return this.calls.get(m[0])?.abort(new Error('the call was cancelled'));
      case kinds.stop:
        return this.stop();
      default:
        throw new Error(`a message of unknown kind ${kind}`);
    }
  }

  hello(min, max, version) {
    this.ratchet = version;
    const chosen = Math.min(max, protocol[1]);
    const text = json(manifest(this.plugin));
    if (chosen < Math.max(min, protocol[0])) {
      this.send(kinds.ready, [0, text, `the server speaks versions ${min} to ${max} of the protocol, this plugin ${protocol.join(' to ')}`]);
      return this.exit(1);
    }
    this.send(kinds.ready, [chosen, text, '']);
  }

  async start(config, data) {
    try {
      await this.plugin.start?.({ config: parse(config, {}), data, ratchet: this.ratchet, log: this.logger() });
      this.send(kinds.started, [null]);
    } catch (err) {
      this.send(kinds.started, [failure(err)]);
    }
  }

  logger() {
    const line = (level) => (message, fields) => {
      this.send(kinds.log, [BigInt(Date.now()) * 1000000n, level, String(message), fields === undefined ? none : json(fields)]);
    };
    return { debug: line('DEBUG'), info: line('INFO'), warn: line('WARN'), error: line('ERROR') };
  }

  async begin(id, op, head, body, deadline) {
    const control = new AbortController();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      control.abort(new Error('the time for the call is over'));
    }, Number(deadline));
    this.calls.set(id, control);
    let answer;
    try {
      const [h = none, b = none] = (await this.call(op, head, body, control.signal)) || [];
      answer = [id, null, h, b];
    } catch (err) {
      const f = failure(err);
      if (late) f[0] = 'timeout';
      answer = [id, f, none, none];
    }
    clearTimeout(timer);
    this.calls.delete(id);
    if (!this.send(kinds.return, answer)) {
      this.send(kinds.return, [id, ['error', 'the answer is larger than 64 MB', false, none], none, none]);
    }
    if (this.calls.size === 0) this.idle.splice(0).forEach((done) => done());
  }

  /** call does what the server asks for, and returns head and body of the answer. */
  async call(op, head, body, signal) {
    const p = this.plugin;
    switch (op) {
      case 'hook': {
        const event = eventOf(head, body);
        const hook = part(p[event.hook]);
        if (!hook || !hookPoints.includes(event.hook)) throw unsupported(`hook ${event.hook}`);
        await hook.call(event, { signal });
        return [];
      }
      case 'submit': {
        if (!p.submit) throw unsupported('submit');
        const event = eventOf(head, body);
        const before = JSON.stringify(event.input);
        await part(p.submit).call(event, { signal });
        return JSON.stringify(event.input) === before ? [] : [none, json(event.input)];
      }
      case 'function': {
        const { function: name, ...caller } = parse(head, {});
        if (!Object.hasOwn(p.functions || {}, name)) throw unsupported(`function ${name}`);
        return [none, json(await part(p.functions[name]).call(parse(body, null), { ...caller, signal }))];
      }
      case 'deliver':
        if (!p.destination) throw unsupported('destination');
        await p.destination({ ...parse(head, {}), body: body || none }, { signal });
        return [];
      case 'transform': {
        if (!p.transform) throw unsupported('transform');
        const made = await p.transform({ ...parse(head, {}), body: body || none }, { signal });
        return [none, Buffer.from(made)];
      }
      case 'sources':
        if (!p.source) throw unsupported('source');
        return [json(await p.source.list({ signal }))];
      case 'source':
        if (!p.source) throw unsupported('source');
        return [none, Buffer.from(await p.source.get(parse(head, {}).name, { signal }))];
      case 'events': {
        if (!p.events) throw unsupported('events');
        const { events, dropped = 0 } = parse(head, {});
        const subscriber = typeof p.events === 'function' ? p.events : p.events.handle;
        await subscriber({ events, dropped }, { signal });
        return [];
      }
      case 'config':
        if (!p.configChanged) throw unsupported('configChanged');
        await p.configChanged(parse(head, {}));
        return [];
      case 'health':
        await p.health?.();
        return [];
      case 'metrics':
        if (!p.metrics) throw unsupported('metrics');
        return [json(await p.metrics())];
      default:
        throw unsupported(`operation ${op}`);
    }
  }

  async stop() {
    if (this.calls.size > 0) await new Promise((done) => this.idle.push(done));
    try {
      await this.plugin.stop?.();
      this.exit(0);
    } catch (err) {
      process.stderr.write(`plugin ${this.plugin.name}: stop: ${err.stack || err}\n`);
      this.exit(1);
    }
  }
}

/** main makes the program the plugin. It is all that the program does. */
function main(plugin) {
  const arg = process.argv.length === 3 ? process.argv[2] : '';
  if (arg === 'manifest') {
    process.stdout.write(`${JSON.stringify(manifest(plugin), null, 2)}\n`);
    return;
  }
  if (arg !== 'serve') {
    process.stderr.write('This is a plugin of Ratchet, which starts it by itself. Put it into the server\'s folder of plugins\n' +
      `as ratchet-plugin-${plugin.name} and enable it:\n\n  ratchet plugin enable ${plugin.name}\n`);
    process.exitCode = 2;
    return;
  }
  const write = process.stdout.write.bind(process.stdout);
  // What the plugin prints must not end up between the frames.
  process.stdout.write = process.stderr.write.bind(process.stderr);
  const send = (kind, fields) => {
    const bytes = frame(kind, fields);
    if (bytes) write(bytes);
    return bytes !== null;
  };
  const server = new Server(plugin, send, (code) => {
    process.exitCode = code;
    write(none, () => process.exit(code));
  });
  const reader = new Reader((kind, fields) => server.take(kind, fields));
  process.stdin.on('data', (chunk) => reader.add(chunk));
  process.stdin.on('end', () => process.exit(0)); // the server is gone
}

module.exports = { main, manifest, reject, PluginError };
