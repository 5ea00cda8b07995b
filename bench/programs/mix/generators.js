function* numbers(n) { for (let i = 0; i < n; i++) yield i; }
function* even(it) { for (const n of it) if (n % 2 === 0) yield n; }
function bench() {
  let sum = 0;
  for (const n of even(numbers(30000))) sum += n;
  const [first, ...rest] = numbers(3000);
  return sum + first + rest.map((n) => ({ n, ...{ m: n } })).filter(({ m }) => m % 3).length;
}
