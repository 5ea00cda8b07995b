// What console prints of a value: the text that Node 20's util.inspect gives,
// without colours, and cut off where it grows too long.
//
// The rules, and the order in which they are tried, follow Node's
// lib/internal/util/inspect.js, which is
//
// Copyright Node.js contributors. All rights reserved.
// Copyright Joyent, Inc. and other Node contributors.
//
// Permission is hereby granted, free of charge, to any person obtaining a copy
// of this software and associated documentation files (the "Software"), to
// deal in the Software without restriction, including without limitation the
// rights to use, copy, modify, merge, publish, distribute, sublicense, and/or
// sell copies of the Software, and to permit persons to whom the Software is
// furnished to do so, subject to the following conditions:
//
// The above copyright notice and this permission notice shall be included in
// all copies or substantial portions of the Software.
//
// THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
// IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
// FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
// AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
// LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING
// FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS
// IN THE SOFTWARE.
(function (host, use) {
  "use strict";
  const { quote, primitive, more, reduce, prefix, isInstance, symbolText, hiddenText, hex2, identifier, index, kArrayExtras } = use("layout");
  const { classOf, proxyOf, promiseOf, entriesOf, bareArray } = host;
  const { keys: keysOf, getOwnPropertyNames, getOwnPropertySymbols, getOwnPropertyDescriptor, getPrototypeOf, hasOwn } = Object;
  const { isArray } = Array;
  const { ownKeys } = Reflect;
  const { min, max } = Math;
  const enumerable = Function.prototype.call.bind(Object.prototype.propertyIsEnumerable);
  const sizeOfMap = Function.prototype.call.bind(getOwnPropertyDescriptor(Map.prototype, "size").get);
  const sizeOfSet = Function.prototype.call.bind(getOwnPropertyDescriptor(Set.prototype, "size").get);
  const mapEntries = Function.prototype.call.bind(Map.prototype.entries);
  const setValues = Function.prototype.call.bind(Set.prototype.values);
  const sourceOf = Function.prototype.call.bind(Function.prototype.toString);
  const boxed = { Number: Number.prototype.valueOf, String: String.prototype.valueOf, Boolean: Boolean.prototype.valueOf, BigInt: BigInt.prototype.valueOf, Symbol: Symbol.prototype.valueOf };
  const custom = Symbol.for("nodejs.util.inspect.custom");

  // Characters of output after which no more is looked at.
  const budget = 65536;
  const builtIn = new Set(("Object Function Array Number Boolean String Symbol Date Promise RegExp Error AggregateError EvalError RangeError "
    + "ReferenceError SyntaxError TypeError URIError ArrayBuffer Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array Float32Array "
    + "Float64Array Uint8ClampedArray BigUint64Array BigInt64Array DataView Map BigInt Set WeakMap WeakSet WeakRef Proxy FinalizationRegistry "
    + "SharedArrayBuffer Atomics Iterator InternalError").split(" "));

  const kObject = 0, kArray = 1;
  function constructorName(v, ctx, depth, protoProps) {
    let first;
    for (let o = v; o;) {
      if (o === Object.prototype && v !== o || o === Function.prototype && v !== o) {
        if (protoProps !== undefined && first !== o) addPrototypeProperties(ctx, v, first || v, depth, protoProps);
        return o === Object.prototype ? "Object" : "Function";
      }
      const d = getOwnPropertyDescriptor(o, "constructor");
      if (d !== undefined && typeof d.value === "function" && d.value.name !== "" && isInstance(v, d.value)) {
        if (protoProps !== undefined && (first !== o || !builtIn.has(d.value.name))) {
          addPrototypeProperties(ctx, v, first || v, depth, protoProps);
        }
        return String(d.value.name);
      }
      o = getPrototypeOf(o);
      if (first === undefined) first = o;
    }
    if (first === null) return null;
    const made = madeAs(v);
    if (depth > ctx.depth && ctx.depth !== null) return made + " <Complex prototype>";
    const proto = constructorName(first, ctx, depth + 1, protoProps);
    return proto === null ? made + " <" + inspect(first, { ...ctx, customInspect: false, depth: -1 }) + ">" : made + " <" + proto + ">";
  }

  function madeAs(v) {
    const name = classOf(v);
    return name.endsWith("Function") ? "Function" : name;
  }

  // showHidden lists what up to three of the task's own prototypes hold.
  function addPrototypeProperties(ctx, main, o, depth, output) {
    let keys, seen;
    for (let n = 0; n < 3; n++) {
      if (n !== 0 || main === o) {
        o = getPrototypeOf(o);
        if (o === null) return;
        const d = getOwnPropertyDescriptor(o, "constructor");
        if (d !== undefined && typeof d.value === "function" && builtIn.has(d.value.name)) return;
      }
      if (n === 0) seen = new Set();
      else for (const k of keys) seen.add(k);
      keys = ownKeys(o);
      ctx.seen.push(main);
      for (const k of keys) {
        if (k === "constructor" || hasOwn(main, k) || (n !== 0 && seen.has(k))) continue;
        const d = getOwnPropertyDescriptor(o, k);
        if (typeof d.value !== "function") output.push(property(ctx, o, depth, k, kObject, d));
      }
      ctx.seen.pop();
    }
  }

  function ordinaryPrefix(v, constructor, tag) {
    let fallback = "";
    if (constructor === null) {
      fallback = madeAs(v);
      if (fallback === tag) fallback = "Object";
    }
    return prefix(constructor, tag, fallback);
  }

  function keysToShow(v, showHidden) {
    const symbols = getOwnPropertySymbols(v);
    if (showHidden) return [...getOwnPropertyNames(v), ...symbols];
    let keys;
    try { keys = keysOf(v); } catch { keys = getOwnPropertyNames(v); } // a module not yet evaluated
    for (const s of symbols) if (enumerable(v, s)) keys.push(s);
    return keys;
  }

  function nonIndexKeys(v, showHidden) {
    if (bareArray(v)) return showHidden ? ["length"] : [];
    return keysToShow(v, showHidden).filter((k) => typeof k === "symbol" || !index.test(k) || +k > 4294967294);
  }

  function value(ctx, v, depth, typed) {
    if (v === null) return "null";
    if (typeof v !== "object" && typeof v !== "function") {
      const text = primitive(ctx, v);
      ctx.spent += text.length;
      return text;
    }
    ctx.spent += 16;
    const outer = v;
    let p = proxyOf(v);
    if (p !== null) {
      if (p.length === 0) return "<Revoked Proxy>";
      if (ctx.showProxy) return proxy(ctx, p, depth);
      while (p !== null) {
        if (p.length === 0) return "<Revoked Proxy>";
        v = p[0];
        p = proxyOf(v);
      }
    }
    if (ctx.customInspect) {
      const f = v[custom];
      if (typeof f === "function" && f !== inspect && !(v.constructor && v.constructor.prototype === v)) {
        const left = ctx.depth === null ? null : ctx.depth - depth;
        const r = f.call(outer, left, options(ctx), inspect);
        if (r !== outer) {
          return typeof r === "string" ? r.replaceAll("\n", "\n" + " ".repeat(ctx.indent)) : value(ctx, r, depth);
        }
      }
    }
    if (ctx.seen.includes(v)) {
      ctx.circular ??= new Map();
      let n = ctx.circular.get(v);
      if (n === undefined) ctx.circular.set(v, n = ctx.circular.size + 1);
      return "[Circular *" + n + "]";
    }
    return object(ctx, v, depth, typed);
  }

  function proxy(ctx, p, depth) {
    if (depth > ctx.depth && ctx.depth !== null) return "Proxy [Array]";
    depth++;
    ctx.indent += 2;
    const out = [value(ctx, p[0], depth), value(ctx, p[1], depth)];
    ctx.indent -= 2;
    return reduce(ctx, out, "", ["Proxy [", "]"], kArrayExtras, depth);
  }

  const nothing = () => [];
  const weak = () => ["<items unknown>"];

  function object(ctx, v, depth, typed) {
    let protoProps = ctx.showHidden && (depth <= ctx.depth || ctx.depth === null) ? [] : undefined;
    const constructor = constructorName(v, ctx, depth, protoProps);
    if (protoProps !== undefined && protoProps.length === 0) protoProps = undefined;
    let tag = v[Symbol.toStringTag];
    if (typeof tag !== "string" || (tag !== "" && (ctx.showHidden ? hasOwn : enumerable)(v, Symbol.toStringTag))) tag = "";
    const made = classOf(v);
    let base = "", list = nothing, braces = ["{", "}"], extras = kObject, keys;

    switch (made) {
      case "Array":
        keys = nonIndexKeys(v, ctx.showHidden);
        braces = [(constructor !== "Array" || tag !== "" ? prefix(constructor, tag, "Array", "(" + v.length + ")") : "") + "[", "]"];
        if (v.length === 0 && keys.length === 0 && protoProps === undefined) return braces[0] + "]";
        extras = kArrayExtras;
        list = array;
        break;
      case "Set": case "Map": {
        const size = made === "Set" ? sizeOfSet(v) : sizeOfMap(v);
        const pre = prefix(constructor, tag, made, "(" + size + ")");
        keys = keysToShow(v, ctx.showHidden);
        if (size === 0 && keys.length === 0 && protoProps === undefined) return pre + "{}";
        braces[0] = pre + "{";
        list = made === "Set" ? set : map;
        break;
      }
      case "Map Iterator": case "Set Iterator":
        keys = keysToShow(v, ctx.showHidden);
        braces[0] = "[" + (tag === made ? tag : (tag === "" ? "" : tag + "] [") + made) + "] {";
        list = (ctx, v, depth) => iterator(ctx, v, depth, braces);
        break;
      case "Object":
        keys = keysToShow(v, ctx.showHidden);
        if (constructor === "Object") {
          if (tag !== "") braces[0] = prefix(constructor, tag, "Object") + "{";
          if (keys.length === 0 && protoProps === undefined) return braces[0] + "}";
        } else if (isInstance(v, Error)) {
          base = use("errortext").error(ctx, v, constructor, tag, keys);
          if (keys.length === 0 && protoProps === undefined) return base;
        } else {
          if (keys.length === 0 && protoProps === undefined) return ordinaryPrefix(v, constructor, tag) + "{}";
          braces[0] = ordinaryPrefix(v, constructor, tag) + "{";
        }
        break;
      case "Arguments":
        keys = keysToShow(v, ctx.showHidden);
        if (keys.length === 0 && protoProps === undefined) return "[Arguments] {}";
        braces[0] = "[Arguments] {";
        break;
      case "RegExp":
        keys = keysToShow(v, ctx.showHidden);
        base = RegExp.prototype.toString.call(v);
        if (constructor !== "RegExp") base = prefix(constructor, tag, made) + base;
        if ((keys.length === 0 && protoProps === undefined) || (depth > ctx.depth && ctx.depth !== null)) return base;
        break;
      case "Date":
        keys = keysToShow(v, ctx.showHidden);
        base = Number.isNaN(Date.prototype.getTime.call(v)) ? "Invalid Date" : Date.prototype.toISOString.call(v);
        if (constructor !== "Date") base = prefix(constructor, tag, made) + base;
        if (keys.length === 0 && protoProps === undefined) return base;
        break;
      case "Error":
        keys = keysToShow(v, ctx.showHidden);
        base = use("errortext").error(ctx, v, constructor, tag, keys);
        if (keys.length === 0 && protoProps === undefined) return base;
        break;
      case "ArrayBuffer": case "SharedArrayBuffer": {
        keys = keysToShow(v, ctx.showHidden);
        const pre = prefix(constructor, tag, made);
        if (typed === undefined) list = buffer;
        else if (keys.length === 0 && protoProps === undefined) return pre + "{ byteLength: " + v.byteLength + " }";
        braces[0] = pre + "{";
        keys.unshift("byteLength");
        break;
      }
      case "DataView":
        keys = ["byteLength", "byteOffset", "buffer", ...keysToShow(v, ctx.showHidden)];
        braces[0] = prefix(constructor, tag, made) + "{";
        break;
      case "Promise": case "WeakSet": case "WeakMap":
        keys = keysToShow(v, ctx.showHidden);
        braces[0] = prefix(constructor, tag, made) + "{";
        list = made === "Promise" ? promise : weak;
        break;
      case "Module":
        keys = keysToShow(v, ctx.showHidden);
        braces[0] = prefix(constructor, tag, made) + "{";
        break;
      case "Number": case "String": case "Boolean": case "BigInt": case "Symbol":
        keys = keysToShow(v, ctx.showHidden);
        if (made === "String") keys.splice(0, v.length);
        base = "[" + made + (made === constructor ? "" : constructor === null ? " (null prototype)" : " (" + constructor + ")")
          + ": " + primitive({ ...ctx, indent: 0, breakLength: Infinity }, boxed[made].call(v)) + "]";
        if (tag !== "" && tag !== constructor) base += " [" + tag + "]";
        if (keys.length === 0 && protoProps === undefined) return base;
        break;
      default:
        if (made.endsWith("Function")) {
          keys = keysToShow(v, ctx.showHidden);
          base = func(v, made, constructor, tag);
          if (keys.length === 0 && protoProps === undefined) return base;
        } else { // a typed array
          keys = nonIndexKeys(v, ctx.showHidden);
          const size = v.length;
          braces = [prefix(constructor, tag, made, "(" + size + ")") + "[", "]"];
          if (size === 0 && keys.length === 0 && !ctx.showHidden) return braces[0] + "]";
          extras = kArrayExtras;
          list = typedArray;
        }
    }

    if ((depth > ctx.depth && ctx.depth !== null) || ctx.spent > budget) {
      const name = ordinaryPrefix(v, constructor, tag).slice(0, -1);
      return constructor === null ? name : "[" + name + "]";
    }
    depth++;
    ctx.seen.push(v);
    ctx.deepest = depth;
    const output = list(ctx, v, depth);
    for (let i = 0; i < keys.length; i++) {
      if (ctx.spent > budget) {
        output.push("... " + (keys.length - i) + " more properties");
        break;
      }
      output.push(property(ctx, v, depth, keys[i], extras));
    }
    if (protoProps !== undefined) output.push(...protoProps);
    ctx.seen.pop();
    if (ctx.circular !== undefined) {
      const n = ctx.circular.get(v);
      if (n !== undefined) base = "<ref *" + n + ">" + (base === "" ? "" : " " + base);
    }
    if (ctx.sorted) {
      const order = ctx.sorted === true ? undefined : ctx.sorted;
      if (extras === kObject) output.sort(order);
      else if (keys.length > 1) output.push(...output.splice(output.length - keys.length, keys.length).sort(order));
    }
    return reduce(ctx, output, base, braces, extras, depth, v);
  }

  function isClass(v, made) {
    if (made !== "ScriptFunction") return false;
    const d = getOwnPropertyDescriptor(v, "prototype");
    return d !== undefined && d.writable === false && sourceOf(v).startsWith("class")
      || d !== undefined && d.writable === false && sourceOf(v).endsWith("[native code]\n}");
  }

  function func(v, made, constructor, tag) {
    const isTag = tag !== "" && constructor !== tag ? " [" + tag + "]" : "";
    if (isClass(v, made)) {
      const name = (hasOwn(v, "name") && v.name) || "(anonymous)";
      let base = "class " + name + (constructor !== "Function" && constructor !== null ? " [" + constructor + "]" : "") + isTag;
      if (constructor === null) return "[" + base + " extends [null prototype]]";
      const parent = getPrototypeOf(v).name;
      return "[" + base + (parent ? " extends " + parent : "") + "]";
    }
    const type = made === "ScriptFunction" ? "Function" : made;
    return "[" + type + (constructor === null ? " (null prototype)" : "") + (v.name === "" ? " (anonymous)" : ": " + v.name) + "]"
      + (constructor !== type && constructor !== null ? " " + constructor : "") + isTag;
  }

  function array(ctx, v, depth) {
    const length = min(max(0, ctx.maxArrayLength), v.length);
    const output = [];
    for (let i = 0; i < length && ctx.spent <= budget; i++) {
      if (!hasOwn(v, i)) return sparse(ctx, v, depth, length, output, i);
      output.push(property(ctx, v, depth, i, kArray));
    }
    if (v.length > output.length) output.push(more(v.length - output.length, "item"));
    return output;
  }

  function sparse(ctx, v, depth, length, output, i) {
    const keys = keysOf(v);
    const empty = (n) => "<" + n + " empty item" + (n > 1 ? "s>" : ">");
    let at = i;
    for (; i < keys.length && output.length < length; i++) {
      const key = keys[i];
      if (!index.test(key) || +key > 4294967294) break;
      if (String(at) !== key) {
        output.push(empty(+key - at));
        at = +key;
        if (output.length === length) break;
      }
      output.push(property(ctx, v, depth, key, kArray));
      at++;
    }
    const left = v.length - at;
    if (left > 0) output.push(output.length !== length ? empty(left) : more(left, "item"));
    return output;
  }

  function typedArray(ctx, v, depth) {
    const length = min(max(0, ctx.maxArrayLength), v.length);
    const output = [];
    for (let i = 0; i < length; i++) output.push(primitive(ctx, v[i]));
    if (v.length > length) output.push(more(v.length - length, "item"));
    if (ctx.showHidden) {
      ctx.indent += 2;
      for (const k of ["BYTES_PER_ELEMENT", "length", "byteLength", "byteOffset", "buffer"]) {
        output.push("[" + k + "]: " + value(ctx, v[k], depth, true));
      }
      ctx.indent -= 2;
    }
    return output;
  }

  function buffer(ctx, v) {
    let bytes;
    try { bytes = new Uint8Array(v); } catch { return ["(detached)"]; }
    const shown = min(ctx.maxArrayLength, bytes.length), out = [];
    for (let i = 0; i < shown; i++) out.push(hex2(bytes[i]));
    const left = bytes.length - shown;
    return ["[Uint8Contents]: <" + out.join(" ") + (left > 0 ? " " + more(left, "byte") : "") + ">"];
  }

  function collect(ctx, size, each, show) {
    const length = min(max(0, ctx.maxArrayLength), size);
    const output = [];
    ctx.indent += 2;
    for (const e of each) {
      if (output.length >= length || ctx.spent > budget) break;
      output.push(show(e));
    }
    ctx.indent -= 2;
    if (size > output.length) output.push(more(size - output.length, "item"));
    return output;
  }

  const set = (ctx, v, depth) => collect(ctx, sizeOfSet(v), setValues(v), (e) => value(ctx, e, depth));
  const map = (ctx, v, depth) => collect(ctx, sizeOfMap(v), mapEntries(v),
    (e) => value(ctx, e[0], depth) + " => " + value(ctx, e[1], depth));

  function iterator(ctx, v, depth, braces) {
    const [pairs, ...list] = entriesOf(v);
    if (!pairs) return collect(ctx, list.length, list, (e) => value(ctx, e, depth));
    braces[0] = braces[0].replace(/ Iterator] {$/, " Entries] {");
    const entries = [];
    for (let i = 0; i < list.length; i += 2) entries.push([list[i], list[i + 1]]);
    return collect(ctx, entries.length, entries,
      (e) => reduce(ctx, [value(ctx, e[0], depth), value(ctx, e[1], depth)], "", ["[", "]"], kArrayExtras, depth));
  }

  function promise(ctx, v, depth) {
    const [state, result] = promiseOf(v);
    if (state === 0) return ["<pending>"];
    ctx.indent += 2;
    const text = value(ctx, result, depth);
    ctx.indent -= 2;
    return [state === 2 ? "<rejected> " + text : text];
  }

  function property(ctx, v, depth, key, type, d) {
    d ??= getOwnPropertyDescriptor(v, key) || { value: v[key], enumerable: true };
    let text;
    if (d.value !== undefined) {
      ctx.indent += 2;
      text = value(ctx, d.value, depth);
      ctx.indent -= 2;
    } else if (d.get !== undefined) {
      text = getter(ctx, v, d, depth);
    } else {
      text = d.set !== undefined ? "[Setter]" : "undefined";
    }
    let name = "";
    if (type !== kArray) {
      if (typeof key === "symbol") name = "[" + symbolText(key) + "]: ";
      else if (key === "__proto__") name = "['__proto__']: ";
      else if (d.enumerable === false) name = "[" + hiddenText(key) + "]: ";
      else name = (identifier.test(key) ? key : quote(key)) + ": ";
    }
    ctx.spent += name.length + 2;
    return name + text;
  }

  function getter(ctx, v, d, depth) {
    const label = d.set !== undefined ? "Getter/Setter" : "Getter";
    if (!ctx.getters || (ctx.getters === "get" && d.set !== undefined) || (ctx.getters === "set" && d.set === undefined)) {
      return "[" + label + "]";
    }
    try {
      const got = d.get.call(v);
      ctx.indent += 2;
      const text = got !== null && typeof got === "object" ? "[" + label + "] " + value(ctx, got, depth)
        : "[" + label + ": " + (typeof got === "function" ? value(ctx, got, depth) : primitive(ctx, got)) + "]";
      ctx.indent -= 2;
      return text;
    } catch (e) {
      return "[" + label + ": <Inspection threw (" + e.message + ")>]";
    }
  }

  const defaults = {
    showHidden: false, depth: 2, colors: false, customInspect: true, showProxy: false, maxArrayLength: 100,
    maxStringLength: 10000, breakLength: 80, compact: 3, sorted: false, getters: false, numericSeparator: false,
  };

  const same = (s) => s;
  function options(ctx) {
    const o = { stylize: same };
    for (const k in defaults) o[k] = ctx[k];
    return { ...o, ...ctx.own };
  }

  function inspect(v, opts) {
    const ctx = { ...defaults, indent: 0, seen: [], deepest: 0, circular: undefined, spent: 0, own: undefined };
    if (typeof opts === "boolean") ctx.showHidden = opts;
    else if (opts) {
      for (const k of keysOf(opts)) {
        if (hasOwn(defaults, k)) ctx[k] = opts[k];
        else ctx.own ??= opts;
      }
      if (opts.indent !== undefined && opts.seen !== undefined) ctx.own = opts.own; // a context of our own
    }
    ctx.colors = false;
    if (ctx.compact === true) ctx.compact = 3;
    if (ctx.maxArrayLength === null) ctx.maxArrayLength = Infinity;
    if (ctx.maxStringLength === null) ctx.maxStringLength = Infinity;
    let text;
    try {
      text = value(ctx, v, 0);
    } catch (e) {
      if (!(e instanceof RangeError || e?.name === "InternalError") || !/stack/.test(e.message)) throw e;
      return "[Inspection stopped: the value is nested too deep]";
    }
    return text.length > 2 * budget ? text.slice(0, 2 * budget) + more(text.length - 2 * budget, "character") : text;
  }
  inspect.custom = custom;

  return { inspect, builtIn };
})
