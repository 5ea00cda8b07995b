export default async function (input) {
  if (!input.url) return "ready";
  const response = await fetch(input.url);
  return await response.text();
}
