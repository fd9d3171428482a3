// Renders /openapi.json: every operation with its parameters, bodies and answers,
// and a form to try it. Everything is set as text, never as HTML.
"use strict";

const $ = (id) => document.getElementById(id);

function el(tag, props, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(props || {})) {
    if (k === "class") e.className = v;
    else if (k in e) e[k] = v;
    else e.setAttribute(k, v);
  }
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}

const paragraphs = (text) => (text || "").split("\n\n").filter(Boolean).map((t) => el("p", {}, t));

function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return el("a", { href: "#schema-" + name }, name);
  }
  const type = Array.isArray(schema.type) ? schema.type.join(" | ") : schema.type || "any";
  if (type.startsWith("array")) return el("span", {}, "[", typeOf(schema.items), "]");
  const notes = [type];
  if (schema.enum) notes.push(schema.enum.join(" | "));
  if (schema.pattern) notes.push(schema.pattern);
  if (schema.minimum !== undefined) notes.push("≥ " + schema.minimum);
  if (schema.maximum !== undefined) notes.push("≤ " + schema.maximum);
  if (schema.default !== undefined) notes.push("默认 default " + schema.default);
  return notes.join(" · ");
}

function table(head, rows) {
  return el("table", {},
    el("thead", {}, el("tr", {}, ...head.map((h) => el("th", { scope: "col" }, h)))),
    el("tbody", {}, ...rows.map((r) => el("tr", {}, ...r.map((c) => el("td", {}, c))))));
}

function contents(content) {
  return Object.entries(content || {}).map(([media, m]) => el("div", {}, el("code", {}, media), " ", typeOf(m.schema)));
}

function tryIt(path, method, op) {
  const inputs = (op.parameters || []).map((p) => ({ p, input: el("input", { autocomplete: "off", spellcheck: false }) }));
  const media = Object.keys(op.requestBody?.content || {})[0];
  const isFile = media === "application/octet-stream";
  const body = media ? el(isFile ? "input" : "textarea", isFile ? { type: "file" } : { spellcheck: false }) : null;
  const out = el("pre", { hidden: true, "aria-live": "polite" });
  const send = async () => {
    let url = path;
    const query = new URLSearchParams();
    for (const { p, input } of inputs) {
      const value = input.value.trim();
      if (p.in === "path") url = url.replace("{" + p.name + "}", value.split("/").map(encodeURIComponent).join("/"));
      else if (p.in === "query" && value) query.set(p.name, value);
    }
    if (query.size) url += "?" + query;
    out.hidden = false;
    out.textContent = "…";
    try {
      const init = { method: method.toUpperCase() };
      if (body) {
        init.body = isFile ? body.files[0] : body.value;
        init.headers = { "Content-Type": media };
      }
      const r = await fetch(url, init);
      const type = r.headers.get("Content-Type") || "";
      let text;
      if (type.includes("json")) text = JSON.stringify(await r.json(), null, 2);
      else if (type.startsWith("text/")) text = await r.text();
      else text = (await r.arrayBuffer()).byteLength + " bytes";
      out.textContent = init.method + " " + url + "\n" + r.status + " " + r.statusText + "\n\n" + text;
    } catch (err) {
      out.textContent = String(err);
    }
  };
  return el("div", { class: "try" },
    ...inputs.map(({ p, input }) => el("label", {}, p.name + (p.required ? " *" : ""), input)),
    body && el("label", {}, media, body),
    el("button", { type: "button", onclick: send }, "试一试 Try"),
    out);
}

function operation(path, method, op) {
  const parts = [...paragraphs(op.description)];
  if (op.parameters?.length) {
    parts.push(table(["参数 Parameter", "位置 In", "类型 Type", "说明 Description"],
      op.parameters.map((p) => [p.name + (p.required ? " *" : ""), p.in, typeOf(p.schema), p.description || p.schema?.description || ""])));
  }
  if (op.requestBody) parts.push(el("h3", {}, "请求体 Body"), ...contents(op.requestBody.content));
  parts.push(el("h3", {}, "答复 Answers"),
    table(["状态 Status", "说明 Description", "内容 Content"],
      Object.entries(op.responses || {}).map(([status, r]) => [status, r.description || "", el("div", {}, ...contents(r.content))])));
  parts.push(tryIt(path, method, op));
  return el("details", { id: "op-" + op.operationId },
    el("summary", {}, el("span", { class: "method" }, method.toUpperCase()), " ", el("span", { class: "path" }, path), " ", op.summary || ""),
    el("div", {}, ...parts));
}

function schema(name, s) {
  const required = new Set(s.required || []);
  const rows = Object.entries(s.properties || {}).map(([k, v]) => [k + (required.has(k) ? " *" : ""), typeOf(v), v.description || ""]);
  return el("details", { id: "schema-" + name },
    el("summary", {}, el("code", {}, name)),
    el("div", {}, rows.length ? table(["成员 Member", "类型 Type", "说明 Description"], rows) : typeOf(s)));
}

// A link to a closed section opens it.
function reveal() {
  const e = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (e && e.tagName === "DETAILS") {
    e.open = true;
    e.scrollIntoView();
  }
}

async function main() {
  const doc = await (await fetch("/openapi.json")).json();
  $("about").append(...paragraphs(doc.info.description));
  const groups = new Map((doc.tags || []).map((t) => [t.name, { tag: t, ops: [] }]));
  for (const [path, item] of Object.entries(doc.paths)) {
    for (const [method, op] of Object.entries(item)) {
      if (op.operationId) groups.get(op.tags[0]).ops.push([path, method, op]);
    }
  }
  const list = el("ul", {});
  for (const { tag, ops } of groups.values()) {
    list.append(el("li", {}, el("a", { href: "#tag-" + tag.name }, tag.description)));
    $("operations").append(el("h2", { id: "tag-" + tag.name }, tag.description), ...ops.map((o) => operation(...o)));
  }
  $("index").append(list);
  $("schemas-title").hidden = false;
  $("schemas").append(...Object.entries(doc.components.schemas).map(([n, s]) => schema(n, s)));
  addEventListener("hashchange", reveal);
  reveal();
}

main().catch((err) => $("operations").append(el("p", {}, "读取 /openapi.json 失败：" + err)));
