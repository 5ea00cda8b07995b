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

  // extra is the JSON of an error's own properties, and of its cause.
  function extra(e) {
    const own = {};
    for (const key of Object.keys(e)) if (key !== "stack" && key !== "message" && key !== "name") own[key] = e[key];
    for (const key of ["code", "status", "statusCode", "retryable", "retryAfter", "details"]) {
      if (e[key] !== undefined && own[key] === undefined) own[key] = e[key];
    }
    const c = e.cause;
    if (c !== undefined) {
      own.cause = c instanceof Error ? { name: c.name, message: c.message, stack: c.stack } : c;
    }
    const json = Object.keys(own).length ? JSON.stringify(own) : "";
    return json.length > 65536 ? "" : json;
  }

  return { describe, explain, extra };
})
