import type { Output } from "./ratchet-env";

export enum Length {
  Short = 3_600_000,
}

export function room(length: number): Output["room"] {
  return length > Length.Short ? "large" : "small";
}
