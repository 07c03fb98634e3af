// Assets by group: rows that are selected together with the cards of the graph.

// assetTable({ toggle(keys, on), look(key, place), say(text), link(key, shown) }) -> { node, rows(list), news(states), select(keys) }
function assetTable(actions) {
  const search = el("input", {
    class: "jw-input", type: "search", placeholder: "Search assets", "aria-label": "Search assets",
    "data-lm-suppress-shortcuts": "true",
  });
  const found = el("span", { class: "jw-note", "aria-live": "polite" });
  const body = el("div", { class: "jw-assets", role: "table", "aria-label": "Assets" });
  const table = { actions, body, search, found, byKey: new Map(), groups: [], selected: new Set() };
  search.addEventListener("input", () => filterRows(table));
  table.heads = headRow();
  const more = el("button", { type: "button", class: "jw-button jw-plain jw-hidden" });
  more.addEventListener("click", () => addRows(table));
  table.more = more;
  return {
    node: el("div", {}, el("div", { class: "jw-bar" }, search, found), body, more),
    rows: (list) => drawRows(table, list),
    news: (states) => changeRows(table, states),
    select: (keys) => selectRows(table, keys),
  };
}

const ROWS_AT_ONCE = 300;

function headRow() {
  const head = (title, more = "") => el("span", { class: more, role: "columnheader" }, title);
  return el("div", { class: "jw-asset jw-asset-heads", role: "row" },
    head(el("span", { class: "jw-spoken" }, "selected")), head("asset"), head("kind", "jw-note"), head("state"),
    head("checks", "jw-asset-checks"), head("last made", "jw-note"), head("description", "jw-note"),
    head("value", "jw-asset-look"));
}

// The keys of an asset and of those that the same function makes with it: no run makes one alone.
function keysWith(row) {
  return [row.key, ...(row.together ?? [])];
}

function drawRows(table, list) {
  const same = table.list?.length === list.length && list.every((row, at) => sameAsset(row, table.list[at]));
  table.list = list;
  table.body.classList.toggle("jw-with-checks", list.some((row) => row.checks));
  if (same) return list.forEach((row) => changeRow(table, row));
  table.byKey.clear();
  table.groups = [];
  table.body.replaceChildren(...(list.length ? [table.heads] : []));
  table.drawn = 0;
  addRows(table);
  selectRows(table, table.selected);
}

function sameAsset(one, other) {
  return ["key", "group", "kind", "type", "doc", "source", "together"].every((name) => `${one[name]}` === `${other[name]}`);
}

// An asset that stands otherwise now; its value is looked at again where it is open.
function changeRow(table, row) {
  const shown = table.byKey.get(row.key);
  if (!shown) return;
  const again = row.made !== shown.row.made || row.status !== shown.row.status;
  shown.row = row;
  showState(shown, row);
  shown.made.textContent = whenText(row.time);
  showRowChecks(shown, row);
  if (again && !shown.below.classList.contains("jw-hidden")) table.actions.look(row.key, shown.place);
}

// Long lists are drawn piece by piece; searching draws the rest.
function addRows(table, all) {
  const end = all ? table.list.length : Math.min(table.list.length, table.drawn + ROWS_AT_ONCE);
  for (const row of table.list.slice(table.drawn, end)) addRow(table, row);
  table.drawn = end;
  const left = table.list.length - end;
  table.more.classList.toggle("jw-hidden", !left);
  table.more.textContent = `Show ${left.toLocaleString("en")} more`;
  if (table.search.value) filterRows(table);
}

function addRow(table, row) {
  const group = row.source ? "sources" : row.group;
  if (table.groups.at(-1)?.name !== group) {
    table.groups.push({ name: group, keys: [], ...groupHead(table, group) });
    table.body.append(table.groups.at(-1).node);
  }
  const shown = assetRow(table, row);
  table.groups.at(-1).keys.push(row.key);
  table.byKey.set(row.key, shown);
  table.body.append(shown.node, shown.below);
}

function groupHead(table, name) {
  const box = checkbox(`Select all of ${name}`, (on) => {
    const { keys } = table.groups.find((group) => group.name === name);
    table.actions.toggle(keys.flatMap((key) => keysWith(table.byKey.get(key).row)), on);
  });
  const node = el(
    "div", { class: "jw-asset-group", role: "row" },
    el("span", { role: "cell" }, box), el("span", { role: "rowheader" }, name),
  );
  return { node, box };
}

