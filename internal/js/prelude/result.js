// What to say of a result that JSON cannot hold, and of an error's own properties.
(function (host, use) {
  "use strict";
  const step = (path, key) => path + "/" + String(key).replaceAll("~", "~0").replaceAll("/", "~1");

  function describe(v) {
    if (typeof v === "function") return "the task returned a function" + (v.name ? " (" + v.name + ")" : "");
    if (typeof v === "symbol") return "the task returned a symbol";
    if (v === undefined) return "the task returned undefined (is a return missing?)";
    return "the task returned a value whose toJSON gives nothing";
  }

  // explain finds the first value that made JSON.stringify throw.
  function explain(root) {
    const above = [];
    let budget = 100000;
    function walk(v, path) {
      if (budget-- <= 0) return undefined;
      if (typeof v === "bigint") return "the result holds a BigInt at " + (path || "its root") + "; convert it with String() or Number()";
      if (v === null || typeof v !== "object") return undefined;
      if (typeof v.toJSON === "function") return undefined;
      if (above.includes(v)) return "the result refers to itself at " + path;
      above.push(v);
      for (const key of Object.keys(v)) {
        const why = walk(v[key], step(path, key));
        if (why !== undefined) return why;
      }
      above.pop();
      return undefined;
    }
    try { return walk(root, ""); } catch { return undefined; }
  }

  // instead says what a program gave where a function was looked for.
  function instead(v) {
    const kind = (x) => x === null ? "null" : Array.isArray(x) ? "an array" : typeof x === "object" ? "an object"
      : x === undefined ? "undefined" : "a " + typeof x;
    if (v === null || typeof v !== "object" || Array.isArray(v)) return "its value is " + kind(v);
    const names = Object.keys(v);
    if (names.length === 0) return "it gives an object with nothing in it";
    return "it gives " + names.slice(0, 10).map((name) => {
      let value;
      try { value = v[name]; } catch {}
      return name + " (" + kind(value) + ")";
    }).join(", ");
  }

  // lost tells of values that JSON.stringify silently turned into {}. At the root
  // that is a failure, and true; further down it is a warning.
  function lost(root, host, json) {
    const plain = (v) => {
      const proto = Object.getPrototypeOf(v);
      return proto === null || proto === Object.prototype || Array.isArray(v);
    };
    const what = (v) => {
      if (plain(v) || typeof v.toJSON === "function" || Object.keys(v).length > 0) return "";
      const tag = Object.prototype.toString.call(v).slice(8, -1);
      return tag === "Object" ? "" : (/^[AEIOU]/.test(tag) ? "an " : "a ") + tag;
    };
    if (root === null || typeof root !== "object") return false;
    try {
      const atRoot = json === "{}" ? what(root) : "";
      if (atRoot !== "") {
        host.fail("not_json", "", "the task returned " + atRoot + ", of which JSON keeps nothing", "", "");
        return true;
      }
      let budget = 10000;
      const found = [];
      (function walk(v, path, depth) {
        if (v === null || typeof v !== "object" || depth > 20 || found.length >= 5) return;
        if (typeof v.toJSON === "function") return;
        for (const key of Object.keys(v)) {
          if (--budget < 0) return;
          const x = v[key];
          if (x === null || typeof x !== "object") continue;
          const text = what(x);
          if (text !== "") found.push(step(path, key) + " is " + text);
          else walk(x, step(path, key), depth + 1);
        }
      })(root, "", 0);
      if (found.length > 0) host.log("warn", "the result loses what JSON cannot hold: " + found.join(", "), "");
    } catch {}
    return false;
  }

  // line is what context.log passes on: a text, and fields that are an object.
  function line(message, fields) {
    const { format } = use("console");
    const text = typeof message === "string" ? message : format([message]);
    if (fields === undefined) return [text, ""];
    const proto = fields !== null && typeof fields === "object" ? Object.getPrototypeOf(fields) : undefined;
    if (proto !== null && proto !== Object.prototype) return [format([text, fields]), ""];
    try {
      return [text, JSON.stringify(fields, (_, v) =>
        typeof v === "bigint" ? String(v)
          : v instanceof Error ? { name: v.name, message: v.message, stack: v.stack }
            : v instanceof Map || v instanceof Set ? [...v] : v)];
    } catch {
      return [format([text, fields]), ""];
    }
  }

  // thrown is an error with what it was caused by.
  function thrown(e, depth) {
    const t = { name: String(e.name), message: String(e.message), stack: String(e.stack || "") };
    if (depth < 5 && e.cause instanceof Error) t.cause = thrown(e.cause, depth + 1);
    return t;
  }

  // extra is the JSON of an error's own properties, and of its cause.
  function extra(e) {
    const own = {};
    for (const key of Object.keys(e)) if (key !== "stack" && key !== "message" && key !== "name") own[key] = e[key];
    for (const key of ["code", "status", "statusCode", "retryable", "retryAfter", "details"]) {
      if (e[key] !== undefined && own[key] === undefined) own[key] = e[key];
    }
    const all = {};
    if (Object.keys(own).length > 0) all.own = own;
    if (e.cause instanceof Error) all.cause = thrown(e.cause, 0);
    else if (e.cause !== undefined) (all.own ??= {}).cause = e.cause;
    if (e instanceof AggregateError && Array.isArray(e.errors)) {
      all.errors = e.errors.slice(0, 10).map((x) => x instanceof Error ? thrown(x, 1) : { message: String(x) });
    }
    if (Object.keys(all).length === 0) return "";
    const json = JSON.stringify(all);
    return json.length > 65536 ? "" : json;
  }

  return { describe, explain, instead, lost, line, extra };
})
