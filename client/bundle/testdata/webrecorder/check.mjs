// check.mjs URL opens the WACZ file at URL with wabac.js, as replayweb.page does, and
// reads its records with warcio.js. It compares every digest of datapackage.json, the
// index with the one that warcio.js makes, and each record with its line. It
// prints what it found as JSON.
import { createHash } from "node:crypto";
import { createLoader, ZipRangeReader } from "@webrecorder/wabac";
import { CDXIndexer, WARCParser } from "warcio";

const fail = (what) => {
  throw new Error(what);
};
const sha256 = (bytes) => "sha256:" + createHash("sha256").update(bytes).digest("hex");
const bytesOf = async (reader) => {
  const parts = [];
  for await (const part of reader) parts.push(part);
  return Buffer.concat(parts);
};

const zip = new ZipRangeReader(await createLoader({ url: process.argv[2] }));
const entries = await zip.load();
const load = async (name, opts = {}) => bytesOf((await zip.loadFile(name, opts)).reader);

const pkg = await load("datapackage.json");
const digest = JSON.parse(await load("datapackage-digest.json"));
if (digest.path !== "datapackage.json" || digest.hash !== sha256(pkg)) fail("datapackage-digest.json");
const listed = new Set(["datapackage.json", "datapackage-digest.json"]);
const doc = JSON.parse(pkg);
for (const r of doc.resources) {
  const b = await load(r.path);
  if (b.length !== r.bytes || sha256(b) !== r.hash) fail(`${r.path} is not as listed`);
  listed.add(r.path);
}
for (const name of Object.keys(entries)) if (!listed.has(name)) fail(`${name} is not listed`);

const warc = await load("archive/data.warc.gz");
async function* chunks(b) {
  yield b;
}
const types = {};
for await (const record of new WARCParser(chunks(warc))) {
  const block = await record.readFully(false);
  const http = record.warcContentType?.startsWith("application/http");
  types[record.warcType] = (types[record.warcType] ?? 0) + 1;
  const payload = record.warcHeader("WARC-Payload-Digest");
  if (http && payload !== sha256(record.payload ?? block)) fail(`payload digest of ${record.warcTargetURI}`);
  if (!http && record.warcHeader("WARC-Block-Digest") !== sha256(block)) fail(`block digest of ${record.warcTargetURI}`);
}

// Their index has also what answers no GET, under other keys.
const want = [];
const indexer = new CDXIndexer({ format: "cdxj" });
for await (const cdx of indexer.iterIndex([{ filename: "data.warc.gz", reader: chunks(warc) }])) {
  if (!cdx.method && cdx.status) want.push(indexer.serializeCDXJ(cdx));
}
const index = (await load("indexes/index.cdx")).toString();
const normal = (line) => {
  const [key, time] = line.split(" ", 2);
  const o = JSON.parse(line.slice(key.length + time.length + 2));
  for (const n of ["status", "length", "offset"]) o[n] = String(o[n]);
  if (!o.mime) delete o.mime;
  o.digest = o.digest.replace(/^sha256:/, ""); // warcio.js leaves the algorithm out
  return [key, time, ...Object.keys(o).sort().map((k) => `${k}=${o[k]}`)].join(" ");
};
const ours = index.split("\n").filter(Boolean).map(normal).sort();
const theirs = want.map((l) => normal(l.trim())).sort();
if (JSON.stringify(ours) !== JSON.stringify(theirs)) fail(`index:\n${ours.join("\n")}\nwarcio.js:\n${theirs.join("\n")}`);

for (const line of index.split("\n").filter(Boolean)) {
  const o = JSON.parse(line.slice(line.indexOf("{")));
  const part = await load("archive/" + o.filename, { offset: Number(o.offset), length: Number(o.length) });
  const record = await new WARCParser(chunks(part)).parse();
  await record.readFully(false);
  if (record.warcTargetURI !== o.url || sha256(record.payload) !== o.digest) fail(`the index does not lead to ${o.url}`);
}

const pages = (await load("pages/pages.jsonl")).toString().trim().split("\n").map((l) => JSON.parse(l));
console.log(JSON.stringify({ resources: doc.resources.length, types, index: ours.length, pages: pages.slice(1) }));
