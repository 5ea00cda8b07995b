// Money is added in whole cents: 0.1 + 0.2 is not 0.3.

/** @type {import("./ratchet-env").Task} */
export default (input) => {
  const [{ currency }] = input.lines;
  let cents = 0;
  let count = 0;
  for (const line of input.lines) {
    if (line.currency !== currency) {
      throw new ValidationError(`${line.name} costs ${line.currency}, and what stands before it ${currency}: split the order`);
    }
    cents += Math.round(line.price * 100) * line.quantity;
    count += line.quantity;
  }
  const rest = 1 - (input.discount ?? 0) / 100;
  return { count, total: Math.round(cents * rest) / 100, currency };
};
