// The pages as people use them, in the system's Chromium, against a gateway and
// validators that are processes of their own. browser_test.go runs it:
//
//	node workbench.mjs CONFIG
//
// CONFIG is JSON: see browserConfig there. It prints what it has done, one line a step,
// and ends with 1 when something is not as it should be.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const conf = JSON.parse(readFileSync(process.argv[2], "utf8"));
const require = createRequire(pathToFileURL(join(conf.modules, "package.json")));
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const browser = await chromium.launch({ executablePath: conf.browser, args: conf.sandbox ? [] : ["--no-sandbox"] });
const requests = [];
const context = await browser.newContext({ acceptDownloads: true, locale: "zh-CN" });
context.on("request", (r) => requests.push(r.url()));
const page = await context.newPage();
const trouble = [];
page.on("console", (m) => ["error", "warning"].includes(m.type()) && trouble.push(m.text()));
page.on("pageerror", (e) => trouble.push(String(e)));
page.setDefaultTimeout(60_000);

const step = (text) => console.log(`ok ${text}`);
// calm fails for what the console complained of, and for a request that left the origin.
function calm(what, ...allowed) {
  assert.deepEqual(trouble.splice(0), [], `${what}: the console says`);
  for (const url of requests.splice(0)) assert.ok([conf.url + "/", "blob:" + conf.url, "data:,", ...allowed].some((p) => url.startsWith(p)), `${what}: a request left the origin: ${url.slice(0, 200)}`);
}
// accessible fails for what axe-core calls serious or critical.
async function accessible(what) {
  await page.evaluate(axeSource + "; null").catch(() => page.addScriptTag({ content: axeSource }));
  const found = await page.evaluate(async () => (await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })).violations.map((v) => `${v.impact}: ${v.id}, ${v.help}: ${v.nodes.map((n) => n.html.slice(0, 160)).join(" | ")}`));
  const bad = found.filter((s) => /^(serious|critical)/.test(s));
  assert.deepEqual(bad, [], what);
  for (const s of found) console.log(`note ${what}: ${s}`);
}

const error = page.locator("#error");
async function settled(locator) {
  await Promise.race([locator.waitFor(), error.waitFor().then(async () => { throw new Error(`the page says: ${await error.textContent()}`); })]);
}
async function openKey(file, passphrase = "") {
  const before = await page.locator("#keys li").count();
  await page.setInputFiles("#key-file", file);
  await page.fill("#passphrase", passphrase);
  await page.click("#key-form button[type=submit]");
  if (passphrase !== "wrong") await settled(page.locator("#keys li").nth(before));
}
async function download(click, name) {
  const [d] = await Promise.all([page.waitForEvent("download"), click()]);
  const path = join(conf.out, name || d.suggestedFilename());
  await d.saveAs(path);
  return path;
}

// ---- notarize

await page.goto(conf.url + "/notarize");
await accessible("workbench");
await openKey(conf.officer1, "wrong");
await error.waitFor();
assert.match(await error.textContent(), /passphrase/);
await openKey(conf.officer1, conf.passphrase);
await openKey(conf.officer2);
assert.match(await page.locator("#keys").textContent(), /officer1.*hangzhou-amr/);
step("keys opened in the browser, a wrong passphrase refused");

await page.click("#new-tag");
const tag = await page.inputValue("#tag");
assert.match(tag, /^[0-9a-f]{64}$/);
await page.fill("#url", conf.shop);
await page.click("#capture-form button[type=submit]");
const card = page.locator("#captures .card").first();
await settled(card.locator("progress"));
await settled(card.locator(".verdict"));
await settled(card.locator("img"));
assert.match(await card.locator(".verdict").first().textContent(), /完整/);
assert.match(await card.textContent(), /茶叶店/);
step("captured, with progress and preview");
await accessible("a capture");

const fillConfirm = async (c) => {
  await c.getByLabel("案号").fill("杭市监〔2026〕7号");
  if (await c.getByLabel("仍予采用的理由").count()) {
    await c.getByLabel("第二名执法人员的账户").fill(conf.account2);
    await c.getByLabel("仍予采用的理由").fill("取证机为测试环境");
  }
  await c.getByRole("button", { name: "确认并生成陈述" }).click();
};
await fillConfirm(card);
await settled(card.locator("h4"));
await accessible("a statement to sign");
const seal = await download(() => card.getByText("保存封存记录").click());
await card.getByRole("button", { name: "签名并提交" }).click();
await settled(card.locator(".receipt"));
assert.match(await card.locator(".receipt").textContent(), /待会签/);
const id = (await card.locator(".receipt code").textContent()).trim();
assert.match(id, /^[0-9a-f]{64}$/);
calm("notarize");
step("stated, signed in the browser by two officers, waiting for the other city");

