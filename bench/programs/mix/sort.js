function bench() {
  let seed = 42;
  const list = Array.from({ length: 20000 }, () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff));
  list.sort((a, b) => a - b);
  return list[10000] + list.map(String).sort()[5];
}
