// The host functions of the prelude that only compute, over what Node has. Each
// is told of the context for which it makes buffers.
(function (require) {
  "use strict";
  const { types } = require("util");

  const isBuffer = (v) => types.isAnyArrayBuffer(v);
  const view = (v) => (v === undefined || v === null ? new Uint8Array(0)
    : isBuffer(v) ? new Uint8Array(v) : new Uint8Array(v.buffer, v.byteOffset, v.byteLength));

  // Encodings.
  const encodings = { __proto__: null };
  for (const [name, labels] of [
    ["utf-8", "utf-8 utf8 unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8"],
    ["utf-16le", "utf-16le utf-16 ucs-2 unicode unicodefeff csunicode iso-10646-ucs-2"],
    ["utf-16be", "utf-16be unicodefffe"],
    ["windows-1252", "windows-1252 latin1 iso-8859-1 ascii us-ascii cp1252 x-cp1252 l1 cp819 ibm819 ansi_x3.4-1968 csisolatin1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987"],
  ]) for (const label of labels.split(" ")) encodings[label] = name;

  const upper = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";
  function windows1252(b) {
    const text = Buffer.from(b.buffer, b.byteOffset, b.byteLength).latin1Slice();
    return text.replace(/[\x80-\x9f]/g, (c) => upper[c.charCodeAt(0) - 0x80]);
  }
  function decode(name, bytes, fatal) {
    const b = view(bytes);
    if (name === "windows-1252") return windows1252(b);
    try {
      return new TextDecoder(name, { fatal: !!fatal, ignoreBOM: true }).decode(b);
    } catch {
      throw new TypeError("the bytes are not valid " + name);
    }
  }
  // begun is how many bytes at the end of b begin a character that has not ended.
  function begun(name, b) {
    const n = b.length;
    if (name === "utf-16le" || name === "utf-16be") {
      const odd = n % 2, high = name === "utf-16le" ? n - odd - 1 : n - odd - 2;
      return n - odd >= 2 && (b[high] & 0xfc) === 0xd8 ? odd + 2 : odd;
    }
    if (name !== "utf-8") return 0;
    for (let k = 1; k <= 3 && k <= n; k++) {
      const c = b[n - k];
      if ((c & 0xc0) === 0x80) continue;
      const need = c >= 0xf0 && c <= 0xf4 ? 4 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xc2 && c < 0xe0 ? 2 : 1;
      if (need <= k) return 0;
      if (k > 1) { // the second byte is bound by the first
        const d = b[n - k + 1];
        if (c === 0xe0 && d < 0xa0 || c === 0xed && d > 0x9f || c === 0xf0 && d < 0x90 || c === 0xf4 && d > 0x8f) return 0;
      }
      return k;
    }
    return 0;
  }

  // URLs.
  const parts = (u) => [u.href, u.protocol, u.username, u.password, u.host, u.hostname, u.port, u.pathname, u.search, u.hash, u.origin];
  function urlParse(text, base) {
    if (!URL.canParse(text, base ?? undefined)) return null;
    return parts(base === undefined || base === null ? new URL(text) : new URL(text, base));
  }
  function urlSet(href, property, value) {
    const u = new URL(href);
    u[property] = value;
    return parts(u);
  }
  function formParse(text) {
    const list = [];
    // A "?" in front belongs to the first name here.
    for (const [name, value] of new URLSearchParams(text[0] === "?" ? "?" + text : text)) list.push(name, value);
    return list;
  }

  function percentDecode(s) {
    const from = Buffer.from(s), to = Buffer.allocUnsafe(from.length);
    let n = 0;
    for (let i = 0; i < from.length; i++) {
      const hex = from[i] === 0x25 && i + 2 < from.length ? from.latin1Slice(i + 1, i + 3) : "";
      if (/^[0-9a-fA-F]{2}$/.test(hex)) { to[n++] = parseInt(hex, 16); i += 2; } else to[n++] = from[i];
    }
    return to.subarray(0, n);
  }
  function forgiving64(s) {
    s = s.replace(/[\t\n\f\r ]/g, "");
    if (s.length % 4 === 0) s = s.replace(/={1,2}$/, "");
    if (s.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(s)) return null;
    return Buffer.from(s, "base64");
  }
  const asType = (s) => { try { return new (require("util").MIMEType)(s); } catch { return null; } };

  // "data: URL processor" of the fetch standard.
  function dataURL(text) {
    text = text.slice(5).split("#", 1)[0];
    const comma = text.indexOf(",");
    if (comma < 0) return null;
    let kind = text.slice(0, comma).replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, "");
    let body = percentDecode(text.slice(comma + 1));
    const base64 = /; *base64$/i.exec(kind);
    if (base64 !== null) {
      kind = kind.slice(0, base64.index);
      body = forgiving64(body.latin1Slice());
      if (body === null) return null;
    }
    if (kind[0] === ";") kind = "text/plain" + kind;
    return [String(asType(kind) ?? "text/plain;charset=US-ASCII"), body];
  }

  // multipart finds the parts of a body, as the fetch standard's parser does.
  function multipart(bytes, contentType) {
    const b = Buffer.from(view(bytes));
    const boundary = asType(contentType)?.params.get("boundary");
    if (!boundary || boundary.length > 200) return null;
    const dash = Buffer.from("--" + boundary), separator = Buffer.from("\r\n--" + boundary);
    let at = b.indexOf(dash);
    if (at < 0 || at > 0 && b.latin1Slice(at - 2, at) !== "\r\n") return null;
    const list = [];
    for (at += dash.length; ;) {
      if (b.latin1Slice(at, at + 2) === "--") return JSON.stringify(list);
      if (b.latin1Slice(at, at + 2) !== "\r\n") return null;
      const part = headersOf(b, at + 2);
      if (part === null) return null;
      const end = b.indexOf(separator, part.start);
      if (end < 0) return null;
      part.end = end;
      list.push(part);
      at = end + separator.length;
    }
  }
  function headersOf(b, at) {
    const part = {};
    for (;;) {
      const end = b.indexOf("\r\n", at);
      if (end < 0) return null;
      const line = b.utf8Slice(at, end), colon = line.indexOf(":");
      at = end + 2;
      if (line === "") {
        part.start = at;
        return part.name === undefined ? null : part;
      }
      if (colon < 0) return null;
      const name = line.slice(0, colon).trimEnd().toLowerCase(), value = line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, "");
      if (name === "content-type") part.type = value;
      if (name === "content-disposition" && !disposition(value, part)) return null;
    }
  }
  function disposition(text, part) {
    const kind = /^([^;]*);?/.exec(text);
    if (kind[1].trim().toLowerCase() !== "form-data") return false;
    const unescape = { "%0a": "\n", "%0d": "\r", "%22": '"' };
    for (const m of text.slice(kind[0].length).matchAll(/[\t ]*([^=;]*)=(?:"([^"]*)"[^;]*|([^;]*));?/g)) {
      const value = m[2] !== undefined ? m[2].replace(/%0a|%0d|%22/gi, (s) => unescape[s.toLowerCase()]) : m[3].trimEnd();
      const key = m[1].trimEnd().toLowerCase();
      if (key === "name") part.name = value.toWellFormed();
      if (key === "filename") part.filename = value.toWellFormed();
    }
    return part.name !== undefined;
  }

  function kindOf(v) {
    if (types.isProxy(v)) return "";
    if (Array.isArray(v)) return "array";
    if (types.isNativeError(v)) return "error";
    if (types.isNumberObject(v)) return "number";
    if (types.isStringObject(v)) return "string";
    if (types.isBooleanObject(v)) return "boolean";
    if (types.isBigIntObject(v)) return "bigint";
    if (types.isDate(v)) return "date";
    if (types.isRegExp(v)) return "regexp";
    if (types.isArrayBuffer(v)) return "buffer";
    if (types.isDataView(v)) return "view";
    if (types.isMap(v)) return "map";
    if (types.isSet(v)) return "set";
    if (types.isTypedArray(v)) return "typed";
    if (typeof v === "function" || types.isSymbolObject(v) || types.isPromise(v) || types.isWeakMap(v) || types.isWeakSet(v) ||
      types.isSharedArrayBuffer(v) || types.isGeneratorObject(v) || types.isMapIterator(v) || types.isSetIterator(v) ||
      types.isModuleNamespaceObject(v) || types.isArgumentsObject(v) || types.isExternal(v)) return "";
    const tag = Object.prototype.toString.call(v);
    return tag === "[object WeakRef]" || tag === "[object FinalizationRegistry]" ? "" : "object";
  }

  // pure are the host functions of one context, whose bridge is given.
  function pure(bridge, chance) {
    // own is a copy of bytes in a buffer of the context.
    function own(bytes) {
      const buffer = bridge.buffer(bytes.length);
      new Uint8Array(buffer).set(bytes);
      return buffer;
    }
    const randomBytes = (array) => {
      const b = view(array);
      if (chance.fill !== undefined) chance.fill(b);
      else for (let at = 0; at < b.length; at += 65536) globalThis.crypto.getRandomValues(b.subarray(at, at + 65536));
    };
    return {
      urlParse, urlSet, formParse,
      formEncode: (text) => new URLSearchParams([[text, ""]]).toString().slice(0, -1),
      utf8Encode(text) {
        text = `${text}`;
        const buffer = bridge.buffer(Buffer.byteLength(text));
        Buffer.from(buffer).utf8Write(text);
        return buffer;
      },
      utf8EncodeInto(text, into) {
        const { read, written } = new TextEncoder().encodeInto(text, view(into));
        return [read, written];
      },
      encodingName: (label) => encodings[label.replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, "").toLowerCase()] ?? "",
      decode,
      decodeSome(name, bytes, fatal) {
        const b = view(bytes), rest = begun(name, b);
        return [decode(name, b.subarray(0, b.length - rest), fatal), own(b.subarray(b.length - rest))];
      },
      atob(text) {
        const b = forgiving64(text);
        return b === null ? null : b.latin1Slice();
      },
      btoa: (text) => (/[^\0-\xff]/.test(text) ? null : Buffer.from(text, "latin1").base64Slice()),
      mimeType: (text) => String(asType(text) ?? ""),
      dataURL(text) {
        const answer = dataURL(text);
        return answer === null ? null : [answer[0], own(answer[1])];
      },
      multipart, kindOf, randomBytes,
      randomUUID() {
        const b = Buffer.alloc(16);
        randomBytes(b);
        b[6] = b[6] & 0x0f | 0x40;
        b[8] = b[8] & 0x3f | 0x80;
        return b.hexSlice().replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
      },
      // Of an iterator only Node's inside knows what is left.
      entriesOf: () => null,
      own, isBuffer, bytes: view, isKey: (v) => types.isCryptoKey(v),
    };
  }
  return { pure, view };
})