// ---- co-sign

await page.goto(conf.url + "/notarize");
await openKey(conf.city);
const waits = page.locator(`#waits-${id}`);
await settled(waits);
assert.match(await waits.textContent(), /evidence\.seal/);
await accessible("inbox");
await waits.getByRole("button", { name: "会签并提交" }).click();
await settled(waits.locator(".verdict"));
assert.match(await waits.locator(".verdict").textContent(), /已生效/);
await page.click("#inbox-load");
await settled(page.getByText("没有待会签的陈述"));
calm("co-sign");
step("co-signed in the browser, in effect");

await page.fill("#case-tag", tag);
await page.click("#case-form button[type=submit]");
await settled(page.locator("#evidence table"));
const csv = readFileSync(await download(() => page.click("#case-csv")), "utf8");
assert.match(csv, new RegExp(`"${id}","web_capture","hangzhou-amr"`));
step("case folder and CSV");

// ---- the evidence page

await page.goto(`${conf.url}/e/${id}`);
await accessible("evidence page");
const receipt = await download(() => page.getByText("下载回执").click(), `${id}.receipt.json`);
// The codes, each in the middle of a picture such as a camera takes.
const views = await page.evaluate(async () => {
  const all = [];
  for (const img of document.querySelectorAll("img.code")) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1280, height: 960 });
    const c = canvas.getContext("2d");
    c.fillStyle = "#ddd";
    c.fillRect(0, 0, 1280, 960);
    c.drawImage(img, 180, 20, 920, 920);
    all.push(canvas.toDataURL("image/jpeg", 0.95).split(",")[1]);
  }
  return all;
});
const codesOfReceipt = views.length;
assert.ok(codesOfReceipt > 0, "codes on the evidence page");
assert.match(await page.locator("main").textContent(), /zheng challenge/);
let pdf = "";
if (conf.paper) pdf = await download(() => page.getByText("存证证书").click());
calm("evidence page");
step("receipt and certificate downloaded");

// ---- abandon

await page.goto(conf.url + "/notarize");
await page.fill("#url", conf.shop + "?again");
await page.click("#capture-form button[type=submit]");
const second = page.locator("#captures .card").filter({ hasText: "?again" });
await settled(second.locator(".verdict"));
await second.getByRole("button", { name: "放弃并删除" }).click();
await second.waitFor({ state: "detached" });
calm("abandon");
step("abandoned");

// ---- a batch of digests, one of them twice in the file of a colleague

await openKey(conf.officer2);
await openKey(conf.city);
const digests = Array.from({ length: 300 }, (_, i) => createHash("sha256").update("item " + i).digest("hex"));
writeFileSync(join(conf.out, "digests.csv"), "name,sha256\r\n" + digests.map((d, i) => `item ${i},${d}\r\n`).join(""));
await page.setInputFiles("#digests", join(conf.out, "digests.csv"));
await page.click("#batch-form button[type=submit]");
await settled(page.locator("#batch-out dl"));
assert.match(await page.locator("#batch-out").textContent(), /摘要300/);
await page.getByRole("button", { name: "上传清单并生成陈述" }).click();
await settled(page.locator("#batch-out h4"));
const request = await download(() => page.locator("#batch-out").getByText("下载待签请求").click(), "batch.draft.json");
await page.locator("#batch-out").getByRole("button", { name: "只签名" }).click();
const half = await download(() => page.locator("#batch-out").getByText("下载已签信封").click(), "batch.envelope.json");
calm("batch");
step("a batch of digests drafted, signed by one officer and passed on");

// The colleague signs it with zheng, and hands it back to the page.
const signedFile = join(conf.out, "batch.signed.json");
execFileSync(conf.zheng, ["sign", half, "--from", "officer1", "--keys", conf.ring, "--out", signedFile]);
await page.setInputFiles("#request-file", signedFile);
await page.click("#request-form button[type=submit]");
const passed = page.locator("#request-out");
await settled(passed.locator("h4"));
for (const c of await passed.locator("input[name=signer]").all()) await c.check();
await passed.getByRole("button", { name: "签名并提交" }).click();
await settled(passed.locator(".receipt"));
assert.match(await passed.locator(".receipt").textContent(), /已上链并生效/);
calm("a signed file");
step("the envelope signed elsewhere, co-signed and submitted here");

// ---- verify

