// Schedules and sensors: which run, when they come, what came of it, what one would launch.

const HERE = ON_PAGE ? "in this server" : "in this kernel";

const EVERY = 2000; // ms between two looks at the history
const STRIP_SLOTS = 48; // as SLOTS in automation_data.py
const SILENCE = 15000; // ms without an answer after which the view says so
const AT_ONCE = 50;
const WINDOWS = { 3600: "1 hour", 21600: "6 hours", 86400: "1 day", 604800: "7 days" };

export default alive({
  render({ model, el: host }) {
    host.classList.add("jobnb", "ja-automation");
    host.dataset.lmSuppressShortcuts = "true";
    const view = {
      model, items: new Map(), told: null, busy: false, skew: 0, text: "", first: 0, failedSince: null,
      head: el("div", { class: "jn-header" }), problem: el("div", { class: "jw-problem", role: "alert" }),
      said: el("span", { class: "jw-note", role: "status" }), axis: el("div", { class: "ja-row ja-heads" }),
      list: el("div", { class: "ja-list" }), pages: el("div", { class: "jw-bar" }),
    };
    view.controls = controlsOf(view);
    append(host, [view.head, view.problem, view.controls.node, view.axis, view.list, view.pages]);
    load(view);
    const seen = () => host.isConnected && !document.hidden && host.offsetParent;
    const timers = [
      setInterval(() => (seen() || view.failedSince !== null) && !isGone(model) && (view.busy ? waitOn(view) : load(view)), EVERY),
      setInterval(() => isGone(model) || view.items.forEach((item) => item.count()), 1000),
    ];
    return () => timers.forEach(clearInterval);
  },
});

// --- what stands above ------------------------------------------------------

function controlsOf(view) {
  const find = el("input", { class: "jw-input jw-hidden", type: "search", placeholder: "Find", "aria-label": "Find by name or job" });
  find.addEventListener("input", debounce(() => {
    Object.assign(view, { text: find.value, first: 0 });
    load(view);
  }, 250));
  const span = el("select", { class: "jw-select", "aria-label": "How far back the timeline goes" },
    Object.entries(WINDOWS).map(([value, words]) => el("option", { value }, words)));
  span.value = String(view.model.get("window"));
  span.addEventListener("change", () => {
    put(view.model, { window: Number(span.value) });
    load(view);
  });
  const loop = el("span");
  const tell = el("input", { type: "checkbox", onchange: () => tellMe(view, tell) });
  const telling = "Notification" in globalThis
    ? el("label", { class: "jw-note", title: "A note of this browser for each run of a schedule or sensor that fails, while this page is open" }, tell, " notify me of failures")
    : null;
  const node = el("div", { class: "jw-bar" }, loop, find, view.said, el("span", { class: "jw-grow" }), telling,
    el("label", { class: "jw-note" }, "timeline ", span));
  return { node, loop, find };
}

function drawHead(view) {
  const { loops, total, rows } = view.told;
  const on = rows.filter((row) => row.on).length;
  const one = view.model.get("names").length === 1;
  const note = one ? rows[0]?.targets : total ? `${on} of ${total} started` : "";
  fill(view.head, el("strong", { class: "jn-name" }, one ? view.model.get("names")[0] : "Automation"), " ",
    one ? el("span", { class: "jn-noun" }, view.model.get("title")) : null, " ", el("span", { class: "jn-note" }, note));
  view.problem.textContent = loops.problem ? `The loop could not do its last round: ${loops.problem}` : "";
  const state = loopState(loops);
  const key = JSON.stringify([loops.here, state]);
  if (view.loopKey === key) return;
  view.loopKey = key;
  const label = loops.here ? "Stop the loop" : "Start the loop here";
  fill(view.controls.loop, stateBadge(...state), " ", button(label, (event) => {
    event.target.disabled = true;
    act(view, "loop", { on: !loops.here }, () => "").finally(() => (event.target.disabled = false));
  }, { "data-changes": true, title: loops.here ? "Ticks under way come to their end" : `Evaluate what comes due, ${HERE}` }));
}

function loopState({ here, others }) {
  const elsewhere = others.map((each) => each.where).join(" and ");
  if (here) return ["running", elsewhere ? `running ${HERE} and in ${elsewhere}` : `running ${HERE}`];
  return elsewhere ? ["running", `running in ${elsewhere}`] : ["queued", "not running: nothing is evaluated by itself"];
}

// Notes of the browser: only what fails from now on is told, and each run once.
async function tellMe(view, box) {
  view.failedSince = null;
  if (!box.checked) return;
  const allowed = await Notification.requestPermission();
  box.checked = allowed === "granted";
  if (box.checked) view.failedSince = Date.now() / 1000 + view.skew;
  else {
    view.said.className = "jw-problem";
    view.said.textContent = "This browser does not allow this page to notify you.";
  }
}

