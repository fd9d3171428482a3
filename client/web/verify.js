// The page that verifies. Everything that is shown is set as text, never as HTML.
//
// Files are hashed in the worker and stay here; only digests and ids are sent, to
// the site of the page. What comes back is a receipt, which the worker verifies
// against the trust root. The site's own word is never the reason for a verdict.
// Certificates, bundles and photographs of printed codes are read here and sent
// nowhere.
"use strict";

const $ = (id) => document.getElementById(id);
const english = document.documentElement.lang === "en";
const t = (zh, en) => (english ? en : zh);
const offline = $("embedded-wasm") !== null;
const say = (text) => (english ? text.en : text.zh);

const MAX_RECEIPT = 4 << 20; // bytes, as package receipt has it
const MAX_PDF = 32 << 20; // as package paper has it

function el(tag, text, props) {
  const e = Object.assign(document.createElement(tag), props);
  e.textContent = text;
  return e;
}

function base64(id) {
  return Uint8Array.from(atob($(id).textContent), (c) => c.charCodeAt(0));
}

// ---- the worker

const workers = {}; // of each program: promise of a function that calls an operation

// startWorker starts a program: "verifier", or "bundles", which is larger and reads
// bundles as well. The page that is one file has only the second.
function startWorker(program = "verifier") {
  if (offline) program = "bundles";
  workers[program] ??= (async () => {
    const url = offline ? URL.createObjectURL(new Blob([base64("embedded-worker")], { type: "text/javascript" })) : "/web/worker.js";
    const w = new Worker(url);
    const waiting = new Map();
    let next = 0;
    w.onmessage = ({ data: { number, result, error, done } }) => {
      const call = waiting.get(number);
      if (done !== undefined) return call.progress(done);
      waiting.delete(number);
      if (error === undefined) call.resolve(result);
      else call.reject(new Error(error));
    };
    w.onerror = (e) => {
      for (const call of waiting.values()) call.reject(new Error(e.message || t("验证程序无法启动", "the verifier does not start")));
      waiting.clear();
    };
    const call = (op, args, progress) => new Promise((resolve, reject) => {
      waiting.set(++next, { resolve, reject, progress });
      w.postMessage({ number: next, op, args });
    });
    const wasm = offline ? base64("embedded-wasm") : await (await get(`/web/${program}.wasm`)).arrayBuffer();
    await call("start", { wasm, gzip: offline });
    return call;
  })();
  return workers[program];
}

// ---- the site

async function get(path, init) {
  let r;
  try {
    r = await fetch(path, init);
  } catch {
    throw new Error(t("无法连接本站。", "The site cannot be reached."));
  }
  if (!r.ok) throw new Error(t(`本站答复 ${r.status}（${path}）。`, `The site answers ${r.status} (${path}).`));
  return r;
}

// ask asks for one digest or id, and returns the receipt's bytes as the site wrote
// them, or the answer when it found nothing.
async function ask(what) {
  const r = await get("/v1/verify", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(what) });
  const answer = await r.json();
  return { ...answer, receipt: answer.found && answer.receipt ? new TextEncoder().encode(JSON.stringify(answer.receipt)) : null };
}

// ---- what was chosen

let chosen = []; // files, among them receipts
let photos = []; // pictures of printed codes
let trustFile = null;

function choose(files) {
  for (const f of files) if (!chosen.includes(f)) chosen.push(f);
  $("chosen").replaceChildren(...chosen.map((f) => {
    const li = el("li", `${f.name} (${f.size.toLocaleString()} ${t("字节", "bytes")}) `);
    const button = el("button", t("移除", "Remove"), { type: "button" });
    button.setAttribute("aria-label", t("移除 ", "Remove ") + f.name);
    button.onclick = () => {
      chosen = chosen.filter((x) => x !== f);
      choose([]);
      $("files").focus();
    };
    li.append(button);
    return li;
  }));
}

// has says whether a file holds a word, in Latin letters.
async function has(f, word) {
  return new TextDecoder("latin1").decode(await f.arrayBuffer()).includes(word);
}

