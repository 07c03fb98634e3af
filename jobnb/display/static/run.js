// What a run left and did: outputs, timeline, log, config and tags in tabs.

function runTabs(model, root) {
  const chosen = new Set(model.get("selected"));
  const pick = (key, event) => put(model, { selected: picked(chosen, key, event) });
  const views = {};
  const shown = tabs([
    { name: "outputs", label: "Outputs", show: (panel) => panel.append((views.outputs = outputsView(model, pick)).node) },
    { name: "checks", label: "Checks", show: (panel) => panel.append((views.checks = checksView(model, pick)).node) },
    { name: "timeline", label: "Timeline", show: (panel) => panel.append((views.timeline = timelineView(model, pick, chosen)).node) },
    { name: "log", label: "Log", show: (panel) => showLog(model, panel, views, chosen, pick) },
    { name: "config", label: "Config", show: (panel) => panel.append((views.config = configView(model)).node) },
    { name: "tags", label: "Tags", show: (panel) => panel.append((views.tags = tagsView(model)).node) },
  ], { open: model.get("tab"), label: "Parts of the run", onopen: (tab) => put(model, { tab }) });
  root.append(shown.node);
  const all = (name) => (...told) => Object.values(views).forEach((view) => view[name]?.(...told));
  const stops = [
    hear(model, "steps", (rows) => views.timeline?.change(Object.values(rows))),
    hear(model, "log", (told) => views.log?.news(told)),
    watch(model, ["about"], all("about")),
    watch(model, ["run_id"], all("begin")),
    watch(model, ["selected"], () => {
      chosen.clear();
      model.get("selected").forEach((key) => chosen.add(key));
      all("chosen")([...chosen]);
    }),
    watch(model, ["tab"], () => shown.open(model.get("tab"))),
  ];
  const timer = setInterval(() => isGone(model) || all("beat")(), 250);
  return () => {
    clearInterval(timer);
    stops.forEach((stop) => stop());
  };
}

// The selection after a click: with shift, ctrl or the command key, one more or less.
function picked(chosen, key, event) {
  const more = event?.shiftKey || event?.ctrlKey || event?.metaKey;
  if (!more) return chosen.size === 1 && chosen.has(key) ? [] : [key];
  return chosen.has(key) ? [...chosen].filter((each) => each !== key) : [...chosen, key];
}

function showLog(model, panel, views, chosen, pick) {
  views.log = logView(model, { steps: () => [...chosen], pickStep: (key) => pick(key) });
  views.log.begin = views.log.refresh;
  panel.append(views.log.node);
  views.log.refresh();
}

function timelineView(model, pick, chosen) {
  const view = timeline({
    pick, isChosen: (key) => chosen.has(key),
    slowest: async () => put(model, { selected: await ask(model, "slowest_path") }),
  });
  const clock = { at: performance.now(), now: 0, running: false };
  const newer = new Map(); // rows that came while the whole was asked for
  const load = async () => {
    newer.clear();
    const told = await ask(model, "steps");
    Object.assign(clock, { at: performance.now(), now: told.now, running: !told.finished });
    view.all(told.rows.map((row) => newer.get(row[0]) ?? row), told.now);
    if (clock.running && model.get("about").finished) await load(); // it ended meanwhile
  };
  const begin = () => load().catch((error) => fill(view.node, el("div", { class: "jw-problem" }, error.message)));
  begin();
  return {
    node: view.node,
    change: (rows) => {
      rows.forEach((row) => newer.set(row[0], row));
      view.change(rows);
    },
    begin,
    about: () => {
      if (clock.running && model.get("about").finished) begin();
    },
    beat: () => {
      if (clock.running && view.node.isConnected) view.tick(clock.now + (performance.now() - clock.at) / 1000);
    },
    chosen: (keys) => {
      view.chosen();
      if (keys.length) view.show(keys[keys.length - 1]);
    },
  };
}

function outputsView(model, pick) {
  const node = el("div", { class: "jw-outputs" });
  const state = { drawn: new Map(), opened: new Set(), busy: false, waiting: null, seen: -1 };
  const load = async (again) => {
    if (state.busy) return void (state.waiting = { again: again || state.waiting?.again });
    state.busy = true;
    state.seen = model.get("about").outputs;
    try {
      const told = await ask(model, "outputs");
      if (again) forget(state);
      drawOutputs(model, node, told, state, pick);
    } catch (error) {
      fill(node, el("div", { class: "jw-problem" }, error.message));
    }
    const waiting = state.waiting;
    Object.assign(state, { busy: false, waiting: null });
    if (waiting) load(waiting.again);
  };
  const soon = debounce(() => load(model.get("about").finished), 200);
  load();
  return {
    node,
    begin: () => load(true),
    about: () => {
      if (state.seen !== model.get("about").outputs || model.get("about").finished !== state.finished) soon();
      state.finished = model.get("about").finished;
    },
    chosen: (keys) => markOutputs(node, keys),
  };
}