function tellFailures(view, failed) {
  if (view.failedSince === null) return;
  for (const { id, time, title, text } of failed.filter((each) => each.time > view.failedSince).toReversed()) {
    view.failedSince = time;
    const note = new Notification(title, { body: text, tag: id });
    note.addEventListener("click", () => globalThis.focus());
  }
}

// --- reading ----------------------------------------------------------------

async function load(view) {
  if (view.busy) return void (view.again = true);
  Object.assign(view, { busy: true, asked: Date.now() });
  try {
    const asked = {
      window: view.model.get("window"), text: view.text, first: view.first, count: AT_ONCE, failed_since: view.failedSince,
    };
    const told = await ask(view.model, "standing", asked);
    view.skew = told.now - Date.now() / 1000;
    view.told = told;
    draw(view);
    tellFailures(view, told.failed);
  } catch (error) {
    view.problem.textContent = error.message;
  }
  view.busy = false;
  if (view.again) {
    view.again = false;
    load(view);
  }
}

// A kernel that is busy, or was shut down elsewhere, does not answer: what is seen is old then.
function waitOn(view) {
  if (Date.now() - view.asked > SILENCE) {
    view.problem.textContent = `The kernel has not answered since ${whenText(view.asked / 1000)}: it is busy, or gone.`;
  }
}

function draw(view) {
  drawHead(view);
  const { rows, total, now } = view.told;
  const window = view.model.get("window");
  fill(view.axis, el("span"), el("span"), stripAxis(now, window), el("span", null, "next"), el("span", null, "last"), el("span"));
  view.axis.classList.toggle("jw-hidden", !rows.length);
  view.controls.find.classList.toggle("jw-hidden", total <= 8 && !view.text);
  const kept = new Set(rows.map((row) => row.name));
  for (const [name, item] of view.items) {
    if (kept.has(name)) continue;
    item.node.remove();
    view.items.delete(name);
  }
  rows.forEach((row, at) => {
    if (!view.items.has(row.name)) view.items.set(row.name, itemOf(view, row));
    const item = view.items.get(row.name);
    item.update(row, now, window);
    if (view.list.children[at] !== item.node) view.list.insertBefore(item.node, view.list.children[at] ?? null);
  });
  if (!rows.length && !view.list.children.length) {
    fill(view.list, el("div", { class: "jw-note ja-none" }, view.text ? "Nothing is called so." : "No schedule or sensor is defined yet."));
  } else for (const each of view.list.querySelectorAll(":scope > .jw-note")) if (rows.length) each.remove();
  const turn = (label, on, step) => button(label, () => {
    view.first += step;
    load(view);
  }, { class: "jw-plain", disabled: !on });
  fill(view.pages, total > AT_ONCE ? [
    turn("Before", view.first > 0, -AT_ONCE), turn("After", view.first + AT_ONCE < total, AT_ONCE),
    el("span", { class: "jw-note" }, `${view.first + 1} to ${view.first + rows.length} of ${total}`),
  ] : null);
}

// Asks the kernel to do something, tells how it went, and looks again.
async function act(view, name, asked, told) {
  view.said.className = "jw-note";
  try {
    const found = await ask(view.model, name, asked);
    view.said.textContent = told(found);
    return found;
  } catch (error) {
    view.said.className = "jw-problem";
    view.said.textContent = error.message;
  } finally {
    load(view);
  }
  return null;
}

// --- one schedule or sensor -------------------------------------------------

