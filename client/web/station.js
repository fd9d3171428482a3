// The form of a station: lots are written down one by one and kept in this browser;
// then trace.register statements are made of them, signed in the worker of the
// workbench (signer.js) and handed in. Saved as a table they are what zheng trace
// import reads.
"use strict";

const $ = (id) => document.getElementById(id);
const english = document.documentElement.lang.startsWith("en");
const t = (zh, en) => (english ? en : zh);
const COLUMNS = ["code", "quantity", "made", "best_before", "origin", "season"];
const LIFE = 50000; // heights within which a statement must be accepted
const MOST = 200; // units of a statement
const KEPT = "zhenglian.station.lots";

const say = (text) => { $("status").textContent = text; };
function complain(text) {
  $("error").textContent = text;
  $("error").hidden = !text;
  if (text) $("error").scrollIntoView({ block: "nearest" });
}

// ---- what a lot may say; the ledger judges it again

function checkDigit(digits) {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) sum += Number(digits[i]) * ((digits.length - i) % 2 ? 3 : 1);
  return String((10 - (sum % 10)) % 10);
}
const CODE = /^(?:(?:01|zg)\/(\d{13})(\d)((?:\/(?:22|10|21)\/[^/]+)+)|(?:00|zs)\/(\d{17})(\d))$/;

// problems returns what is wrong with a lot, by field.
function problems(lot) {
  const bad = {};
  const m = CODE.exec(lot.code);
  if (!m) bad.code = t("编码应为 01/GTIN/10/批号、zg/14 位数字/10/批号，容器为 00/SSCC 或 zs/18 位数字", "the code is 01/GTIN/10/LOT or zg/14 digits/10/LOT; a container 00/SSCC or zs/18 digits");
  else if (checkDigit(m[1] || m[4]) !== (m[2] || m[5])) bad.code = t("校验位不符，请照标签逐位核对", "the check digit is wrong: compare with the label, digit by digit");
  const container = m && m[4];
  if (container ? lot.quantity !== "" : !/^[1-9]\d{0,11}$/.test(lot.quantity)) bad.quantity = container ? t("容器不填数量", "a container has no quantity") : t("请填不小于 1 的整数", "want a whole number, at least 1");
  if (lot.made && lot.best_before && lot.best_before < lot.made) bad.best_before = t("保质期早于生产日期", "best before is earlier than made");
  if (lot.origin && !/^\d{12}$/.test(lot.origin)) bad.origin = t("产地为 12 位数字", "the origin has 12 digits");
  if (Boolean(lot.origin) !== Boolean(lot.season)) bad[lot.origin ? "season" : "origin"] = t("产地与季次应同时填写", "origin and season belong together");
  else if (lot.season && !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(lot.season)) bad.season = t("季次用小写字母和数字，如 s2026", "the season is small letters and digits, such as s2026");
  if (container && lot.origin) bad.origin = t("容器没有产地", "a container has no origin");
  if (lots.some((l) => l.code === lot.code)) bad.code = t("清单中已有此编码", "the list has this code already");
  return bad;
}

// ---- the list

let lots = [];
try {
  const kept = JSON.parse(localStorage.getItem(KEPT) || "[]");
  if (Array.isArray(kept)) lots = kept.map((l) => Object.fromEntries(COLUMNS.map((c) => [c, String(l?.[c] ?? "")])));
} catch { /* what cannot be read is as if it were not there */ }

