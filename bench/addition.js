// The function of examples/addition, as Node runs it from a file.
function addition(input) {
  const { num1, num2 } = input;
  return { product: num1 * num2, sum: num1 + num2 };
}
process.stdout.write(JSON.stringify(addition(JSON.parse(process.argv[2]))) + "\n");
