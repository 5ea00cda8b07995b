// DOMException, Event, EventTarget, AbortController, AbortSignal.
test("DOMException defaults", () => {
  const e = new DOMException();
  equal([e.message, e.name, e.code], ["", "Error", 0]);
});
test("DOMException with message and name", () => {
  const e = new DOMException("gone", "NotFoundError");
  equal([e.message, e.name, e.code, String(e)], ["gone", "NotFoundError", 8, "NotFoundError: gone"]);
});
test("DOMException is an Error with a stack", () => {
  const e = new DOMException("x", "AbortError");
  assert(e instanceof Error);
  equal(typeof e.stack, "string");
});
test("DOMException with a cause", () => {
  const e = new DOMException("x", { name: "DataError", cause: 5 });
  equal([e.name, e.cause], ["DataError", 5]);
});
for (const [name, code] of Object.entries({ IndexSizeError: 1, InvalidCharacterError: 5, NotSupportedError: 9, InvalidStateError: 11, SyntaxError: 12, InvalidAccessError: 15,
  TypeMismatchError: 17, NetworkError: 19, AbortError: 20, QuotaExceededError: 22, TimeoutError: 23, DataCloneError: 25, OperationError: 0, DataError: 0, NotAllowedError: 0 })) {
  test("the code of " + name, () => equal(new DOMException("", name).code, code));
}
test("DOMException has its constants", () => equal([DOMException.ABORT_ERR, DOMException.prototype.DATA_CLONE_ERR, new DOMException().TIMEOUT_ERR], [20, 25, 23]));
test("DOMException has its tag", () => equal(Object.prototype.toString.call(new DOMException()), "[object DOMException]"));
test("name of DOMException is read-only", () => throws(() => { new DOMException().name = "x"; }, TypeError));
test("DOMException needs new", () => throws(() => DOMException(), TypeError));

test("Event has its defaults", () => {
  const e = new Event("x");
  equal([e.type, e.bubbles, e.cancelable, e.composed, e.defaultPrevented, e.target, e.currentTarget, e.eventPhase, e.isTrusted], ["x", false, false, false, false, null, null, 0, false]);
});
test("Event takes its options", () => {
  const e = new Event("x", { bubbles: true, cancelable: true, composed: true });
  equal([e.bubbles, e.cancelable, e.composed], [true, true, true]);
});
test("Event without a type is a TypeError", () => throws(() => new Event(), TypeError));
test("Event converts its type", () => equal(new Event(null).type, "null"));
test("Event of options that are no object is a TypeError", () => throws(() => new Event("x", 5), TypeError));
test("Event has a time", () => assert(new Event("x").timeStamp >= 0));
test("preventDefault counts only if cancelable", () => {
  const a = new Event("x"), b = new Event("x", { cancelable: true });
  a.preventDefault();
  b.preventDefault();
  equal([a.defaultPrevented, b.defaultPrevented, a.returnValue, b.returnValue], [false, true, true, false]);
});
test("Event has its constants", () => equal([Event.NONE, Event.CAPTURING_PHASE, Event.AT_TARGET, Event.BUBBLING_PHASE], [0, 1, 2, 3]));
test("an Event has the constants as well", { node: "Node 20 has them on the class only" }, () => equal(new Event("x").AT_TARGET, 2));
test("isTrusted cannot be forged", { node: "in Node 20 it can be redefined" }, () => {
  const e = new Event("x");
  throws(() => { e.isTrusted = true; }, TypeError);
  throws(() => Object.defineProperty(e, "isTrusted", { value: true }), TypeError);
});
test("CustomEvent has its detail", () => equal([new CustomEvent("x", { detail: { a: 1 } }).detail, new CustomEvent("x").detail], [{ a: 1 }, null]));
test("CustomEvent is an Event", () => assert(new CustomEvent("x") instanceof Event));

