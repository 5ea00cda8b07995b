// node bullmq.mjs JOBS CONCURRENCY REDIS_PORT: jobs per second through BullMQ with
// sandboxed processors (a process of their own, its isolated mode), on a Redis that
// fsyncs every write. One line of JSON on stdout.
import { fileURLToPath } from "node:url";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";

const [jobs, concurrency, port] = process.argv.slice(2).map(Number);
const connection = new Redis({ host: "127.0.0.1", port, maxRetriesPerRequest: null });
const queue = new Queue("bench", { connection });
await queue.obliterate({ force: true });
const worker = new Worker("bench", fileURLToPath(new URL("./task.cjs", import.meta.url)), { connection, concurrency });
let done = 0, finished;
const all = new Promise((resolve) => { finished = resolve; });
let target = 0;
worker.on("completed", (_, result) => { if (!result.ok) throw new Error("wrong result"); if (++done === target) finished(); });
worker.on("failed", (_, error) => { throw error; });
await worker.waitUntilReady();

// warm: every process has started and loaded the function
target = 50 * concurrency;
const warm = all;
for (let i = 0; i < target; i++) await queue.add("task", { n: i });
await warm;

done = 0;
target = jobs;
const second = new Promise((resolve) => { finished = resolve; });
const start = process.hrtime.bigint();
const submitters = Array.from({ length: 16 }, async (_, s) => {
  for (let i = s; i < jobs; i += 16) await queue.add("task", { n: i });
});
await Promise.all(submitters);
await second;
const seconds = Number(process.hrtime.bigint() - start) / 1e9;
console.log(JSON.stringify({ jobs, seconds, perSecond: jobs / seconds }));
await worker.close();
await queue.close();
process.exit(0);
