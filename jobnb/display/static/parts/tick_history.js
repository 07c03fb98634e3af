// The ticks of a schedule or sensor: what each launched or why it did not, and its log.

const TICK_FILTERS = { succeeded: "launched", skipped: "skipped", failed: "failed" };

// tickHistory({ load(asked), open(run_id), decided(time) }) -> { node, refresh() }
function tickHistory({ load, open, decided }) {
  const state = { befores: [null], statuses: [], told: null, opened: new Set(), busy: false, conditions: new Map() };
  const filters = el("div", { class: "jw-bar", role: "group", "aria-label": "Which ticks" });
  const list = el("div", { class: "ja-ticks" });
  const pages = el("div", { class: "jw-bar" });
  const problem = el("div", { class: "jw-problem", role: "alert" });
  const node = el("div", null, filters, problem, list, pages);
  drawFilters();

  function drawFilters() {
    fill(filters, Object.entries(TICK_FILTERS).map(([status, word]) =>
      button([glyphIcon(status), word], () => {
        const on = state.statuses.includes(status);
        state.statuses = on ? state.statuses.filter((each) => each !== status) : [...state.statuses, status];
        state.befores = [null];
        drawFilters();
        refresh();
      }, { class: `jw-kind jn-${status}`, "aria-pressed": String(state.statuses.includes(status)) })));
  }
  async function refresh() {
    if (state.busy) return void (state.again = true);
    state.busy = true;
    try {
      const told = await load({ before: state.befores.at(-1), statuses: state.statuses });
      problem.textContent = "";
      if (JSON.stringify(told) !== JSON.stringify(state.told)) {
        state.told = told;
        draw();
      }
    } catch (error) {
      problem.textContent = error.message;
    }
    state.busy = false;
    if (state.again) {
      state.again = false;
      refresh();
    }
  }
  function draw() {
    const held = list.contains(document.activeElement) ? document.activeElement.closest("details")?.dataset.time : null;
    const { ticks, before } = state.told;
    fill(list, ticks.length ? ticks.map((tick) => tickNode(tick, state, { open, decided }))
      : el("div", { class: "jw-note" }, state.statuses.length ? "No such tick." : "No tick yet."));
    if (held) list.querySelector(`details[data-time="${held}"] > summary`)?.focus();
    const turn = (label, on, act) => button(label, act, { class: "jw-plain", disabled: !on });
    fill(pages, before || state.befores.length > 1 ? [
      turn("Newer", state.befores.length > 1, () => (state.befores.pop(), refresh())),
      turn("Older", before, () => (state.befores.push(before), refresh())),
    ] : null);
  }
  return {
    node, refresh,
    isOpen: () => state.told?.ticks.some((tick) => tick.status === "running" || tick.launched.some((run) => !run.finished)),
  };
}

function tickNode(tick, { opened, conditions }, acts) {
  const node = el("details", { class: "ja-tick", data: { time: tick.time } },
    el("summary", null, stateBadge(tick.status, tick.word), el("span", { class: "ja-when" }, whenText(tick.time)),
      el("span", { class: "jw-note" }, durationText(tick.took)),
      el("span", { class: "ja-why" }, tick.runs ? counted(tick.runs, "run") : null, tick.runs && tick.why ? ": " : null, tick.why)),
    tickBody(tick, acts.open, tick.decided ? conditionsOf(tick.time, conditions, acts.decided) : null));
  node.open = opened.has(tick.time);
  node.addEventListener("toggle", () => (node.open ? opened.add(tick.time) : opened.delete(tick.time)));
  return node;
}

// The conditions of assets at a tick, read once they are asked for; what is unfolded stays so.
function conditionsOf(time, known, decided) {
  if (!known.has(time)) {
    const body = el("div", null, el("span", { class: "jw-note" }, "Reading…"));
    const node = el("details", { class: "ja-conditions" }, el("summary", null, "conditions"), body);
    node.addEventListener("toggle", async () => {
      if (!node.open || body.dataset.read) return;
      body.dataset.read = "yes";
      try {
        const told = await decided(time);
        fill(body, decisions(told.decisions, told.left));
      } catch (error) {
        delete body.dataset.read;
        fill(body, el("div", { class: "jw-problem" }, error.message));
      }
    });
    known.set(time, node);
  }
  return known.get(time);
}

function tickBody(tick, open, conditions) {
  const about = [];
  if (tick.known.length) about.push({ name: "launched before", text: tick.known.join(", ") });
  const long = tick.cursor?.length > 80;
  if (tick.cursor !== null && tick.cursor !== undefined && !long) about.push({ name: "cursor", text: tick.cursor });
  return el("div", { class: "jn-body" },
    tick.error ? el("div", { class: "jn-error" }, pre(tick.error)) : null,
    tick.skip ? el("div", { class: "jn-doc" }, tick.skip) : null,
    tick.launched.length ? tickRuns(tick.launched, open) : null,
    about.length ? metadataNode(about) : null,
    conditions,
    long ? folded("cursor", pre(tick.cursor)) : null,
    logLines(tick.lines));
}

function tickRuns(runs, open) {
  const rows = runs.map((run) => el("tr", null,
    el("td", null, button(run.run_id.slice(0, 8), () => open(run.run_id), {
      class: "jw-plain jw-code", title: `Open ${run.run_id}`, disabled: run.word === "not there",
    })),
    el("td", null, run.job), el("td", null, stateBadge(run.status, run.word)),
    el("td", null, run.key), el("td", null, run.partition)));
  const titles = ["run", "job", "", runs.some((run) => run.key) ? "run key" : "", runs.some((run) => run.partition) ? "partition" : ""];
  return scrolling(el("table", { class: "jn-table" },
    el("thead", null, el("tr", null, titles.map(columnHead))), el("tbody", null, rows)));
}

function logLines(lines) {
  if (!lines.length) return null;
  return el("div", { class: "ja-log", role: "group", "aria-label": "Log", tabindex: 0 }, lines.map((line) =>
    el("div", null, el("span", { class: "jw-note" }, `${whenText(line.time).slice(11)} ${line.level} `), line.text)));
}
