// The server behind the cases that fetch, for Node; conformance_test.go has the
// same routes in Go. A case gets its address as { base }.
import http from "node:http";

export function startServer() {
  const server = http.createServer((req, res) => {
    const chunks = [];
    req.on("data", (c) => chunks.push(c));
    req.on("end", () => answer(req, Buffer.concat(chunks), res));
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve({
        base: `http://127.0.0.1:${server.address().port}`,
        close: () => { server.closeAllConnections(); server.close(); },
      });
    });
  });
}

function answer(req, body, res) {
  const { pathname } = new URL(req.url, "http://x");
  const [, route, arg] = pathname.split("/");
  switch (route) {
    case "echo": { // the request, as JSON
      const headers = { ...req.headers };
      for (const h of ["host", "connection", "content-length", "transfer-encoding", "accept-encoding", "accept", "accept-language", "sec-fetch-mode", "user-agent"]) delete headers[h];
      res.setHeader("content-type", "application/json");
      res.end(JSON.stringify({ method: req.method, path: req.url, headers, body: body.toString("utf8") }));
      return;
    }
    case "status": // /status/404
      res.statusCode = Number(arg);
      res.end(res.statusCode === 204 ? undefined : `status ${arg}`);
      return;
    case "bytes": // the body back, as it came
      res.setHeader("content-type", req.headers["content-type"] ?? "application/octet-stream");
      res.end(body);
      return;
    case "text": // /text/…: that text
      res.setHeader("content-type", "text/plain; charset=utf-8");
      res.setHeader("x-route", "text");
      res.end(decodeURIComponent(arg));
      return;
    case "reset":
      req.socket.destroy();
      return;
  }
  res.statusCode = 404;
  res.end("no route");
}