function checkbox(label, changed) {
  return el("input", {
    type: "checkbox", "aria-label": label, onchange: (event) => changed(event.target.checked),
  });
}

function assetRow(table, row) {
  const others = row.together?.length ? `made together with ${row.together.join(", ")}` : "";
  const box = checkbox(`Select ${row.key}${others && `, ${others}`}`, (on) => {
    table.actions.toggle(keysWith(row), on);
    if (others) table.actions.say(`${row.key} is ${others}.`);
  });
  if (others) box.title = others;
  const state = el("span", { class: "jw-asset-state", role: "cell" });
  const made = el("span", { class: "jw-note jw-asset-made", role: "cell" }, whenText(row.time));
  const checks = el("span", { class: "jw-asset-checks", role: "cell" });
  const place = el("div", { role: "cell" });
  const below = el("div", { class: "jw-asset-value jw-hidden", role: "row" }, place);
  const look = button("value", () => openValue(table, row.key, look, shown), {
    class: "jw-plain", "aria-expanded": "false", title: "Look at the last value",
    "aria-label": `value of ${row.key}`,
  });
  const node = el(
    "div", { class: "jw-asset", role: "row", data: { key: row.key } },
    el("span", { class: "jw-asset-box", role: "cell" }, box),
    el("span", { class: "jw-asset-key", role: "rowheader", title: row.key }, table.actions.link(row.key, breakable(row.key))),
    el("span", { class: "jw-note", role: "cell" }, [row.kind, row.type].filter(Boolean).join(" · ")),
    state, checks, made,
    el("span", { class: "jw-note jw-asset-doc", role: "cell", title: row.doc }, row.doc),
    el("span", { class: "jw-asset-look", role: "cell" }, row.source ? null : look),
  );
  const shown = { row, node, box, state, checks, made, place, below };
  showState(shown, row);
  showRowChecks(shown, row);
  return shown;
}

function showState(shown, { status, word, more }) {
  shown.state.title = more || word;  // which may be longer than its column
  shown.state.classList.toggle("jw-wraps", Boolean(more));
  fill(shown.state, status === "none"
    ? el("span", { class: "jw-note" }, word) : stateBadge(status, word || undefined));
}

// What the checks of the asset said last.
function showRowChecks(shown, { checks }) {
  shown.checks.title = checks?.words ?? "";
  shown.checks.setAttribute("aria-label", checks?.words ?? "no checks");
  fill(shown.checks, !checks ? null : checks.status === "none"
    ? el("span", { class: "jw-note" }, checks.short)
    : stateBadge(checks.status, el(
      "span", {}, checks.short, el("span", { class: "jw-asset-wide" }, ` ${checks.noun}`),
    )));
}

// States of a run that goes on, by key.
function changeRows(table, states) {
  for (const [key, state] of Object.entries(states)) {
    const shown = table.byKey.get(key);
    if (shown) showState(shown, state);
  }
}

function openValue(table, key, look, { place, below }) {
  const open = below.classList.toggle("jw-hidden") === false;
  look.setAttribute("aria-expanded", String(open));
  if (open) table.actions.look(key, place);
}

function selectRows(table, keys) {
  table.selected = new Set(keys);
  for (const [key, { node, box }] of table.byKey) {
    box.checked = table.selected.has(key);
    node.classList.toggle("jw-chosen-row", box.checked);
  }
  for (const group of table.groups) {
    const count = group.keys.filter((key) => table.selected.has(key)).length;
    group.box.checked = count > 0 && count === group.keys.length;
    group.box.indeterminate = count > 0 && count < group.keys.length;
  }
}

function filterRows(table) {
  const wanted = table.search.value.trim().toLowerCase();
  if (wanted && table.drawn < table.list.length) return void addRows(table, true);
  let count = 0;
  for (const { row, node, below } of table.byKey.values()) {
    const checks = row.checks ? [row.checks.words, ...row.checks.names] : [];
    const texts = [row.key, row.group, row.kind, row.type, row.word, row.doc, ...checks];
    const fits = !wanted || texts.some((text) => text?.toLowerCase().includes(wanted));
    node.classList.toggle("jw-hidden", !fits);
    if (!fits) below.classList.add("jw-hidden");
    count += fits;
  }
  for (const group of table.groups) {
    const shown = group.keys.some((key) => !table.byKey.get(key).node.classList.contains("jw-hidden"));
    group.node.classList.toggle("jw-hidden", !shown);
  }
  table.found.textContent = wanted ? `${count} found` : "";
}
