import ms from "ms";
import slugify from "slugify";

import { type Talk, type Entry, Room } from "./talk";

export default function main(talk: Talk): Entry {
  const length = ms(talk.duration as Parameters<typeof ms>[0]);
  if (typeof length !== "number" || length <= 0) {
    throw new RangeError(`"${talk.duration}" is no duration: write it as "45 minutes" or "1.5h"`);
  }
  return {
    path: `/talks/${slugify(talk.title, { lower: true, strict: true })}`,
    minutes: Math.round(length / 60_000),
    room: length > 3_600_000 ? Room.Large : Room.Small,
  };
}
