// The part of CBOR (RFC 8949) that package ipc speaks: arrays, integers, floats,
// texts, byte strings, booleans and null, all of definite length.
(function () {
  "use strict";
  const maxItems = 1 << 17, maxDepth = 4;

  class Writer {
    #buf = Buffer.allocUnsafe(4096);
    #at = 0;

    // begin leaves room for a frame's head.
    begin() { this.#at = 5; }

    // frame is the frame begun, with its head. It is valid until the next begin.
    frame(kind) {
      this.#buf.writeUInt32LE(this.#at - 4, 0);
      this.#buf[4] = kind;
      return this.#buf.subarray(0, this.#at);
    }
    // drop gives back the memory of a large frame.
    drop() { if (this.#buf.length > 65536) this.#buf = Buffer.allocUnsafe(4096); }

    #room(n) {
      if (this.#at + n <= this.#buf.length) return;
      const grown = Buffer.allocUnsafe(Math.max(this.#buf.length * 2, this.#at + n));
      this.#buf.copy(grown, 0, 0, this.#at);
      this.#buf = grown;
    }
    #head(major, n) {
      this.#room(9);
      const b = this.#buf, m = major << 5;
      if (n < 24) b[this.#at++] = m | n;
      else if (n < 0x100) { b[this.#at++] = m | 24; b[this.#at++] = n; }
      else if (n < 0x10000) { b[this.#at++] = m | 25; this.#at = b.writeUInt16BE(n, this.#at); }
      else if (n < 0x100000000) { b[this.#at++] = m | 26; this.#at = b.writeUInt32BE(n, this.#at); }
      else { b[this.#at++] = m | 27; this.#at = b.writeBigUInt64BE(BigInt(n), this.#at); }
    }
    array(n) { this.#head(4, n); }
    int(n) {
      n = Math.trunc(n);
      if (n < 0) this.#head(1, -1 - n);
      else this.#head(0, n);
    }
    float(f) { this.#room(9); this.#buf[this.#at++] = 0xfb; this.#at = this.#buf.writeDoubleBE(f, this.#at); }
    bool(v) { this.#room(1); this.#buf[this.#at++] = v ? 0xf5 : 0xf4; }
    nil() { this.#room(1); this.#buf[this.#at++] = 0xf6; }
    // text writes a string, as UTF-8 whatever surrogates are in it.
    text(s) {
      const n = Buffer.byteLength(s);
      this.#head(3, n);
      this.#room(n);
      this.#at += this.#buf.write(s, this.#at);
    }
    // bytes writes a string or a Uint8Array as a byte string.
    bytes(v) {
      if (typeof v === "string") {
        const n = Buffer.byteLength(v);
        this.#head(2, n);
        this.#room(n);
        this.#at += this.#buf.write(v, this.#at);
        return;
      }
      this.#head(2, v.length);
      this.#room(v.length);
      this.#buf.set(v, this.#at);
      this.#at += v.length;
    }
  }

  // decode reads one item, which must be all of buf. Byte strings are views of
  // it; integers beyond 2^53 are BigInts.
  function decode(buf) {
    let at = 0, budget = maxItems;
    const need = (n) => { if (n > buf.length - at) throw new Error("cbor: the message is cut short"); };
    function argument(info) {
      if (info < 24) return info;
      const size = 1 << (info - 24);
      if (info > 27) throw new Error("cbor: a length that is not definite");
      need(size);
      const from = at;
      at += size;
      switch (size) {
        case 1: return buf[from];
        case 2: return buf.readUInt16BE(from);
        case 4: return buf.readUInt32BE(from);
      }
      const n = buf.readBigUInt64BE(from);
      return n <= Number.MAX_SAFE_INTEGER ? Number(n) : n;
    }
    function item(depth) {
      if (depth > maxDepth || --budget < 0) throw new Error("cbor: the message holds too much");
      need(1);
      const first = buf[at++], major = first >> 5, info = first & 31;
      if (major === 7) {
        switch (info) {
          case 20: return false;
          case 21: return true;
          case 22: return null;
          case 27: need(8); at += 8; return buf.readDoubleBE(at - 8);
        }
        throw new Error("cbor: a simple value that is not known");
      }
      const n = argument(info);
      switch (major) {
        case 0: return n;
        case 1: return typeof n === "bigint" ? -1n - n : -1 - n;
        case 2: need(n); at += n; return buf.subarray(at - n, at);
        case 3: need(n); at += n; return buf.toString("utf8", at - n, at);
        case 4: {
          need(n);
          const list = [];
          for (let i = 0; i < n; i++) list.push(item(depth + 1));
          return list;
        }
      }
      throw new Error("cbor: an item of a kind that is not used");
    }
    const v = item(1);
    if (at !== buf.length) throw new Error("cbor: something follows the message");
    return v;
  }

  return { Writer, decode };
})
