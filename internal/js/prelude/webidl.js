// What the classes of the web share: conversions, and how their members look.
(function () {
  "use strict";
  const { apply, ownKeys } = Reflect;
  const define = Object.defineProperty;
  const { toWellFormed: wellFormed, concat } = String.prototype;
  const iteratorSymbol = Symbol.iterator;
  const tagSymbol = Symbol.toStringTag;
  const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][iteratorSymbol]()));
  const setPrototypeOf = Object.setPrototypeOf;

  // toText is v converted to a string, as `${v}` would: that one calls the global
  // String.prototype.concat in QuickJS, which a task may have replaced.
  const toText = (v) => (typeof v === "string" ? v : v === null ? "null" : v === undefined ? "undefined" : apply(concat, v, []));
  // usv is toText without lone surrogates.
  const usv = (v) => apply(wellFormed, toText(v), []);

  // need throws unless a call got enough arguments.
  function need(got, wanted, where) {
    if (got < wanted) {
      throw new TypeError(`${where} needs ${wanted} argument${wanted === 1 ? "" : "s"}, got ${got}`);
    }
  }

  // expose makes the members of a class enumerable and gives it its tag.
  function expose(Class, name) {
    const proto = Class.prototype;
    const shown = { __proto__: null, enumerable: true };
    const keys = ownKeys(proto);
    for (let i = 0; i < keys.length; i++) {
      if (typeof keys[i] === "string" && keys[i] !== "constructor") define(proto, keys[i], shown);
    }
    define(proto, tagSymbol, { __proto__: null, value: name, configurable: true });
  }

  // constants gives object read-only members.
  function constants(object, values) {
    for (const key in values) define(object, key, { __proto__: null, value: values[key], enumerable: true });
  }

  // pairIterator returns a maker of iterators over state.list, a flat list of
  // names and values that may change meanwhile.
  function pairIterator(name) {
    class PairIterator {
      #state; #kind; #at = 0;
      constructor(state, kind) { this.#state = state; this.#kind = kind; }
      next() {
        const { list } = this.#state;
        const i = this.#at;
        if (i >= list.length) return { value: undefined, done: true };
        this.#at = i + 2;
        const kind = this.#kind;
        return { value: kind === "keys" ? list[i] : kind === "values" ? list[i + 1] : [list[i], list[i + 1]], done: false };
      }
    }
    const proto = PairIterator.prototype;
    setPrototypeOf(proto, IteratorPrototype);
    expose(PairIterator, name + " Iterator");
    delete proto.constructor;
    return (state, kind) => new PairIterator(state, kind);
  }

  // iterable makes a class of pairs iterable by its entries.
  function iterable(Class) {
    define(Class.prototype, iteratorSymbol,
      { __proto__: null, value: Class.prototype.entries, writable: true, configurable: true });
  }

  // callable throws unless f can be called.
  function callable(f, where) {
    if (typeof f !== "function") throw new TypeError(`${where}: the callback must be a function, got ${typeof f}`);
    return f;
  }

  // dictionary is v where it may be left out.
  function dictionary(v, where) {
    if (v === undefined || v === null) return {};
    if (typeof v !== "object" && typeof v !== "function") throw new TypeError(`${where}: options must be an object`);
    return v;
  }

  return { toText, usv, need, expose, constants, pairIterator, iterable, callable, dictionary };
})
