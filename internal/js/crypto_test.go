package js_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/js"
)

// cryptoPeer is run by Ratchet and by Node: "make" signs, encrypts and derives
// with fresh keys and gives everything away; "check" does the opposite with what
// the other made, and lists what did not fit.
const cryptoPeer = `
const { subtle } = crypto;
const text = new TextEncoder().encode("a message for the other side");
const to64 = (b) => btoa(String.fromCharCode(...new Uint8Array(b)));
const from64 = (s) => Uint8Array.from(atob(s), (c) => c.charCodeAt(0));
const modulus = { modulusLength: 1024, publicExponent: Uint8Array.of(1, 0, 1) };
const signers = [
  ...["P-256", "P-384", "P-521"].map((namedCurve) => [{ name: "ECDSA", namedCurve }, { name: "ECDSA", hash: "SHA-384" }]),
  [{ name: "Ed25519" }, { name: "Ed25519" }],
  [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", ...modulus }, { name: "RSASSA-PKCS1-v1_5" }],
  [{ name: "RSA-PSS", hash: "SHA-512", ...modulus }, { name: "RSA-PSS", saltLength: 32 }],
];
const exchanges = [{ name: "ECDH", namedCurve: "P-256" }, { name: "ECDH", namedCurve: "P-384" }, { name: "ECDH", namedCurve: "P-521" }, { name: "X25519" }];
const ciphers = () => [
  { name: "AES-GCM", iv: new Uint8Array(12).fill(3), additionalData: text },
  { name: "AES-GCM", iv: new Uint8Array(12).fill(3), tagLength: 96 },
  { name: "AES-CBC", iv: new Uint8Array(16).fill(5) },
  { name: "AES-CTR", counter: new Uint8Array(16).fill(255), length: 64 },
];
const oaep = { name: "RSA-OAEP", hash: "SHA-256", ...modulus };

async function make() {
  const out = { signed: [], exchanged: [], secrets: [], derived: await derive() };
  for (const [alg, how] of signers) {
    const { publicKey, privateKey } = await subtle.generateKey(alg, true, ["sign", "verify"]);
    out.signed.push({
      spki: to64(await subtle.exportKey("spki", publicKey)), open: await subtle.exportKey("jwk", publicKey),
      pkcs8: to64(await subtle.exportKey("pkcs8", privateKey)), secret: await subtle.exportKey("jwk", privateKey),
      signature: to64(await subtle.sign(how, privateKey, text)),
    });
  }
  for (const alg of exchanges) {
    const a = await subtle.generateKey(alg, true, ["deriveBits"]), b = await subtle.generateKey(alg, true, ["deriveBits"]);
    out.exchanged.push({
      pkcs8: to64(await subtle.exportKey("pkcs8", a.privateKey)), raw: to64(await subtle.exportKey("raw", b.publicKey)),
      bits: to64(await subtle.deriveBits({ name: alg.name, public: b.publicKey }, a.privateKey, 256)),
    });
  }
  for (const how of ciphers()) {
    const k = await subtle.generateKey({ name: how.name, length: 256 }, true, ["encrypt"]);
    out.secrets.push({ jwk: await subtle.exportKey("jwk", k), data: to64(await subtle.encrypt(how, k, text)) });
  }
  const mac = await subtle.generateKey({ name: "HMAC", hash: "SHA-512" }, true, ["sign"]);
  out.mac = { jwk: await subtle.exportKey("jwk", mac), signature: to64(await subtle.sign("HMAC", mac, text)) };
  const pair = await subtle.generateKey(oaep, true, ["encrypt", "decrypt"]);
  out.oaep = { jwk: await subtle.exportKey("jwk", pair.privateKey), data: to64(await subtle.encrypt({ name: "RSA-OAEP", label: text }, pair.publicKey, text)) };
  return out;
}

async function derive() {
  const key = async (name) => subtle.importKey("raw", text, name, false, ["deriveBits"]);
  return [
    to64(await subtle.deriveBits({ name: "HKDF", hash: "SHA-384", salt: text, info: text }, await key("HKDF"), 512)),
    to64(await subtle.deriveBits({ name: "PBKDF2", hash: "SHA-512", salt: text, iterations: 1000 }, await key("PBKDF2"), 512)),
    ...await Promise.all(["SHA-1", "SHA-256", "SHA-384", "SHA-512"].map(async (h) => to64(await subtle.digest(h, text)))),
  ];
}

async function check(made) {
  const wrong = [];
  const expect = async (what, f) => {
    try { if (!await f()) wrong.push(what); } catch (e) { wrong.push(what + ": " + e.name + ": " + e.message); }
  };
  for (const [i, [alg, how]] of signers.entries()) {
    const { spki, open, pkcs8, secret, signature } = made.signed[i];
    const what = alg.name + " " + (alg.namedCurve ?? "");
    await expect(what + " spki", async () => subtle.verify(how, await subtle.importKey("spki", from64(spki), alg, false, ["verify"]), from64(signature), text));
    await expect(what + " jwk", async () => subtle.verify(how, await subtle.importKey("jwk", open, alg, false, ["verify"]), from64(signature), text));
    await expect(what + " private", async () => {
      const a = await subtle.importKey("pkcs8", from64(pkcs8), alg, true, ["sign"]), b = await subtle.importKey("jwk", secret, alg, true, ["sign"]);
      const s = await subtle.sign(how, a, text);
      return to64(await subtle.exportKey("pkcs8", b)) === to64(await subtle.exportKey("pkcs8", a))
        && await subtle.verify(how, await subtle.importKey("spki", from64(spki), alg, false, ["verify"]), s, text);
    });
  }
  for (const [i, alg] of exchanges.entries()) {
    const { pkcs8, raw, bits } = made.exchanged[i];
    await expect(alg.name + " " + (alg.namedCurve ?? ""), async () => {
      const a = await subtle.importKey("pkcs8", from64(pkcs8), alg, false, ["deriveBits"]), b = await subtle.importKey("raw", from64(raw), alg, false, []);
      return to64(await subtle.deriveBits({ name: alg.name, public: b }, a, 256)) === bits;
    });
  }
  for (const [i, how] of ciphers().entries()) {
    const { jwk, data } = made.secrets[i];
    await expect(how.name, async () => to64(await subtle.decrypt(how, await subtle.importKey("jwk", { ...jwk, key_ops: ["decrypt"] }, how.name, false, ["decrypt"]), from64(data))) === to64(text));
  }
  await expect("HMAC", async () => subtle.verify("HMAC", await subtle.importKey("jwk", { ...made.mac.jwk, key_ops: ["verify"] }, { name: "HMAC", hash: "SHA-512" }, false, ["verify"]), from64(made.mac.signature), text));
  await expect("RSA-OAEP", async () => to64(await subtle.decrypt({ name: "RSA-OAEP", label: text }, await subtle.importKey("jwk", made.oaep.jwk, oaep, false, ["decrypt"]), from64(made.oaep.data))) === to64(text));
  await expect("derived", async () => JSON.stringify(made.derived) === JSON.stringify(await derive()));
  return wrong;
}
`

