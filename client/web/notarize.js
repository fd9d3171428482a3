// The workbench of officers. Everything that is shown is set as text, never as HTML:
// what a captured page says is hostile until shown otherwise.
//
// The gateway captures and drafts; this page shows what was captured, and compares what
// is to be signed with what was shown. Keys are opened and signatures made in the worker
// (signer.js); neither a key nor a passphrase is sent anywhere.
"use strict";

const $ = (id) => document.getElementById(id);
const english = document.documentElement.lang === "en";
const t = (zh, en) => (english ? en : zh);
const LIFE = 50000; // heights within which a statement of this page is to be accepted
const query = location.search;

function el(tag, text, props, ...children) {
  const e = Object.assign(document.createElement(tag), props);
  if (text) e.textContent = text;
  e.append(...children);
  return e;
}
const row = (...cells) => el("tr", "", {}, ...cells.map((c) => (c instanceof Node ? el("td", "", {}, c) : el("td", c))));
const headed = (names, rows) =>
  el("div", "", { className: "wide", tabIndex: 0 }, el("table", "", {}, el("thead", "", {}, el("tr", "", {}, ...names.map((n) => el("th", n, { scope: "col" })))), el("tbody", "", {}, ...rows)));
const terms = (pairs) => el("dl", "", {}, ...pairs.filter(([, v]) => v !== "" && v != null).flatMap(([k, v]) => [el("dt", k), v instanceof Node ? el("dd", "", {}, v) : el("dd", String(v))]));
const button = (text, act, quiet) => {
  const b = el("button", text, { type: "button", className: quiet ? "quiet" : "" });
  b.onclick = () => guarded(act, b);
  return b;
};
let fields = 0;
function field(label, input) {
  input.id ||= `field-${++fields}`;
  return el("div", "", { className: "field" }, el("label", label, { htmlFor: input.id }), input);
}
function saved(text, content, name, type = "application/octet-stream") {
  return el("a", text, { href: URL.createObjectURL(new Blob([content], { type })), download: name });
}

// ---- what goes wrong

function fail(err) {
  $("error").textContent = err.message || String(err);
  $("error").hidden = false;
  $("error").scrollIntoView({ block: "nearest" });
}
const say = (text) => ($("status").textContent = text);

// guarded runs an act of the user, once at a time, and shows why it failed.
async function guarded(act, b) {
  $("error").hidden = true;
  if (b) b.disabled = true;
  try {
    return await act();
  } catch (err) {
    fail(err);
  } finally {
    if (b) b.disabled = false;
  }
}

function onSubmit(form, act) {
  $(form).addEventListener("submit", (e) => {
    e.preventDefault();
    guarded(act, $(form).querySelector("button[type=submit]"));
  });
}

// ---- the gateway

async function request(path, init = {}) {
  const token = $("token").value.trim();
  const headers = { ...init.headers, ...(token && { Authorization: `Bearer ${token}` }) };
  let r;
  try {
    r = await fetch(path, { ...init, headers });
  } catch {
    throw new Error(t("无法连接网关。", "The gateway cannot be reached."));
  }
  if (r.ok) return r;
  let p = {};
  try {
    p = await r.json();
  } catch {
    // no problem document: the status must do
  }
  const err = new Error([p.title || `HTTP ${r.status}`, p.detail, english ? p.hint : p.hint_zh].filter(Boolean).join(t("：", ": ")));
  throw Object.assign(err, { status: r.status, after: Number(r.headers.get("Retry-After")) || 0 });
}
const send = (method, path, body) => request(path, { method, ...(body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }) });
const getJSON = async (path) => (await request(path)).json();

// ---- the signer

let worker = null; // promise of a function that calls an operation

function signer() {
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
    w.onerror = (e) => {
      for (const call of waiting.values()) call.reject(new Error(e.message || t("签名程序无法启动", "the signer does not start")));
      waiting.clear();
    };
    const call = (op, args) => new Promise((resolve, reject) => {
      waiting.set(++next, { resolve, reject });
      w.postMessage({ number: next, op, args });
    });
    say(t("正在启动签名程序……", "Starting the signer…"));
    const wasm = await (await request("/web/signer.wasm")).arrayBuffer();
    await call("start", { wasm });
    say("");
    return call;
  })().catch((err) => {
    worker = null;
    throw err;
  });
  return worker;
}
const sign = async (op, args) => (await signer())(op, args);
const bytes = (text) => new TextEncoder().encode(text);

