// performance: the clock of this execution, and marks.
(function (host, use) {
  "use strict";
  const { toText, need, expose, dictionary } = use("webidl");
  const { now, timeOrigin } = host;
  let entries = [];

  class Entry {
    #s;
    constructor(s) { this.#s = s; }
    get name() { return this.#s.name; }
    get entryType() { return this.#s.entryType; }
    get startTime() { return this.#s.startTime; }
    get duration() { return this.#s.duration; }
    get detail() { return this.#s.detail; }
    toJSON() { return { ...this.#s }; }
  }
  expose(Entry, "PerformanceEntry");

  function add(s) {
    const e = new Entry(s);
    entries[entries.length] = e;
    return e;
  }
  // time is a moment: a number, or the name of the latest mark so called.
  function time(v) {
    if (typeof v === "number") return v;
    const name = toText(v);
    for (let i = entries.length - 1; i >= 0; i--) {
      if (entries[i].entryType === "mark" && entries[i].name === name) return entries[i].startTime;
    }
    const { DOMException } = use("domexception");
    throw new DOMException(`performance.measure: there is no mark "${name}"`, "SyntaxError");
  }
  function keep(test) {
    const kept = [];
    for (let i = 0; i < entries.length; i++) if (test(entries[i])) kept[kept.length] = entries[i];
    return kept;
  }

  class Performance {
    #is;
    now() { this.#is; return now(); }
    get timeOrigin() { this.#is; return timeOrigin(); }
    toJSON() { this.#is; return { timeOrigin: timeOrigin() }; }
    mark(name, options = undefined) {
      this.#is;
      need(arguments.length, 1, "performance.mark");
      const { startTime = now(), detail = null } = dictionary(options, "performance.mark");
      return add({ name: toText(name), entryType: "mark", startTime: +startTime, duration: 0, detail });
    }
    measure(name, from = undefined, to = undefined) {
      this.#is;
      need(arguments.length, 1, "performance.measure");
      let detail = null, duration;
      if (from !== null && typeof from === "object") ({ start: from, end: to, duration, detail = null } = from);
      let start = from === undefined ? undefined : time(from);
      let end = to === undefined ? undefined : time(to);
      if (duration !== undefined) {
        if (start === undefined && end !== undefined) start = end - duration;
        else if (end === undefined && start !== undefined) end = start + duration;
      }
      start ??= 0;
      end ??= now();
      return add({ name: toText(name), entryType: "measure", startTime: start, duration: end - start, detail });
    }
    getEntries() { this.#is; return keep(() => true); }
    getEntriesByName(name, type = undefined) {
      this.#is;
      return keep((e) => e.name === toText(name) && (type === undefined || e.entryType === toText(type)));
    }
    getEntriesByType(type) { this.#is; return keep((e) => e.entryType === toText(type)); }
    clearMarks(name = undefined) {
      this.#is;
      entries = keep((e) => e.entryType !== "mark" || (name !== undefined && e.name !== toText(name)));
    }
    clearMeasures(name = undefined) {
      this.#is;
      entries = keep((e) => e.entryType !== "measure" || (name !== undefined && e.name !== toText(name)));
    }
  }
  expose(Performance, "Performance");

  return { performance: new Performance() };
})
