// The pages as people use them, in the system's Chromium, against a gateway and
// validators that are processes of their own. browser_test.go runs it:
//
//	node workbench.mjs CONFIG
//
// CONFIG is JSON: see browserConfig there. It prints what it has done, one line a step,
// and ends with 1 when something is not as it should be.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";
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

writeFileSync(join(conf.out, "result.json"), JSON.stringify({ id, tag, seal, receipt, pdf }));
await browser.close();