// ---- keys

let keys = []; // that can sign: {name, member, account, type, roles}

onSubmit("key-form", async () => {
  const file = new Uint8Array(await $("key-file").files[0].arrayBuffer());
  const about = await sign("key", { file });
  if (about.secret === "none") throw new Error(t("该文件只有公钥，不能签名。", "This file holds a public key only."));
  say(t("正在打开密钥……", "Opening the key…"));
  const k = await sign("unlock", { file, passphrase: about.secret === "encrypted" ? $("passphrase").value : "" });
  say("");
  if (!keys.some((x) => x.account === k.account)) keys.push(k);
  $("key-form").reset();
  showKeys();
  await loadInbox();
});
$("lock").onclick = () => guarded(async () => {
  if (worker) await sign("lock", {});
  keys = [];
  showKeys();
  $("pending").replaceChildren();
});
const keyName = (k) => `${k.name} · ${k.member} · ${k.type} · ${k.account}`;
function showKeys() {
  $("keys").replaceChildren(...keys.map((k) => el("li", keyName(k))));
  document.dispatchEvent(new Event("keys"));
}

// ---- signing

// signPanel shows a statement and has it signed with keys that are open here, or taken
// away to be signed elsewhere. ours narrows the keys that are proposed.
async function signPanel(document, { ours = () => true, done, expected } = {}) {
  let envelope = document; // grows with each signature
  const about = await sign("read", { document });
  if (expected) expected(about);
  const box = el("section", "", { className: "card" });
  const out = el("div", "");
  const choices = el("fieldset", "", {}, el("legend", t("用哪些密钥签名", "Sign with")));
  const signed = el("p", "", { className: "hint" });
  const actions = el("p", "", { className: "actions" });
  const offer = () => {
    choices.replaceChildren(choices.firstChild, ...keys.map((k) => {
      const c = el("input", "", { type: "checkbox", value: k.account, checked: ours(k), name: "signer" });
      return el("label", "", { className: "check" }, c, " " + keyName(k));
    }));
    if (!keys.length) choices.append(el("p", t("没有打开的密钥：请先在上面打开，或下载请求交 zheng sign 签署。", "No key is open: open one above, or take the request to zheng sign.")));
  };
  const refresh = async () => {
    const { signatures } = await sign("read", { document: envelope });
    signed.textContent = signatures.length ? t(`已有 ${signatures.length} 个签名：`, `${signatures.length} signatures: `) + signatures.join(t("、", ", ")) : t("尚无签名。", "No signatures yet.");
    const links = [saved(t("下载待签请求", "Save the request"), document, about.id.slice(0, 16) + ".draft.json")];
    if (signatures.length) links.push(saved(t("下载已签信封", "Save the signed envelope"), envelope, about.id.slice(0, 16) + ".envelope.json"));
    actions.replaceChildren(add, submit, ...links);
  };
  const chosen = () => [...choices.querySelectorAll("input:checked")].map((c) => c.value);
  const addSignatures = async () => {
    if (chosen().length) envelope = bytes((await sign("sign", { document: envelope, accounts: chosen() })).envelope);
    await refresh();
  };
  const add = button(t("只签名", "Only sign"), addSignatures, true);
  const submit = button(t("签名并提交", "Sign and submit"), async () => {
    await addSignatures();
    const { signatures } = await sign("read", { document: envelope });
    if (!signatures.length) throw new Error(t("尚无签名：请选择密钥。", "There is no signature: choose a key."));
    say(t("正在提交，等待出块……", "Submitted, waiting for a block…"));
    const r = await (await request("/v1/envelopes", { method: "POST", headers: { "Content-Type": "application/json" }, body: envelope })).json();
    say("");
    for (const x of [choices, actions]) x.hidden = true;
    out.replaceChildren(receiptOf(about.id, r));
    done?.(r, about);
  });
  const elsewhere = el("input", "", { type: "file", accept: ".json,application/json" });
  elsewhere.addEventListener("change", () => guarded(async () => {
    const file = new Uint8Array(await elsewhere.files[0].arrayBuffer());
    const other = await sign("read", { document: file });
    if (other.id !== about.id) throw new Error(t("该信封是另一条陈述的。", "That envelope is of another statement."));
    envelope = file;
    await refresh();
  }));
  box.append(
    el("h4", t("请核对将要签署的内容", "Look at what will be signed")),
    statementView(about),
    choices, signed, actions,
    field(t("已用 zheng sign 签好的信封", "Envelope that zheng sign has signed"), elsewhere), out);
  offer();
  const again = () => (box.isConnected ? offer() : window.document.removeEventListener("keys", again));
  window.document.addEventListener("keys", again);
  await refresh();
  return box;
}

