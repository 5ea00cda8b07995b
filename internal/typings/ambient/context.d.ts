/** What a task is called with beside its input; also the global `ratchet`. */
export interface Context {
  /** Of this one run of the function, such as `execution_01a2073f-…`. */
  readonly executionId: string;
  /** The `uuid` of the metadata, else the task's name. */
  readonly taskId: string;
  /** The `version` of the metadata. */
  readonly taskVersion: string;
  /** The job that this is an attempt at; not there in `ratchet run`. */
  readonly jobId?: string;
  /** From 1. */
  readonly attempt: number;
  /** When the timeout ends the execution. */
  readonly deadline: Date;
  /** The value of a variable that `permissions.env` in metadata.json declares; `undefined` if it was not given. */
  env(name: VARIABLES): string | undefined;
  /** Functions of the server's plugins, by plugin and name; `permissions.plugins` in metadata.json names the plugins that the task may call. */
  readonly plugins: { readonly [plugin: string]: { readonly [name: string]: (argument?: unknown) => Promise<any> } };
  /** A line of the execution's log, level info. */
  readonly log: Log;
  /** How far the task is: a number from 0 up, 1 being all of it. */
  progress(value: number, message?: string): void;
}

/** Writes a line of the log, with fields beside its message. */
export interface Log {
  (message: unknown, fields?: object): void;
  trace(message: unknown, fields?: object): void;
  debug(message: unknown, fields?: object): void;
  info(message: unknown, fields?: object): void;
  warn(message: unknown, fields?: object): void;
  error(message: unknown, fields?: object): void;
}