// kind tells documents and trust roots from evidence by what is in them.
async function kind(f) {
  const head = new TextDecoder("latin1").decode(await f.slice(0, 27).arrayBuffer());
  if (/\.evb$/i.test(f.name) && head.startsWith("PK\x03\x04")) return "bundle";
  if (head.startsWith("%PDF-") && f.size <= MAX_PDF && (await has(f, "/EmbeddedFile ")) && (await has(f, "/FlateDecode"))) return "receipt";
  if (head === "-----BEGIN CERTIFICATE-----") return "certificates";
  if (f.size > MAX_RECEIPT || f.size === 0) return "file";
  const b = new Uint8Array(await f.arrayBuffer());
  if (/\.receipt\.(json|cbor)$/i.test(f.name)) return "receipt";
  if (b[0] !== 0x7b) return "file";
  try {
    const o = JSON.parse(new TextDecoder().decode(b));
    if (o.block && o.entry && o.state_root) return "receipt";
    if (o.chain && Array.isArray(o.validators) && o.validators.every((v) => v.pub_key)) return "trust";
  } catch {
    // not JSON: a file like any other
  }
  return "file";
}

const bytesOf = async (f) => new Uint8Array(await f.arrayBuffer());

// ---- verification

function doing(text, done, total) {
  $("work").hidden = false;
  $("doing").textContent = text;
  if (total) {
    $("progress").max = total;
    $("progress").value = done;
  } else {
    $("progress").removeAttribute("value");
  }
}

function clear() {
  for (const id of ["result", "error", "work", "answer"]) if ($(id)) $(id).hidden = true;
}

function fail(message) {
  clear();
  $("error").textContent = message;
  $("error").hidden = false;
}

async function verify() {
  clear();
  const asked = $("q") ? $("q").value.trim().toLowerCase() : "";
  if (asked && !/^[0-9a-f]{64}$/.test(asked)) return fail(t("请输入 64 位十六进制的摘要或编号。", "Enter a digest or an id of 64 hexadecimal digits."));
  const files = [];
  let receipt = null;
  let isBundle = false;
  let certificates = new Uint8Array();
  let trust = trustFile;
  for (const f of chosen) {
    switch (await kind(f)) {
      case "certificates":
        certificates = await bytesOf(f);
        break;
      case "bundle":
        isBundle = true; // and:
      case "receipt":
        if (receipt) return fail(t("一次只能验证一份回执、证书或证据包。", "Only one receipt, certificate or bundle at a time."));
        receipt = f;
        break;
      case "trust":
        trust ??= f;
        break;
      default:
        files.push(f);
    }
  }
  let scanned = null;
  if (photos.length) {
    if (receipt) return fail(t("请只选择照片或回执之一。", "Choose either photographs or a receipt."));
    doing(t("正在启动验证程序……", "Starting the verifier…"));
    scanned = await scanAll(await startWorker());
    if (!scanned) return;
  }
  if (!receipt && !scanned && !files.length && !asked) return fail(t("请选择文件或回执，或输入摘要。", "Choose a file or a receipt, or enter a digest."));
  if (!receipt && !scanned && offline) return fail(t("离线验证需要回执、证书、证据包，或二维码照片。", "Offline verification needs a receipt, a certificate, a bundle, or a photograph of the code."));
  if (!trust && offline) return fail(t("离线验证需要可信根文件。", "Offline verification needs the trust root."));

  doing(t("正在启动验证程序……", "Starting the verifier…"));
  const call = await startWorker(isBundle ? "bundles" : "verifier");
  const digests = [];
  for (const f of files) {
    const text = t(`正在本机计算摘要：${f.name}`, `Hashing on this computer: ${f.name}`);
    doing(text, 0, f.size);
    digests.push(await call("hash", { file: f }, (done) => doing(text, done, f.size)));
  }

  let bytes = scanned ?? (receipt && !isBundle ? await bytesOf(receipt) : null);
  let id = "";
  const notices = [];
  if (!bytes && !isBundle) {
    doing(t("正在向本站查询摘要……", "Asking the site for the digest…"));
    const questions = asked ? [{ id: asked }, { sha256: asked }, { sm3: asked }] : [{ sha256: digests[0].sha256 }];
    let answer;
    for (const q of questions) {
      answer = await ask(q);
      if (answer.receipt) {
        id = q.id || "";
        break;
      }
    }
    if (!answer.receipt) return notFound(answer, digests);
    bytes = answer.receipt;
    if (answer.matches?.length > 1) {
      notices.push(t(`有 ${answer.matches.length} 条陈述登记了此摘要，以下验证最新的一条。`, `${answer.matches.length} statements name this digest; this is the newest.`));
    }
  } else if (asked) {
    id = asked;
  }

  doing(t("正在验证……", "Verifying…"));
  const own = trust !== null;
  const root = own ? await bytesOf(trust) : new Uint8Array(await (await get("/v1/trust")).arrayBuffer());
  const about = await call("trust", { trust: root });
  const check = (id) => isBundle
    ? call("bundle", { file: receipt, trust: root, files: digests, id, certificates })
    : call("verify", { receipt: bytes, trust: root, files: digests, id });
  let r = await check(id);
  let report = JSON.parse(r.json);
  // What was typed may be the digest of a file; then it is the statement's files
  // that must name it.
  const names = (d) => report.facts?.files.some((f) => f.sha256 === d || f.sm3 === d);
  let other = false;
  if (asked && (receipt || scanned) && report.facts && report.facts.id !== asked && names(asked)) {
    r = await check("");
    report = JSON.parse(r.json);
  } else if (asked && report.facts && report.facts.id !== asked && !names(asked)) {
    other = true;
  }
  show(report, r, { bytes, own, about, notices, other });
}