const heard = (fn) => {
  const t = new EventTarget(), log = [];
  fn(t, (what) => () => { log.push(what); }, log);
  return log;
};
test("dispatchEvent calls the listeners in order", () => equal(heard((t, say) => {
  t.addEventListener("x", say(1));
  t.addEventListener("x", say(2));
  t.addEventListener("y", say(3));
  equal(t.dispatchEvent(new Event("x")), true);
}), [1, 2]));
test("a listener sees target, this and phase", () => {
  const t = new EventTarget();
  let seen;
  t.addEventListener("x", function (e) { seen = [this === t, e.target === t, e.currentTarget === t, e.srcElement === t, e.eventPhase, e.composedPath()[0] === t, e.composedPath().length]; });
  const e = new Event("x");
  t.dispatchEvent(e);
  equal(seen, [true, true, true, true, 2, true, 1]);
  equal([e.target === t, e.currentTarget, e.eventPhase, e.composedPath()], [true, null, 0, []]);
});
test("the same listener is added once", () => equal(heard((t, say) => {
  const f = say(1);
  t.addEventListener("x", f);
  t.addEventListener("x", f);
  t.dispatchEvent(new Event("x"));
}), [1]));
test("capture makes it another listener", () => equal(heard((t, say) => {
  const f = say(1);
  t.addEventListener("x", f);
  t.addEventListener("x", f, true);
  t.dispatchEvent(new Event("x"));
}), [1, 1]));
test("removeEventListener", () => equal(heard((t, say) => {
  const f = say(1);
  t.addEventListener("x", f);
  t.removeEventListener("x", f);
  t.removeEventListener("x", f);
  t.removeEventListener("y", f);
  t.dispatchEvent(new Event("x"));
}), []));
test("once", () => equal(heard((t, say) => {
  t.addEventListener("x", say(1), { once: true });
  t.dispatchEvent(new Event("x"));
  t.dispatchEvent(new Event("x"));
}), [1]));
test("an object with handleEvent", () => {
  const t = new EventTarget();
  let seen;
  const o = { handleEvent(e) { seen = [this === o, e.type]; } };
  t.addEventListener("x", o);
  t.dispatchEvent(new Event("x"));
  equal(seen, [true, "x"]);
});
test("handleEvent is looked up at each event", () => {
  const t = new EventTarget(), o = {}, seen = [];
  t.addEventListener("x", o);
  o.handleEvent = () => seen.push(1);
  t.dispatchEvent(new Event("x"));
  o.handleEvent = () => seen.push(2);
  t.dispatchEvent(new Event("x"));
  equal(seen, [1, 2]);
});
test("a null listener is ignored", () => equal(heard((t) => {
  t.addEventListener("x", null);
  t.dispatchEvent(new Event("x"));
}), []));
test("a listener that is a number is a TypeError", () => throws(() => new EventTarget().addEventListener("x", 5), TypeError));
test("stopImmediatePropagation", () => equal(heard((t, say, log) => {
  t.addEventListener("x", (e) => { log.push(1); e.stopImmediatePropagation(); });
  t.addEventListener("x", say(2));
  t.dispatchEvent(new Event("x"));
}), [1]));
test("dispatchEvent says whether the default stays", () => {
  const t = new EventTarget();
  t.addEventListener("x", (e) => e.preventDefault());
  equal([t.dispatchEvent(new Event("x")), t.dispatchEvent(new Event("x", { cancelable: true }))], [true, false]);
});
test("a passive listener cannot prevent the default", { node: "Node 20 lets it" }, () => {
  const t = new EventTarget();
  t.addEventListener("x", (e) => e.preventDefault(), { passive: true });
  equal(t.dispatchEvent(new Event("x", { cancelable: true })), true);
});
test("a listener added meanwhile waits, one removed is not called", { node: "Node 20 calls what was added" }, () => equal(heard((t, say) => {
  const late = say("late"), gone = say("gone");
  t.addEventListener("x", () => { t.addEventListener("x", late); t.removeEventListener("x", gone); });
  t.addEventListener("x", gone);
  t.dispatchEvent(new Event("x"));
}), []));
test("an error in a listener does not stop the others", { node: "Node reports it as an uncaught exception" }, () => equal(heard((t, say) => {
  t.addEventListener("x", () => { throw new Error("boo"); });
  t.addEventListener("x", say(2));
  equal(t.dispatchEvent(new Event("x")), true);
}), [2]));
test("an event being dispatched cannot be dispatched", () => {
  const t = new EventTarget();
  let e;
  t.addEventListener("x", (event) => { e = throws(() => t.dispatchEvent(event), Error); });
  t.dispatchEvent(new Event("x"));
  assert(e !== undefined);
});
test("an event can be dispatched again", () => equal(heard((t, say) => {
  t.addEventListener("x", say(1));
  const e = new Event("x");
  t.dispatchEvent(e);
  t.dispatchEvent(e);
}), [1, 1]));
test("dispatchEvent of no event is a TypeError", () => throws(() => new EventTarget().dispatchEvent({ type: "x" }), TypeError));
test("signal removes a listener", () => equal(heard((t, say) => {
  const c = new AbortController();
  t.addEventListener("x", say(1), { signal: c.signal });
  t.dispatchEvent(new Event("x"));
  c.abort();
  t.dispatchEvent(new Event("x"));
}), [1]));
test("an aborted signal adds nothing", () => equal(heard((t, say) => {
  t.addEventListener("x", say(1), { signal: AbortSignal.abort() });
  t.dispatchEvent(new Event("x"));
}), []));
test("a signal that is none is a TypeError", () => throws(() => new EventTarget().addEventListener("x", () => {}, { signal: {} }), TypeError));
test("EventTarget can be extended", () => {
  class Door extends EventTarget {
    open() { return this.dispatchEvent(new CustomEvent("open", { detail: 3 })); }
  }
  const d = new Door();
  let got;
  d.addEventListener("open", (e) => { got = e.detail; });
  d.open();
  equal(got, 3);
});
test("EventTarget has its tag", () => equal(String(new EventTarget()), "[object EventTarget]"));

