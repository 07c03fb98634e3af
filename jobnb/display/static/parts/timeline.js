// When each step waited and worked. A row: [key, status, ready, started, ended, attempts, lines, why],
// times in seconds since the start of the run.

const STEP_ROW = 24;

// timeline({ pick(key, event), isChosen(key) })
//   -> { node, all(rows, now), change(rows), tick(now), chosen(), show(key) }
function timeline({ pick, isChosen }) {
  const rows = new Map(); // key -> row
  const state = { order: [], shown: [], now: 0, end: 0 };
  const axis = el("div", { class: "jw-axis", "aria-hidden": "true" });
  const list = rowList({
    high: STEP_ROW, tall: 360, label: "Steps over time", draw: drawStep,
    pick: (at, event) => pick(state.shown[at], event),
    chosen: (at) => isChosen(state.shown[at]),
  });
  const only = el("input", { type: "checkbox", onchange: () => sort() });
  const node = el("div", { class: "jw-timeline" },
    el("div", { class: "jw-bar" }, el("label", { class: "jw-note" }, only, " only steps that began"),
      el("span", { class: "jw-note jw-legend" }, el("i", { class: "jw-wait" }), " waiting ",
        el("i", { class: "jw-work jn-running" }), " at work")),
    axis, list.node);

  function drawStep(at) {
    return stepRow(rows.get(state.shown[at]), span(), state.now, isChosen(state.shown[at]));
  }
  function span() {
    return Math.max(state.end, state.now, 1e-6);
  }
  function sort() {
    state.shown = only.checked ? state.order.filter((key) => rows.get(key)[3] !== null) : state.order;
    state.end = 0;
    for (const row of rows.values()) state.end = Math.max(state.end, row[4] ?? row[3] ?? 0);
    drawAxis(axis, span());
    list.count(state.shown.length);
    list.redraw();
  }
  const soon = eachFrame(sort);
  return {
    node,
    all(told, now) {
      rows.clear();
      for (const row of told) rows.set(row[0], row);
      Object.assign(state, { order: told.map((row) => row[0]), now });
      soon();
    },
    change(told) {
      for (const row of told) {
        if (!rows.has(row[0])) state.order.push(row[0]);
        rows.set(row[0], row);
      }
      soon();
    },
    tick(now) {
      state.now = now;
      soon();
    },
    chosen: () => soon(),
    show(key) {
      const at = state.shown.indexOf(key);
      if (at >= 0) list.show(at);
    },
  };
}

function stepRow([key, status, ready, started, ended, attempts, , why], span, now, chosen) {
  const took = started === null ? "" : durationText((ended ?? Math.max(now, started)) - started);
  const words = [stateWord(status) || status, took, attempts > 1 ? `attempt ${attempts}` : ""];
  const said = `${key}: ${words.filter(Boolean).join(", ")}${why ? `. ${why}` : ""}`;
  return el("div", {
    class: `jw-step jn-${status === "retrying" ? "running" : status}${chosen ? " jw-chosen" : ""}`,
    title: said, data: { step: key, status },
  },
    el("span", { class: "jw-step-name" }, glyphIcon(status === "retrying" ? "running" : status),
      el("span", { class: "jw-elide" }, key), el("span", { class: "jw-spoken" }, ` ${words[0]}`)),
    el("span", { class: "jw-track" }, bars(ready, started, ended, span, now)),
    el("span", { class: "jw-took" }, attempts > 1 ? `${attempts}× ` : "", took));
}

function bars(ready, started, ended, span, now) {
  const at = (moment) => `${Math.min(100, (100 * moment) / span).toFixed(3)}%`;
  const wide = (from, to) => `max(2px, ${((100 * Math.max(0, to - from)) / span).toFixed(3)}%)`;
  const waited = ready === null ? null : started ?? Math.max(now, ready);
  return [
    waited !== null && waited - ready > span / 500
      ? el("i", { class: "jw-wait", style: { left: at(ready), width: wide(ready, waited) } }) : null,
    started === null ? null
      : el("i", { class: "jw-work", style: { left: at(started), width: wide(started, ended ?? Math.max(now, started)) } }),
  ];
}

function drawAxis(axis, span) {
  const step = niceStep(span / 4);
  const marks = [];
  for (let at = 0; at <= 0.94 * span && marks.length < 12; at += step) { // a later one is cut off
    marks.push(el("span", { style: { left: `${(100 * at) / span}%` } }, at ? durationText(at) : "0"));
  }
  fill(axis, el("span", { class: "jw-axis-track" }, marks));
}

// The round number of 1, 2 or 5 of some power of ten that is nearest above.
function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-6)));
  return [1, 2, 5, 10].find((each) => each * power >= rough) * power;
}
