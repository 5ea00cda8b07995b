export interface Count {
  word: string;
  times: number;
}

export function words(text: string): string[] {
  return text.toLowerCase().match(/\p{L}+/gu) ?? [];
}

// The most frequent first; of those as frequent the first in the alphabet.
export function count(words: string[]): Count[] {
  const times = new Map<string, number>();
  for (const word of words) {
    times.set(word, (times.get(word) ?? 0) + 1);
  }
  return [...times]
    .map(([word, times]) => ({ word, times }))
    .sort((a, b) => b.times - a.times || (a.word < b.word ? -1 : 1));
}
