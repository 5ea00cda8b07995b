const api = "https://api.frankfurter.dev/v1/latest";

/** @type {import("./ratchet-env").Task} */
export default async ({ amount, from, to }) => {
  const response = await ask(`${api}?${new URLSearchParams({ base: from, symbols: to })}`);
  const { date, rates } = await response.json();
  const rate = rates?.[to];
  if (typeof rate !== "number") {
    throw new DataError(`the answer has no rate from ${from} to ${to}`);
  }
  ratchet.log.debug("rate found", { from, to, rate, date });
  return { amount: Math.round(amount * rate * 100) / 100, rate, date };
};

/**
 * Makes what can go wrong an error that says so. Those of a kind that may be
 * gone a moment later have a name of their own.
 *
 * @param {string} url
 */
async function ask(url) {
  let response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  } catch (error) {
    throw new NetworkError(`${url} did not answer`, { cause: error });
  }
  switch (true) {
    case response.ok:
      return response;
    case response.status === 429:
      throw new RateLimitError("the API asks to wait", response.headers.get("retry-after") ?? undefined);
    case response.status >= 500:
      throw new ServiceUnavailableError(`${url} answered ${response.status}`);
    default:
      throw new HttpError(response.status, `${url} answered ${response.status}`);
  }
}
