// URL and URLSearchParams. Go parses (url.go); a URL here is the list of parts it answered.
(function (host, use) {
  "use strict";
  const { usv, need, expose, pairIterator, iterable, callable } = use("webidl");
  const { urlParse, urlSet, formParse, formEncode } = host;
  const { apply, ownKeys, getOwnPropertyDescriptor } = Reflect;
  const { splice, sort } = Array.prototype;
  const iteratorSymbol = Symbol.iterator;
  // Where urlParse and urlSet put what.
  const HREF = 0, PROTOCOL = 1, USERNAME = 2, PASSWORD = 3, HOST = 4, HOSTNAME = 5,
    PORT = 6, PATHNAME = 7, SEARCH = 8, HASH = 9, ORIGIN = 10;

  const { slice } = String.prototype;
  const query = (text) => formParse(text[0] === "?" ? apply(slice, text, [1]) : text);

  function serialize(list) {
    let out = "";
    for (let i = 0; i < list.length; i += 2) {
      out += (i ? "&" : "") + formEncode(list[i]) + "=" + formEncode(list[i + 1]);
    }
    return out;
  }

  function fromSequence(init) {
    const list = [];
    for (const pair of init) {
      if (pair === null || (typeof pair !== "object" && typeof pair !== "function") || typeof pair[iteratorSymbol] !== "function") {
        throw new TypeError("URLSearchParams: each element must be a pair [name, value]");
      }
      let n = 0;
      for (const part of pair) {
        if (n++ < 2) list[list.length] = usv(part);
      }
      if (n !== 2) throw new TypeError("URLSearchParams: each element must be a pair [name, value], got " + n + " items");
    }
    return list;
  }

  function fromRecord(init) {
    const list = [], at = { __proto__: null };
    const keys = ownKeys(init);
    for (let i = 0; i < keys.length; i++) {
      const d = getOwnPropertyDescriptor(init, keys[i]);
      if (d === undefined || !d.enumerable) continue;
      const name = usv(keys[i]), value = usv(init[keys[i]]);
      const seen = at[name]; // two keys may become one when surrogates are replaced
      if (seen !== undefined) { list[seen] = value; continue; }
      at[name] = list.length + 1;
      list[list.length] = name;
      list[list.length] = value;
    }
    return list;
  }

  const paramsIterator = pairIterator("URLSearchParams");
  const token = {};

  class URLSearchParams {
    // list holds names and values in turn; changed tells the URL, if there is one.
    #s;
    constructor(init = "", state) {
      if (init === token) { this.#s = state; return; }
      let list;
      if (init !== null && (typeof init === "object" || typeof init === "function")) {
        const method = init[iteratorSymbol];
        if (method === undefined || method === null) list = fromRecord(init);
        else if (typeof method === "function") list = fromSequence(init);
        else throw new TypeError("URLSearchParams: the argument is not iterable");
      } else {
        list = query(usv(init));
      }
      this.#s = { list, changed: undefined };
    }
    get size() { return this.#s.list.length / 2; }
    append(name, value) {
      const s = this.#s;
      need(arguments.length, 2, "URLSearchParams.append");
      name = usv(name);
      value = usv(value);
      s.list[s.list.length] = name;
      s.list[s.list.length] = value;
      s.changed?.();
    }
    delete(name, value) {
      const s = this.#s;
      need(arguments.length, 1, "URLSearchParams.delete");
      name = usv(name);
      if (value !== undefined) value = usv(value);
      const { list } = s;
      for (let i = 0; i < list.length;) {
        if (list[i] === name && (value === undefined || list[i + 1] === value)) apply(splice, list, [i, 2]);
        else i += 2;
      }
      s.changed?.();
    }
    get(name) {
      const { list } = this.#s;
      need(arguments.length, 1, "URLSearchParams.get");
      name = usv(name);
      for (let i = 0; i < list.length; i += 2) if (list[i] === name) return list[i + 1];
      return null;
    }
    getAll(name) {
      const { list } = this.#s;
      need(arguments.length, 1, "URLSearchParams.getAll");
      name = usv(name);
      const out = [];
      for (let i = 0; i < list.length; i += 2) if (list[i] === name) out[out.length] = list[i + 1];
      return out;
    }
    has(name, value) {
      const { list } = this.#s;
      need(arguments.length, 1, "URLSearchParams.has");
      name = usv(name);
      if (value !== undefined) value = usv(value);
      for (let i = 0; i < list.length; i += 2) {
        if (list[i] === name && (value === undefined || list[i + 1] === value)) return true;
      }
      return false;
    }
    set(name, value) {
      const s = this.#s;
      need(arguments.length, 2, "URLSearchParams.set");
      name = usv(name);
      value = usv(value);
      const { list } = s;
      let found = false;
      for (let i = 0; i < list.length;) {
        if (list[i] !== name) { i += 2; continue; }
        if (found) { apply(splice, list, [i, 2]); continue; }
        found = true;
        list[i + 1] = value;
        i += 2;
      }
      if (!found) {
        list[list.length] = name;
        list[list.length] = value;
      }
      s.changed?.();
    }
    sort() {
      const s = this.#s;
      const pairs = [];
      for (let i = 0; i < s.list.length; i += 2) pairs[pairs.length] = { name: s.list[i], value: s.list[i + 1] };
      apply(sort, pairs, [(a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)]);
      for (let i = 0; i < pairs.length; i++) {
        s.list[2 * i] = pairs[i].name;
        s.list[2 * i + 1] = pairs[i].value;
      }
      s.changed?.();
    }
    forEach(callback, thisArg) {
      const s = this.#s;
      callable(callback, "URLSearchParams.forEach");
      for (let i = 0; i < s.list.length; i += 2) apply(callback, thisArg, [s.list[i + 1], s.list[i], this]);
    }
    entries() { return paramsIterator(this.#s, "entries"); }
    keys() { return paramsIterator(this.#s, "keys"); }
    values() { return paramsIterator(this.#s, "values"); }
    toString() { return serialize(this.#s.list); }
    static is(v) { return #s in v; }
  }
  const isParams = URLSearchParams.is;
  delete URLSearchParams.is;
  expose(URLSearchParams, "URLSearchParams");
  iterable(URLSearchParams);

  function invalid(input, base) {
    const e = new TypeError("Invalid URL: " + input + (base === undefined ? "" : " against " + base));
    e.code = "ERR_INVALID_URL";
    e.input = input;
    if (base !== undefined) e.base = base;
    return e;
  }

  function parse(url, base) {
    return base === undefined ? urlParse(url) : urlParse(url, base);
  }

  class URL {
    #p;      // the parts
    #params; // state of searchParams, once asked for
    #object;
    constructor(url, base = undefined) {
      if (url === token) { this.#p = base; return; }
      need(arguments.length, 1, "URL");
      url = usv(url);
      if (base !== undefined) base = usv(base);
      const p = parse(url, base);
      if (p === null) throw invalid(url, base);
      this.#p = p;
    }
    static canParse(url, base = undefined) {
      need(arguments.length, 1, "URL.canParse");
      url = usv(url);
      if (base !== undefined) base = usv(base);
      return parse(url, base) !== null;
    }
    static parse(url, base = undefined) {
      need(arguments.length, 1, "URL.parse");
      url = usv(url);
      if (base !== undefined) base = usv(base);
      const p = parse(url, base);
      return p === null ? null : new URL(token, p);
    }
    #set(which, value) {
      this.#p = urlSet(this.#p[HREF], which, usv(value));
      if (which === "search") this.#renew();
    }
    #renew() {
      if (this.#params !== undefined) this.#params.list = query(this.#p[SEARCH]);
    }
    get href() { return this.#p[HREF]; }
    set href(v) {
      v = usv(v);
      this.#p; // only for a URL
      const p = urlParse(v);
      if (p === null) throw invalid(v);
      this.#p = p;
      this.#renew();
    }
    get origin() { return this.#p[ORIGIN]; }
    get protocol() { return this.#p[PROTOCOL]; }
    set protocol(v) { this.#set("protocol", v); }
    get username() { return this.#p[USERNAME]; }
    set username(v) { this.#set("username", v); }
    get password() { return this.#p[PASSWORD]; }
    set password(v) { this.#set("password", v); }
    get host() { return this.#p[HOST]; }
    set host(v) { this.#set("host", v); }
    get hostname() { return this.#p[HOSTNAME]; }
    set hostname(v) { this.#set("hostname", v); }
    get port() { return this.#p[PORT]; }
    set port(v) { this.#set("port", v); }
    get pathname() { return this.#p[PATHNAME]; }
    set pathname(v) { this.#set("pathname", v); }
    get search() { return this.#p[SEARCH]; }
    set search(v) { this.#set("search", v); }
    get searchParams() {
      if (this.#object === undefined) {
        this.#params = {
          list: query(this.#p[SEARCH]),
          changed: () => { this.#p = urlSet(this.#p[HREF], "search", serialize(this.#params.list)); },
        };
        this.#object = new URLSearchParams(token, this.#params);
      }
      return this.#object;
    }
    get hash() { return this.#p[HASH]; }
    set hash(v) { this.#set("hash", v); }
    toString() { return this.#p[HREF]; }
    toJSON() { return this.#p[HREF]; }
    static is(v) { return #p in v; }
  }
  const isURL = URL.is;
  delete URL.is;
  expose(URL, "URL");

  host.cloners[host.cloners.length] = (v) => (isURL(v) || isParams(v) ? null : undefined);

  return { URL, URLSearchParams, isParams };
})