function show() {
  localStorage.setItem(KEPT, JSON.stringify(lots));
  $("lots").replaceChildren(...lots.map((l, i) => {
    const li = document.createElement("li");
    const b = document.createElement("button");
    b.type = "button";
    b.className = "quiet";
    b.textContent = t("删除", "Remove");
    b.setAttribute("aria-label", t("删除 ", "Remove ") + l.code);
    b.onclick = () => { lots.splice(i, 1); show(); };
    li.append(`${l.code} · ${l.quantity || "—"} `, [l.made, l.best_before, l.origin, l.season].filter(Boolean).join(" · "), " ", b);
    return li;
  }));
  const a = $("csv");
  if (a.href) URL.revokeObjectURL(a.href);
  a.hidden = !lots.length;
  const cell = (s) => (/[",\r\n]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s);
  a.href = URL.createObjectURL(new Blob(["\ufeff", [COLUMNS, ...lots.map((l) => COLUMNS.map((c) => cell(l[c])))].map((r) => r.join(",")).join("\r\n"), "\r\n"], { type: "text/csv" }));
}

$("lot-form").addEventListener("submit", (e) => {
  e.preventDefault();
  const lot = Object.fromEntries(COLUMNS.map((c) => [c, $(c).value.trim()]));
  lot.code = lot.code.replace(/^https?:\/\/[^/]+\//, "").split("?")[0];
  const bad = problems(lot);
  for (const c of COLUMNS) {
    $(c).setAttribute("aria-invalid", String(c in bad));
  }
  const first = COLUMNS.find((c) => c in bad);
  complain(first ? COLUMNS.filter((c) => c in bad).map((c) => `${document.querySelector(`label[for=${c}]`).textContent}${t("：", ": ")}${bad[c]}`).join(t("；", "; ")) : "");
  if (first) return $(first).focus();
  lots.push(lot);
  show();
  $("code").value = $("quantity").value = "";
  $("code").focus();
});

// ---- statements

// bodies groups the lots as zheng trace import does: what has the same dates and
// harvest, of one product, into one statement.
function bodies() {
  const groups = new Map();
  for (const l of lots) {
    const product = l.origin ? l.code.split("/").slice(0, 2).join("/") : "";
    const key = JSON.stringify([l.made, l.best_before, l.origin, l.season, product]);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(l);
  }
  const all = [];
  for (const g of groups.values()) for (let i = 0; i < g.length; i += MOST) all.push(g.slice(i, i + MOST));
  return all;
}

// statement is the canonical text (RFC 8785): members ascending, no blanks. All
// values are ASCII. The signer refuses what is not canonical.
function statement(part, member, checkpoint) {
  const [l] = part;
  const body = {};
  if (l.best_before) body.best_before = l.best_before;
  if (l.origin) body.harvest = { origin: l.origin, season: l.season };
  if (l.made) body.made = l.made;
  body.units = part.map((u) => ({ code: u.code, quantity: Number(u.quantity || 0) }));
  return JSON.stringify({ at: new Date().toISOString(), body, chain: checkpoint.chain, expires: checkpoint.anchor.height + LIFE, kind: "trace.register", member, prev: "", v: 1 });
}

async function request(path, options = {}) {
  const token = $("token").value.trim();
  const r = await fetch(path, { ...options, headers: { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) } });
  if (r.ok) return r;
  const p = await r.json().catch(() => ({}));
  throw new Error([p.title || `HTTP ${r.status}`, p.detail, english ? p.hint : p.hint_zh].filter(Boolean).join(t("：", ": ")));
}

let worker = null;
async function sign(op, args) {
  worker ??= (async () => {
    const w = new Worker("/web/signer.js");
    const waiting = new Map();
    let next = 0;
    w.onmessage = ({ data: { number, result, error } }) => {
      const call = waiting.get(number);
      waiting.delete(number);
      if (error === undefined) call.resolve(result);
      else call.reject(new Error(error));
    };
    const call = (op, args) => new Promise((resolve, reject) => {
      waiting.set(++next, { resolve, reject });
      w.postMessage({ number: next, op, args });
    });
    await call("start", { wasm: await (await request("/web/signer.wasm")).arrayBuffer() });
    return call;
  })().catch((err) => { worker = null; throw err; });
  return (await worker)(op, args);
}

$("sign-form").addEventListener("submit", async (e) => {
  e.preventDefault();
  complain("");
  $("submit").disabled = true;
  try {
    if (!lots.length) throw new Error(t("清单是空的。", "The list is empty."));
    say(t("正在打开密钥……", "Opening the key…"));
    const file = new Uint8Array(await $("key-file").files[0].arrayBuffer());
    const about = await sign("key", { file });
    if (about.secret === "none") throw new Error(t("该文件只有公钥，不能签名。", "This file holds a public key only."));
    const key = await sign("unlock", { file, passphrase: about.secret === "encrypted" ? $("passphrase").value : "" });
    for (const part of bodies()) {
      say(t("正在提交，等待出块……", "Submitted, waiting for a block…"));
      const checkpoint = await (await request("/v1/checkpoint")).json();
      const document = new TextEncoder().encode(statement(part, key.member, checkpoint));
      const { envelope } = await sign("sign", { document, accounts: [key.account] });
      const r = await (await request("/v1/envelopes", { method: "POST", headers: { "Content-Type": "application/json" }, body: envelope })).json();
      lots = lots.filter((l) => !part.includes(l)); // what is on the ledger leaves the list at once
      show();
      const li = window.document.createElement("li");
      const a = window.document.createElement("a");
      a.href = `/e/${r.id}`;
      a.textContent = r.id;
      li.append(t(`已登记 ${part.length} 个单元：`, `${part.length} units registered: `), a);
      $("done").append(li);
    }
    say("");
  } catch (err) {
    say("");
    complain(err instanceof TypeError ? t("连不上网关，清单仍在本机，稍后再试。", "The gateway cannot be reached; the list is still here, try again later.") : err.message);
  } finally {
    if (worker) await sign("lock", {}).catch(() => {});
    $("submit").disabled = false;
  }
});

show();
