/** What tasks written for Node commonly touch, and no more. */
var process: {
  /** The variables that the task declares and was given. */
  readonly env: { readonly [name: string]: string | undefined };
  readonly argv: string[];
  readonly platform: "ratchet";
  /** Seconds since the execution began. */
  uptime(): number;
  hrtime: {
    (since?: [number, number]): [number, number];
    bigint(): bigint;
  };
  nextTick<A extends unknown[]>(callback: (...args: A) => void, ...args: A): void;
};
function setImmediate<A extends unknown[]>(callback: (...args: A) => void, ...args: A): number;
function clearImmediate(id: number | undefined): void;
