// node pgboss.mjs JOBS CONCURRENCY POSTGRES_URL: jobs per second through pg-boss,
// the function in the same process. One line of JSON on stdout.
import { createRequire } from "node:module";
import { PgBoss } from "pg-boss";

const task = createRequire(import.meta.url)("./task.cjs");
const [jobs, concurrency] = process.argv.slice(2, 4).map(Number);
const boss = new PgBoss({ connectionString: process.argv[4], max: 16 });
boss.on("error", (error) => { throw error; });
await boss.start();
await boss.createQueue("bench");
let done = 0, target = 0, finished;
// Its workers fetch a batch each poll, twice a second at the most.
for (let i = 0; i < concurrency; i++) {
  await boss.work("bench", { batchSize: 100, pollingIntervalSeconds: 0.5 }, async (batch) => {
    for (const job of batch) {
      if (!(await task(job)).ok) throw new Error("wrong result");
    }
    done += batch.length;
    if (done >= target) finished();
  });
}

async function measure(n) {
  done = 0;
  target = n;
  const all = new Promise((resolve) => { finished = resolve; });
  const start = process.hrtime.bigint();
  await Promise.all(Array.from({ length: 16 }, async (_, s) => {
    for (let i = s; i < n; i += 16) await boss.send("bench", { n: i });
  }));
  await all;
  return Number(process.hrtime.bigint() - start) / 1e9;
}

await measure(500);
const seconds = await measure(jobs);
console.log(JSON.stringify({ jobs, seconds, perSecond: jobs / seconds }));
await boss.stop({ graceful: false });
process.exit(0);
