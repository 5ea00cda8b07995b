// node graphile.mjs JOBS CONCURRENCY POSTGRES_URL: jobs per second through
// graphile-worker, the function in the same process. One line of JSON on stdout.
import { createRequire } from "node:module";
import { run, makeWorkerUtils, Logger } from "graphile-worker";

const task = createRequire(import.meta.url)("./task.cjs");
const [jobs, concurrency] = process.argv.slice(2, 4).map(Number);
const connectionString = process.argv[4];
const logger = new Logger(() => () => {});
const utils = await makeWorkerUtils({ connectionString, logger });
await utils.migrate();
let done = 0, target = 0, finished;
const runner = await run({
  connectionString, concurrency, logger, noHandleSignals: true, pollInterval: 1000, maxPoolSize: 16,
  taskList: { task: async (payload) => { if (!(await task(payload)).ok) throw new Error("wrong result"); if (++done === target) finished(); } },
});

async function measure(n) {
  done = 0;
  target = n;
  const all = new Promise((resolve) => { finished = resolve; });
  const start = process.hrtime.bigint();
  await Promise.all(Array.from({ length: 16 }, async (_, s) => {
    for (let i = s; i < n; i += 16) await utils.addJob("task", { n: i });
  }));
  await all;
  return Number(process.hrtime.bigint() - start) / 1e9;
}

await measure(500);
const seconds = await measure(jobs);
console.log(JSON.stringify({ jobs, seconds, perSecond: jobs / seconds }));
await runner.stop();
await utils.release();
process.exit(0);