// TestCryptoAgreesWithNode lets each side check what the other made.
func TestCryptoAgreesWithNode(t *testing.T) {
	t.Parallel()
	node := lookNode(t)
	e := js.New(js.Config{})
	t.Cleanup(e.Close)
	byNode := func(call string) []byte {
		file := filepath.Join(t.TempDir(), "peer.mjs")
		script := cryptoPeer + "\nconsole.log(JSON.stringify(await " + call + "));\n"
		if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), node, "--no-warnings", file)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("node: %v", err)
		}
		return out
	}
	ours := runScript(t, e, "(async function () {"+cryptoPeer+"return make(); })", "null")
	if wrong := byNode("check(" + string(ours) + ")"); string(wrong) != "[]\n" {
		t.Errorf("Node does not accept what we made: %s", wrong)
	}
	wrong := runScript(t, e, "(async function (made) {"+cryptoPeer+"return check(made); })", string(byNode("make()")))
	if string(wrong) != "[]" {
		t.Errorf("we do not accept what Node made: %s", wrong)
	}
}

// TestKeysAreJSONSafe keeps keys from leaking into results by accident.
func TestKeysAreJSONSafe(t *testing.T) {
	t.Parallel()
	e := js.New(js.Config{})
	t.Cleanup(e.Close)
	out := runScript(t, e, `(async () => {
	  const k = await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, true, ["encrypt"]);
	  return [JSON.stringify(k), Object.keys(k), Reflect.ownKeys(k)];
	})`, "null")
	var got []any
	if err := json.Unmarshal(out, &got); err != nil || string(out) != `["{}",[],[]]` {
		t.Errorf("got %s, want an object without members", out)
	}
}
