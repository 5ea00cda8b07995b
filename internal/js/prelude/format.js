// util.format as Node 20 has it: a first string with placeholders, then the rest.
// The rules are those of Node's lib/internal/util/inspect.js; inspect.js has its
// licence.
(function (host, use) {
  "use strict";
  const { inspect, builtIn } = use("inspect");
  const { number } = use("layout");
  const { proxyOf } = host;
  const { getOwnPropertyDescriptor, getPrototypeOf, hasOwn } = Object;
  const { stringify } = JSON;

  // %s prints what a class of the task's own says of itself.
  function hasBuiltInToString(v) {
    const p = proxyOf(v);
    if (p !== null) {
      if (p.length === 0) return true;
      v = p[0];
    }
    let own = hasOwn, ownPrimitive = hasOwn;
    if (typeof v.toString !== "function") {
      if (typeof v[Symbol.toPrimitive] !== "function") return true;
      if (hasOwn(v, Symbol.toPrimitive)) return false;
      own = () => false;
    } else if (hasOwn(v, "toString")) {
      return false;
    } else if (typeof v[Symbol.toPrimitive] !== "function") {
      ownPrimitive = () => false;
    } else if (hasOwn(v, Symbol.toPrimitive)) {
      return false;
    }
    let o = v;
    do o = getPrototypeOf(o); while (!own(o, "toString") && !ownPrimitive(o, Symbol.toPrimitive));
    const d = getOwnPropertyDescriptor(o, "constructor");
    return d !== undefined && typeof d.value === "function" && builtIn.has(d.value.name);
  }

  function json(v) {
    try {
      return stringify(v);
    } catch (e) {
      if (e instanceof TypeError && /circular/.test(e.message)) return "[Circular]";
      throw e;
    }
  }

  function placeholder(kind, v) {
    switch (kind) {
      case "s":
        if (typeof v === "number") return number(v);
        if (typeof v === "bigint") return v + "n";
        if (typeof v !== "object" || v === null || !hasBuiltInToString(v)) return String(v);
        return inspect(v, { depth: 0 });
      case "j": return json(v);
      case "d": return typeof v === "bigint" ? v + "n" : typeof v === "symbol" ? "NaN" : number(Number(v));
      case "i": return typeof v === "bigint" ? v + "n" : typeof v === "symbol" ? "NaN" : number(Number.parseInt(v));
      case "f": return typeof v === "symbol" ? "NaN" : number(Number.parseFloat(v));
      case "O": return inspect(v);
      case "o": return inspect(v, { showHidden: true, showProxy: true, depth: 4 });
      case "c": return "";
    }
  }

  function format(args) {
    const first = args[0];
    let out = "", next = 0;
    if (typeof first === "string") {
      if (args.length === 1) return first;
      let last = 0, used = 0;
      for (let i = 0; i < first.length - 1; i++) {
        if (first[i] !== "%") continue;
        const kind = first[++i];
        if (kind === "%") {
          out += first.slice(last, i);
          last = i + 1;
        } else if (used + 1 < args.length && "sjdiOofc".includes(kind)) {
          out += first.slice(last, i - 1) + placeholder(kind, args[++used]);
          last = i + 1;
        }
      }
      out += first.slice(last);
      next = used + 1;
    }
    for (; next < args.length; next++) {
      const v = args[next];
      if (next > 0) out += " ";
      out += typeof v === "string" ? v : inspect(v);
    }
    return out;
  }

  return { format };
})
