// The history: a page of runs at a time, filters, buttons for a run and for those that are ticked.

function historyTable(model, root) {
  const state = {
    asked: withLocalTimes(model.get("asked")), cursors: [null], told: { rows: [], total: 0, next: null },
    ticked: new Set(), busy: false,
  };
  const parts = {
    filters: el("div"), problem: el("div", { class: "jw-problem", role: "alert" }),
    above: el("div", { class: "jw-bar" }), body: scrolling(),
    below: el("div", { class: "jw-bar" }), compare: el("div"),
  };
  append(root, Object.values(parts));
  const load = (quiet) => loadPage(model, state, parts, act, quiet);
  const act = deeds(model, state, parts, load);
  const filters = filterBar(model, state, () => {
    state.cursors = [null];
    put(model, { asked: withMoments(state.asked) }); // the view that is shown next has the same filter
    load();
  });
  parts.filters.append(filters.node);
  act.filter = filters.add;
  load();
  const timer = setInterval(() => {
    const open = state.told.rows.some((row) => !row.finished) || state.cursors.length === 1;
    if (open && root.isConnected && !document.hidden && root.offsetParent) load(true);
  }, 3000);
  return () => clearInterval(timer);
}

async function loadPage(model, state, parts, act, quiet) {
  if (state.busy) return void (state.again ||= quiet !== true);
  state.busy = true;
  try {
    const cursor = state.cursors[state.cursors.length - 1];
    const told = await ask(model, "page", { asked: withMoments(state.asked), cursor, limit: model.get("page_size") });
    if (!quiet) parts.problem.textContent = "";
    if (!quiet || JSON.stringify(told) !== JSON.stringify(state.told)) {
      state.told = told;
      drawPage(state, parts, act);
    }
  } catch (error) {
    if (state.cursors.length > 1) state.cursors = [null]; // its last run is gone: begin again
    if (!isGone(model)) parts.problem.textContent = error.message; // the view itself says that it is gone
  }
  state.busy = false;
  if (state.again) {
    state.again = false;
    loadPage(model, state, parts, act);
  }
}

// A field for times holds local ones without a zone; the kernel may stand in another zone.
function withMoments(asked) {
  return changedTimes(asked, (text) => new Date(text).toISOString());
}