// scanAll reads the codes of all photographs, null when that was no use.
async function scanAll(call) {
  const texts = new Set();
  for (const p of photos) {
    const text = t(`正在读取二维码：${p.name}`, `Reading the code: ${p.name}`);
    doing(text, 0, 1);
    const decoder = offline ? "" : "/web/jsqr.js";
    const found = await call("scan", { file: p, decoder }, (done) => doing(text, done, 1));
    if (!found.text) return fail(t(`在 ${p.name} 中没有找到二维码。请让二维码占满画面、对准焦点、避免反光后重拍。`, `There is no code to be read in ${p.name}. Fill the picture with the code, in focus and without glare, and try again.`));
    if (!/^ZL1:[1-9]\/[1-9]:/.test(found.text)) return fail(t(`${p.name} 中的二维码不是账本的回执。`, `The code in ${p.name} is no receipt of the ledger.`));
    texts.add(found.text);
  }
  const [first] = texts;
  const of = +first[6];
  const missing = Array.from({ length: of }, (_, i) => i + 1).filter((n) => ![...texts].some((s) => s.startsWith(`ZL1:${n}/${of}:`)));
  if (missing.length) return fail(t(`这份回执有 ${of} 个二维码，还缺第 ${missing.join("、")} 个。`, `This receipt has ${of} codes; number ${missing.join(", ")} is still missing.`));
  return new TextEncoder().encode([...texts].join("\n"));
}

function notFound(answer, digests) {
  clear();
  $("verdict").textContent = t("本站没有查到", "Not found here");
  $("verdict").className = "verdict warn";
  $("summary").textContent = say(answer.answer);
  $("notices").replaceChildren(...digests.map((d) => el("p", `${d.name}: SHA-256 ${d.sha256}, SM3 ${d.sm3}`)));
  $("reasons").replaceChildren();
  $("facts").replaceChildren();
  $("unchecked").replaceChildren(...answer.not_proven.map((x) => el("li", say(x))));
  $("root").replaceChildren(el("p", t("未使用。", "Not used.")));
  $("details").hidden = true;
  for (const id of ["save-report", "save-receipt"]) $(id).hidden = true;
  $("result").hidden = false;
  $("result").focus();
}

const verdicts = {
  "VERIFIED": ["good", t("验证通过", "Verified")],
  "VERIFIED WITH WARNINGS": ["warn", t("验证通过，但须注意", "Verified, with warnings")],
  "NOT VERIFIED": ["bad", t("验证不通过", "NOT VERIFIED")],
};
// The articles by which a judgment asks, and the laws of the questions under each.
const articles = [
  [t("第十六条：上链之后是否未经篡改", "Article 16: unchanged since it went on the chain"), ["在线诉讼规则 art. 16"]],
  [t("第十七条：平台、过程与签署", "Article 17: platform, process and signatures"), ["在线诉讼规则 art. 17", "电子签名法 art. 13"]],
  [t("第十八条：上链之前的真实性佐证", "Article 18: what supports it from before"), ["在线诉讼规则 art. 18"]],
];
const results = { PASS: t("通过", "pass"), FAIL: t("不通过", "FAIL"), SKIP: t("未检查", "not checked"), WARN: t("注意", "note") };

