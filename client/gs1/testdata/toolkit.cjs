// Writes toolkit.ndjson: what GS1's own toolkit, as digital-link.js carries it, makes
// of generated links.
//
//   npm pack digital-link.js@1.4.3 && tar xzf digital-link.js-1.4.3.tgz
//   node toolkit.cjs ./package/lib/GS1DigitalLinkCompressionPrototype/GS1DigitalLinkToolkit.js > toolkit.ndjson
const T = require(process.argv[2]); const t = new T();
console.log = () => {};
let seed = 20261123; // mulberry32
const rnd = (n) => { seed = (seed + 0x6D2B79F5) | 0; let t = Math.imul(seed ^ (seed >>> 15), 1 | seed); t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t; return ((t ^ (t >>> 14)) >>> 0) % n; };
const pick = (a) => a[rnd(a.length)];
const digits = (n) => { let s = ''; for (let i = 0; i < n; i++) s += rnd(10); return s; };
const check = (d) => { let s = 0; for (let i = 0; i < d.length; i++) s += Number(d[d.length - 1 - i]) * (i % 2 ? 1 : 3); return d + (10 - s % 10) % 10; };
const set82 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._!"%&\'()*+,/:;<=>?';
const text = (max) => { let s = ''; for (let n = 1 + rnd(max); n > 0; n--) s += rnd(3) ? pick('ABC0123456789-.'.split('')) : pick(set82.split('')); return s; };
const enc = (s) => { let r = ''; for (const c of s) r += /[A-Za-z0-9\-._~]/.test(c) ? c : '%' + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0'); return r; };
const keys = {
  '00': () => check(digits(17)), '01': () => check(digits(pick([13, 13, 13, 7, 11, 12]))), '253': () => check(digits(12)) + pick(['', digits(4), 'AB12']),
  '255': () => check(digits(12)) + pick(['', digits(5)]), '401': () => digits(7) + text(10), '402': () => check(digits(16)), '414': () => check(digits(12)), '417': () => check(digits(12)),
  '8003': () => '0' + check(digits(12)) + pick(['', text(8)]), '8004': () => digits(7) + text(10), '8006': () => check(digits(13)) + '0102', '8010': () => digits(7) + pick(['ABC', 'X-1', '99#']),
  '8013': () => '1987654Ad4X4bL5ttr2310c2K', '8017': () => check(digits(17)), '8018': () => check(digits(17)),
};
const quals = { '01': ['22', '10', '21', '235'], '8006': ['22', '10', '21'], '414': ['254', '7040'], '417': ['7040'], '8004': ['7040'], '8010': ['8011'], '8017': ['8019'], '8018': ['8019'] };
const qval = { '22': () => text(20), '10': () => text(20), '21': () => text(20), '235': () => text(28), '254': () => text(20), '7040': () => '1ABC', '8011': () => '1' + digits(3), '8019': () => '1' + digits(2) };
const break_ = [
  (p) => p.replace(/(\/\d+\/\d*)(\d)/, (m, a, d) => a + (Number(d) + 1) % 10), // a digit
  (p) => p + '/', (p) => p.replace(/\/[^/]*$/, ''), (p) => p + '/10/L/10/M', (p) => p + '/999/1', (p) => p.replace('/01/', '/02/'), (p) => p.replace(/\/(\d)/, '/x$1'),
  (p) => p.replace(/\/(\d+)\/(\d)/, '/$1/'), (p) => p + '/21/1/10/2', (p) => p + '/10/' + enc('~x'), (p) => p + '/21/' + '1234567890123456789012',
];
const out = [];
for (let i = 0; i < 3000; i++) {
  const k = pick(Object.keys(keys));
  let path = '/' + k + '/' + enc(keys[k]());
  for (const q of quals[k] || []) if (rnd(3) == 0) path += '/' + q + '/' + enc(qval[q]());
  if (i % 3 == 2) path = pick(break_)(path);
  let uri = pick(['https://id.gs1.org', 'https://trace.example', 'http://h.example/some/path', 'https://shop.example/p']) + path;
  if (rnd(5) == 0) uri += '?17=' + pick(['271231', '280229']) + pick(['', '&linkType=gs1:pip']);
  let r; try { r = t.extractFromGS1digitalLink(uri).GS1; if (Object.keys(r).length == 0) r = null; } catch (e) { r = null; }
  out.push({ uri, elements: r || undefined });
}
process.stdout.write(out.map((x) => JSON.stringify(x)).join('\n') + '\n');
