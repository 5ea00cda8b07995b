// What a task gets of Node's own modules are objects of the worker's realm, which
// the next execution gets too. Before the first of them is handed out, everything
// that can be reached from it is frozen, so that no execution finds what another
// changed.
(function (require) {
  "use strict";
  const { types } = require("util");
  const { defineProperty, freeze, getOwnPropertyDescriptor, getPrototypeOf, preventExtensions } = Object;
  const { ownKeys } = Reflect;
  const seen = new WeakSet();

  // override makes a property of a prototype one that objects below it can still
  // be assigned, as with a prototype that is not frozen.
  function override(proto, key, value, enumerable) {
    function set(v) {
      if (this === proto) throw new TypeError(`Cannot assign to read only property '${String(key)}'`);
      defineProperty(this, key, { value: v, writable: true, enumerable: true, configurable: true });
    }
    const get = () => value;
    freeze(get); freeze(set); freeze(set.prototype);
    defineProperty(proto, key, { get, set, enumerable, configurable: false });
  }

  const ignore = freeze(() => {});

  function own(o, todo) {
    const isProto = typeof o === "object" && getOwnPropertyDescriptor(o, "constructor") !== undefined;
    const keys = ownKeys(o);
    let stays = false; // a property that can be made neither fixed nor an override
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      let d = getOwnPropertyDescriptor(o, key);
      if (d.get !== undefined && !isProto) { // some are loaded, and replaced, when first read
        try { todo.push(o[key]); } catch {}
        d = getOwnPropertyDescriptor(o, key);
      }
      if (d.get !== undefined || d.set !== undefined) {
        todo.push(d.get, d.set);
        // A setting of a whole module stays what it is.
        if (!isProto && d.set !== undefined && d.configurable) defineProperty(o, key, { get: d.get, set: ignore });
        continue;
      }
      todo.push(d.value);
      if (!isProto || !d.writable) continue;
      if (d.configurable) override(o, key, d.value, d.enumerable);
      else stays = true;
    }
    if (stays) preventExtensions(o);
    else if (!types.isArrayBufferView(o)) freeze(o);
  }

  // harden freezes what can be reached from the values.
  function harden(...todo) {
    while (todo.length > 0) {
      const o = todo.pop();
      if (o === null || typeof o !== "object" && typeof o !== "function" || seen.has(o) || o === globalThis || types.isProxy(o)) continue;
      seen.add(o);
      todo.push(getPrototypeOf(o));
      own(o, todo);
    }
  }

  let done = false;
  // realm freezes what every realm is born with.
  function realm() {
    if (done) return;
    done = true;
    const generator = function* () {}, asyncGenerator = async function* () {};
    // By its constructor every function would lead to one that makes code of a
    // text, in this realm.
    for (const f of [() => {}, generator, async () => {}, asyncGenerator]) {
      const proto = getPrototypeOf(f);
      const constructor = function () { throw new EvalError("no code is made of texts here"); };
      constructor.prototype = proto;
      defineProperty(constructor, "name", { value: proto.constructor.name, configurable: true });
      defineProperty(proto, "constructor", { value: constructor, writable: true, configurable: true });
    }
    harden(
      Object, Function, Array, Promise, Map, Set, WeakMap, WeakSet, WeakRef, Symbol, String, Number, Boolean, BigInt, Date, RegExp, Proxy,
      Error, AggregateError, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, ArrayBuffer, SharedArrayBuffer, DataView,
      Uint8Array, Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, BigInt64Array,
      BigUint64Array, JSON, Math, Reflect, Atomics, Intl, WebAssembly, FinalizationRegistry,
      generator, asyncGenerator, async () => {}, generator(), asyncGenerator(), [][Symbol.iterator](), ""[Symbol.iterator](),
      new Map()[Symbol.iterator](), new Set()[Symbol.iterator](), "".matchAll(/./g),
      globalThis.DOMException, globalThis.AbortController, globalThis.AbortSignal, globalThis.Event, globalThis.EventTarget,
    );
  }

  return { harden, realm };
})