const good = "验证通过", warned = "验证通过，但须注意", bad = "验证不通过";
const verify = async (url, files, { trust = conf.trust, photos = [], asked = "" } = {}) => {
  await page.goto(url);
  await page.locator("#local").waitFor();
  if (files.length) await page.setInputFiles("#files", files);
  if (photos.length) await page.setInputFiles("#photos", photos);
  if (trust) await page.setInputFiles("#trust", trust);
  if (asked) await page.fill("#q", asked);
  await page.click("#go");
  await page.locator("#result, #error").locator("visible=true").first().waitFor();
  return (await page.locator("#error").isVisible()) ? await error.textContent() : await page.locator("#verdict").textContent();
};
const here = conf.url + "/verify";
await page.goto(here);
const offlineFile = await download(() => page.getByText("下载离线验证页").click(), "offline.html");
const offline = pathToFileURL(offlineFile).href;

// A file of the evidence, as the gateway keeps it; and the same with one bit changed.
await page.goto(`${conf.url}/e/${id}`);
const original = await download(() => page.getByText(/下载 viewport/).click(), "viewport.png");
const bytes = readFileSync(original);
const digest = createHash("sha256").update(bytes).digest("hex");
bytes[bytes.length >> 1] ^= 1;
const changed = join(conf.out, "changed.png");
writeFileSync(changed, bytes);
const doc = readFileSync(receipt, "utf8");
const forged = join(conf.out, "forged.receipt.json");
const state = JSON.parse(doc);
state.entry.height += 1;
writeFileSync(forged, JSON.stringify(state));
requests.length = 0;

for (const [what, got, want] of [
  ["a file", await verify(here, [original], { trust: "" }), good],
  ["a file and its receipt", await verify(here, [original, receipt]), good],
  ["a digest", await verify(here, [], { asked: digest }), good],
  ["a certificate number", await verify(here, [], { asked: id }), good],
  ["a changed file", await verify(here, [changed, receipt]), bad],
  ["a changed file alone", await verify(here, [changed]), "本站没有查到"],
  ["a forged receipt", await verify(here, [original, forged]), bad],
]) assert.equal(got, want, what);
calm("verify");
step("verified: file, receipt, digest, certificate number; changed file and forged receipt refused");

for (const [what, got, want] of [
  ["offline", await verify(offline, [original, receipt]), good],
  ["offline, a changed file", await verify(offline, [changed, receipt]), bad],
  ["offline, a forged receipt", await verify(offline, [original, forged]), bad],
]) assert.equal(got, want, what);
await accessible("offline page");
calm("offline", "file://", "blob:null", "blob:file:");
step("verified offline, from one file");

if (conf.pdftoppm && pdf) {
  for (const url of [here, offline]) assert.equal(await verify(url, [pdf]), good, "certificate at " + url);
  execFileSync(conf.pdftoppm, ["-r", "200", "-jpeg", pdf, join(conf.out, "paper")]);
  const sheets = readdirSync(conf.out).filter((n) => n.startsWith("paper") && n.endsWith(".jpg")).sort();
  const codes = sheets.slice(-codesOfReceipt).map((n) => join(conf.out, n));
  assert.equal(await verify(here, [], { photos: codes }), warned, "photograph");
  calm("paper", "file://", "blob:null", "blob:file:");
  step("verified: certificate in PDF, photograph of its code");

  // The same sheets before the camera, one after the other.
  writeFileSync(join(conf.out, "camera.mjpeg"), Buffer.concat(views.flatMap((v) => Array(60).fill(Buffer.from(v, "base64")))));
  const seeing = await chromium.launch({
    executablePath: conf.browser,
    args: [...(conf.sandbox ? [] : ["--no-sandbox"]), "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", `--use-file-for-fake-video-capture=${join(conf.out, "camera.mjpeg")}`],
  });
  const view = await seeing.newPage();
  view.on("request", (r) => requests.push(r.url()));
  await view.goto(here);
  await view.setInputFiles("#trust", conf.trust);
  await view.click("#camera-on");
  await view.locator("#result").waitFor({ timeout: 45_000 }).catch(async (err) => { throw new Error(`${err.message} ${await view.locator("#camera-says").textContent()} ${await view.evaluate(() => `${document.getElementById("viewer").videoWidth}x${document.getElementById("viewer").videoHeight} ${document.getElementById("error").textContent}`)}`); });
  assert.equal(await view.locator("#verdict").textContent(), warned, "camera");
  assert.match(await view.locator("#facts").textContent(), new RegExp(id));
  await seeing.close();
  calm("camera");
  step("verified: the code before the camera");
}

for (const path of ["/", "/docs", "/verify", "/verify?lang=en&large=1", "/notarize?lang=en&large=1", `/e/${id}?lang=en`, "/e/none"]) {
  await page.goto(conf.url + path);
  await page.waitForLoadState("networkidle");
  await accessible(path);
}
step("axe-core finds nothing serious or critical on any page");

writeFileSync(join(conf.out, "result.json"), JSON.stringify({ id, tag, seal, receipt, pdf }));
await browser.close();
