// process and what is deliberately absent.
const here = { node: "Ratchet's own" };
test("process.env is an object", () => equal(typeof process.env, "object"));
test("process.env lacks what is not declared", () => equal(process.env.RATCHET_NO_SUCH_VARIABLE, undefined));
test("process.env cannot be changed", here, () => throws(() => { process.env.X = "1"; }, TypeError));
test("process.env is the same object each time", () => equal(process.env === process.env, true));
test("process.uptime counts seconds", () => equal(process.uptime() >= 0 && process.uptime() < 3600, true));
test("process.nextTick runs after the code", async () => {
  const seen = [];
  process.nextTick((a, b) => seen.push(a, b), 1, 2);
  seen.push(0);
  await new Promise((resolve) => setTimeout(resolve));
  equal(seen, [0, 1, 2]);
});
test("process.nextTick wants a function", () => throws(() => process.nextTick(5), TypeError));
test("process.hrtime.bigint counts", () => equal(typeof process.hrtime.bigint(), "bigint"));
test("process.hrtime measures", () => {
  const from = process.hrtime();
  const [s, ns] = process.hrtime(from);
  equal([from.length, s, ns >= 0 && ns < 1e9], [2, 0, true]);
});
test("process.argv is empty", here, () => equal(process.argv, []));
test("process.platform says where it is", here, () => equal(process.platform, "ratchet"));
test("process has nothing it cannot do", here, () => equal(["exit", "cwd", "version", "versions", "pid", "stdout", "memoryUsage"].filter((k) => k in process), []));
test("process can be told from Node's", here, () => equal(typeof process.versions?.node, "undefined"));
