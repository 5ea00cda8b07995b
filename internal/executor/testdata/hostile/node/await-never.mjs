// want: PROMISE_NEVER_SETTLES EXECUTION_TIMEOUT
await new Promise(() => {});
export default () => 1;
