import ms from "ms";
import slugify from "slugify";

import type { Input, Output } from "./ratchet-env";
import { room } from "./talk";

export default function main(talk: Input): Output {
  const length = ms(talk.duration);
  if (typeof length !== "number" || length <= 0) {
    throw new RangeError(`"${talk.duration}" is no duration: write it as "45 minutes" or "1.5h"`);
  }
  return {
    path: `/talks/${slugify(talk.title, { lower: true, strict: true })}`,
    minutes: Math.round(length / 60_000),
    room: room(length),
  };
}
