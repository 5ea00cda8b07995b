'use strict';

// node --test test.js
const test = require('node:test');
const assert = require('node:assert');
const { encode, decode } = require('./cbor.js');
const { frame, kinds, Reader } = require('./frames.js');
const { manifest } = require('./index.js');

test('values survive CBOR', () => {
  for (const value of [0, 23, 24, 255, 256, 65535, 65536, 4294967295, 4294967296, -1, -24, -25, -65537, 2n ** 63n, true, false, null, 1.5, '', 'ü€😀', [1, ['a', null]], Buffer.from([1, 2, 3])]) {
    assert.deepStrictEqual(decode(encode(value)), value);
  }
});

test('the bytes are those of RFC 8949, appendix A', () => {
  for (const [hex, value] of [['1903e8', 1000], ['1b000000e8d4a51000', 1000000000000], ['3903e7', -1000], ['4401020304', Buffer.from([1, 2, 3, 4])], ['6449455446', 'IETF'], ['83010203', [1, 2, 3]], ['f6', null], ['fb3ff199999999999a', 1.1]]) {
    assert.strictEqual(encode(value).toString('hex'), hex);
    assert.deepStrictEqual(decode(Buffer.from(hex, 'hex')), value);
  }
});

test('broken CBOR is an error', () => {
  for (const hex of ['', '18', '1900', '41', '9bffffffffffffffff', '5f', 'a0', 'c000', '0000', '8181818181818181818100']) {
    assert.throws(() => decode(Buffer.from(hex, 'hex')), /cbor/);
  }
});

test('frames are found however they are cut', () => {
  const all = Buffer.concat([frame(kinds.cancel, [7]), frame(kinds.call, [8, 'hook', Buffer.alloc(300), Buffer.alloc(0), 1000]), frame(kinds.stop, [])]);
  for (const step of [1, 2, 5, 7, 100, all.length]) {
    const got = [];
    const reader = new Reader((kind, fields) => got.push([kind, fields.length]));
    for (let i = 0; i < all.length; i += step) reader.add(all.subarray(i, i + step));
    assert.deepStrictEqual(got, [[kinds.cancel, 1], [kinds.call, 5], [kinds.stop, 0]]);
  }
});

test('a frame that is too large ends the conversation', () => {
  assert.throws(() => new Reader(() => {}).add(Buffer.from([255, 255, 255, 255, 36])), /a frame of 4294967295 bytes/);
});

test('a manifest has what the plugin has', () => {
  const m = JSON.parse(JSON.stringify(manifest({ name: 'a', version: '1.0.0', onFailure() {}, functions: { b() {}, a: { input: {}, call() {} } } })));
  assert.deepStrictEqual(m, {
    name: 'a', version: '1.0.0', protocol: [1, 1], needs: {},
    hooks: [{ point: 'onFailure', priority: 500 }],
    functions: [{ name: 'a', input: {} }, { name: 'b' }],
  });
});
