// Headers, as the fetch standard has them. Names are kept in lower case.
(function (host, use) {
  "use strict";
  const { need, expose, pairIterator, iterable, callable } = use("webidl");
  const { apply, ownKeys, getOwnPropertyDescriptor } = Reflect;
  const { toLowerCase, charCodeAt, slice } = String.prototype;
  const { splice, sort } = Array.prototype;
  const { test } = RegExp.prototype;
  const iteratorSymbol = Symbol.iterator;
  const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
  const unfit = /[\0\r\n]|[^\0-\xff]/;

  const quote = (s) => JSON.stringify(s.length > 60 ? apply(slice, s, [0, 60]) + "…" : s);

  function nameOf(v, where) {
    v = `${v}`;
    if (!apply(test, token, [v])) throw new TypeError(`${where}: ${quote(v)} is not a valid header name`);
    return apply(toLowerCase, v, []);
  }

  const isSpace = (c) => c === 32 || c === 9 || c === 10 || c === 13;

  function valueOf(v, where) {
    v = `${v}`;
    let from = 0, to = v.length;
    while (from < to && isSpace(apply(charCodeAt, v, [from]))) from++;
    while (to > from && isSpace(apply(charCodeAt, v, [to - 1]))) to--;
    if (to - from !== v.length) v = apply(slice, v, [from, to]);
    if (apply(test, unfit, [v])) throw new TypeError(`${where}: ${quote(v)} is not a valid header value`);
    return v;
  }

  // A HeaderList holds names and values in turn, in the order they came.
  class HeaderList {
    raw = [];
    immutable = false;
    sorted = undefined;
    get(name) {
      const { raw } = this;
      let v = null;
      for (let i = 0; i < raw.length; i += 2) if (raw[i] === name) v = v === null ? raw[i + 1] : v + ", " + raw[i + 1];
      return v;
    }
    has(name) {
      for (let i = 0; i < this.raw.length; i += 2) if (this.raw[i] === name) return true;
      return false;
    }
    append(name, value) {
      const { raw } = this;
      raw[raw.length] = name;
      raw[raw.length] = value;
      this.sorted = undefined;
    }
    // cut removes the entries of a name from the index on.
    cut(name, from) {
      const { raw } = this;
      for (let i = raw.length - 2; i >= from; i -= 2) if (raw[i] === name) apply(splice, raw, [i, 2]);
      this.sorted = undefined;
    }
    set(name, value) {
      const { raw } = this;
      for (let i = 0; i < raw.length; i += 2) {
        if (raw[i] !== name) continue;
        raw[i + 1] = value;
        this.cut(name, i + 2);
        return;
      }
      this.append(name, value);
    }
    copy() {
      const c = new HeaderList();
      for (let i = 0; i < this.raw.length; i++) c.raw[i] = this.raw[i];
      return c;
    }
    // list is what iterators see: sorted by name, the values of a name combined.
    get list() {
      if (this.sorted !== undefined) return this.sorted;
      const { raw } = this;
      const names = [], out = [], seen = { __proto__: null };
      for (let i = 0; i < raw.length; i += 2) {
        if (seen[raw[i]]) continue;
        seen[raw[i]] = true;
        names[names.length] = raw[i];
      }
      apply(sort, names, []);
      for (let k = 0; k < names.length; k++) {
        if (names[k] !== "set-cookie") {
          out[out.length] = names[k];
          out[out.length] = this.get(names[k]);
          continue;
        }
        for (let i = 0; i < raw.length; i += 2) {
          if (raw[i] !== "set-cookie") continue;
          out[out.length] = raw[i];
          out[out.length] = raw[i + 1];
        }
      }
      return this.sorted = out;
    }
  }

  function fill(list, init, where) {
    if (init === undefined) return;
    if (init === null || (typeof init !== "object" && typeof init !== "function")) {
      throw new TypeError(`${where}: headers must be an object or a list of pairs, got ${init === null ? "null" : typeof init}`);
    }
    const iterator = init[iteratorSymbol];
    if (isHeaders(init) && iterator === entries) {
      const { raw } = listOf(init);
      for (let i = 0; i < raw.length; i += 2) list.append(raw[i], raw[i + 1]);
      return;
    }
    if (iterator !== undefined && iterator !== null) {
      for (const pair of init) {
        if (pair === null || typeof pair !== "object" || typeof pair[iteratorSymbol] !== "function") {
          throw new TypeError(`${where}: each header must be a pair [name, value]`);
        }
        const two = [...pair];
        if (two.length !== 2) throw new TypeError(`${where}: each header must be a pair [name, value], got ${two.length} items`);
        list.append(nameOf(two[0], where), valueOf(two[1], where));
      }
      return;
    }
    const keys = ownKeys(init);
    for (let i = 0; i < keys.length; i++) {
      const d = getOwnPropertyDescriptor(init, keys[i]);
      if (d === undefined || !d.enumerable) continue;
      if (typeof keys[i] === "symbol") throw new TypeError(`${where}: a header name cannot be a symbol`);
      list.append(nameOf(keys[i], where), valueOf(init[keys[i]], where));
    }
  }

  const iterate = pairIterator("Headers");
  const key = {};
  let isHeaders, listOf;

  class Headers {
    #list;
    constructor(init = undefined, list = undefined) {
      if (init === key) {
        this.#list = list;
        return;
      }
      this.#list = new HeaderList();
      fill(this.#list, init, "Headers");
    }
    append(name, value) {
      const list = this.#list;
      need(arguments.length, 2, "Headers.append");
      name = nameOf(name, "Headers.append");
      value = valueOf(value, "Headers.append");
      writable(list);
      list.append(name, value);
    }
    delete(name) {
      const list = this.#list;
      need(arguments.length, 1, "Headers.delete");
      name = nameOf(name, "Headers.delete");
      writable(list);
      list.cut(name, 0);
    }
    get(name) {
      const list = this.#list;
      need(arguments.length, 1, "Headers.get");
      return list.get(nameOf(name, "Headers.get"));
    }
    has(name) {
      const list = this.#list;
      need(arguments.length, 1, "Headers.has");
      return list.has(nameOf(name, "Headers.has"));
    }
    set(name, value) {
      const list = this.#list;
      need(arguments.length, 2, "Headers.set");
      name = nameOf(name, "Headers.set");
      value = valueOf(value, "Headers.set");
      writable(list);
      list.set(name, value);
    }
    getSetCookie() {
      const { raw } = this.#list;
      const out = [];
      for (let i = 0; i < raw.length; i += 2) if (raw[i] === "set-cookie") out[out.length] = raw[i + 1];
      return out;
    }
    forEach(f, self = undefined) {
      const state = this.#list;
      need(arguments.length, 1, "Headers.forEach");
      callable(f, "Headers.forEach");
      for (let i = 0; i < state.list.length; i += 2) apply(f, self, [state.list[i + 1], state.list[i], this]);
    }
    keys() { return iterate(this.#list, "keys"); }
    values() { return iterate(this.#list, "values"); }
    entries() { return iterate(this.#list, "entries"); }
    static {
      isHeaders = (v) => v !== null && typeof v === "object" && #list in v;
      listOf = (v) => v.#list;
    }
  }
  const { entries } = Headers.prototype;
  expose(Headers, "Headers");
  iterable(Headers);

  function writable(list) {
    if (list.immutable) throw new TypeError("the headers of this object cannot be changed (immutable)");
  }

  const pairs = (list) => {
    const o = {};
    for (let i = 0; i < list.list.length; i += 2) {
      const name = list.list[i];
      o[name] = name === "set-cookie" && o[name] !== undefined ? o[name] + ", " + list.list[i + 1] : list.list[i + 1];
    }
    return o;
  };
  Object.defineProperty(Headers.prototype, Symbol.for("nodejs.util.inspect.custom"), {
    configurable: true, writable: true,
    value(depth, options, inspect) { return "Headers " + inspect(pairs(listOf(this)), { ...options, depth }); },
  });

  host.cloners[host.cloners.length] = (v) => (isHeaders(v) ? null : undefined);

  // makeHeaders is a Headers object over a list that others hold too.
  const makeHeaders = (list) => new Headers(key, list);

  return { Headers, HeaderList, isHeaders, listOf, makeHeaders, fill, token };
})
