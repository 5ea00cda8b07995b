// Written by ratchet types of what metadata.json, input.schema.json and
// output.schema.json say. Do not edit it; after a change write it anew:
//
//	ratchet types . --out ratchet-env.d.ts

export interface Input {
  /** Must be: of at least 1 character */
  title: string;
  /** Must be: of at least 1 character; of at most 50 characters */
  duration: string;
}

export interface Output {
  /** Must be: a match of ^/talks/ */
  path: string;
  /** Must be: a whole number; 0 or more */
  minutes: number;
  room: "small" | "large";
}

/** The function that the task is. */
export type Task = (input: Input, context: Context) => Output | Promise<Output>;

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
  env(name: never): string | undefined;
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

declare global {
  /** The task's context, once its function is called. */
  var ratchet: Context;

  /** Who asks is not known. */
  class AuthenticationError extends Error {
    constructor(message?: string, options?: ErrorOptions);
  }

  /** Who asks is known, and may not. */
  class AuthorizationError extends Error {
    constructor(message?: string, options?: ErrorOptions);
  }

  /** The other side could not be reached. */
  class NetworkError extends Error {
    constructor(message?: string, options?: ErrorOptions);
  }

  /** The other side answered with a status that is none of success. */
  class HttpError extends Error {
    constructor(status: number, message?: string, options?: ErrorOptions);
    status: number;
  }

  /** A value breaks a rule. */
  class ValidationError extends Error {
    constructor(message?: string, options?: ErrorOptions);
  }

  /** Something must be set up first. */
  class ConfigurationError extends Error {
    constructor(message?: string, options?: ErrorOptions);
  }

  /** The other side asks to wait: `retryAfter`, in seconds or as it said it. */
  class RateLimitError extends Error {
    constructor(message?: string, retryAfter?: number | string, options?: ErrorOptions);
    retryAfter?: number | string;
  }

  /** The other side cannot serve now. */
  class ServiceUnavailableError extends Error {
    constructor(message?: string, options?: ErrorOptions);
  }

  /** It took too long. */
  class TimeoutError extends Error {
    constructor(message?: string, options?: ErrorOptions);
  }

  /** The data are not what they should be. */
  class DataError extends Error {
    constructor(message?: string, options?: ErrorOptions);
  }

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
}
