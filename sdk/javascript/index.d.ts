/** What a plugin is told of a job. It holds what is known at that point. */
export interface Event {
  hook?: HookPoint;
  jobId?: string;
  task: string;
  version?: string;
  executionId?: string;
  attempt?: number;
  maxAttempts?: number;
  priority?: string;
  tags?: string[];
  scheduleId?: string;
  by?: string;
  state?: string;
  durationNs?: number;
  error?: { code: string; reason: string; message: string };
  at?: string;
  input?: any;
  output?: any;
}

export type HookPoint = 'beforeValidation' | 'afterValidation' | 'beforeExecution' | 'afterExecution' | 'onSuccess' | 'onFailure';

type Maybe<T> = T | Promise<T>;

/** Ends when nobody waits for the call any more. */
export interface Call {
  signal: AbortSignal;
}

export interface Caller extends Call {
  task?: string;
  jobId?: string;
  executionId?: string;
}

type HookCall = (event: Event, call: Call) => Maybe<void>;
/** Priority 1 is called first, 1000 last; the default is 500. A brief hook gets neither input nor output. */
export type Hook = HookCall | { priority?: number; brief?: boolean; call: HookCall };

type FunctionCall = (argument: any, caller: Caller) => any;
/** input and output are JSON Schemas. */
export type PluginFunction = FunctionCall | { description?: string; input?: object; output?: object; call: FunctionCall };

export interface Delivery {
  id: string;
  attempt?: number;
  config?: any;
  jobId?: string;
  task?: string;
  version?: string;
  executionId?: string;
  status?: string;
  contentType?: string;
  body: Buffer;
}

export interface Batch {
  events: Array<{ id: string; type: string; time: string; [field: string]: any }>;
  /** Events lost before these. */
  dropped: number;
}

type Handle = (batch: Batch, call: Call) => Maybe<void>;

type Log = (message: string, fields?: Record<string, unknown>) => void;

export interface Setup {
  /** Fits the schema. */
  config: any;
  /** The folder that the plugin may write to. */
  data: string;
  /** The server's version. */
  ratchet: string;
  log: { debug: Log; info: Log; warn: Log; error: Log };
}

export interface Plugin {
  name: string;
  version: string;
  description?: string;
  author?: string;
  homepage?: string;
  license?: string;
  /** JSON Schema of the configuration. */
  config?: object;
  needs?: { network?: boolean; listen?: boolean; files?: Array<{ path: string; write?: boolean }>; memory?: string };
  requires?: Array<{ name: string; version?: string; optional?: boolean }>;
  start?(setup: Setup): Maybe<void>;
  stop?(): Maybe<void>;
  configChanged?(config: any): Maybe<void>;
  beforeValidation?: Hook;
  afterValidation?: Hook;
  beforeExecution?: Hook;
  afterExecution?: Hook;
  onSuccess?: Hook;
  onFailure?: Hook;
  /** May set event.input, or throw reject(reason). */
  submit?: HookCall | { priority?: number; call: HookCall };
  functions?: Record<string, PluginFunction>;
  destination?(delivery: Delivery, call: Call): Maybe<void>;
  transform?(delivery: Delivery, call: Call): Maybe<Uint8Array | string>;
  source?: {
    list(call: Call): Maybe<Array<{ name: string; revision?: string }>>;
    /** The task's folder as a zip. */
    get(name: string, call: Call): Maybe<Uint8Array>;
  };
  events?: Handle | { types?: string[]; tasks?: string[]; handle: Handle };
  /** Throws what is wrong, if something is. */
  health?(): Maybe<void>;
  metrics?(): Maybe<Record<string, number>>;
}

/** A failure that says more than its text. */
export class PluginError extends Error {
  constructor(message: string, more?: { retry?: boolean; data?: object });
}

/** The error with which a submit refuses a job. */
export function reject(reason: string): Error;

/** Makes the program the plugin. It is all that the program does. */
export function main(plugin: Plugin): void;

/** What a plugin says of itself. */
export function manifest(plugin: Plugin): object;
