// How inspect.js shows an error: its stack, with the class's name in the first
// line. The rules are those of Node's lib/internal/util/inspect.js; inspect.js
// has its licence.
(function (host, use) {
  "use strict";
  const { prefix, isInstance } = use("layout");
  const { isArray } = Array;
  const { min } = Math;
  const errorText = Function.prototype.call.bind(Error.prototype.toString);

  // QuickJS keeps the frames only, ours too; Node's stack begins with the error itself.
  function stackOf(e) {
    const stack = e.stack ? String(e.stack) : "";
    if (stack === "") return errorText(e);
    if (!stack.startsWith("    at ")) return stack;
    return (errorText(e) + "\n" + stack.replace(/^.*\(ratchet:.*\n/gm, "")).trimEnd();
  }

  function error(ctx, e, constructor, tag, keys) {
    const name = e.name != null ? String(e.name) : "Error";
    let stack = stackOf(e);
    if (!ctx.showHidden) {
      for (const k of ["name", "message", "stack"]) {
        const i = keys.indexOf(k);
        if (i !== -1 && (k === "stack" || stack.includes(e[k]))) keys.splice(i, 1);
      }
    }
    if ("cause" in e && !keys.includes("cause")) keys.push("cause");
    if (isArray(e.errors) && !keys.includes("errors")) keys.push("errors");
    stack = improve(stack, constructor, name, tag);
    let pos = (e.message && stack.indexOf(e.message)) || -1;
    if (pos !== -1) pos += e.message.length;
    const start = stack.indexOf("\n    at", pos);
    if (start === -1) stack = "[" + stack + "]";
    else stack = stack.slice(0, start) + "\n" + frames(e, stack.slice(start + 1)).join("\n");
    return ctx.indent === 0 ? stack : stack.replaceAll("\n", "\n" + " ".repeat(ctx.indent));
  }

  // frames leaves out what the cause's stack shows as well.
  function frames(e, stack) {
    const lines = stack.split("\n");
    let cause;
    try { cause = e.cause; } catch {}
    if (cause == null || !isInstance(cause, Error)) return lines;
    const theirs = stackOf(cause);
    const start = theirs.indexOf("\n    at");
    if (start === -1) return lines;
    const other = theirs.slice(start + 1).split("\n");
    for (let i = 0; i < lines.length - 3; i++) {
      const at = other.indexOf(lines[i]);
      if (at === -1) continue;
      const most = min(lines.length - i, other.length - at);
      let n = 1;
      while (n < most && lines[i + n] === other[at + n]) n++;
      if (n > 3) {
        lines.splice(i + 1, n - 2, "    ... " + (n - 2) + " lines matching cause stack trace ...");
        break;
      }
    }
    return lines;
  }

  // improve puts the class's name into the first line.
  function improve(stack, constructor, name, tag) {
    let len = name.length;
    const regular = name.endsWith("Error") && stack.startsWith(name)
      && (stack.length === len || stack[len] === ":" || stack[len] === "\n");
    if (constructor !== null && !regular) return stack;
    let fallback = "Error";
    if (constructor === null) {
      const m = /^([A-Z][a-z_ A-Z0-9[\]()-]+)(?::|\n {4}at)/.exec(stack) || /^([a-z_A-Z0-9-]*Error)$/.exec(stack);
      fallback = (m && m[1]) || "";
      len = fallback.length;
      fallback = fallback || "Error";
    }
    const pre = prefix(constructor, tag, fallback).slice(0, -1);
    if (name === pre) return stack;
    if (!pre.includes(name)) return pre + " [" + name + "]" + stack.slice(len);
    return len === 0 ? pre + ": " + stack : pre + stack.slice(len);
  }

  return { error };
})
