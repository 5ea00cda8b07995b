// The algorithms of crypto.subtle that have a private and a public key: ECDSA,
// Ed25519, ECDH, X25519 and RSA. subtle.js loads this for the first of them.
(function (host, use) {
  "use strict";
  const { toText } = use("webidl");
  const { source } = use("encoding");
  const { apply } = Reflect;
  const { slice: cut } = ArrayBuffer.prototype;
  const Bytes = Uint8Array;

  // install adds the algorithms to subtle.js, whose functions kit holds.
  return function install(kit) {
    const { go, fault, data, number, keyOf, includes, only, allUsages, checkUsages, makeKey, family, hashOf, jwkOf, jwkAlg, members, jwkResult, unknownFormat, bitsOf, short } = kit;

    // Pairs. kind is what Go calls the sort of key: a curve, or RSA.
    function generatePair(alg, kind, bits, extractable, uses, publicUses, privateUses) {
      checkUsages(uses, [...publicUses, ...privateUses], "a pair for " + alg.name);
      const forPrivate = only(uses, privateUses);
      if (forPrivate.length === 0) throw fault("SyntaxError", "a private key needs at least one usage");
      const { 0: secret, 1: open } = go(host.keyGenerate, kind, bits);
      if (kind === "RSA") addModulus(alg, "public", open);
      return {
        publicKey: makeKey("public", true, alg, only(uses, publicUses), open),
        privateKey: makeKey("private", extractable, alg, forPrivate, secret),
      };
    }
    function importPair(alg, kind, kty, use, format, key, extractable, uses, publicUses, privateUses, jwkName) {
      let type = format === "pkcs8" ? "private" : "public";
      if (format === "raw" && kind === "RSA") throw unknownFormat(format, alg.name);
      if (format === "jwk" && key.d !== undefined) type = "private";
      checkUsages(uses, type === "private" ? privateUses : publicUses, "a " + type + " key for " + alg.name);
      let given = key;
      if (format === "jwk") {
        jwkOf(key, kty, use, extractable, uses);
        if (kind !== "RSA" && key.crv !== kind) throw fault("DataError", `the JWK's crv must be ${kind}`);
        if (jwkName !== undefined) jwkAlg(key, jwkName);
        given = members(key);
      }
      const bytes = go(host.keyImport, kind, format, type, given);
      if (kind === "RSA") addModulus(alg, type, bytes);
      return makeKey(type, extractable, alg, uses, bytes);
    }
    function exportPair(format, k, kind, jwkName) {
      const wanted = format === "pkcs8" ? "private" : format === "jwk" ? k.type : "public";
      if (k.type !== wanted) throw fault("InvalidAccessError", `a ${k.type} key has no ${format} form`);
      if (format === "raw" && kind === "RSA") throw unknownFormat(format, k.alg.name);
      const out = go(host.keyExport, kind, format, k.type, k.bytes);
      return format === "jwk" ? jwkResult(out, k, jwkName) : out;
    }
    function addModulus(alg, type, der) {
      const { 0: bits, 1: exponent } = go(host.rsaInfo, type, der);
      alg.modulusLength = bits;
      alg.publicExponent = exponent;
    }
    function typed(k, type) {
      if (k.type !== type) throw fault("InvalidAccessError", `the key must be ${type}`);
      return k.bytes;
    }

    const curves = ["P-256", "P-384", "P-521"];
    function curveOf(params) {
      if (params.namedCurve === undefined) throw new TypeError("crypto.subtle: the algorithm needs a namedCurve");
      const curve = toText(params.namedCurve);
      if (!includes(curves, curve)) throw fault("NotSupportedError", `the curve ${curve} is not there; P-256, P-384 and P-521 are`);
      return curve;
    }
    const signing = (publicUses, privateUses, use, kindOf, extra) => ({
      generateKey(name, params, extractable, uses) {
        const kind = kindOf(name, params);
        return generatePair(algOf(name, kind), kind, 0, extractable, uses, publicUses, privateUses);
      },
      importKey(name, params, format, key, extractable, uses) {
        const kind = kindOf(name, params);
        return importPair(algOf(name, kind), kind, name === kind ? "OKP" : "EC", use, format, key, extractable, uses, publicUses, privateUses);
      },
      exportKey: (format, k) => exportPair(format, k, k.alg.namedCurve ?? k.alg.name),
      ...extra,
    });
    const algOf = (name, kind) => (name === kind ? { name } : { name, namedCurve: kind });

    family(["ECDSA"], signing(["verify"], ["sign"], "sig", (name, params) => curveOf(params), {
      sign: (k, params, bytes) => go(host.sign, "ECDSA", hashOf(params.hash), typed(k, "private"), bytes, 0),
      verify: (k, params, signature, bytes) => go(host.verify, "ECDSA", hashOf(params.hash), typed(k, "public"), signature, bytes, 0),
    }));
    family(["Ed25519"], signing(["verify"], ["sign"], "sig", (name) => name, {
      sign: (k, params, bytes) => go(host.sign, "Ed25519", "", typed(k, "private"), bytes, 0),
      verify: (k, params, signature, bytes) => go(host.verify, "Ed25519", "", typed(k, "public"), signature, bytes, 0),
    }));
    const agreement = {
      deriveBits(k, params, length) {
        const other = keyOf(params.public, "public");
        if (other.type !== "public" || k.type !== "private") throw fault("InvalidAccessError", "deriveBits needs a private key, and a public one in the algorithm");
        if (other.alg.name !== k.alg.name || other.alg.namedCurve !== k.alg.namedCurve) throw fault("InvalidAccessError", "the two keys are for different algorithms");
        const secret = go(host.agree, k.bytes, other.bytes);
        if (length === null) return secret;
        if (length > bitsOf(secret)) throw fault("OperationError", `the shared secret has only ${bitsOf(secret)} bits`);
        const out = apply(cut, secret, [0, (length + 7 - ((length + 7) % 8)) / 8]);
        if (length % 8 !== 0) {
          const b = new Bytes(out);
          b[b.length - 1] &= 0xFF << (8 - (length % 8));
        }
        return out;
      },
    };
    family(["ECDH"], signing([], ["deriveKey", "deriveBits"], "enc", (name, params) => curveOf(params), agreement));
    family(["X25519"], signing([], ["deriveKey", "deriveBits"], "enc", (name) => name, agreement));

    const rsa = (publicUses, privateUses, use, prefix, extra) => ({
      generateKey(name, params, extractable, uses) {
        const bits = number(params.modulusLength, "modulusLength");
        const exponent = params.publicExponent;
        if (source(exponent) === undefined) throw new TypeError("crypto.subtle: publicExponent must be a Uint8Array");
        if (go(host.exponent, exponent) !== 65537) throw fault("OperationError", "the public exponent must be 65537");
        return generatePair({ name, hash: hashOf(params.hash) }, "RSA", bits, extractable, uses, publicUses, privateUses);
      },
      importKey(name, params, format, key, extractable, uses) {
        const hash = hashOf(params.hash);
        return importPair({ name, hash }, "RSA", "RSA", use, format, key, extractable, uses, publicUses, privateUses, rsaJwk(prefix, hash));
      },
      exportKey: (format, k) => exportPair(format, k, "RSA", rsaJwk(prefix, k.alg.hash)),
      ...extra,
    });
    const rsaJwk = (prefix, hash) => (prefix !== "RSA-OAEP" ? prefix + short[hash] : hash === "SHA-1" ? prefix : prefix + "-" + short[hash]);
    function salt(params) {
      const n = number(params.saltLength, "saltLength", 1024);
      if (n === 0) throw fault("NotSupportedError", "RSA-PSS without a salt is not there; use the length of the hash");
      return n;
    }
    family(["RSASSA-PKCS1-v1_5"], rsa(["verify"], ["sign"], "sig", "RS", {
      sign: (k, params, bytes) => go(host.sign, "RSASSA", k.alg.hash, typed(k, "private"), bytes, 0),
      verify: (k, params, signature, bytes) => go(host.verify, "RSASSA", k.alg.hash, typed(k, "public"), signature, bytes, 0),
    }));
    family(["RSA-PSS"], rsa(["verify"], ["sign"], "sig", "PS", {
      sign: (k, params, bytes) => go(host.sign, "PSS", k.alg.hash, typed(k, "private"), bytes, salt(params)),
      verify: (k, params, signature, bytes) => go(host.verify, "PSS", k.alg.hash, typed(k, "public"), signature, bytes, salt(params)),
    }));
    const label = (params) => (params.label === undefined ? undefined : data(params.label, "label"));
    family(["RSA-OAEP"], rsa(["encrypt", "wrapKey"], ["decrypt", "unwrapKey"], "enc", "RSA-OAEP", {
      encrypt: (k, params, bytes) => go(host.oaep, true, k.alg.hash, typed(k, "public"), label(params), bytes),
      decrypt: (k, params, bytes) => go(host.oaep, false, k.alg.hash, typed(k, "private"), label(params), bytes),
    }));
  };
})
