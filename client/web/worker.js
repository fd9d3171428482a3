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

// bundle verifies a file without having it in memory: the verifier asks for pieces.
function bundle({ file, trust, files, id, certificates }) {
  const reader = new FileReaderSync();
  const read = (at, length) => new Uint8Array(reader.readAsArrayBuffer(file.slice(at, at + length)));
  return zheng.bundle(read, file.size, trust, files, id, certificates);
}

// Sizes in pixels, of the longer side, and angles in degrees at which a photograph is
// looked at. The decoder likes modules of a few pixels, and not to be an exact quarter
// turn away.
const LOOKS = [[2400, 0], [1600, 0], [1600, 10], [3200, 0], [1100, 0], [2400, 45]];

// scan finds the text of the code in a picture, "" when there is none.
async function scan({ file, decoder, quick }, progress) {
  if (decoder && !self.jsQR) importScripts(decoder); // the page that is one file has it in this script
  const picture = await createImageBitmap(file);
  // Of a camera there is another picture in a moment.
  for (const [i, [size, degrees]] of LOOKS.slice(0, quick ? 2 : LOOKS.length).entries()) {
    const scale = Math.min(size / Math.max(picture.width, picture.height), 2);
    const turn = (degrees * Math.PI) / 180;
    const [w, h] = [picture.width * scale, picture.height * scale];
    const side = (a, b) => Math.ceil(Math.abs(a * Math.cos(turn)) + Math.abs(b * Math.sin(turn)));
    const canvas = new OffscreenCanvas(side(w, h), side(h, w));
    const c = canvas.getContext("2d", { willReadFrequently: true });
    c.fillStyle = "#fff";
    c.fillRect(0, 0, canvas.width, canvas.height);
    c.translate(canvas.width / 2, canvas.height / 2);
    c.rotate(turn);
    c.imageSmoothingQuality = "high";
    c.drawImage(picture, -w / 2, -h / 2, w, h);
    const { data, width, height } = c.getImageData(0, 0, canvas.width, canvas.height);
    const code = jsQR(data, width, height, { inversionAttempts: "dontInvert" });
    if (code?.data) return { text: code.data };
    progress((i + 1) / LOOKS.length);
  }
  return { text: "" };
}

const operations = {
  start,
  hash,
  scan,
  bundle,
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
