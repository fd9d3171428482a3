// The worker of the workbench: runs client/cmd/zheng-signer, so that the page stays
// alive while a passphrase is tried. It opens no connection; the page hands it the
// program in its first message. Behind Go's wasm_exec.js.
"use strict";

let program = null; // {tool, sha256} of the WebAssembly, named where something is stated with it

async function start({ wasm }) {
  const go = new Go();
  const { instance } = await WebAssembly.instantiate(wasm, go.importObject);
  go.run(instance); // defines zheng before it returns here, and never ends
  program = { tool: "zheng page/signer.wasm", ...zheng.sha256(new Uint8Array(wasm)) };
  return program;
}

const operations = {
  start,
  key: ({ file }) => zheng.key(file),
  unlock: ({ file, passphrase }) => zheng.unlock(file, passphrase),
  lock: () => zheng.lock(),
  read: ({ document }) => zheng.read(document),
  sign: ({ document, accounts }) => zheng.sign(document, accounts),
  endorse: ({ chain, member, expires, id, type, reason }) => zheng.endorse(chain, member, expires, id, type, reason),
  batch: ({ table }) => zheng.batch(table),
  stateBatch: ({ member, checkpoint, caseTag, expires }) => zheng.stateBatch(member, checkpoint, caseTag, expires, program),
  sha256: ({ bytes }) => zheng.sha256(bytes),
};

// One message is answered before the next is looked at.
let last = Promise.resolve();
onmessage = ({ data: { number, op, args } }) => {
  last = last.then(async () => {
    try {
      const result = await operations[op](args);
      postMessage(result?.error ? { number, error: result.error } : { number, result });
    } catch (err) {
      postMessage({ number, error: String(err) });
    }
  });
};
