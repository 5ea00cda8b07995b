let settled = 0;
async function step(n) { await null; settled += n; return n; }
function bench() {
  const all = [];
  for (let i = 0; i < 4000; i++) all.push(step(i).then((n) => n + 1));
  return all.length;
}
