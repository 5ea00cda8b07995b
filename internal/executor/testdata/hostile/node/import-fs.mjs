// want: EXECUTION_FAILED
export default async () => (await import(["node", "fs"].join(":"))).readFileSync("/node").length;