function show(report, r, { bytes, own, about, notices, other }) {
  clear();
  const [mood, words] = other ? verdicts["NOT VERIFIED"] : verdicts[report.verdict];
  $("verdict").textContent = words;
  $("verdict").className = "verdict " + mood;
  $("summary").textContent = other
    ? t("回执与所输入的摘要或编号无关：它既不是此编号的陈述，也未登记此摘要。", "The receipt has nothing to do with the digest or id that was entered: it is not of that statement, nor does it name that digest.")
    : say(report.summary);
  const fingerprint = t("可信根来自本站：请核对下面的指纹，否则结论依赖本站。", "The trust root is from this site: compare its fingerprint below, or the verdict rests on this site.");
  $("notices").replaceChildren(...(own ? notices : [fingerprint, ...notices]).map((n) => el("p", n, { className: "note" })));

  const outcome = english ? report.outcome : `${report.outcome}`;
  $("summary").append(el("span", ` (${outcome})`, { className: "hint" }));
  const line = (result, text) => {
    const li = el("li", "");
    li.append(el("b", results[result]), " " + text);
    return li;
  };
  const bare = new Set(report.checks.map((c) => c.id));
  $("reasons").replaceChildren(...articles.flatMap(([title, laws]) => {
    const list = el("ul", "", { className: "reasons" });
    for (const p of report.points.filter((p) => laws.includes(p.article))) {
      const li = line(p.result, `${p.id} ${say(p.name)}${p.checks.length ? "" : t("：", ": ") + say(p.sentence)}`);
      const below = el("ul", "");
      for (const id of p.checks) {
        bare.delete(id);
        const c = report.checks.find((c) => c.id === id);
        below.append(line(c.result, `${say(c.name)}${t("：", ": ")}${say(c.sentence)}`));
      }
      if (p.checks.length) li.append(below);
      list.append(li);
    }
    return [el("h4", title), list];
  }));
  if (bare.size) {
    const list = el("ul", "", { className: "reasons" });
    list.append(...report.checks.filter((c) => bare.has(c.id)).map((c) => line(c.result, `${say(c.name)}${t("：", ": ")}${say(c.sentence)}`)));
    $("reasons").append(list);
  }

  const facts = [];
  const fact = (name, value) => value && facts.push(el("dt", name), el("dd", value));
  const f = report.facts;
  if (f) {
    const who = (id, name) => (say(name) ? `${say(name)} (${id})` : id);
    fact(t("陈述编号", "Statement"), f.id);
    fact(t("种类", "Kind"), f.kind);
    fact(t("陈述成员", "Stated by"), who(f.member, f.member_name));
    fact(t("声明的时间", "Claimed time"), f.claimed_at);
    if (f.not_before) fact(t("不早于", "Not before"), t(`区块 ${f.not_before.height}`, `block ${f.not_before.height}`));
    fact(t("封存时间", "Sealed at"), f.sealed_at);
    for (const x of f.files) fact(t("文件", "File"), `${x.role}, ${x.media}, ${x.bytes.toLocaleString()} ${t("字节", "bytes")}, SHA-256 ${x.sha256}, SM3 ${x.sm3}`);
    for (const x of f.signers) fact(t("签署", "Signed by"), `${x.member ? who(x.member, x.member_name) + ", " : ""}${t("账户", "account")} ${x.account}, ${say(r.words[x.type])}`);
    if (f.state) fact(t("状态", "State"), t(`${say(r.words[f.state])}（截至高度 ${f.as_of_height}，${f.as_of}）`, `${f.state} (as of height ${f.as_of_height}, ${f.as_of})`));
  }
  $("facts").replaceChildren(...facts);
  const b = report.bundle;
  if (b) {
    if (b.not_before) fact(t("封存不早于", "Sealed not before"), `${b.not_before.at} (${say(b.not_before.by)})`);
    if (b.not_after) fact(t("封存不晚于", "Sealed not after"), `${b.not_after.at} (${say(b.not_after.by)})`);
    for (const x of b.fields) fact(t("字段 ", "Field ") + x.name, x.value);
    $("facts").replaceChildren(...facts);
  }
  $("unchecked").replaceChildren(...report.not_checked.map((x) => el("li", say(x))));
  $("rebuttals").replaceChildren(...report.rebuttals.map((x) => el("li", say(x))));

  const from = own
    ? t("由您选择的可信根文件。", "The trust root file that you chose.")
    : t("来自本站：请与法院或创始成员另行公布的指纹核对。", "From this site: compare its fingerprint with the one that a court or a founding member gave you.");
  $("root").replaceChildren(
    el("p", from, { className: own ? "" : "note" }),
    el("p", t(`链 ${about.chain}，高度 ${about.height}，验证节点 ${about.validators} 个`, `Chain ${about.chain}, height ${about.height}, ${about.validators} validators`)),
    el("p", t("指纹 SHA-256 ", "Fingerprint SHA-256 ") + about.sha256));
  $("report").textContent = english ? r.en : r.zh;
  $("json").textContent = r.json;
  $("details").hidden = false;
  save("save-report", r.json, "report.json");
  // A receipt can be kept; what it was taken out of is at hand already.
  if (bytes?.[0] === 0x7b || bytes?.[0] >= 0xa0) save("save-receipt", bytes, f ? f.id.slice(0, 16) + (bytes[0] === 0x7b ? ".receipt.json" : ".receipt.cbor") : "receipt");
  else $("save-receipt").hidden = true;
  $("result").hidden = false;
  $("result").focus();
}

