// console: each line goes to the host as text, formatted as Node formats it.
(function (host, use) {
  "use strict";
  const { log, now } = host;

  // format is util.format of a list; lines of plain text need nothing more.
  function format(args) {
    if (args.length === 1 && typeof args[0] === "string") return args[0];
    let line = "";
    for (let i = 0; i < args.length; i++) {
      const v = args[i];
      if (i > 0) line += " ";
      switch (typeof v) {
        case "string":
          if (i === 0 && v.includes("%")) return use("format").format(args);
          line += v;
          continue;
        case "number":
          line += v === 0 && 1 / v < 0 ? "-0" : v;
          continue;
        case "boolean": case "undefined":
          line += v;
          continue;
        default:
          if (v !== null) return use("format").format(args);
          line += v;
      }
    }
    return line;
  }
  const inspect = (v, options) => use("inspect").inspect(v, options);

  let indent = "";
  const times = new Map(), counts = new Map();

  function write(level, text) {
    log(level, indent === "" ? text : indent + text.replaceAll("\n", "\n" + indent), "");
  }

  function duration(ms) {
    if (ms < 1000) return +ms.toFixed(3) + "ms";
    if (ms < 60000) return (ms / 1000).toFixed(3) + "s";
    const two = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(ms / 3600000), minutes = Math.floor(ms / 60000) % 60;
    const seconds = (ms % 60000 / 1000).toFixed(3).padStart(6, "0");
    return hours > 0 ? hours + ":" + two(minutes) + ":" + seconds + " (h:mm:ss.mmm)" : minutes + ":" + seconds + " (m:ss.mmm)";
  }

  function elapsed(method, label, data) {
    const from = times.get(label);
    if (from === undefined) {
      write("warn", "No such label '" + label + "' for console." + method + "()");
      return;
    }
    write("info", format([label + ": " + duration(now() - from), ...data]));
  }

  const console = {
    log(...args) { write("info", format(args)); },
    info(...args) { write("info", format(args)); },
    debug(...args) { write("debug", format(args)); },
    warn(...args) { write("warn", format(args)); },
    error(...args) { write("error", format(args)); },
    dirxml(...args) { write("info", format(args)); },
    trace(...args) {
      const text = format(args);
      const frames = new Error().stack.trimEnd().split("\n").filter((line) => !line.includes("(ratchet:"));
      write("trace", [text === "" ? "Trace" : "Trace: " + text, ...frames].join("\n"));
    },
    dir(v, options) { write("info", inspect(v, { customInspect: false, ...options })); },
    table(data, properties) {
      const text = use("table").table(data, properties);
      write("info", text === undefined ? format([data]) : text);
    },
    assert(ok, ...args) {
      if (ok) return;
      args[0] = "Assertion failed" + (args.length === 0 ? "" : ": " + args[0]);
      write("warn", format(args));
    },
    count(label = "default") {
      label = `${label}`;
      const n = (counts.get(label) || 0) + 1;
      counts.set(label, n);
      write("info", label + ": " + n);
    },
    countReset(label = "default") {
      label = `${label}`;
      if (!counts.delete(label)) write("warn", "Count for '" + label + "' does not exist");
    },
    group(...args) {
      if (args.length > 0) write("info", format(args));
      if (indent.length < 200) indent += "  ";
    },
    groupEnd() { indent = indent.slice(2); },
    time(label = "default") {
      label = `${label}`;
      if (times.has(label)) write("warn", "Label '" + label + "' already exists for console.time()");
      else times.set(label, now());
    },
    timeLog(label = "default", ...data) { elapsed("timeLog", `${label}`, data); },
    timeEnd(label = "default") {
      label = `${label}`;
      elapsed("timeEnd", label, []);
      times.delete(label);
    },
    clear() {},
  };
  console.groupCollapsed = console.group;
  Object.defineProperty(console, Symbol.toStringTag, { value: "console", configurable: true });

  return { console, format, inspect };
})
