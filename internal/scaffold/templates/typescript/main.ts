import type { Task } from "./ratchet-env";
import { count, words } from "./words.ts";

const main: Task = (input) => {
  const all = words(input.text);
  if (all.length === 0) {
    throw new DataError("the text has no words");
  }
  return { words: all.length, top: count(all).slice(0, input.top ?? 3) };
};

export default main;
