// Writes urls.json: what Node makes of many URLs and assignments to their parts.
//   node internal/js/testdata/url/generate.mjs
// The cases below name what they are after; the expectations are all Node's.
import fs from "node:fs";

const resolve = []; // [input, base]
const add = (base, ...inputs) => inputs.forEach((i) => resolve.push([i, base]));

// References, RFC 3986 5.4 and beyond, against bases of every sort.
const references = ["g:h", "g", "./g", "g/", "/g", "//g", "?y", "g?y", "#s", "g#s", "g?y#s", ";x", "g;x", "", ".", "./", "..", "../", "../g", "../..", "../../g",
  "../../../g", "/./g", "/../g", "g.", ".g", "g..", "..g", "./../g", "./g/.", "g/./h", "g/../h", "g;x=1/../y", "http:g", "http:/g", "http://g", "http:///g",
  "%2e%2e/g", "%2E/g", ".%2e/g", "\\g", "\\\\g\\h", "/\\g", "g\\..\\h", "///g", "//", "/..//x", "//user:pw@g:81/", "C|/x", "/C:/../x", "//C:/x", "file:x", "file:///x", "file:C|", "//server/C:/x", "  g  ", "g\th", "\0g"];
for (const base of ["http://a/b/c/d;p?q", "https://user:pw@h.example:8443/x/y?z#f", "file:///C:/dir/file", "file://host/dir/file", "foo://h/b/c", "foo:/b/c", "foo:opaque?x", "data:text/plain,x", "about:blank", "non-special:///p", "javascript:x", "ws://h/p"]) add(base, ...references);

// Hosts.
for (const host of ["EXAMPLE.com", "example.com.", "ex%41mple.com", "a_b", "a~b", "a b", "a%20b", "a<b", "a>b", "a^b", "a|b", "a[b", "a]b", "a%b", "a%zz", "a@b@c", "a:b@c", "@h", ":@h", "u@", "u:p@h", "u%40x:p%3Ay@h",
  "bücher.de", "BÜCHER.de", "faß.de", "日本語.jp", "xn--bcher-kva.de", "xn--a", "xn--", "☃.net", "a\u00ADb", "a\u200Db", "\u00AD", "ａｂｃ.com", "％41.com", "１２７.0.0.1", "0Xc0.0250.01", "a。b", "√.com", "ab--cd.com", "-a.com", "a-.com", "xn--zca.de", "\u0627.com", "a\u0627.com", "🦊.example", "a..b", ".a", "..",
  "127.0.0.1", "127.1", "0x7f.1", "0177.0.0.1", "2130706433", "0x7f000001", "256.1.1.1", "1.2.3.256", "1.2.3.4.5", "1.2.3", "1.2.3.4.", "0x", "0x.0x.0", "08.1.1.1", "1.2.3.08", "1e3", "4294967295", "4294967296", "0.0.0.0.foo", "foo.0", "foo.0x4", "foo.09", "1..2", "0xffffffff", "00000000000000.1", "99999999999",
  "[::1]", "[::]", "[1:2:3:4:5:6:7:8]", "[1::8]", "[1:0:0:2::3]", "[0:0:1::]", "[::ffff:1.2.3.4]", "[::1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]", "[1.2.3.4]", "[::g]", "[1:2]", "[::1", "::1", "[1:2:3:4:5:6:7::]", "[::1%25eth0]", "[A:B::C]", "[0001::0002]", "[12345::]", "[::1.2.3]", "[::01.2.3.4]", "[::256.2.3.4]", "[1::2::3]", "[:1]",
  "h:0", "h:80", "h:443", "h:65535", "h:65536", "h:", "h:08", "h:8 0", "h:-1", "h:a", "h:1:2", "h:٣", "", "/", "?", "#", "h\\p", "h%00", "h\0", "h\u007f", "h\u00a0x", "a\u2260b", "h%2f", "h%3a80"]) {
  add(null, `http://${host}/p`, `foo://${host}/p`);
}
add(null, ...["127.1", "C:", "C|", "localhost", "LOCALHOST", "[::1]", "h:80", "a%20b", "ex%41mple"].map((h) => `file://${h}/p`));

// Each printable character, and some others, in each place.
for (let c = 0; c < 128; c++) {
  const ch = String.fromCharCode(c);
  add(null, `http://h/a${ch}b`, `http://h/?a${ch}b`, `http://h/#a${ch}b`, `http://u${ch}v@h/`, `foo:a${ch}b`, `foo://h${ch}i/`, `foo://h/?a${ch}b`, `http://h${ch}i/`);
}
for (const ch of ["é", "€", "𝄞", "\u0080", "\u00a0", "\ufdd0", "\uffff", "\u2028", "\ufeff", "%", "%4", "%4g", "%41", "%e9", "%ff"]) add(null, `http://h/${ch}?${ch}#${ch}`, `foo:${ch}?${ch}#${ch}`, `http://${ch}:${ch}@h/`);

