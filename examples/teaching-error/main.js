/**
 * What a schema cannot say is checked here, all at once, and told in one error.
 *
 * @param {import("./ratchet-env").Input} booking
 */
function check(booking) {
  const problems = [];
  if (booking.from === booking.to) {
    problems.push(`"from" and "to" are both ${booking.from}: give two accounts`);
  }
  if (Number(booking.amount.toFixed(2)) !== booking.amount) {
    problems.push(`"amount" is ${booking.amount}: give whole cents, such as ${booking.amount.toFixed(2)}`);
  }
  if (booking.date > "2025-12-31") {
    problems.push(`"date" is ${booking.date}: the books are open until 2025-12-31`);
  }
  if (problems.length > 0) {
    throw new ValidationError("the booking cannot be made:\n  - " + problems.join("\n  - "));
  }
}

/**
 * Books an amount to an account.
 *
 * @type {import("./ratchet-env").Task}
 */
function main(input) {
  check(input);
  return { booked: `${input.amount.toFixed(2)} from ${input.from} to ${input.to}` };
}