function save(id, content, name) {
  const a = $(id);
  if (a.href) URL.revokeObjectURL(a.href);
  a.href = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
  a.download = name;
  a.hidden = false;
}

// ---- the camera

let stream = null; // of the camera, while it is on

function cameraOff() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  $("viewer").hidden = true;
  $("camera-on").textContent = t("使用摄像头", "Use the camera");
}

// cameraOn looks at pictures of the camera until all codes of a receipt were in them,
// then verifies. The pictures are looked at as photographs are, and sent nowhere.
async function cameraOn() {
  stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 2560 } } });
  const viewer = $("viewer");
  viewer.srcObject = stream;
  viewer.hidden = false;
  $("camera-on").textContent = t("关闭摄像头", "Stop the camera");
  await viewer.play();
  const call = await startWorker();
  const decoder = offline ? "" : "/web/jsqr.js";
  const found = new Map(); // text of a code → picture
  const canvas = document.createElement("canvas");
  while (stream) {
    canvas.width = viewer.videoWidth;
    canvas.height = viewer.videoHeight;
    canvas.getContext("2d").drawImage(viewer, 0, 0);
    const picture = new File([await new Promise((done) => canvas.toBlob(done, "image/png"))], "camera.png");
    const { text } = await call("scan", { file: picture, decoder, quick: true }, () => {});
    if (/^ZL1:[1-9]\/[1-9]:/.test(text)) found.set(text, picture);
    const of = found.size ? +[...found.keys()][0][6] : 0;
    $("camera-says").textContent = of ? t(`已读到 ${found.size}/${of} 个二维码`, `${found.size} of ${of} codes read`) : t("请把二维码对准画面中央", "Hold the code before the camera");
    if (of && found.size >= of) {
      cameraOff();
      photos = [...found.values()];
      $("form").requestSubmit();
    }
  }
}
$("camera").hidden = !navigator.mediaDevices?.getUserMedia;
$("camera-on").addEventListener("click", () => {
  if (stream) return cameraOff();
  cameraOn().catch((err) => {
    cameraOff();
    fail(t("摄像头不可用：", "The camera cannot be used: ") + (err.message || err));
  });
});

// ---- the form

let busy = false;
$("form").addEventListener("submit", async (e) => {
  e.preventDefault();
  if (busy) return;
  busy = true;
  $("go").disabled = true;
  try {
    await verify();
  } catch (err) {
    fail(t("无法完成验证：", "The verification could not be completed: ") + (err.message || err));
  } finally {
    busy = false;
    $("go").disabled = false;
    $("work").hidden = true;
  }
});
$("files").addEventListener("change", () => {
  choose($("files").files);
  $("files").value = ""; // the list below says what was chosen
});
$("photos").addEventListener("change", () => (photos = [...$("photos").files]));
$("trust").addEventListener("change", () => (trustFile = $("trust").files[0] ?? null));
for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(type, (e) => {
    e.preventDefault(); // a file dropped beside the field must not replace the page
    $("drop").classList.toggle("over", type === "dragenter" || type === "dragover");
    if (type === "drop") choose(e.dataTransfer.files);
  });
}
$("large").addEventListener("click", (e) => {
  e.preventDefault(); // without losing what was chosen
  $("large").setAttribute("aria-pressed", document.documentElement.classList.toggle("large"));
});
$("large").addEventListener("keydown", (e) => {
  if (e.key === " ") {
    e.preventDefault();
    $("large").click();
  }
});
$("print").addEventListener("click", () => {
  $("details").open = true;
  print();
});
$("local").hidden = false;
if ($("q")?.value) $("form").requestSubmit();
