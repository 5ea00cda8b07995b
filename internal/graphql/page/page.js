// Starts GraphiQL on this server. Subscriptions come as server-sent events.
"use strict";
(() => {
  const operationOf = (document, name) =>
    document?.definitions.find((d) => d.kind === "OperationDefinition" && (!name || d.name?.value === name))?.operation;

  // Each event of a stream is the lines before an empty one.
  async function* events(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        text += value;
        for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
          const lines = text.slice(0, end).split("\n");
          if (lines.includes("event: complete")) return;
          const data = lines.filter((l) => l.startsWith("data: ")).map((l) => l.slice(6));
          if (data.length > 0) yield JSON.parse(data.join("\n"));
        }
      }
    } finally {
      reader.cancel();
    }
  }

  function fetcher(params, options) {
    const stream = operationOf(options?.documentAST, params.operationName) === "subscription";
    const request = () =>
      fetch("/graphql", {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          Accept: stream ? "text/event-stream" : "application/json",
          ...options?.headers,
        },
        body: JSON.stringify(params),
      });
    if (!stream) return request().then((response) => response.json());
    return (async function* () {
      yield* events(await request());
    })();
  }

  const defaultQuery = `# Ratchet's GraphQL API. If this server asks for keys, put one under Headers:
# { "Authorization": "Bearer rk_..." }

query Overview {
  health { status message }
  jobs(limit: 10) {
    items { id status task { name } executions(last: 1) { state durationMs } }
    meta { total hasNext nextCursor }
  }
}
`;

  ReactDOM.createRoot(document.getElementById("graphiql")).render(
    React.createElement(GraphiQL, { fetcher, defaultQuery, defaultEditorToolsVisibility: "headers" }),
  );
})();
