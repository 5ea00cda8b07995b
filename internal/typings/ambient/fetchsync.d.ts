// "fetch": "sync": fetch waits, and returns the answer itself. TypeScript's own
// "DOM" and "WebWorker" libraries declare another fetch, so that "lib" must not
// name them; what follows is in their place.

/**
 * Makes a request, waits for the answer and returns it. A status other than 2xx
 * throws: AuthenticationError (401), AuthorizationError (403), RateLimitError
 * (429), HttpError (other 4xx), ServiceUnavailableError (5xx), else NetworkError.
 */
function fetch(url: string, params?: FetchParams | null, body?: unknown): FetchResult;

interface FetchParams {
  method?: "GET" | "POST" | "PUT" | "DELETE" | "PATCH" | "HEAD" | "OPTIONS";
  headers?: { [name: string]: string | number | boolean };
  /** Text is sent as it is, any other value as JSON. */
  body?: unknown;
}

interface FetchResult {
  ok: boolean;
  status: number;
  statusText: string;
  /** Names in lower case. */
  headers: { [name: string]: string };
  /** Parsed, if it is JSON; else the text. */
  body: any;
}

var console: {
  log(...data: unknown[]): void;
  info(...data: unknown[]): void;
  debug(...data: unknown[]): void;
  warn(...data: unknown[]): void;
  error(...data: unknown[]): void;
  trace(...data: unknown[]): void;
  dir(item?: unknown, options?: object): void;
  table(data?: unknown, columns?: string[]): void;
  assert(condition?: boolean, ...data: unknown[]): void;
  count(label?: string): void;
  countReset(label?: string): void;
  group(...data: unknown[]): void;
  groupEnd(): void;
  time(label?: string): void;
  timeLog(label?: string, ...data: unknown[]): void;
  timeEnd(label?: string): void;
};

function setTimeout<A extends unknown[]>(callback: (...args: A) => void, ms?: number, ...args: A): number;
function setInterval<A extends unknown[]>(callback: (...args: A) => void, ms?: number, ...args: A): number;
function clearTimeout(id: number | undefined): void;
function clearInterval(id: number | undefined): void;
function queueMicrotask(callback: () => void): void;
function structuredClone<T>(value: T): T;
function atob(data: string): string;
function btoa(data: string): string;

class URL {
  constructor(url: string | URL, base?: string | URL);
  static canParse(url: string | URL, base?: string | URL): boolean;
  static parse(url: string | URL, base?: string | URL): URL | null;
  hash: string;
  host: string;
  hostname: string;
  href: string;
  readonly origin: string;
  password: string;
  pathname: string;
  port: string;
  protocol: string;
  search: string;
  readonly searchParams: URLSearchParams;
  username: string;
  toJSON(): string;
  toString(): string;
}

class URLSearchParams {
  constructor(init?: string | URLSearchParams | Iterable<[string, string]> | { [name: string]: string });
  readonly size: number;
  append(name: string, value: string): void;
  delete(name: string, value?: string): void;
  get(name: string): string | null;
  getAll(name: string): string[];
  has(name: string, value?: string): boolean;
  set(name: string, value: string): void;
  sort(): void;
  toString(): string;
  forEach(callback: (value: string, name: string, parent: URLSearchParams) => void): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

class TextEncoder {
  readonly encoding: string;
  encode(text?: string): Uint8Array;
}

class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  readonly encoding: string;
  decode(input?: ArrayBuffer | ArrayBufferView, options?: { stream?: boolean }): string;
}

/** More is there (crypto.subtle), but not typed here. */
var crypto: {
  randomUUID(): string;
  getRandomValues<T extends ArrayBufferView>(array: T): T;
};

var performance: { now(): number; readonly timeOrigin: number };
