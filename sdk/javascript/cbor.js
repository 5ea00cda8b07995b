'use strict';

// As much of CBOR (RFC 8949) as the plugin protocol uses: integers, byte and text
// strings, arrays, booleans, null and floating point numbers, of definite length.
// Integers that a number cannot hold are BigInts.

const maxDepth = 8;

/** encode returns the bytes of a value. */
function encode(value) {
  const parts = [];
  write(parts, value);
  return Buffer.concat(parts);
}

function write(parts, value) {
  if (value === null || value === undefined) {
    parts.push(Buffer.from([0xf6]));
  } else if (typeof value === 'boolean') {
    parts.push(Buffer.from([value ? 0xf5 : 0xf4]));
  } else if (typeof value === 'bigint' || Number.isInteger(value)) {
    const n = BigInt(value);
    parts.push(n < 0n ? head(1, -1n - n) : head(0, n));
  } else if (typeof value === 'number') {
    const b = Buffer.alloc(9);
    b[0] = 0xfb;
    b.writeDoubleBE(value, 1);
    parts.push(b);
  } else if (typeof value === 'string') {
    const b = Buffer.from(value, 'utf8');
    parts.push(head(3, BigInt(b.length)), b);
  } else if (value instanceof Uint8Array) {
    parts.push(head(2, BigInt(value.length)), value);
  } else if (Array.isArray(value)) {
    parts.push(head(4, BigInt(value.length)));
    for (const item of value) write(parts, item);
  } else {
    throw new TypeError(`cbor: cannot encode ${typeof value}`);
  }
}

function head(major, n) {
  const type = major << 5;
  if (n < 24n) return Buffer.from([type | Number(n)]);
  if (n < 0x100n) return Buffer.from([type | 24, Number(n)]);
  const size = n < 0x10000n ? 2 : n < 0x100000000n ? 4 : 8;
  const b = Buffer.alloc(1 + size);
  b[0] = type | { 2: 25, 4: 26, 8: 27 }[size];
  if (size === 2) b.writeUInt16BE(Number(n), 1);
  else if (size === 4) b.writeUInt32BE(Number(n), 1);
  else b.writeBigUInt64BE(n, 1);
  return b;
}

/** decode returns the one value that the bytes hold. */
function decode(bytes) {
  const at = { bytes, offset: 0 };
  const value = read(at, 0);
  if (at.offset !== bytes.length) throw new Error('cbor: more than one value');
  return value;
}

function take(at, n) {
  if (at.offset + n > at.bytes.length) throw new Error('cbor: the bytes end too soon');
  at.offset += n;
  return at.offset - n;
}

function read(at, depth) {
  if (depth > maxDepth) throw new Error('cbor: nested too deeply');
  const first = at.bytes[take(at, 1)];
  const major = first >> 5;
  const info = first & 31;
  if (major === 7) return simple(at, info);
  const n = argument(at, info);
  switch (major) {
    case 0:
      return n;
    case 1:
      return typeof n === 'bigint' ? -1n - n : -1 - n;
    case 2: {
      const from = take(at, Number(n));
      return at.bytes.subarray(from, at.offset);
    }
    case 3: {
      const from = take(at, Number(n));
      return at.bytes.toString('utf8', from, at.offset);
    }
    case 4: {
      if (n > at.bytes.length - at.offset) throw new Error('cbor: an array longer than the bytes');
      const list = [];
      for (let i = 0; i < n; i++) list.push(read(at, depth + 1));
      return list;
    }
    default:
      throw new Error(`cbor: major type ${major} is not used here`);
  }
}

function argument(at, info) {
  if (info < 24) return info;
  switch (info) {
    case 24:
      return at.bytes[take(at, 1)];
    case 25:
      return at.bytes.readUInt16BE(take(at, 2));
    case 26:
      return at.bytes.readUInt32BE(take(at, 4));
    case 27: {
      const n = at.bytes.readBigUInt64BE(take(at, 8));
      return n <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(n) : n;
    }
    default:
      throw new Error('cbor: indefinite lengths are not used here');
  }
}

function simple(at, info) {
  switch (info) {
    case 20:
      return false;
    case 21:
      return true;
    case 22:
    case 23:
      return null;
    case 26:
      return at.bytes.readFloatBE(take(at, 4));
    case 27:
      return at.bytes.readDoubleBE(take(at, 8));
    default:
      throw new Error(`cbor: simple value ${info} is not used here`);
  }
}

module.exports = { encode, decode };
