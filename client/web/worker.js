// The worker of the page that verifies: runs the verifier (client/cmd/zheng-wasm)
// and hashes files, so that the page stays alive. It opens no connection; the page
// hands it the program in its first message. Behind Go's wasm_exec.js.
"use strict";

const CHUNK = 4 << 20; // bytes of a file in memory at once

async function start({ wasm, gzip }) {
  if (gzip) wasm = await new Response(new Blob([wasm]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  const go = new Go();
  const { instance } = await WebAssembly.instantiate(wasm, go.importObject);
  go.run(instance); // defines zheng before it returns here, and never ends
}

async function hash({ file }, progress) {
  const h = zheng.hasher();
  for (let at = 0; at < file.size; at += CHUNK) {
    h.write(new Uint8Array(await file.slice(at, at + CHUNK).arrayBuffer()));
    progress(Math.min(file.size, at + CHUNK));
  }
  return { name: file.name, ...h.sum() };
}

const operations = {
  start,
  hash,
  trust: ({ trust }) => zheng.trust(trust),
  verify: ({ receipt, trust, files, id }) => zheng.verify(receipt, trust, files, id),
};

// One message is answered before the next is looked at.
let last = Promise.resolve();
onmessage = ({ data: { number, op, args } }) => {
  last = last.then(async () => {
    try {
      const result = await operations[op](args, (done) => postMessage({ number, done }));
      postMessage(result?.error ? { number, error: result.error } : { number, result });
    } catch (err) {
      postMessage({ number, error: String(err) });
    }
  });
};
