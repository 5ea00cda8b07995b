const rows = [];
for (let i = 0; i < 7000; i++) rows.push({ id: i, name: "customer number " + i, tags: ["a", "b", "c"], nested: { price: i * 1.25, ok: i % 2 === 0, at: null } });
const text = JSON.stringify(rows);
function bench() { return JSON.stringify(JSON.parse(text)).length; }