function itemOf(view, first) {
  const { name } = first;
  const detailId = freshId("automation");
  const item = { row: first, detail: null, seen: "" };
  const knob = el("button", {
    type: "button", class: "ja-switch", role: "switch", "aria-label": `${name} runs`, "data-changes": true,
    onclick: () => act(view, "switch", { which: name, on: !item.row.on }, (on) => `${name} ${on ? "runs" : "is stopped"}.`),
  }, el("i"));
  const title = el("button", {
    type: "button", class: "jw-button jw-plain ja-name", "aria-label": name, "aria-expanded": "false", "aria-controls": detailId, onclick: () => open(!item.detail),
  }, breakable(name));
  const about = el("span", { class: "jw-note ja-about" });
  const strip = el("div");
  const next = el("div", { class: "ja-next" });
  const last = el("div", { class: "ja-last" });
  const evaluate = button("Evaluate", () => open(true).show("evaluate").run(), { "data-changes": true, class: "jw-plain", title: "See what it would launch now; nothing is launched" });
  const now = button("Tick now", async () => {
    now.disabled = true;
    await act(view, "tick_now", { which: name }, (tick) => `${name}: ${tick.word}${tick.runs ? ` ${counted(tick.runs, "run")}` : ""}${tick.why ? `: ${tick.why}` : ""}`);
    now.disabled = false;
    item.detail?.refresh();
  }, { "data-changes": true, class: "jw-plain", title: "Evaluate it now, and launch what it requests" });
  const place = el("div", { class: "ja-detail", id: detailId });
  item.node = el("div", { class: "ja-item", data: { name } },
    el("div", { class: "ja-row" }, knob, el("div", { class: "ja-what" }, title, about), strip, next, last,
      el("div", { class: "ja-deeds" }, evaluate, now)), place);

  // A sensor is evaluated as soon as a loop runs; a schedule comes at its moment, whenever that is.
  const waitsForLoop = () => item.row.kind === "sensor" && !view.told.loops.here && !view.told.loops.others.length;

  function open(on) {
    title.setAttribute("aria-expanded", String(on));
    item.node.classList.toggle("ja-open", on);
    if (!on) {
      item.detail = null;
      fill(place);
    } else if (!item.detail) {
      item.detail = detailOf(view, item);
      fill(place, item.detail.node);
    }
    return item.detail;
  }
  item.count = () => {
    const { row } = item;
    const until = row.next === null ? "" : waitsForLoop() ? "once a loop runs" : untilText(row.next - Date.now() / 1000 - view.skew);
    const said = next.querySelector(".ja-in");
    if (said && said.textContent !== until) said.textContent = until;
  };
  item.update = (row, moment, window) => {
    const before = item.row;
    item.row = row;
    const seen = JSON.stringify([row, window, waitsForLoop()]);
    knob.setAttribute("aria-checked", String(row.on));
    knob.title = `${row.on ? "runs" : "stopped"}${row.declared ? ", as its code says" : ""}`;
    fill(strip, tickStrip(row, moment, window, STRIP_SLOTS));
    if (seen !== item.seen) {
      item.seen = seen;
      fill(about, [row.kind, row.targets, row.when].filter(Boolean).join(" · "));
      fill(next, row.next === null ? null : [el("span", { class: "ja-when" }, waitsForLoop() ? "" : whenText(row.next)), " ", el("span", { class: "ja-in jw-note" })]);
      fill(last, lastOf(row));
    }
    item.count();
    if (item.detail && (JSON.stringify(before.last) !== JSON.stringify(row.last) || item.detail.isOpen())) item.detail.refresh();
  };
  if (view.model.get("names").length === 1) open(true);
  return item;
}

function lastOf({ last, failures }) {
  if (!last) return null;
  const often = failures > 1 ? ` ${failures} times` : "";
  return [stateBadge(last.status, `${last.word}${often}`), " ", el("span", { class: "ja-when", title: last.why || undefined }, whenText(last.time))];
}

function detailOf(view, item) {
  const { name } = item.row;
  const asking = (what, asked = {}) => ask(view.model, what, { which: name, ...asked });
  const history = tickHistory({
    load: (asked) => asking("ticks", asked),
    decided: (tick) => asking("decisions", { tick }),
    open: (run_id) => act(view, "open", { run_id }, () => `Run ${run_id.slice(0, 8)} stands below.`),
  });
  const preview = tickPreview({
    row: item.row, evaluate: (asked) => asking("evaluate", asked),
    keepCursor: (cursor) => act(view, "cursor", { which: name, cursor }, () => `The cursor of ${name} is ${cursor}.`),
  });
  const facts = el("div");
  const times = el("div");
  asking("detail").then((told) => {
    fill(facts, told.doc ? el("div", { class: "jn-doc" }, told.doc) : null, metadataNode(told.about));
    fill(times, comingTable(told));
  }).catch((error) => fill(facts, el("div", { class: "jw-problem" }, error.message)));
  const choices = [
    { name: "ticks", label: "Ticks", show: (panel) => panel.append(history.node) },
    { name: "evaluate", label: "Evaluate now", show: (panel) => panel.append(preview.node) },
    ...(item.row.kind === "schedule" ? [{ name: "next", label: "Next ticks", show: (panel) => panel.append(times) }] : []),
    { name: "about", label: "About", show: (panel) => panel.append(facts) },
  ];
  const bar = tabs(choices, { label: `More on ${name}` });
  history.refresh();
  return {
    node: bar.node, refresh: history.refresh, isOpen: history.isOpen,
    show: (which) => (bar.open(which), preview),
  };
}

function comingTable({ coming, zone }) {
  if (!coming.length) return el("div", { class: "jw-note" }, "Nothing comes.");
  const rows = coming.map((each) => el("tr", null, el("td", null, whenText(each.time)), el("td", null, each.own),
    el("td", null, [each.change, clockChange(each.time)].filter(Boolean).join("; "))));
  return scrolling(el("table", { class: "jn-table ja-coming" },
    el("thead", null, el("tr", null, ["here", zone, ""].map(columnHead))), el("tbody", null, rows)));
}
