let log = "";
for (let i = 0; i < 1500; i++) log += `2026-11-${(i % 28) + 1} 10:${i % 60}:00 host-${i % 9} GET /items/${i}?q=word${i} ${200 + (i % 5)}\n`;
function bench() {
  let sum = 0;
  for (const m of log.matchAll(/^(\d{4})-(\d+)-(\d+) (\S+) host-(\d) (GET|POST) (\/[\w/]+)\?q=(\w+) (\d{3})$/gm)) sum += m[9] | 0;
  return sum + log.replace(/host-(\d)/g, "h$1").length;
}
