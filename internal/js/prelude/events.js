// Event, EventTarget and AbortSignal, as the DOM standard has them where there
// is no tree.
(function (host, use) {
  "use strict";
  const { toText, need, expose, constants, callable, dictionary } = use("webidl");
  const { apply } = Reflect;
  const define = Object.defineProperty;
  const { get: mapGet, set: mapSet } = Map.prototype;
  const { slice, splice } = Array.prototype;

  const NONE = 0, AT_TARGET = 2;
  const trusted = { __proto__: null, get() { return stateOf(this).trusted; }, enumerable: true };
  let stateOf; // the state of an Event, for EventTarget

  class Event {
    #s;
    constructor(type, init = undefined) {
      need(arguments.length, 1, "Event");
      const o = dictionary(init, "Event");
      this.#s = {
        type: toText(type), bubbles: !!o.bubbles, cancelable: !!o.cancelable, composed: !!o.composed,
        target: null, current: null, phase: NONE, time: host.now(), trusted: false,
        canceled: false, stopped: false, halted: false, passive: false, dispatching: false,
      };
      define(this, "isTrusted", trusted);
    }
    get type() { return this.#s.type; }
    get target() { return this.#s.target; }
    get srcElement() { return this.#s.target; }
    get currentTarget() { return this.#s.current; }
    get eventPhase() { return this.#s.phase; }
    get bubbles() { return this.#s.bubbles; }
    get cancelable() { return this.#s.cancelable; }
    get composed() { return this.#s.composed; }
    get defaultPrevented() { return this.#s.canceled; }
    get returnValue() { return !this.#s.canceled; }
    set returnValue(v) { if (!v) this.preventDefault(); }
    get cancelBubble() { return this.#s.stopped; }
    set cancelBubble(v) { if (v) this.#s.stopped = true; }
    get timeStamp() { return this.#s.time; }
    preventDefault() {
      const s = this.#s;
      if (s.cancelable && !s.passive) s.canceled = true;
    }
    stopPropagation() { this.#s.stopped = true; }
    stopImmediatePropagation() { this.#s.stopped = this.#s.halted = true; }
    composedPath() { return this.#s.current === null ? [] : [this.#s.current]; }
    static state(v) { return #s in v ? v.#s : undefined; }
  }
  stateOf = Event.state;
  delete Event.state;
  expose(Event, "Event");
  const phases = { __proto__: null, NONE, CAPTURING_PHASE: 1, AT_TARGET, BUBBLING_PHASE: 3 };
  constants(Event, phases);
  constants(Event.prototype, phases);

  class CustomEvent extends Event {
    #detail;
    constructor(type, init = undefined) {
      need(arguments.length, 1, "CustomEvent");
      super(type, init);
      const detail = dictionary(init, "CustomEvent").detail;
      this.#detail = detail === undefined ? null : detail;
    }
    get detail() { return this.#detail; }
  }
  expose(CustomEvent, "CustomEvent");

  const exception = (message, name) => new (use("domexception").DOMException)(message, name);

  // report says what a listener threw; the others go on.
  function report(e) {
    let text;
    try {
      text = use("console").format(["Uncaught in an event listener:", e]);
    } catch {
      text = "Uncaught in an event listener";
    }
    host.log("error", text, "");
  }

  const isObject = (v) => v !== null && (typeof v === "object" || typeof v === "function");
  const captures = (options) => (isObject(options) ? !!options.capture : !!options);

  class EventTarget {
    #listeners = undefined; // type → list of { callback, capture, once, passive, removed }
    #list(type) { return this.#listeners === undefined ? undefined : apply(mapGet, this.#listeners, [type]); }
    addEventListener(type, callback, options = undefined) {
      this.#listeners;
      need(arguments.length, 2, "EventTarget.addEventListener");
      type = toText(type);
      if (callback === null || callback === undefined) return;
      if (!isObject(callback)) throw new TypeError("addEventListener: the listener must be a function or an object, got " + typeof callback);
      const capture = captures(options);
      const o = isObject(options) ? options : {};
      const { signal } = o;
      if (signal !== undefined) {
        if (!isSignal(signal)) throw new TypeError("addEventListener: signal must be an AbortSignal");
        if (signal.aborted) return;
      }
      let list = this.#list(type);
      if (list === undefined) {
        if (this.#listeners === undefined) this.#listeners = new Map();
        apply(mapSet, this.#listeners, [type, (list = [])]);
      }
      for (let i = 0; i < list.length; i++) if (list[i].callback === callback && list[i].capture === capture) return;
      list[list.length] = { callback, capture, once: !!o.once, passive: !!o.passive, removed: false };
      if (signal !== undefined) onAbort(signal, () => this.#remove(type, callback, capture));
    }
    removeEventListener(type, callback, options = undefined) {
      this.#listeners;
      need(arguments.length, 2, "EventTarget.removeEventListener");
      this.#remove(toText(type), callback, captures(options));
    }
    #remove(type, callback, capture) {
      const list = this.#list(type);
      if (list === undefined) return;
      for (let i = 0; i < list.length; i++) {
        if (list[i].callback === callback && list[i].capture === capture) {
          list[i].removed = true;
          apply(splice, list, [i, 1]);
          return;
        }
      }
    }
    dispatchEvent(event) {
      this.#listeners;
      need(arguments.length, 1, "EventTarget.dispatchEvent");
      const s = isObject(event) ? stateOf(event) : undefined;
      if (s === undefined) throw new TypeError("dispatchEvent: the argument must be an Event");
      if (s.dispatching) throw exception("the event is already being dispatched", "InvalidStateError");
      s.trusted = false;
      return this.#fire(event, s);
    }
    #fire(event, s) {
      s.dispatching = true;
      s.target = s.current = this;
      s.phase = AT_TARGET;
      const list = this.#list(s.type);
      if (list !== undefined && !s.stopped) {
        const now = apply(slice, list, []);
        this.#call(now, event, s, true);
        if (!s.stopped) this.#call(now, event, s, false);
      }
      s.phase = NONE;
      s.current = null;
      s.dispatching = s.stopped = s.halted = false;
      return !s.canceled;
    }
    #call(list, event, s, capture) {
      for (let i = 0; i < list.length && !s.halted; i++) {
        const l = list[i];
        if (l.removed || l.capture !== capture) continue;
        if (l.once) this.#remove(s.type, l.callback, l.capture);
        s.passive = l.passive;
        try {
          const f = l.callback;
          if (typeof f === "function") apply(f, this, [event]);
          else apply(callable(f.handleEvent, "handleEvent"), f, [event]);
        } catch (e) {
          report(e);
        }
        s.passive = false;
      }
    }
    static fire(target, event) {
      const s = stateOf(event);
      s.trusted = true;
      return target.#fire(event, s);
    }
    static is(v) { return #listeners in v; }
  }
  const { fire, is: isEventTarget } = EventTarget;
  delete EventTarget.fire;
  delete EventTarget.is;
  expose(EventTarget, "EventTarget");

  const token = {};
  let isSignal, onAbort, abort, makeSignal;

  class AbortSignal extends EventTarget {
    #aborted = false;
    #reason = undefined;
    #steps = undefined;      // functions to call on abort, before the event
    #dependents = undefined; // signals that abort with this one
    #sources = undefined;    // of a signal made by any(): the signals it follows
    #handler = null;         // onabort
    #listening = false;
    constructor(key) {
      if (key !== token) throw new TypeError("Illegal constructor: use an AbortController");
      super();
    }
    get aborted() { return this.#aborted; }
    get reason() { return this.#reason; }
    throwIfAborted() { if (this.#aborted) throw this.#reason; }
    get onabort() { return this.#handler; }
    set onabort(f) {
      this.#handler = isObject(f) ? f : null;
      if (this.#handler === null || this.#listening) return;
      this.#listening = true;
      apply(addEventListener, this, ["abort", (e) => {
        if (typeof this.#handler === "function") apply(this.#handler, this, [e]);
      }]);
    }
    static abort(reason = undefined) {
      const s = new AbortSignal(token);
      s.#aborted = true;
      s.#reason = reason === undefined ? aborted() : reason;
      return s;
    }
    static timeout(ms) {
      need(arguments.length, 1, "AbortSignal.timeout");
      ms = +ms;
      if (!(ms >= 0 && ms <= 2 ** 53 - 1)) throw new RangeError("AbortSignal.timeout: the delay must be a number of milliseconds from 0 up, got " + ms);
      const s = new AbortSignal(token);
      host.timers.setTimeout(() => abort(s, exception("The operation was aborted due to timeout", "TimeoutError")), ms);
      return s;
    }
    static any(signals) {
      need(arguments.length, 1, "AbortSignal.any");
      if (!isObject(signals)) throw new TypeError("AbortSignal.any: the argument must be a list of signals");
      const list = [];
      for (const s of signals) {
        if (!isSignal(s)) throw new TypeError("AbortSignal.any: each element must be an AbortSignal");
        list[list.length] = s;
      }
      const result = new AbortSignal(token);
      for (let i = 0; i < list.length; i++) {
        if (!list[i].#aborted) continue;
        result.#aborted = true;
        result.#reason = list[i].#reason;
        return result;
      }
      result.#sources = [];
      for (let i = 0; i < list.length; i++) {
        const from = list[i].#sources ?? [list[i]];
        for (let k = 0; k < from.length; k++) result.#follow(from[k]);
      }
      return result;
    }
    #follow(source) {
      for (let i = 0; i < this.#sources.length; i++) if (this.#sources[i] === source) return;
      this.#sources[this.#sources.length] = source;
      source.#dependents ??= [];
      source.#dependents[source.#dependents.length] = this;
    }
    #run() {
      const steps = this.#steps;
      this.#steps = undefined;
      for (let i = 0; steps !== undefined && i < steps.length; i++) {
        try { steps[i](this.#reason); } catch (e) { report(e); }
      }
      fire(this, new Event("abort"));
    }
    static {
      makeSignal = () => new AbortSignal(token);
      isSignal = (v) => isObject(v) && #aborted in v;
      // onAbort calls f(reason) when the signal aborts, before its event. It
      // returns a function that takes f back.
      onAbort = (signal, f) => {
        signal.#steps ??= [];
        const steps = signal.#steps;
        steps[steps.length] = f;
        return () => {
          for (let i = 0; i < steps.length; i++) if (steps[i] === f) { apply(splice, steps, [i, 1]); return; }
        };
      };
      abort = (signal, reason) => {
        if (signal.#aborted) return;
        signal.#aborted = true;
        signal.#reason = reason === undefined ? aborted() : reason;
        const run = [signal];
        const dependents = signal.#dependents;
        for (let i = 0; dependents !== undefined && i < dependents.length; i++) {
          const d = dependents[i];
          if (d.#aborted) continue;
          d.#aborted = true;
          d.#reason = signal.#reason;
          run[run.length] = d;
        }
        for (let i = 0; i < run.length; i++) run[i].#run();
      };
    }
  }
  const { addEventListener } = EventTarget.prototype;
  expose(AbortSignal, "AbortSignal");

  function aborted() { return exception("This operation was aborted", "AbortError"); }

  class AbortController {
    #signal = makeSignal();
    get signal() { return this.#signal; }
    abort(reason = undefined) { abort(this.#signal, reason); }
  }
  expose(AbortController, "AbortController");

  host.cloners[host.cloners.length] = (v) => (isEventTarget(v) || stateOf(v) !== undefined ? null : undefined);

  return { Event, CustomEvent, EventTarget, AbortController, AbortSignal, isSignal, onAbort, abort, makeSignal };
})