// statementView shows a statement for people, and its bytes.
function statementView(about) {
  const s = JSON.parse(about.statement);
  const flat = [];
  const walk = (name, v) => {
    if (Array.isArray(v) && v.every((x) => typeof x !== "object")) flat.push([name, v.join(t("、", ", "))]);
    else if (v && typeof v === "object") for (const [k, x] of Object.entries(v)) walk(name ? `${name}.${k}` : k, x);
    else flat.push([name, v]);
  };
  const { files, ...body } = s.body;
  walk("", body);
  const view = el("div", "");
  view.append(terms([
    [t("种类", "Kind"), about.kind], [t("陈述成员", "Stated by"), about.member], [t("链", "Chain"), about.chain],
    [t("声明的时间", "Claimed time"), about.at], [t("编号", "Id"), el("code", about.id)], ...flat,
  ]));
  if (Array.isArray(files)) view.append(headed([t("文件", "File"), t("类型", "Type"), t("字节", "Bytes"), "SHA-256"], files.map((f) => row(f.role, f.media, f.bytes.toLocaleString(), el("code", f.sha256)))));
  view.append(el("details", "", {}, el("summary", t("所签署的原文", "The bytes that are signed")), el("div", "", {}, el("pre", about.statement))));
  return view;
}

// receiptOf says what became of a submission.
function receiptOf(id, r) {
  const box = el("div", "", { className: "receipt" });
  if (r.state === "IN_FLIGHT") {
    box.append(el("p", t("已提交，尚未出块。请稍后查看。", "On its way; look again in a moment."), { className: "verdict warn" }));
  } else if (r.outcome === "waiting") {
    box.append(el("p", t("已上链，待会签", "On the ledger, waiting for signatures"), { className: "verdict warn" }),
      el("p", t("尚缺：", "Still missing: ") + (r.missing || []).join(t("；", "; "))));
  } else {
    box.append(el("p", t("已上链并生效", "On the ledger, in effect"), { className: "verdict good" }));
  }
  const links = el("p", "", { className: "actions" },
    el("a", t("证据页", "Evidence page"), { href: `/e/${id}${query}` }),
    el("a", t("下载存证证书（PDF）", "Certificate (PDF)"), { href: `/v1/statements/${id}/certificate.pdf`, download: id.slice(0, 16) + ".certificate.pdf" }));
  if (r.receipt) links.append(saved(t("保存回执", "Save the receipt"), JSON.stringify(r.receipt), `${id}.receipt.json`, "application/json"));
  box.append(el("p", "", {}, el("code", id)), links);
  return box;
}

// ---- captures

const words = {
  WAITING: t("排队中", "Waiting"), RUNNING: t("取证中", "Capturing"), CAPTURED: t("待确认", "Look at it"),
  CONFIRMED: t("已确认", "Confirmed"), FAILED: t("未能取证", "Could not capture"), INTERRUPTED: t("已中断", "Interrupted"),
};
const outcomes = {
  COMPLETE: ["good", t("完整", "Complete")], PARTIAL: ["warn", t("部分", "Partial")],
  BLOCKED: ["bad", t("被拦截", "Blocked")], FAILED: ["bad", t("没有取得网页", "No page")],
};
const stepWords = {
  "start browser": t("启动浏览器", "start browser"), "load page": t("加载网页", "load page"), "entry steps": t("进入步骤", "entry steps"),
  window: t("窗口截图", "window"), screenshot: t("整页截图", "screenshot"), archive: t("网页存档", "archive"), pdf: "PDF", text: t("可见文本", "text"), html: "HTML",
  cookies: "Cookie", certificates: t("证书", "certificates"), "licence page": t("亮照页面", "licence page"), recording: t("录屏", "recording"),
  "web archive": "WARC", connections: t("连接记录", "connections"), "request log": t("请求记录", "request log"), environment: t("环境检查", "environment"), summary: t("汇总", "summary"), done: t("完成", "done"),
};

