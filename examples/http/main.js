/**
 * Fetches input.url and returns the member of the JSON that input.field names,
 * or all of it.
 *
 * @type {import("./ratchet-env").Task}
 */
export default async function (input) {
  const headers = new Headers({ Accept: "application/json", "User-Agent": "ratchet-example" });
  let response;
  try {
    response = await fetch(input.url, { headers, signal: AbortSignal.timeout(10_000) });
  } catch (error) {
    throw new NetworkError(`${input.url} did not answer: ${error}`);
  }
  if (response.status === 429) {
    throw new RateLimitError(`${input.url} asks to wait ${response.headers.get("retry-after") ?? "a while"}`);
  }
  if (!response.ok) {
    throw new HttpError(response.status, `${input.url} answered ${response.status} ${response.statusText}`);
  }
  const type = response.headers.get("content-type") ?? "";
  if (!type.includes("json")) {
    throw new DataError(`${input.url} answered with ${type || "no content type"}, not with JSON`);
  }
  const document = await response.json();
  return { status: response.status, value: input.field === undefined ? document : (document[input.field] ?? null) };
}
