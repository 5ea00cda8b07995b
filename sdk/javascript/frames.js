'use strict';

const { encode, decode } = require('./cbor.js');

// A frame is four bytes of length (little endian, the rest of the frame), one byte
// of kind, and the message as a CBOR array.
const maxFrame = 66 * 1024 * 1024;

const kinds = {
  hello: 32,
  ready: 33,
  start: 34,
  started: 35,
  call: 36,
  return: 37,
  cancel: 38,
  log: 39,
  stop: 40,
};

/** frame returns the bytes of a message; null if it is larger than one may be. */
function frame(kind, fields) {
  const body = encode(fields);
  if (body.length + 1 > maxFrame) return null;
  const head = Buffer.alloc(5);
  head.writeUInt32LE(body.length + 1, 0);
  head[4] = kind;
  return Buffer.concat([head, body]);
}

/** Reader cuts what comes into messages, and gives each to take(kind, fields). */
class Reader {
  constructor(take) {
    this.take = take;
    this.chunks = [];
    this.size = 0;
    this.want = 5;
  }

  add(chunk) {
    this.chunks.push(chunk);
    this.size += chunk.length;
    while (this.size >= this.want) {
      const all = this.chunks.length === 1 ? this.chunks[0] : Buffer.concat(this.chunks);
      this.chunks = [all];
      const length = all.readUInt32LE(0);
      if (length < 1 || length > maxFrame) throw new Error(`a frame of ${length} bytes`);
      this.want = 4 + length;
      if (all.length < this.want) return;
      const kind = all[4];
      const body = all.subarray(5, this.want);
      const rest = all.subarray(this.want);
      this.chunks = rest.length > 0 ? [rest] : [];
      this.size = rest.length;
      this.want = 5;
      this.take(kind, decode(body));
    }
  }
}

module.exports = { frame, kinds, Reader };
