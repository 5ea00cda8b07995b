// structuredClone. The engine itself says what kind of object a value is
// (clone.go); objects of the web's classes are cloned by the module they are from.
(function (host, use) {
  "use strict";
  const { toText, need, dictionary } = use("webidl");
  const { kindOf, cloners } = host;
  const { apply } = Reflect;
  const O = Object;
  const { keys, getOwnPropertyDescriptor, getPrototypeOf, hasOwn, defineProperty: define } = Object;
  const { get: mapGet, set: mapSet, has: mapHas, forEach: mapEach } = Map.prototype;
  const { add: setAdd, forEach: setEach } = Set.prototype;
  const { slice: bufferSlice, transfer } = ArrayBuffer.prototype;
  const getter = (proto, name) => getOwnPropertyDescriptor(proto, name).get;
  const byteLength = getter(ArrayBuffer.prototype, "byteLength");
  const resizable = getter(ArrayBuffer.prototype, "resizable");
  const maxByteLength = getter(ArrayBuffer.prototype, "maxByteLength");
  const detached = getter(ArrayBuffer.prototype, "detached");
  const TypedArray = getPrototypeOf(Uint8Array).prototype;
  const array = { buffer: getter(TypedArray, "buffer"), offset: getter(TypedArray, "byteOffset"), length: getter(TypedArray, "length"),
    name: getter(TypedArray, Symbol.toStringTag) };
  const view = { buffer: getter(DataView.prototype, "buffer"), offset: getter(DataView.prototype, "byteOffset"), length: getter(DataView.prototype, "byteLength") };
  const Arrays = { __proto__: null, Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
    BigInt64Array, BigUint64Array, Float32Array, Float64Array };
  if (typeof Float16Array === "function") Arrays.Float16Array = Float16Array;
  const Errors = { __proto__: null, Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
  const { getTime } = Date.prototype;
  const source = getter(RegExp.prototype, "source"), flags = getter(RegExp.prototype, "flags");
  const [numberOf, textOf, truthOf, bigOf] = [Number, String, Boolean, BigInt].map((C) => C.prototype.valueOf);
  const DateClass = Date, MapClass = Map, SetClass = Set, RegExpClass = RegExp, ViewClass = DataView, Buffer = ArrayBuffer;

  function refuse(what) {
    const { DOMException } = use("domexception");
    return new DOMException(what + " could not be cloned", "DataCloneError");
  }
  function name(v) {
    if (typeof v === "symbol") return apply(Symbol.prototype.toString, v, []);
    if (typeof v === "function") return "a function" + (typeof v.name === "string" && v.name !== "" ? " (" + v.name + ")" : "");
    let tag;
    try { tag = v.constructor?.name; } catch {}
    return "an object" + (typeof tag === "string" && tag !== "" ? " of the class " + tag : "");
  }

  function put(object, key, value) {
    if (key in object) define(object, key, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
    else object[key] = value;
  }

  function cloner() {
    const seen = new MapClass();
    const remember = (v, copy) => { apply(mapSet, seen, [v, copy]); return copy; };

    function properties(from, to) {
      const names = keys(from);
      for (let i = 0; i < names.length; i++) {
        // A getter before may have removed it.
        if (hasOwn(from, names[i])) put(to, names[i], clone(from[names[i]]));
      }
      return to;
    }

    function buffer(v) {
      const n = apply(byteLength, v, []);
      if (apply(detached, v, [])) throw refuse("a detached ArrayBuffer");
      if (!apply(resizable, v, [])) return apply(bufferSlice, v, [0, n]);
      const copy = new Buffer(n, { maxByteLength: apply(maxByteLength, v, []) });
      apply(TypedArray.set, new Arrays.Uint8Array(copy), [new Arrays.Uint8Array(v)]);
      return copy;
    }

    function error(v) {
      let kind = v.name;
      kind = typeof kind === "string" && kind in Errors ? kind : "Error";
      const d = getOwnPropertyDescriptor(v, "message");
      const copy = remember(v, d !== undefined && "value" in d ? new Errors[kind](toText(d.value)) : new Errors[kind]());
      const hidden = (key, value) => define(copy, key, { __proto__: null, value, writable: true, configurable: true });
      const { stack } = v;
      if (typeof stack === "string") hidden("stack", stack);
      if (hasOwn(v, "cause")) hidden("cause", clone(v.cause));
      return copy;
    }

    function platform(v) {
      for (let i = 0; i < cloners.length; i++) {
        const copy = cloners[i](v);
        if (copy === null) throw refuse(name(v));
        if (copy !== undefined) return remember(v, copy);
      }
      return undefined;
    }

    function clone(v) {
      if (v === null) return v;
      switch (typeof v) {
        case "object": break;
        case "function": case "symbol": throw refuse(name(v));
        default: return v;
      }
      const known = apply(mapGet, seen, [v]);
      if (known !== undefined) return known;
      switch (kindOf(v)) {
        case "array": {
          const copy = remember(v, []);
          copy.length = v.length;
          return properties(v, copy);
        }
        case "object": {
          const proto = getPrototypeOf(v);
          if (proto !== null && proto !== O.prototype) {
            const copy = platform(v);
            if (copy !== undefined) return copy;
          }
          return properties(v, remember(v, {}));
        }
        case "error": return platform(v) ?? error(v);
        case "number": return remember(v, O(apply(numberOf, v, [])));
        case "string": return remember(v, O(apply(textOf, v, [])));
        case "boolean": return remember(v, O(apply(truthOf, v, [])));
        case "bigint": return remember(v, O(apply(bigOf, v, [])));
        case "date": return remember(v, new DateClass(apply(getTime, v, [])));
        case "regexp": return remember(v, new RegExpClass(apply(source, v, []), apply(flags, v, [])));
        case "buffer": return remember(v, buffer(v));
        case "view": {
          const b = clone(apply(view.buffer, v, []));
          return remember(v, new ViewClass(b, apply(view.offset, v, []), apply(view.length, v, [])));
        }
        case "typed": {
          const b = clone(apply(array.buffer, v, []));
          return remember(v, new Arrays[apply(array.name, v, [])](b, apply(array.offset, v, []), apply(array.length, v, [])));
        }
        case "map": {
          const copy = remember(v, new MapClass());
          const pairs = [];
          apply(mapEach, v, [(value, key) => { pairs[pairs.length] = key; pairs[pairs.length] = value; }]);
          for (let i = 0; i < pairs.length; i += 2) apply(mapSet, copy, [clone(pairs[i]), clone(pairs[i + 1])]);
          return copy;
        }
        case "set": {
          const copy = remember(v, new SetClass());
          const items = [];
          apply(setEach, v, [(item) => { items[items.length] = item; }]);
          for (let i = 0; i < items.length; i++) apply(setAdd, copy, [clone(items[i])]);
          return copy;
        }
      }
      throw refuse(name(v));
    }
    return clone;
  }

  // moved checks a transfer list: buffers, each once.
  function moved(list) {
    const out = [], seen = new MapClass();
    for (const b of list) {
      if (b === null || typeof b !== "object" || kindOf(b) !== "buffer") throw refuse("transfer: " + (b === null || typeof b !== "object" ? typeof b : name(b)) + " cannot be transferred and");
      if (apply(mapHas, seen, [b])) throw refuse("transfer: an ArrayBuffer listed twice");
      if (apply(detached, b, [])) throw refuse("transfer: a detached ArrayBuffer");
      apply(mapSet, seen, [b, true]);
      out[out.length] = b;
    }
    return out;
  }

  const { structuredClone } = {
    structuredClone(value, options = undefined) {
      need(arguments.length, 1, "structuredClone");
      const { transfer: list } = dictionary(options, "structuredClone");
      const buffers = list === undefined ? [] : moved(list);
      const copy = cloner()(value);
      // The contents were copied; what is left of a transfer is that the
      // original goes.
      for (let i = 0; i < buffers.length; i++) apply(transfer, buffers[i], []);
      return copy;
    },
  };
  return { structuredClone };
})