function withLocalTimes(asked) {
  return changedTimes(asked, (text) => {
    const moment = new Date(text);
    return new Date(moment - moment.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  });
}

function changedTimes(asked, change) {
  const told = { ...asked };
  for (const name of ["after", "before"]) {
    if (!Number.isNaN(Date.parse(told[name]))) told[name] = change(told[name]); // else it is refused in words
  }
  return told;
}

// --- filters ----------------------------------------------------------------

function filterBar(model, state, changed) {
  const soon = debounce(changed, 250);
  const lists = { jobs: listOf("jobs"), notebooks: listOf("notebooks"), tags: listOf("tags") };
  const statuses = el("div", { class: "jw-bar", role: "group", "aria-label": "Statuses" });
  const chips = el("span", { class: "jw-bar" });
  const field = (name, type, label, more) => el("input", {
    class: "jw-input", type, "aria-label": label, placeholder: label, title: label, value: state.asked[name] ?? "", ...more,
    oninput: (event) => {
      state.asked[name] = event.target.value;
      soon();
    },
  });
  const fields = [
    field("job", "search", "Job", { list: lists.jobs.id }),
    field("notebook", "search", "Notebook", { list: lists.notebooks.id }), field("id", "search", "Run id"),
    tagField(state, lists.tags.id, () => drawChips(state, chips, changed, drawn), changed), chips,
  ];
  const times = el("span", { class: "jw-bar" },
    el("label", { class: "jw-note" }, "after ", field("after", "datetime-local", "Created after")),
    el("label", { class: "jw-note" }, "before ", field("before", "datetime-local", "Created before")));
  const dated = button("Dates", () => showTimes(times.classList.contains("jw-hidden")), {
    class: "jw-plain", title: "Filter by when the runs were created",
  });
  const showTimes = (on) => {
    times.classList.toggle("jw-hidden", !on);
    dated.setAttribute("aria-expanded", String(on));
  };
  showTimes(Boolean(state.asked.after || state.asked.before));
  const clear = button("Clear", () => {
    state.asked = {};
    for (const input of node.querySelectorAll("input")) input.value = "";
    drawn();
    changed();
  }, { class: "jw-plain", title: "Show all runs" });
  const node = el("div", null, el("div", { class: "jw-bar" }, fields), el("div", { class: "jw-bar" }, statuses, dated, times, clear),
    lists.jobs, lists.notebooks, lists.tags);
  let told = { statuses: [], jobs: [], notebooks: [], tags: {} };
  function drawn() {
    drawStatuses(state, statuses, told.statuses, changed);
    drawChips(state, chips, changed, drawn);
  }
  ask(model, "choices").then((choices) => {
    told = choices;
    fill(lists.jobs, told.jobs.map((name) => el("option", { value: name })));
    fill(lists.notebooks, told.notebooks.map((name) => el("option", { value: name })));
    fill(lists.tags, Object.entries(told.tags).flatMap(([key, values]) =>
      values.map((value) => el("option", { value: `${key}=${value}` }))));
    drawn();
  }).catch(() => {});
  drawn();
  return {
    node,
    add(key, value) {
      state.asked.tags = { ...state.asked.tags, [key]: value };
      drawn();
      changed();
    },
  };
}

function listOf(name) {
  return el("datalist", { id: freshId(name) });
}

function tagField(state, list, drawn, changed) {
  return el("input", {
    class: "jw-input", type: "search", "aria-label": "Tag, as key=value", placeholder: "Tag key=value", list,
    onchange: (event) => {
      const [key, ...rest] = event.target.value.split("=");
      if (!key.trim() || !rest.length) return;
      state.asked.tags = { ...state.asked.tags, [key.trim()]: rest.join("=").trim() };
      event.target.value = "";
      drawn();
      changed();
    },
  });
}

function drawStatuses(state, node, statuses, changed) {
  const chosen = new Set(state.asked.statuses ?? []);
  fill(node, statuses.map(({ name, word, status }) => {
    const made = button([glyphIcon(status), word], () => {
      if (!chosen.delete(name)) chosen.add(name);
      state.asked.statuses = [...chosen];
      made.setAttribute("aria-pressed", String(chosen.has(name)));
      changed();
    }, { class: `jw-kind jn-${status}`, "aria-pressed": String(chosen.has(name)), title: `Only runs that are ${word}` });
    return made;
  }));
}

function drawChips(state, node, changed, drawn) {
  fill(node, Object.entries(state.asked.tags ?? {}).map(([key, value]) =>
    button(`${key}=${value} ×`, () => {
      const { [key]: _, ...rest } = state.asked.tags;
      state.asked.tags = rest;
      drawn();
      changed();
    }, { class: "jw-kind", title: "Take this tag out of the filter" })));
}

// --- the page ---------------------------------------------------------------

function drawPage(state, parts, act) {
  const { rows, total } = state.told;
  const titles = ["", "run", "job", "status", "started", "time", "launched", "notebook", "partition", "tags", ""];
  const box = el("input", { type: "checkbox", "aria-label": "All runs of this page", onchange: (event) => {
    for (const row of rows) tickRun(state, row.run_id, event.target.checked);
    drawPage(state, parts, act);
  } });
  box.checked = rows.length > 0 && rows.every((row) => state.ticked.has(row.run_id));
  fill(parts.body, rows.length
    ? el("table", { class: `jn-table jw-runs ${emptyColumns(rows)}` },
      el("thead", null, el("tr", null, titles.map((title, at) => columnHead(at ? title : box)))),
      el("tbody", null, rows.map((row) => runRow(row, state, parts, act))))
    : el("div", { class: "jn-muted" }, "No run fits. Clear the filter, or launch one."));
  drawAbove(state, parts, act);
  const first = (state.cursors.length - 1) * act.pageSize() + 1;
  fill(parts.below,
    button("Newer", act.newer, { disabled: state.cursors.length < 2 }),
    button("Older", act.older, { disabled: !state.told.next }),
    el("span", { class: "jw-note", role: "status" }, rows.length
      ? `${first.toLocaleString()} to ${(first + rows.length - 1).toLocaleString()} of ${counted(total, "run")}` : "0 runs"));
}

// The columns that no run of the page has anything in: they take no room.
function emptyColumns(rows) {
  const has = (some) => rows.some(some);
  return [
    has((row) => row.partition) ? "" : "jw-no-partition", has((row) => Object.keys(row.tags).length) ? "" : "jw-no-tags",
  ].join(" ");
}

function drawAbove(state, parts, act) {
  const many = state.ticked.size;
  if (many && state.asking) return void askToDelete(state, parts, act);
  fill(parts.above,
    button("Refresh", act.refresh),
    button("Compare", act.compare, { disabled: many !== 2, title: "Tick two runs" }),
    button(many > 1 ? `Delete ${many}` : "Delete", act.askDelete, { "data-changes": true, disabled: !many, title: "Tick the runs to delete" }),
    forTicked(state, act), many ? el("span", { class: "jw-note" }, `${many} ticked`) : null);
}

// What can be done to all ticked runs at once; each button counts those it is for.
function forTicked(state, act) {
  const runs = state.told.rows.filter((row) => state.ticked.has(row.run_id));
  const failed = (row) => ["failed", "canceled"].includes(row.status);
  return [
    ["Cancel", (row) => !row.finished, act.cancel, "Stop these runs; resources are torn down"],
    ["Re-run all", (row) => row.finished, act.rerunAll, "Run each of them again with its own config"],
    ["Re-run from failure", failed, act.rerunFailed, "Of each, run what failed and what follows"],
  ].map(([label, fits, deed, title]) => {
    const ids = runs.filter(fits).map((row) => row.run_id);
    return ids.length ? button(`${label} (${ids.length})`, () => deed(ids), { "data-changes": true, title }) : null;
  });
}

// Asked before runs are deleted; it stands until it is answered, whatever else is drawn meanwhile.
function askToDelete(state, parts, act) {
  const what = state.ticked.size === 1 ? "this run" : `these ${state.ticked.size} runs`;
  const answer = (deed) => () => {
    state.asking = false;
    deed();
  };
  fill(parts.above, el("span", { role: "alert" }, `Delete ${what} with its log for good?`),
    button("Yes, delete", answer(act.delete), { "data-changes": true, class: "jw-danger" }),
    button("No", answer(() => drawAbove(state, parts, act))));
}

function tickRun(state, id, on) {
  if (on) state.ticked.add(id);
  else state.ticked.delete(id);
}

function runRow(row, state, parts, act) {
  const box = el("input", { type: "checkbox", "aria-label": `Tick run ${row.run_id.slice(0, 8)}`, onchange: (event) => {
    tickRun(state, row.run_id, event.target.checked);
    drawAbove(state, parts, act);
  } });
  box.checked = state.ticked.has(row.run_id);
  return el("tr", { data: { run: row.run_id } },
    el("td", null, box),
    el("td", null, runName(row, act)),
    el("td", null, row.job, row.target ? el("div", { class: "jn-muted" }, row.target) : null),
    el("td", null, stateBadge(row.status, row.word)),
    el("td", null, whenText(row.started ?? row.created)),
    el("td", { class: "jw-took" }, durationText(row.seconds)),
    el("td", null, ON_PAGE && row.backfill ? el("a", { href: `/backfills/${encodeURIComponent(row.backfill)}` }, row.by) : row.by),
    el("td", null, breakable(row.notebook)), el("td", null, breakable(row.partition)),
    el("td", null, Object.entries(row.tags).map(([key, value]) =>
      button(`${key}=${value}`, () => act.filter(key, value), { class: "jw-plain jw-tag", title: "Only runs with this tag" }))),
    el("td", null, button("Re-run", () => act.rerun(row.run_id), { "data-changes": true, class: "jw-plain", title: "Run it again with the same config" })));
}

// On a page a run has an address, which opens in a tab of its own, too.
function runName(row, act) {
  const [name, title] = [row.run_id.slice(0, 8), `Open ${row.run_id}`];
  if (ON_PAGE) return el("a", { href: `/runs/${encodeURIComponent(row.run_id)}`, class: "jw-code", title }, name);
  return button(name, () => act.open(row.run_id), { class: "jw-plain jw-code", title });
}

// --- what the buttons do ----------------------------------------------------

function deeds(model, state, parts, load) {
  const trying = async (deed) => {
    parts.problem.textContent = "";
    try {
      await deed();
    } catch (error) {
      parts.problem.textContent = error.message;
    }
  };
  // Does it to runs that were ticked; what went wrong with some stands above the others.
  const toTicked = (deed, asked) => trying(async () => {
    state.ticked.clear();
    try {
      await ask(model, deed, asked);
    } finally {
      state.cursors = [null];
      await load("with what went wrong");
      drawPage(state, parts, act);
    }
  });
  const redraw = () => load();
  const act = {
    pageSize: () => model.get("page_size"),
    refresh: redraw,
    newer: () => (state.cursors.pop(), redraw()),
    older: () => {
      const { next } = state.told;
      if (!next) return; // pressed again before the page has come
      state.told = { ...state.told, next: null };
      state.cursors.push(next);
      redraw();
    },
    open: (run_id) => trying(() => ask(model, "open", { run_id })),
    rerun: (run_id) => trying(async () => {
      await ask(model, "rerun", { run_id });
      state.cursors = [null];
      redraw();
    }),
    cancel: (run_ids) => toTicked("cancel", { run_ids }),
    rerunAll: (run_ids) => toTicked("rerun_all", { run_ids }),
    rerunFailed: (run_ids) => toTicked("rerun_all", { run_ids, from_failure: true }),
    compare: () => trying(async () => {
      const told = await ask(model, "compare", { run_ids: ticked(state) });
      fill(parts.compare, compareNode(told, () => fill(parts.compare)));
    }),
    askDelete: () => {
      state.asking = true;
      drawAbove(state, parts, act);
    },
    delete: () => toTicked("delete", { run_ids: ticked(state) }),
  };
  return act;
}

// The older of two ticked runs first.
function ticked(state) {
  const order = state.told.rows.map((row) => row.run_id);
  return [...state.ticked].sort((a, b) => order.indexOf(b) - order.indexOf(a));
}

export default alive({
  render({ model, el: place }) {
    const root = el("div", { class: "jobnb jw-history", "data-lm-suppress-shortcuts": "true" });
    place.append(root);
    return historyTable(model, root);
  },
});
