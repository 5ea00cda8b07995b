// How inspect.js writes primitives, and how it lays out the parts of an object.
// The rules are those of Node's lib/internal/util/inspect.js; inspect.js has its
// licence.
(function () {
  "use strict";
  const { is } = Object;
  const { min, max, sqrt, round, floor } = Math;
  const kArrayExtras = 2;
  const identifier = /^[a-zA-Z_][a-zA-Z_0-9]*$/;
  const index = /^(0|[1-9][0-9]*)$/;
  const escapes = /[\x00-\x1f\x27\x5c\x7f-\x9f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
  const named = { 8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 39: "\\'", 92: "\\\\" };
  const hex2 = (n) => (n < 16 ? "0" : "") + n.toString(16);

  function escapeChar(c) {
    const code = c.charCodeAt(0);
    return named[code] || (code < 256 ? "\\x" + hex2(code).toUpperCase() : "\\u" + code.toString(16));
  }

  function quote(s) {
    let q = "'";
    if (s.includes("'")) {
      if (!s.includes('"')) q = '"';
      else if (!s.includes("`") && !s.includes("${")) q = "`";
    }
    if (q === "'") return q + s.replace(escapes, escapeChar) + q;
    return q + s.replace(escapes, (c) => c === "'" ? c : escapeChar(c)) + q;
  }

  const number = (n) => is(n, -0) ? "-0" : String(n);
  const more = (n, what) => "... " + n + " more " + what + (n > 1 ? "s" : "");

  function primitive(ctx, v) {
    switch (typeof v) {
      case "string": {
        let trailer = "";
        if (v.length > ctx.maxStringLength) {
          trailer = more(v.length - ctx.maxStringLength, "character");
          v = v.slice(0, ctx.maxStringLength);
        }
        if (v.length > 16 && v.length > ctx.breakLength - ctx.indent - 4) {
          return v.split(/(?<=\n)/).map(quote).join(" +\n" + " ".repeat(ctx.indent + 2)) + trailer;
        }
        return quote(v) + trailer;
      }
      case "number": return number(v);
      case "bigint": return v + "n";
      case "symbol": return Symbol.prototype.toString.call(v);
      default: return String(v);
    }
  }

  const symbolText = (s) => Symbol.prototype.toString.call(s).replace(escapes, escapeChar);
  const hiddenText = (s) => s.replace(escapes, escapeChar);

  // From the parts of an object to its text: on one line where that fits.
  function reduce(ctx, output, base, braces, extras, depth, v) {
    const start = base ? base + " " : "";
    if (typeof ctx.compact === "number" && ctx.compact >= 1) {
      const entries = output.length;
      if (extras === kArrayExtras && entries > 6) output = group(ctx, output, v);
      if (ctx.deepest - depth < ctx.compact && entries === output.length) {
        if (fits(ctx, output, output.length + ctx.indent + braces[0].length + base.length + 10, base)) {
          const joined = output.join(", ");
          if (!joined.includes("\n")) return start + braces[0] + " " + joined + " " + braces[1];
        }
      }
    }
    const line = "\n" + " ".repeat(ctx.indent);
    return start + braces[0] + line + "  " + output.join("," + line + "  ") + line + braces[1];
  }

  function fits(ctx, output, start, base) {
    let length = output.length + start;
    if (length + output.length > ctx.breakLength) return false;
    for (const s of output) {
      length += s.length;
      if (length > ctx.breakLength) return false;
    }
    return base === "" || !base.includes("\n");
  }

  // group puts the entries of an array into columns.
  function group(ctx, output, v) {
    let total = 0, longest = 0;
    const count = ctx.maxArrayLength < output.length ? output.length - 1 : output.length; // without "... more items"
    const widths = [];
    for (let i = 0; i < count; i++) {
      const w = widths[i] = width(output[i]);
      total += w + 2;
      if (longest < w) longest = w;
    }
    const cell = longest + 2;
    if (cell * 3 + ctx.indent >= ctx.breakLength || (total / cell <= 5 && longest > 6)) return output;
    const bias = max(cell - 3 - sqrt(cell - total / output.length), 1);
    const columns = min(round(sqrt(2.5 * bias * count) / bias), floor((ctx.breakLength - ctx.indent) / cell), ctx.compact * 4, 15);
    if (columns <= 1) return output;
    const lines = [], columnWidths = [];
    for (let i = 0; i < columns; i++) {
      let w = 0;
      for (let j = i; j < output.length; j += columns) if (widths[j] > w) w = widths[j];
      columnWidths[i] = w + 2;
    }
    let right = true;
    if (v !== undefined) {
      for (let i = 0; i < output.length; i++) {
        if (typeof v[i] !== "number" && typeof v[i] !== "bigint") { right = false; break; }
      }
    }
    for (let i = 0; i < count; i += columns) {
      const end = min(i + columns, count);
      let line = "", j = i;
      for (; j < end - 1; j++) {
        const s = output[j] + ", ", w = columnWidths[j - i] + output[j].length - widths[j];
        line += right ? s.padStart(w) : s.padEnd(w);
      }
      line += right ? output[j].padStart(columnWidths[j - i] + output[j].length - widths[j] - 2) : output[j];
      lines.push(line);
    }
    if (count < output.length) lines.push(output[count]);
    return lines;
  }

  // width is how many columns s takes on a terminal.
  function width(s) {
    if (/^[\x20-\x7e]*$/.test(s)) return s.length;
    let n = 0;
    for (const c of s.normalize("NFC")) {
      const p = c.codePointAt(0);
      if (wide(p)) n += 2;
      else if (!(p <= 0x1f || (p >= 0x7f && p <= 0x9f) || (p >= 0x300 && p <= 0x36f) || (p >= 0x200b && p <= 0x200f)
        || (p >= 0x20d0 && p <= 0x20ff) || (p >= 0xfe00 && p <= 0xfe0f) || (p >= 0xfe20 && p <= 0xfe2f) || (p >= 0xe0100 && p <= 0xe01ef))) n++;
    }
    return n;
  }

  function wide(p) {
    return p >= 0x1100 && (p <= 0x115f || p === 0x2329 || p === 0x232a || (p >= 0x2e80 && p <= 0x3247 && p !== 0x303f)
      || (p >= 0x3250 && p <= 0x4dbf) || (p >= 0x4e00 && p <= 0xa4c6) || (p >= 0xa960 && p <= 0xa97c) || (p >= 0xac00 && p <= 0xd7a3)
      || (p >= 0xf900 && p <= 0xfaff) || (p >= 0xfe10 && p <= 0xfe19) || (p >= 0xfe30 && p <= 0xfe6b) || (p >= 0xff01 && p <= 0xff60)
      || (p >= 0xffe0 && p <= 0xffe6) || (p >= 0x1b000 && p <= 0x1b001) || (p >= 0x1f200 && p <= 0x1f251) || (p >= 0x1f300 && p <= 0x1f64f)
      || (p >= 0x1f900 && p <= 0x1f9ff) || (p >= 0x20000 && p <= 0x3fffd));
  }

  function prefix(constructor, tag, fallback, size = "") {
    if (constructor === null) {
      return "[" + fallback + size + ": null prototype] " + (tag !== "" && fallback !== tag ? "[" + tag + "] " : "");
    }
    return constructor + size + (tag !== "" && constructor !== tag ? " [" + tag + "] " : " ");
  }

  function isInstance(v, Class) {
    try { return v instanceof Class; } catch { return false; }
  }

  return { quote, primitive, number, more, reduce, prefix, isInstance, width, symbolText, hiddenText, hex2, identifier, index, kArrayExtras };
})
