// FormData, and multipart/form-data both ways (multipart.go finds the parts).
(function (host, use) {
  "use strict";
  const { usv, need, expose, pairIterator, iterable, callable } = use("webidl");
  const { utf8Encode, decode: decodeText, multipart } = host;
  const { isBlob, isFile, bytesOf, makeFile } = use("blob");
  const { apply } = Reflect;
  const { parse } = JSON;
  const { splice } = Array.prototype;
  const { replace } = String.prototype;
  const Bytes = Uint8Array;
  const { slice: copyBytes, set: setBytes } = Bytes.prototype;
  let listOf, isFormData;

  // entry is a value as the form keeps it: a string or a File.
  function entry(value, filename, got) {
    if (!isBlob(value)) {
      if (got > 2) throw new TypeError("FormData: a file name goes with a Blob only");
      return usv(value);
    }
    if (isFile(value) && got < 3) return value;
    return makeFile(bytesOf(value), got < 3 ? "blob" : usv(filename), value.type, isFile(value) ? value.lastModified : undefined);
  }

  const iterate = pairIterator("FormData");

  class FormData {
    #list = [];
    constructor(form = undefined) {
      if (form !== undefined) throw new TypeError("FormData: there are no form elements here; call it without an argument");
    }
    append(name, value, filename = undefined) {
      const list = this.#list;
      need(arguments.length, 2, "FormData.append");
      value = entry(value, filename, arguments.length);
      list[list.length] = usv(name);
      list[list.length] = value;
    }
    delete(name) {
      const list = this.#list;
      need(arguments.length, 1, "FormData.delete");
      cut(list, usv(name), 0);
    }
    get(name) {
      const list = this.#list;
      need(arguments.length, 1, "FormData.get");
      const i = find(list, usv(name));
      return i < 0 ? null : list[i + 1];
    }
    getAll(name) {
      const list = this.#list;
      need(arguments.length, 1, "FormData.getAll");
      name = usv(name);
      const all = [];
      for (let i = 0; i < list.length; i += 2) if (list[i] === name) all[all.length] = list[i + 1];
      return all;
    }
    has(name) {
      const list = this.#list;
      need(arguments.length, 1, "FormData.has");
      return find(list, usv(name)) >= 0;
    }
    set(name, value, filename = undefined) {
      const list = this.#list;
      need(arguments.length, 2, "FormData.set");
      value = entry(value, filename, arguments.length);
      name = usv(name);
      const i = find(list, name);
      if (i < 0) {
        list[list.length] = name;
        list[list.length] = value;
        return;
      }
      list[i + 1] = value;
      cut(list, name, i + 2);
    }
    forEach(f, self = undefined) {
      const list = this.#list;
      need(arguments.length, 1, "FormData.forEach");
      callable(f, "FormData.forEach");
      for (let i = 0; i < list.length; i += 2) apply(f, self, [list[i + 1], list[i], this]);
    }
    keys() { return iterate({ list: this.#list }, "keys"); }
    values() { return iterate({ list: this.#list }, "values"); }
    entries() { return iterate({ list: this.#list }, "entries"); }
    static {
      listOf = (v) => v.#list;
      isFormData = (v) => v !== null && typeof v === "object" && #list in v;
    }
  }
  expose(FormData, "FormData");
  iterable(FormData);

  function find(list, name) {
    for (let i = 0; i < list.length; i += 2) if (list[i] === name) return i;
    return -1;
  }
  function cut(list, name, from) {
    for (let i = list.length - 2; i >= from; i -= 2) if (list[i] === name) apply(splice, list, [i, 2]);
  }

  const lines = (s) => apply(replace, s, [/\r\n?|\n/g, "\r\n"]);
  const quoted = (s) => apply(replace, s, [/[\r\n"]/g, (c) => (c === "\r" ? "%0D" : c === "\n" ? "%0A" : "%22")]);
  const random = () => Math.random().toString(36).slice(2, 14).padEnd(12, "0");

  // encode writes the form as multipart/form-data.
  function encode(form) {
    const list = listOf(form), boundary = "----ratchet" + random() + random();
    const parts = [];
    let total = 0;
    const add = (b) => { parts[parts.length] = b; total += b.length; };
    for (let i = 0; i < list.length; i += 2) {
      const value = list[i + 1];
      let head = "--" + boundary + '\r\nContent-Disposition: form-data; name="' + quoted(lines(list[i])) + '"';
      if (typeof value === "string") {
        add(new Bytes(utf8Encode(head + "\r\n\r\n" + lines(value) + "\r\n")));
        continue;
      }
      head += '; filename="' + quoted(value.name) + '"\r\nContent-Type: ' + (value.type || "application/octet-stream");
      add(new Bytes(utf8Encode(head + "\r\n\r\n")));
      add(bytesOf(value));
      add(new Bytes(utf8Encode("\r\n")));
    }
    add(new Bytes(utf8Encode("--" + boundary + "--\r\n")));
    const bytes = new Bytes(total);
    for (let i = 0, at = 0; i < parts.length; at += parts[i++].length) apply(setBytes, bytes, [parts[i], at]);
    return { bytes, boundary };
  }

  // decode reads a body of the type that a Content-Type header names.
  function decode(bytes, contentType, where) {
    const json = multipart(bytes, contentType);
    if (json === null) throw new TypeError(where + ": the body is not valid multipart/form-data");
    const form = new FormData(), list = listOf(form);
    for (const { name, filename, type, start, end } of parse(json)) {
      list[list.length] = name;
      list[list.length] = filename === undefined
        ? decodeText("utf-8", apply(copyBytes, bytes, [start, end]), false)
        : makeFile(apply(copyBytes, bytes, [start, end]), filename, type ?? "text/plain");
    }
    return form;
  }

  Object.defineProperty(FormData.prototype, Symbol.for("nodejs.util.inspect.custom"), {
    configurable: true, writable: true,
    value(depth, options, inspect) {
      const o = {}, list = listOf(this);
      for (let i = 0; i < list.length; i += 2) {
        const name = list[i];
        o[name] = !Object.hasOwn(o, name) ? list[i + 1] : Array.isArray(o[name]) ? [...o[name], list[i + 1]] : [o[name], list[i + 1]];
      }
      return "FormData " + inspect(o, { ...options, depth });
    },
  });
  host.cloners[host.cloners.length] = (v) => (isFormData(v) ? null : undefined);

  return { FormData, isFormData, encode, decode };
})
