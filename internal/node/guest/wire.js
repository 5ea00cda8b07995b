// The conversation with the server: frames over the inherited socket.
(function (require, use) {
  "use strict";
  const fs = require("fs"), net = require("net");
  const { Writer, decode } = use("cbor");
  const descriptor = 3, maxFrame = 66 << 20;
  const kinds = {
    hello: 1, bind: 2, run: 3, reply: 4, cancel: 5,
    ready: 16, bound: 17, request: 18, log: 19, progress: 20, done: 21,
  };

  // nap waits without an event loop.
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const nap = (ms) => { Atomics.wait(cell, 0, 0, ms); };

  const writer = new Writer();
  // send writes a message of the kind; fill writes its fields. It returns false
  // if that is more than a frame may hold, and nothing was sent.
  function send(kind, fill) {
    writer.begin();
    fill(writer);
    const frame = writer.frame(kind);
    const fits = frame.length - 4 <= maxFrame;
    for (let at = 0, pause = 0; fits && at < frame.length;) {
      try {
        at += fs.writeSync(descriptor, frame, at, frame.length - at);
        pause = 0;
      } catch (e) {
        if (e.code !== "EAGAIN") process.exit(0); // the server is gone
        nap(pause = Math.min(pause + 0.1, 1));
      }
    }
    writer.drop();
    return fits;
  }

  // Frames are put together from what comes, in whatever pieces.
  let head = Buffer.alloc(5), headSize = 0, body, bodySize = 0;
  const inbox = [];
  function feed(chunk) {
    let at = 0;
    while (at < chunk.length) {
      if (body === undefined) {
        const n = chunk.copy(head, headSize, at, Math.min(chunk.length, at + 5 - headSize));
        headSize += n;
        at += n;
        if (headSize < 5) return;
        const size = head.readUInt32LE(0);
        if (size < 1 || size > maxFrame) throw new Error(`a frame of ${size} bytes`);
        body = { kind: head[4], size: size - 1, data: Buffer.allocUnsafeSlow(Math.min(size - 1, 65536)) };
        bodySize = headSize = 0;
      }
      const n = Math.min(body.size - bodySize, chunk.length - at);
      if (bodySize + n > body.data.length) { // what is kept grows with what has come
        const grown = Buffer.allocUnsafeSlow(Math.min(body.size, Math.max(body.data.length * 2, bodySize + n)));
        body.data.copy(grown, 0, 0, bodySize);
        body.data = grown;
      }
      chunk.copy(body.data, bodySize, at, at + n);
      bodySize += n;
      at += n;
      if (bodySize === body.size) {
        inbox.push({ kind: body.kind, fields: decode(body.data) });
        body = undefined;
      }
    }
  }

  // listen calls handle with each message, and ended once the server hangs up.
  let socket;
  function listen(handle, ended) {
    const deliver = () => { while (inbox.length > 0) handle(inbox.shift()); };
    socket = new net.Socket({
      fd: descriptor, readable: true, writable: false,
      onread: {
        buffer: Buffer.alloc(65536),
        callback(n, buffer) {
          feed(buffer.subarray(0, n));
          deliver();
          return true;
        },
      },
    });
    socket.on("end", ended);
    socket.on("error", ended);
    socket.resume();
    return deliver;
  }

  // awaitMessage reads, and waits without the event loop, until pick takes a message; the
  // others stay for later.
  const piece = Buffer.allocUnsafe(65536);
  function awaitMessage(pick) {
    for (let pause = 0; ;) {
      for (let i = 0; i < inbox.length; i++) {
        const picked = pick(inbox[i]);
        if (picked !== undefined) {
          inbox.splice(i, 1);
          return picked;
        }
      }
      let n;
      try {
        n = fs.readSync(descriptor, piece, 0, piece.length, null);
      } catch (e) {
        if (e.code !== "EAGAIN") process.exit(0);
        nap(pause = Math.min(pause + 0.05, 1));
        continue;
      }
      if (n === 0) process.exit(0);
      pause = 0;
      feed(piece.subarray(0, n));
    }
  }

  // hold says whether the socket alone keeps the event loop going.
  function hold(yes) {
    if (yes) socket.ref();
    else socket.unref();
  }

  return { kinds, send, listen, awaitMessage, hold, backlog: () => inbox.length };
})
