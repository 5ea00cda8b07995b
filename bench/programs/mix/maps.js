function bench() {
  const m = new Map(), o = {}, s = new Set();
  for (let i = 0; i < 20000; i++) {
    const k = "key" + (i % 5000);
    m.set(k, (m.get(k) || 0) + i);
    o[k] = (o[k] || 0) + 1;
    s.add(i % 700);
  }
  let sum = s.size;
  for (const [k, v] of m) sum += v + o[k];
  return sum;
}