onSubmit("capture-form", async () => {
  const url = $("url").value.trim();
  if (!url) throw new Error(t("请输入网址。", "Enter an address."));
  await capture(url);
  $("url").value = "";
});
$("urls").addEventListener("change", () => guarded(async () => {
  const text = await $("urls").files[0].text();
  const found = text.split(/\r?\n/).map((line) => line.match(/https?:\/\/[^\s",;]+/)?.[0]).filter(Boolean);
  if (!found.length) throw new Error(t("文件中没有网址。", "There is no address in the file."));
  for (const [i, url] of found.entries()) {
    say(t(`批量取证：${i + 1}/${found.length}`, `Several: ${i + 1} of ${found.length}`));
    for (;;) {
      try {
        await capture(url);
        break;
      } catch (err) {
        if (err.status !== 429) throw err;
        await new Promise((r) => setTimeout(r, 1000 * (err.after || 5)));
      }
    }
  }
  say("");
  $("urls").value = "";
}));
$("new-tag").onclick = () => {
  $("tag").value = Array.from(crypto.getRandomValues(new Uint8Array(32)), (b) => b.toString(16).padStart(2, "0")).join("");
};

async function capture(url) {
  const steps = $("steps").value.trim();
  const q = {
    url, ...(steps && { steps: JSON.parse(steps) }), ...($("licence").value.trim() && { licence: $("licence").value.trim() }),
    insecure: $("insecure").checked, no_recording: $("no-recording").checked, ...($("tag").value && { case_tag: $("tag").value }),
  };
  const job = await (await send("POST", "/v1/captures", q)).json();
  follow(job);
}

// follow shows a capture and keeps showing what becomes of it.
function follow(job) {
  const card = el("article", "", { className: "card", id: "capture-" + job.id });
  $("captures").prepend(card);
  showCapture(card, job);
  if (job.state === "WAITING" || job.state === "RUNNING") watch(card, job.id);
}

async function watch(card, id) {
  while (card.isConnected) {
    try {
      const r = await request(`/v1/captures/${id}/events`, { headers: { Accept: "text/event-stream" } });
      const reader = r.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = ""; ; ) {
        const { value, done } = await reader.read();
        if (done) break;
        text += value;
        for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
          const data = text.slice(0, end).match(/^data: (.*)$/m)?.[1];
          if (/^event: gone/.test(text)) return card.remove();
          if (!data || !/^event: capture/.test(text)) continue;
          const job = JSON.parse(data);
          showCapture(card, job);
          if (job.state !== "WAITING" && job.state !== "RUNNING") return say(`${words[job.state]}${t("：", ": ")}${job.url}`);
        }
      }
    } catch (err) {
      if (err.status === 404) return card.remove();
    }
    await new Promise((r) => setTimeout(r, 1000)); // cut off: come back
  }
}

function showCapture(card, job) {
  const head = el("h3", job.url);
  const state = el("p", words[job.state] + (job.ahead ? t(`，前面还有 ${job.ahead} 个`, `, ${job.ahead} before it`) : "") + (job.error ? t("：", ": ") + job.error : ""), { className: "state" });
  const away = button(t("放弃并删除", "Abandon and delete"), async () => {
    await send("DELETE", `/v1/captures/${job.id}`);
    card.remove();
    say(t("已放弃并删除。", "Deleted."));
  }, true);
  if (job.state === "WAITING" || job.state === "RUNNING") {
    const p = el("progress", "", { max: job.total || 1 });
    p.setAttribute("aria-label", t("进度", "Progress"));
    if (job.total) p.value = job.done;
    card.replaceChildren(head, state, p, el("p", stepWords[job.step] || job.step || "", { className: "hint" }), el("p", "", { className: "actions" }, away));
    return;
  }
  if (job.state === "FAILED" || job.state === "INTERRUPTED") {
    const again = button(t("重新取证", "Capture again"), () => capture(job.url));
    card.replaceChildren(head, state, el("p", "", { className: "actions" }, again, away));
    return;
  }
  if (card.dataset.state === job.state) return;
  card.dataset.state = job.state;
  guarded(() => showArtefacts(card, head, state, job, away));
}

const file = (job, name) => job.files?.find((f) => f.name === name && f.url);

// fetched gets an artefact and makes sure that it is the one that was captured.
async function fetched(f) {
  const content = new Uint8Array(await (await request(f.url)).arrayBuffer());
  const { sha256 } = await sign("sha256", { bytes: content });
  if (sha256 !== f.sha256) throw new Error(t(`${f.name} 与取证时的摘要不符。`, `${f.name} is not what was captured.`));
  return content;
}

async function showArtefacts(card, head, state, job, away) {
  const [mood, word] = outcomes[job.outcome];
  const picture = file(job, "viewport.png") || file(job, "error.png");
  const preview = el("div", "", { className: "preview" });
  const parts = [head, state, el("p", word + (job.reason ? t("：", ": ") + job.reason : ""), { className: "verdict " + mood }),
    terms([
      [t("标题", "Title"), job.title], [t("最终网址", "Final address"), job.final_url], ["HTTP", job.http_status], [t("服务器", "Server"), job.remote_ip],
      [t("证书", "Certificate"), job.certificate], [t("取证环境", "Environment"), job.env_result === "ok" ? t("合格", "ok") : t("不合格", "FAILED")],
      [t("案件标签", "Case tag"), job.case_tag], [t("删除时间", "Deleted at"), job.state === "CAPTURED" ? job.expires : ""],
    ]), preview];
  for (const w of job.warnings || []) parts.push(el("p", w, { className: "note" }));
  const open = async (f) => {
    const content = await fetched(f);
    const shown = { "image/png": "img", "video/webm": "video" }[f.media];
    const url = URL.createObjectURL(new Blob([content], { type: shown ? f.media : "application/octet-stream" }));
    if (!shown) {
      el("a", "", { href: url, download: f.name.replaceAll("/", "-") }).click();
      return;
    }
    const e = el(shown, "", { src: url, controls: true, alt: t("所取网页的图像：", "Picture of the captured page: ") + f.name });
    preview.replaceChildren(el("figure", "", {}, e, el("figcaption", `${f.name} · SHA-256 ${f.sha256}`)));
  };
  parts.push(el("details", "", {}, el("summary", t(`取证环境检查（${(job.env || []).length} 项）`, `Environment: ${(job.env || []).length} checks`)),
    el("div", "", {}, headed([t("项目", "Item"), t("结果", "Result"), t("观察", "Observed"), t("应为", "Expected")],
      (job.env || []).map((i) => row(i.id, i.result, typeof i.observed === "string" ? i.observed : JSON.stringify(i.observed), [i.expected, i.evidence_file].filter(Boolean).join(" · ")))))));
  parts.push(el("details", "", {}, el("summary", t(`取证文件（${job.files.length} 个）`, `${job.files.length} files`)),
    el("div", "", {}, headed([t("文件", "File"), t("字节", "Bytes"), "SHA-256", ""], job.files.map((f) => row(f.name, f.bytes.toLocaleString(), el("code", f.sha256),
      f.url ? button(t("查看 ", "Open ") + f.name, () => open(f), true) : ""))))));
  const out = el("div", "");
  parts.push(confirmForm(job, out, away), out);
  card.replaceChildren(...parts);
  if (picture) await open(picture);
}

// confirmForm asks for what goes with the statement.
function confirmForm(job, out, away) {
  const caseNo = el("input", "", { autocomplete: "off" });
  const place = el("input", "", { autocomplete: "off" });
  const member = el("input", "", { autocomplete: "off", spellcheck: false, value: keys[0]?.member || "" });
  const account = el("input", "", { autocomplete: "off", spellcheck: false, maxLength: 40, value: keys[1]?.account || "" });
  const reason = el("textarea", "");
  const incomplete = el("input", "", { type: "checkbox" });
  const form = el("form", "", {}, field(t("陈述成员", "Member who states"), member), field(t("案号（加盐封存，不公开）", "Case number (salted, not public)"), caseNo), field(t("取证地点（加盐封存，不公开）", "Place (salted, not public)"), place));
  window.document.addEventListener("keys", () => {
    member.value ||= keys[0]?.member || "";
    account.value ||= keys[1]?.account || "";
  });
  const failed = job.env_result === "fail";
  if (failed) {
    form.append(el("p", t("取证环境不合格：须由另一名执法人员说明理由、接受，并以其密钥会签。", "The environment failed: a second officer accepts that, with a reason, and signs with their own key.") + " " + job.env.filter((i) => i.result === "fail" || i.result === "error").map((i) => i.id).join(", "), { className: "note" }),
      field(t("第二名执法人员的账户（40 位十六进制）", "Account of the second officer (40 hexadecimal digits)"), account), field(t("仍予采用的理由", "Why it is used all the same"), reason));
  }
  const whole = job.outcome === "COMPLETE" || job.outcome === "PARTIAL";
  if (!whole) form.append(el("p", "", {}, el("label", "", { className: "check" }, incomplete, t(" 未能取得网页，仍按现状封存", " No page was obtained; seal that as it is"))));
  const go = el("button", job.state === "CONFIRMED" ? t("重新生成陈述", "Draft again") : t("确认并生成陈述", "Confirm and draft"), { type: "submit" });
  form.append(el("p", "", { className: "actions" }, go, ...(job.state === "CONFIRMED" ? [] : [away])));
  form.addEventListener("submit", (e) => {
    e.preventDefault();
    guarded(async () => {
      const values = { case_no: caseNo.value.trim(), place: place.value.trim() };
      const d = await (await send("POST", `/v1/captures/${job.id}/confirm`, {
        member: member.value.trim(), fields: Object.fromEntries(Object.entries(values).filter(([, v]) => v)), incomplete: incomplete.checked,
        ...(failed && { waiver: { account: account.value.trim(), reason: reason.value.trim() } }),
      })).json();
      away.remove();
      const seal = new Uint8Array(await (await request(d.seal_url)).arrayBuffer());
      const panel = await signPanel(bytes(d.statement), {
        ours: (k) => k.member === member.value.trim() || (failed && k.account === account.value.trim()),
        expected: (about) => {
          // What is signed is what was shown: every artefact, under its digest.
          const stated = new Set(about.files.map((f) => f.sha256));
          const missing = job.files.filter((f) => !stated.has(f.sha256)).map((f) => f.name);
          if (about.id !== d.id || about.kind !== "evidence.seal" || about.member !== member.value.trim() || missing.length) throw new Error(t("网关生成的陈述与所取证据不符，请勿签署。", "The gateway drafted something else than what was captured: do not sign. ") + missing.join(", "));
        },
      });
      out.replaceChildren(el("p", t("封存记录含盐值，制作证据包和出示字段时必需，请与回执一同保存：", "The seal holds the salts, without which no bundle can be made. Keep it beside the receipt: "), {}, saved(t("保存封存记录", "Save the seal"), seal, d.id + ".seal.json", "application/json")), panel);
      out.scrollIntoView({ block: "start" });
    }, go);
  });
  return form;
}

async function loadCaptures() {
  let page;
  try {
    page = await getJSON("/v1/captures");
  } catch (err) {
    if (err.status === 401 || err.status === 403) return; // credentials come later
    throw err;
  }
  for (const c of page.data.reverse()) if (!$("capture-" + c.id)) follow(await getJSON(`/v1/captures/${c.id}`));
}
$("token").addEventListener("change", () => guarded(loadCaptures));

// ---- to co-sign

const types = [["agrees", t("同意", "agrees")], ["holds", t("持有副本", "holds a copy")], ["served", t("提供过该数据", "served these data")], ["objects", t("异议", "objects")]];
const reasons = [["content_differs", t("内容不符", "content differs")], ["not_served", t("未提供过", "not served")], ["wrong_subject", t("主体有误", "wrong subject")], ["unlawful", t("不合法", "unlawful")], ["other", t("其他", "other")]];
const select = (options) => el("select", "", {}, ...options.map(([value, text]) => el("option", text, { value })));

async function loadInbox() {
  const members = [...new Set(keys.map((k) => k.member))];
  const found = new Map();
  for (const m of members) {
    for (let cursor = ""; ; ) {
      const page = await getJSON(`/v1/pending?member=${encodeURIComponent(m)}${cursor && "&cursor=" + encodeURIComponent(cursor)}`);
      for (const p of page.data) found.set(p.id, { ...p, can: [...(found.get(p.id)?.can || []), ...p.can_sign.flatMap((s) => s.accounts)] });
      if (!page.has_more) break;
      cursor = page.next_cursor;
    }
  }
  const cards = await Promise.all([...found.values()].map(waits));
  $("pending").replaceChildren(...(cards.length ? cards : [el("p", keys.length ? t("没有待会签的陈述。", "Nothing waits.") : t("打开密钥后显示。", "Open a key to see them."), { className: "hint" })]));
}
$("inbox-load").onclick = () => guarded(loadInbox, $("inbox-load"));

// waits shows one statement that waits.
async function waits(p) {
  const card = el("article", "", { className: "card", id: "waits-" + p.id });
  const about = await sign("read", { document: bytes(p.text) });
  if (about.id !== p.id) throw new Error(t("网关给出的陈述与其编号不符。", "The gateway shows a statement that is not the one of this id."));
  card.append(el("h3", `${p.kind} · ${p.member}`), terms([
    [t("失效高度", "Lapses at height"), p.deadline], [t("尚缺", "Missing"), p.missing.join(t("；", "; "))],
    [t("已签署", "Signed"), p.votes.map((v) => `${v.member} (${v.type}${v.reason ? " " + v.reason : ""})`).join(t("、", ", "))],
  ]));
  if (p.changes?.length) card.append(headed([t("事项", "What"), t("现为", "Now"), t("将为", "Then")], p.changes.map((c) => row(c.field, c.now ?? "—", c.then ?? "—"))));
  card.append(statementView(about));
  const able = keys.filter((k) => p.can.includes(k.account));
  if (!able.length) {
    card.append(el("p", t("须以本成员的另一密钥会签。", "Another key of your member is needed for this one."), { className: "note" }));
    return card;
  }
  const who = select(able.map((k) => [k.account, keyName(k)]));
  const type = select(types);
  const reason = select(reasons);
  const why = field(t("理由", "Reason"), reason);
  why.hidden = true;
  type.addEventListener("change", () => (why.hidden = type.value !== "objects"));
  const out = el("div", "");
  const go = button(t("会签并提交", "Co-sign and submit"), async () => {
    const k = keys.find((x) => x.account === who.value);
    const cp = await getJSON("/v1/checkpoint");
    const draft = await sign("endorse", { chain: cp.chain, member: k.member, expires: cp.anchor.height + LIFE, id: p.id, type: type.value, reason: type.value === "objects" ? reason.value : "" });
    const { envelope } = await sign("sign", { document: bytes(draft.statement), accounts: [k.account] });
    const r = await (await request("/v1/envelopes", { method: "POST", headers: { "Content-Type": "application/json" }, body: envelope })).json();
    const now = await getJSON(`/v1/statements/${p.id}`);
    go.hidden = true;
    out.replaceChildren(el("p", t("已会签", "Co-signed") + (now.outcome === "waiting" ? t("，仍待他人会签：", ", others still missing: ") + (now.missing || []).join(t("；", "; ")) : t("，陈述已生效", ", it is in effect")), { className: "verdict " + (now.outcome === "waiting" ? "warn" : "good") }),
      el("p", "", { className: "actions" }, el("a", t("证据页", "Evidence page"), { href: `/e/${p.id}${query}` }), ...(r.receipt ? [saved(t("保存会签回执", "Save the receipt of this signature"), JSON.stringify(r.receipt), r.id + ".receipt.json", "application/json")] : [])));
  });
  card.append(field(t("密钥", "Key"), who), field(t("表示", "What you say of it"), type), why, el("p", "", { className: "actions" }, go), out);
  return card;
}

// ---- a case

onSubmit("case-form", async () => {
  const tag = $("case-tag").value.trim();
  const all = [];
  for (let cursor = ""; ; ) {
    const page = await getJSON(`/v1/evidence?case_tag=${tag}&limit=1000${cursor && "&cursor=" + encodeURIComponent(cursor)}`);
    all.push(...page.data);
    if (!page.has_more) break;
    cursor = page.next_cursor;
  }
  $("case-csv").hidden = !all.length;
  if (!all.length) {
    $("evidence").replaceChildren(el("p", t("没有该标签的证据。", "There is no evidence with this tag.")));
    return;
  }
  $("evidence").replaceChildren(headed([t("序号", "Entry"), t("编号", "Id"), t("类别", "Class"), t("陈述成员", "Stated by"), t("声明的时间", "Claimed time"), t("状态", "State"), t("文件", "Files"), ""],
    all.map((e) => row(String(e.seq), el("a", "", { href: `/e/${e.id}${query}` }, el("code", e.id.slice(0, 16))), e.class, e.member, e.at, e.state, String(e.batch?.count ?? e.files?.length ?? ""),
      el("a", t("证书", "Certificate") + ` ${e.id.slice(0, 8)}`, { href: `/v1/statements/${e.id}/certificate.pdf`, download: e.id.slice(0, 16) + ".certificate.pdf" })))));
  // A cell that begins like a formula is one to a spreadsheet.
  const cell = (v) => `"${String(v ?? "").replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
  const lines = [["seq", "id", "class", "member", "at", "state", "role", "media", "bytes", "sha256", "sm3"]];
  for (const e of all) for (const f of e.files?.length ? e.files : [{}]) lines.push([e.seq, e.id, e.class, e.member, e.at, e.state, f.role, f.media, f.bytes, f.sha256, f.sm3]);
  if ($("case-csv").href) URL.revokeObjectURL($("case-csv").href);
  $("case-csv").href = URL.createObjectURL(new Blob(["\ufeff", lines.map((l) => l.map(cell).join(",")).join("\r\n"), "\r\n"], { type: "text/csv" }));
  $("case-csv").download = `case-${tag.slice(0, 16)}.csv`;
});

// ---- digests

onSubmit("batch-form", async () => {
  const table = new Uint8Array(await $("digests").files[0].arrayBuffer());
  const b = await sign("batch", { table });
  const out = $("batch-out");
  const facts = terms([[t("摘要", "Digests"), b.count.toLocaleString()], [t("无摘要而略过的行", "Lines without one, skipped"), b.skipped.toLocaleString()], [t("清单 SHA-256", "SHA-256 of the list"), el("code", b.sha256)], [t("根", "Root"), el("code", b.root)]]);
  const go = button(t("上传清单并生成陈述", "Upload the list and draft"), async () => {
    if (!keys.length) throw new Error(t("请先打开密钥。", "Open a key first."));
    // First the list: who sees the statement can then have it.
    await request(`/v1/blobs/${b.sha256}`, { method: "PUT", headers: { "Content-Type": "application/octet-stream" }, body: b.list });
    const checkpoint = await getJSON("/v1/checkpoint");
    const member = keys[0].member;
    const d = await sign("stateBatch", { member, checkpoint, caseTag: $("tag").value, expires: checkpoint.anchor.height + LIFE });
    out.append(await signPanel(bytes(d.statement), { ours: (k) => k.member === member }));
    go.hidden = true;
  });
  out.replaceChildren(facts, el("p", "", { className: "actions" }, go, saved(t("保存清单（list.bin，举证必需）", "Save the list (list.bin, needed for proofs)"), b.list, "list.bin")));
});

// ---- a file to sign

onSubmit("request-form", async () => {
  const document = new Uint8Array(await $("request-file").files[0].arrayBuffer());
  $("request-out").replaceChildren(await signPanel(document));
});

guarded(loadCaptures);
