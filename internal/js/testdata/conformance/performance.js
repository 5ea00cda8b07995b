// performance.
test("performance.now goes forward", () => {
  const a = performance.now();
  let n = 0;
  while (performance.now() === a && n < 1e6) n++;
  assert(performance.now() > a, "time stands still");
});
test("performance.now is a number of milliseconds", () => assert(typeof performance.now() === "number" && performance.now() >= 0));
test("timeOrigin and now make the time of day", () => assert(Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 1000));
test("toJSON has the timeOrigin", () => equal(performance.toJSON().timeOrigin, performance.timeOrigin));
test("mark gives an entry", () => {
  const m = performance.mark("a", { detail: { x: 1 } });
  equal([m.name, m.entryType, m.duration, m.detail], ["a", "mark", 0, { x: 1 }]);
  assert(m.startTime > 0 && m.startTime <= performance.now());
  performance.clearMarks();
});
test("mark takes a time", () => {
  equal(performance.mark("a", { startTime: 5 }).startTime, 5);
  performance.clearMarks();
});
test("measure between marks", () => {
  performance.mark("from", { startTime: 10 });
  performance.mark("to", { startTime: 25 });
  const m = performance.measure("m", "from", "to");
  equal([m.name, m.entryType, m.startTime, m.duration], ["m", "measure", 10, 15]);
  performance.clearMarks();
  performance.clearMeasures();
});
test("measure with options", () => {
  const m = performance.measure("m", { start: 3, end: 7, detail: "d" });
  equal([m.startTime, m.duration, m.detail], [3, 4, "d"]);
  performance.clearMeasures();
});
test("measure from a mark that is not there is a SyntaxError", () => throws(() => performance.measure("m", "missing"), "SyntaxError"));
test("entries by name and type", () => {
  performance.mark("a");
  performance.mark("b");
  performance.measure("a");
  equal([performance.getEntriesByName("a").length, performance.getEntriesByName("a", "mark").length, performance.getEntriesByType("mark").length], [2, 1, 2]);
  performance.clearMarks("a");
  equal(performance.getEntriesByType("mark").map((e) => e.name), ["b"]);
  performance.clearMarks();
  performance.clearMeasures();
  equal(performance.getEntriesByType("measure").length, 0);
});
test("performance has its tag", () => equal(Object.prototype.toString.call(performance), "[object Performance]"));
