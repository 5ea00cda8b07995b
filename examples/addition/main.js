/** @type {import("./ratchet-env").Task} */
(function (input) {
  const { num1, num2 } = input;
  return { product: num1 * num2, sum: num1 + num2 };
})
