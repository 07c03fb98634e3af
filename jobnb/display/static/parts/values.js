// Looks at values: the kernel sends data, here they become tables, pictures and texts.

const FOLD_AFTER = 12; // lines of a text before the rest is folded

// preview({ kind, line, note, ... }, showRich) -> node
function previewNode(shown, showRich) {
  const body = { table: tableNode, image: imageNode, notebook: notebookNode, rich: richNode }[shown.kind] ?? longText;
  return el("div", { class: "jn-value" },
    body(shown, showRich), shown.note ? el("div", { class: "jn-muted" }, shown.note) : null);
}

function tableNode({ columns, rows }) {
  const side = (at) => (columns[at - 1]?.number ? "jn-right" : null);
  const head = columns.map(({ name, dtype, number }) =>
    el("th", { scope: "col", class: number ? "jn-right" : null },
      name, el("br"), el("span", { class: "jn-muted" }, dtype)));
  const body = rows.map((row) =>
    el("tr", null, row.map((cell, at) => el("td", { class: side(at) }, cell))));
  return scrolling(el("table", { class: "jn-table jn-sheet" },
      el("thead", null, el("tr", null, columnHead(""), head)), el("tbody", null, body)));
}

// A picture in an address of its own: a script in it cannot run.
function imageNode({ src, line }) {
  const image = el("img", { alt: line || "figure" });
  if (src.startsWith("data:image/")) image.src = src;
  return image;
}

// An executed notebook: { about, results: [[name, words]], parts: [{ kind, text, tree, label }] }
function notebookNode({ about, results, parts }) {
  const rows = results.map(([name, words]) => ({ name, text: words }));
  return el("div", { class: "jn-notebook" },
    el("div", { class: "jn-muted" }, about), rows.length ? metadataNode(rows) : null, parts.map(partNode));
}

function partNode({ kind, text, tree, label }) {
  if (kind === "prose") return el("div", { class: "jn-doc" }, proseNodes(tree ?? []));
  if (kind === "code") return el("div", { class: "jn-code" }, folded(label, pre(text)));
  if (kind === "image") return imageNode({ src: text });
  if (kind !== "error") return text ? longText({ text }) : null;
  return el("div", { class: "jn-error" }, el("div", { class: "jn-says" }, text),
    label ? folded("traceback", pre(label)) : null);
}

function richNode({ text }, showRich) {
  return el("div", null,
    button("Show as its own display", () => showRich?.(), { title: "Below, as the object shows itself" }),
    folded("text", pre(text)));
}

function longText({ text }) {
  const lines = text.split("\n");
  if (lines.length <= FOLD_AFTER && text.length <= 4000) return pre(text);
  const first = lines.slice(0, FOLD_AFTER).join("\n").slice(0, 4000);
  const rest = text.slice(first.length).replace(/^\n/, "");
  const left = lines.length - FOLD_AFTER;
  const title = left > 0 ? counted(left, "more line") : counted(rest.length, "more character");
  return [pre(first), folded(title, pre(rest))];
}

