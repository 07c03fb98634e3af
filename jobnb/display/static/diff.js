// What has changed: the graph of it, what differs with reasons and code, and what becomes stale.

export default alive({
  render({ model, el: host }) {
    host.classList.add("jobnb");
    const root = el("div");
    host.append(root);
    const opened = new Set(); // What was opened stays so when a cell has changed something.
    let stop = drawn(model, root, opened);
    const renew = watch(model, ["told"], () => {
      stop();
      stop = drawn(model, root, opened);
    });
    const stopKeeping = keepUp(model);
    return () => {
      renew();
      stopKeeping();
      stop();
    };
  },
});

// Draws all of it as it is now; returns what stops it.
function drawn(model, root, opened) {
  const { title, counts, changes, stale, words, more, moreStale } = model.get("told");
  const graph = model.get("drawing").cards.length ? graphPanel(model) : null;
  const view = { model, opened, rows: new Map() };
  fill(root, [
    el("div", { class: "jw-bar" }, el("strong", null, title), el("span", { class: "jw-note", role: "status" }, counts)),
    graph?.node,
    el("div", { class: "jw-changes" }, changes.map((each) => changeRow(view, each, stale)), moreNote(more)),
    words ? el("p", null, words) : null,
    staleTable(view, stale, moreStale),
  ]);
  const stop = watch(model, ["picked"], () => showPickedRow(view));
  return () => {
    stop();
    graph?.stop();
  };
}

function moreNote(more) {
  return more ? el("p", { class: "jw-note" }, `… ${more.toLocaleString()} more`) : null;
}

// A definition: its reasons at once, its code when it is opened.
function changeRow(view, change, stale) {
  const { kind, name, change: how, reasons } = change;
  const also = kind === "asset" ? stale.find((each) => each.name === name) : null;
  const body = el("div", { class: "jn-body" }, also ? el("p", null, staleText(also)) : null);
  const row = el("details", { class: "jw-change", "data-name": name },
    el("summary", null, stateBadge(how), " ", el("span", { class: "jw-note" }, `${kind} `), el("code", null, breakable(name)),
      reasons.length ? el("span", { class: "jw-why" }, ` ${reasons.join("; ")}`) : null), body);
  row.addEventListener("toggle", () => row.open && showCode(view.model, change, body), { once: true });
  const key = `${kind} ${name}`;
  row.addEventListener("toggle", () => view.opened[row.open ? "add" : "delete"](key));
  row.open = view.opened.has(key);
  if (kind === "asset") view.rows.set(name, row);
  return row;
}

function staleText({ partitions, took }) {
  const parts = partitions ? ` (${partitions} ${partitions === "1" ? "partition" : "partitions"})` : "";
  return `What was materialized${parts} becomes stale${took ? `; it took ${took} last time` : ""}.`;
}

async function showCode(model, { kind, name, change, lines }, body) {
  if (!lines) {
    append(body, [el("p", { class: "jw-note" }, change === "changed"
      ? "No line of its code differs, or the code of before was not kept." : "Its code was not kept.")]);
    return;
  }
  try {
    append(body, [scrolling(el("pre", { class: "jw-diff" }, (await ask(model, "code", { kind, name })).map(diffLine)))]);
  } catch (error) {
    append(body, [el("p", { class: "jw-problem", role: "alert" }, error.message)]);
  }
}

function diffLine(line) {
  const tags = { "+": "ins", "-": "del" };
  return [el(tags[line[0]] ?? "span", null, line), "\n"];
}

function staleTable(view, stale, more) {
  if (!stale.length) return null;
  const rows = stale.map(({ name, because, partitions, took }) => {
    const row = el("tr", { tabindex: -1 }, el("th", { scope: "row" }, el("code", null, breakable(name))),
      el("td", null, because), el("td", null, partitions), el("td", null, took));
    if (!view.rows.has(name)) view.rows.set(name, row);
    return row;
  });
  const heads = ["stale afterwards", "because", "partitions", "last time"].map((each) => columnHead(each));
  return [scrolling(el("table", { class: "jn-table" }, el("thead", null, el("tr", null, heads)), el("tbody", null, rows))),
    moreNote(more)];
}

// What is clicked in the graph is opened below it.
function showPickedRow(view) {
  const picked = new Set(view.model.get("picked"));
  for (const [name, row] of view.rows) {
    row.classList.toggle("jw-picked-row", picked.has(name));
    if (picked.has(name) && "open" in row) row.open = true;
  }
  const last = view.rows.get(view.model.get("picked").at(-1));
  last?.scrollIntoView({ block: "nearest" });
}
