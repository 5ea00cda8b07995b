function bench() {
  let inside = 0;
  for (let py = 0; py < 60; py++) for (let px = 0; px < 60; px++) {
    const cx = px / 20 - 2.2, cy = py / 24 - 1.25;
    let x = 0, y = 0, i = 0;
    while (i < 60 && x * x + y * y < 4) { const t = x * x - y * y + cx; y = 2 * x * y + cy; x = t; i++; }
    if (i === 60) inside++;
  }
  return inside;
}