// Schemes and slashes.
add(null, "http:h", "http:/h", "http:///h", "http:////h", "http:\\\\h", "HTTP://h", "hTTps://h", "ht tp://h", "1http://h", "h+t-t.p://h", "://h", ":", "", " ", "a", "/", "//h", "http", "http:", "http:/", "http://", "https:?", "ws:h", "wss://h:443", "ftp://h:21/", "ws://h:80/", "foo:", "foo:/", "foo://", "foo:///", "foo:////", "foo:/.//p", "foo:/..//p", "foo://h", "foo://h?x", "foo://:80/", "foo://u@/", "file:", "file:/", "file://", "file:////x", "file:c:\\x\\y", "file:///c|/../x", "file:///c:/../..", "file:///./c:", "file:/c:/x/../../..", "file:?q", "file:#f", "file://u@h/",
  "mailto:x@y", "data:,a b ", "data:a  #f", "data:a  ?q", "blob:https://h/id", "blob:file:///x", "blob:x", "javascript:alert(1 + 1)", "about:blank", "urn:isbn:1", "tel:+1", "view-source+data:x", "http://h\n/x\ty", "\t http://h/ \r\n", "http://h//a//b", "http://h/./a/../b/%2e%2e/c", "http://h/a/b/../..", "http://h/a/..", "http://h/a/.", "http://h/...", "http://h/.a", "http://h/%2e", "http://h/%2E%2e/x", "http://h/a%2fb", "http://h/a\\b", "foo://h/a\\b", "http://h?a=b&c=d#e?f", "http://h#a#b", "http://h/?'", "foo://h/?'", "http://h/?%27\"", "wss://h/?'");

// Assignments: [href, property, value].
const assign = [];
const hrefs = ["http://u:p@h:81/a/b?q#f", "https://h/", "foo://h/p", "foo:opaque  ?q#f", "foo:/p", "file:///C:/x", "file://h/x", "mailto:a@b", "http://h", "data:x  #f", "ws://127.0.0.1:8080/", "foo:/.//p"];
const values = {
  protocol: ["https", "http:", "ftp://x", "foo", "file", "", ":", "1a", "HTTPS", "ws\t", "http\u0000", "bar"],
  username: ["", "me", "a:b@c/d", "é", "%41", "a b"],
  password: ["", "me", "a:b@c/d", "é", "%41", "a'b"],
  host: ["", "g", "g:82", "g:", "g:x", ":82", "g/p", "g?q", "g#f", "g\\p", "u@g", "[::1]", "[::1]:5", "1.2", "bücher", "a b", "%41", "g:99999", "EX", "C:", "localhost"],
  hostname: ["", "g", "g:82", ":82", "g/p", "g?q", "g\\p", "u@g", "[::1]", "1.2", "bücher", "a b", "%41", "localhost"],
  port: ["", "0", "80", "443", "82", "82x", "x82", "65535", "65536", " 82", "8\t2", "082", "-1", "8.2"],
  pathname: ["", "/", "x", "/x/../y", "../z", "a?b#c", "\\x", "//x", "/C|/y", "%2e%2e/x", "é b", "/.//p", "%00", "\u0000"],
  search: ["", "?", "x", "?x", "??x", "a b", "é", "'", "#x", "a\tb", "%zz"],
  hash: ["", "#", "x", "#x", "##x", "a b", "é", "`", "a\nb", "\u0000"],
  href: ["", "http://new/", "nope", "foo:bar"],
};
for (const href of hrefs) for (const property in values) for (const v of values[property]) assign.push([href, property, v]);

const parts = (u) => [u.href, u.protocol, u.username, u.password, u.host, u.hostname, u.port, u.pathname, u.search, u.hash, u.origin];
const compact = (p) => (p === null ? null : p.join("\n"));
function parse(input, base) {
  try { return parts(base === null ? new URL(input) : new URL(input, base)); } catch { return null; }
}
function set(href, property, value) {
  const u = new URL(href);
  try { u[property] = value; } catch { return null; }
  return parts(u);
}
// Where Node 20 departs from the standard, by hand: the href that is right, or
// null where it must throw.
const corrections = new Map(Object.entries({
  // A ".." at the end leaves an empty last segment, also when nothing is left.
  '["../..","foo://h/b/c"]': "foo://h/", '["../..","foo:/b/c"]': "foo:/",
  '["..","non-special:///p"]': "non-special:///", '["../..","non-special:///p"]': "non-special:///",
  // Against an opaque path only a fragment resolves.
  '["g#s","foo:opaque?x"]': null, '["g?y#s","foo:opaque?x"]': null, '["g#s","data:text/plain,x"]': null, '["g?y#s","data:text/plain,x"]': null,
  '["g#s","about:blank"]': null, '["g?y#s","about:blank"]': null, '["g#s","javascript:x"]': null, '["g?y#s","javascript:x"]': null,
  // A label of both directions breaks the Bidi rule.
  '["http://a\u0627.com/p",null]': null,
  // A port that does not begin with a digit changes nothing.
  '["http://u:p@h:81/a/b?q#f","port","x82"]': "http://u:p@h:81/a/b?q#f", '["ws://127.0.0.1:8080/","port","x82"]': "ws://127.0.0.1:8080/",
  // host without a name changes nothing; with a port it sets both; empty, it makes an empty host.
  '["foo://h/p","host",":82"]': "foo://h/p", '["foo:/.//p","host",":82"]': "foo:/.//p",
  '["foo:/p","host",""]': "foo:///p", '["foo:/p","hostname",""]': "foo:///p",
  '["foo:/p","host","g:82"]': "foo://g:82/p", '["foo:/p","host","[::1]:5"]': "foo://[::1]:5/p",
  '["foo:/.//p","host","g:82"]': "foo://g:82//p", '["foo:/.//p","host","[::1]:5"]': "foo://[::1]:5//p",
}));
let corrected = 0;
function line(c, got) {
  const right = corrections.get(JSON.stringify(c));
  if (right === undefined) return JSON.stringify([...c, compact(got)]);
  corrected++;
  return JSON.stringify([...c, right === null ? null : compact(parse(right, null))]);
}
const lines = [...resolve.map((c) => line(c, parse(...c))), ...assign.map((c) => line(c, set(...c)))];
fs.writeFileSync(new URL("urls.json", import.meta.url), "[\n" + lines.join(",\n") + "\n]\n");
console.log(resolve.length, "resolved,", assign.length, "assigned,", corrected, "corrected");