// What the checks of assets said.
function checksView(model, pick) {
  const node = el("div", { class: "jw-outputs" });
  let seen = -1;
  const load = async () => {
    seen = model.get("about").checks;
    try {
      const rows = await ask(model, "checks");
      fill(node, rows.length ? rows.map((row) => checkNode(row, pick)) : el("div", { class: "jn-muted" }, "No checks were made."));
    } catch (error) {
      fill(node, el("div", { class: "jw-problem" }, error.message));
    }
  };
  const soon = debounce(load, 200);
  load();
  return { node, begin: load, about: () => seen !== model.get("about").checks && soon() };
}

function stepButton(step, pick) {
  return button(["made by step ", el("code", null, step)], () => pick(step), {
    class: "jw-plain jw-note", title: `Select the step ${step} in the graph, the timeline and the log`,
  });
}

function checkNode({ asset, check, step, status, word, says, blocking, metadata }, pick) {
  return el(
    "div", { class: "jw-check" },
    el("div", null, stateBadge(status, word), " ", el("code", null, `${asset}:${check}`),
      blocking ? el("span", { class: "jn-muted" }, " blocking") : null, " ",
      stepButton(step, pick)),
    says ? el("div", { class: "jw-note" }, says) : null,
    metadata.length ? metadataNode(metadata) : null,
  );
}

const OPEN_VALUES = 3;

// Draw all anew; what someone has opened stays open.
function forget({ drawn, opened }) {
  for (const [name, each] of drawn) if (each.open) opened.add(name);
  drawn.clear();
}

function drawOutputs(model, node, told, { drawn, opened }, pick) {
  const ends = told.outputs.filter((output) => output.end).slice(0, OPEN_VALUES);
  told.outputs.forEach((output) => {
    const open = (ends.includes(output) && told.finished) || opened.has(output.name);
    if (!drawn.has(output.name)) drawn.set(output.name, outputNode(model, output, open, pick));
  });
  const left = told.count - told.outputs.length;
  fill(node, [...drawn.values()],
    drawn.size ? null : el("div", { class: "jn-muted" }, told.finished ? "Nothing came out." : "Nothing has come out yet."),
    left > 0 ? el("div", { class: "jn-muted" }, `… ${counted(left, "more output")}`) : null);
  markOutputs(node, model.get("selected"));
}

function outputNode(model, { name, step, type, metadata }, open, pick) {
  const line = el("span", { class: "jn-muted" }, type);
  const body = el("div", { class: "jn-body" });
  const node = el("details", { class: "jw-output", data: { step } },
    el("summary", null, el("code", null, name), " ", line), body);
  const load = async () => {
    if (body.childNodes.length) return;
    fill(body, el("span", { class: "jn-muted" }, "…"));
    try {
      const shown = await ask(model, "preview", { output: name });
      line.textContent = shown.line;
      fill(body, previewNode(shown, () => ask(model, "show_rich", { output: name })));
    } catch (error) {
      fill(body, el("div", { class: "jn-muted" }, error.message));
    }
    if (metadata.length) body.append(metadataNode(metadata));
    body.append(stepButton(step, pick));
  };
  node.addEventListener("toggle", () => (node.open ? load() : null));
  node.open = open;
  return node;
}

function markOutputs(node, keys) {
  for (const each of node.querySelectorAll(".jw-output")) {
    each.classList.toggle("jw-chosen", keys.includes(each.dataset.step));
  }
}

function configView(model) {
  const node = el("div");
  const load = () => ask(model, "config").then(
    (text) => fill(node, text ? pre(text, "jw-config") : el("div", { class: "jn-muted" }, "No config was given.")),
    (error) => fill(node, el("div", { class: "jw-problem" }, error.message)));
  load();
  return { node, begin: load };
}

function tagsView(model) {
  const node = el("div");
  const load = () => ask(model, "tags").then(
    (entries) => fill(node, entries.length ? metadataNode(entries) : el("div", { class: "jn-muted" }, "No tags.")),
    (error) => fill(node, el("div", { class: "jw-problem" }, error.message)));
  load();
  return { node, begin: load };
}

export default alive({
  render({ model, el: place }) {
    const root = el("div", { class: "jobnb jw-run-tabs", "data-lm-suppress-shortcuts": "true" });
    place.append(root);
    return runTabs(model, root);
  },
});
