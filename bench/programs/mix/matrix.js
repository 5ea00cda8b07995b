function bench() {
  const n = 60;
  const a = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => i + j));
  const c = a.map((row) => a[0].map((_, j) => { let s = 0; for (let k = 0; k < n; k++) s += row[k] * a[k][j]; return s; }));
  return c[5][7];
}