test("an AbortController begins unaborted", () => {
  const c = new AbortController();
  equal([c.signal.aborted, c.signal.reason], [false, undefined]);
  assert(c.signal === c.signal && c.signal instanceof AbortSignal && c.signal instanceof EventTarget);
});
test("abort sets the reason", () => {
  const c = new AbortController();
  c.abort("why");
  equal([c.signal.aborted, c.signal.reason], [true, "why"]);
});
test("abort without a reason is an AbortError", () => {
  const c = new AbortController();
  c.abort();
  assert(c.signal.reason instanceof DOMException);
  equal([c.signal.reason.name, c.signal.reason.code], ["AbortError", 20]);
});
test("a null reason stays null", () => {
  const c = new AbortController();
  c.abort(null);
  equal(c.signal.reason, null);
});
test("only the first abort counts", () => {
  const c = new AbortController();
  let n = 0;
  c.signal.addEventListener("abort", () => n++);
  c.abort(1);
  c.abort(2);
  equal([c.signal.reason, n], [1, 1]);
});
test("the abort event", () => {
  const c = new AbortController();
  let e;
  c.signal.addEventListener("abort", (event) => { e = event; });
  c.abort();
  equal([e.type, e.target === c.signal, e.isTrusted, e.bubbles, e.cancelable], ["abort", true, true, false, false]);
});
test("onabort", () => {
  const c = new AbortController();
  const log = [];
  equal(c.signal.onabort, null);
  c.signal.addEventListener("abort", () => log.push(1));
  c.signal.onabort = () => log.push("replaced");
  c.signal.addEventListener("abort", () => log.push(3));
  c.signal.onabort = () => log.push(2);
  c.abort();
  equal(log, [1, 2, 3]);
});
test("onabort can be taken back", () => {
  const c = new AbortController();
  let called = false;
  c.signal.onabort = () => { called = true; };
  c.signal.onabort = null;
  c.abort();
  equal([called, c.signal.onabort], [false, null]);
});
test("throwIfAborted", () => {
  const c = new AbortController();
  c.signal.throwIfAborted();
  c.abort("why");
  try {
    c.signal.throwIfAborted();
  } catch (e) {
    equal(e, "why");
    return;
  }
  throw new Error("did not throw");
});
test("AbortSignal.abort", () => equal([AbortSignal.abort().aborted, AbortSignal.abort().reason.name, AbortSignal.abort(5).reason], [true, "AbortError", 5]));
test("AbortSignal cannot be made by hand", () => throws(() => new AbortSignal(), TypeError));
test("AbortSignal.timeout aborts with a TimeoutError", async () => {
  const s = AbortSignal.timeout(1);
  equal(s.aborted, false);
  const keep = setInterval(() => {}, 1);
  await new Promise((resolve) => s.addEventListener("abort", resolve));
  clearInterval(keep);
  equal([s.aborted, s.reason.name, s.reason.code, s.reason instanceof DOMException], [true, "TimeoutError", 23, true]);
});
test("AbortSignal.timeout of a negative number throws", () => throws(() => AbortSignal.timeout(-1)));
test("AbortSignal.timeout of nothing throws", () => throws(() => AbortSignal.timeout(), TypeError));
test("AbortSignal.any follows the first to abort", () => {
  const a = new AbortController(), b = new AbortController();
  const s = AbortSignal.any([a.signal, b.signal]);
  equal(s.aborted, false);
  b.abort("b");
  a.abort("a");
  equal([s.aborted, s.reason], [true, "b"]);
});
test("AbortSignal.any of an aborted signal is aborted", () => equal(AbortSignal.any([new AbortController().signal, AbortSignal.abort(7)]).reason, 7));
test("AbortSignal.any of none never aborts", () => equal(AbortSignal.any([]).aborted, false));
test("AbortSignal.any of another any", () => {
  const a = new AbortController();
  const s = AbortSignal.any([AbortSignal.any([a.signal])]);
  let n = 0;
  s.onabort = () => n++;
  a.abort("x");
  equal([s.reason, n], ["x", 1]);
});
test("dependent signals are all aborted before an event fires", { node: "Node 20 aborts them one by one" }, () => {
  const a = new AbortController();
  const s = AbortSignal.any([a.signal]);
  let seen;
  a.signal.addEventListener("abort", () => { seen = s.aborted; });
  a.abort();
  equal(seen, true);
});
test("AbortSignal.any takes any iterable", { node: "Node 20 wants an array" }, () => equal(AbortSignal.any(new Set([AbortSignal.abort(1)])).reason, 1));
test("AbortSignal.any of something else is a TypeError", () => throws(() => AbortSignal.any([{}]), TypeError));
test("an aborted promise in a task", async () => {
  const c = new AbortController();
  const p = new Promise((_, reject) => c.signal.addEventListener("abort", () => reject(c.signal.reason)));
  setTimeout(() => c.abort(), 0);
  equal((await rejects(p)).name, "AbortError");
});
test("abort needs its object", () => throws(() => AbortController.prototype.abort.call({}), TypeError));
test("AbortController has its tag", () => equal([String(new AbortController()), String(new AbortController().signal)], ["[object AbortController]", "[object AbortSignal]"]));
