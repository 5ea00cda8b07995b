class Shape { constructor(x) { this.x = x; } area() { return 0; } get double() { return this.area() * 2; } }
class Square extends Shape { area() { return this.x * this.x; } }
class Circle extends Shape { #r = 1; area() { return 3 * this.#r * this.x; } }
function bench() {
  let sum = 0;
  for (let i = 0; i < 15000; i++) sum += (i % 2 ? new Square(i) : new Circle(i)).double;
  return sum;
}
