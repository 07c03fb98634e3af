// When each step waited and worked.

/**
 * @typedef {[key: string, status: string, ready: number | null, started: number | null,
 *   ended: number | null, attempts: number, lines: number, why: string, depth: number,
 *   worker: string, cpu: number | null, memory: number | null,
 *   growth: number | null, place: number]} StepRow What `run_data.step_row` gives, times in seconds into the run.
 */

const STEP_ROW = 24;
const NAMES_OF_ROW = ["key", "status", "ready", "started", "ended", "attempts", "lines", "why", "depth", "worker", "cpu", "memory",
  "growth", "place"];
// In what order the steps stand: by the plan, as they began, what took or waited longest first.
const STEP_ORDERS = {
  plan: (one, other) => one.place - other.place, // elements of a mapped step stand where it does
  began: (one, other) => (one.started ?? 1e12) - (other.started ?? 1e12),
  slowest: (one, other) => workOf(other) - workOf(one),
  waited: (one, other) => waitOf(other) - waitOf(one),
  worker: (one, other) => one.worker.localeCompare(other.worker, undefined, { numeric: true })
    || STEP_ORDERS.began(one, other),
  cpu: (one, other) => (other.cpu ?? -1) - (one.cpu ?? -1),
  memory: (one, other) => (other.growth ?? -1) - (one.growth ?? -1),
};

// timeline({ pick(key, event), isChosen(key), slowest() })
//   -> { node, all(rows, now), change(rows), tick(now), chosen(), show(key) }
function timeline({ pick, isChosen, slowest }) {
  const steps = new Map(); // key -> what its row says
  const state = { order: [], shown: [], lanes: [], now: 0, end: 0, deepest: 0 };
  const axis = el("div", { class: "jw-axis", "aria-hidden": "true" });
  const list = rowList({
    high: STEP_ROW, tall: 360, label: "Steps over time", draw: drawStep,
    pick: (at, event) => pick(pickedAt(at, event), event),
    chosen: (at) => !tools.lanes() && isChosen(state.shown[at]),
  });
  const tools = timelineTools(() => sort(), slowest);
  const node = el("div", { class: "jw-timeline" }, tools.node, axis, list.node);

  // Of a lane, the step whose bar was pressed; from the keyboard, or beside a bar, its first one.
  function pickedAt(at, event) {
    if (!tools.lanes()) return state.shown[at];
    return event?.target?.closest?.("[data-step]")?.dataset.step ?? state.lanes[at].steps[0].key;
  }
  function drawStep(at) {
    if (tools.lanes()) return laneRow(state.lanes[at], span(), isChosen);
    const step = steps.get(state.shown[at]);
    const drawn = tools.waterfall() ? levelBar(step, state.deepest) : bars(step, span(), state.now);
    return stepRow(step, drawn, state.now, isChosen(step.key));
  }
  function span() {
    return Math.max(state.end, state.now, 1e-6);
  }
  function sort() {
    const told = state.order.map((key) => steps.get(key));
    state.end = told.reduce((end, step) => Math.max(end, step.ended ?? step.started ?? 0), 0);
    state.deepest = told.reduce((deepest, step) => Math.max(deepest, step.depth), 0);
    tools.levels(state.deepest, told.some((step) => step.worker));
    const kept = tools.only() ? told.filter((step) => step.started !== null) : [...told];
    const order = tools.waterfall() ? (one, other) => one.depth - other.depth : STEP_ORDERS[tools.order()];
    state.shown = (order ? kept.sort(order) : kept).map((step) => step.key);
    state.lanes = tools.lanes() ? lanesOf(told, state.now, span()) : [];
    node.classList.toggle("jw-in-lanes", tools.lanes());
    node.classList.toggle("jw-measured", told.some((step) => step.cpu !== null));
    drawAxis(axis, span(), tools.layout());
    list.count(tools.lanes() ? state.lanes.length : state.shown.length);
    list.redraw();
  }
  const soon = drawnWhenFree(node, sort);
  function take(row) {
    const step = Object.fromEntries(NAMES_OF_ROW.map((name, at) => [name, row[at]]));
    if (!steps.has(step.key)) state.order.push(step.key);
    steps.set(step.key, step);
  }
  return {
    node,
    all(told, now) {
      steps.clear();
      Object.assign(state, { order: [], now });
      told.forEach(take);
      soon();
    },
    change(told) {
      told.forEach(take);
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

function timelineTools(changed, slowest) {
  const choice = (label, choices) => el("select", { class: "jw-select", "aria-label": label, onchange: changed },
    Object.entries(choices).map(([value, words]) => el("option", { value }, words)));
  const mode = choice("How steps are laid out", { timed: "Timed", waterfall: "Waterfall", lanes: "Lanes" });
  mode.title = "Timed: when each step worked. Waterfall: what each step had to wait for. "
    + "Lanes: what each worker did.";
  const byWorker = mode.querySelector('[value="lanes"]');
  const order = choice("Order of the steps", {
    plan: "as planned", began: "as they began", slowest: "slowest first", waited: "longest wait first",
    worker: "by worker", cpu: "most CPU time first", memory: "most memory first",
  });
  const only = el("input", { type: "checkbox", onchange: changed });
  const legend = el("span", { class: "jw-note jw-legend" },
    el("span", { class: "jw-of-wait" }, el("i", { class: "jw-wait" }), " waiting "),
    el("i", { class: "jw-work jn-running" }), " at work");
  const path = button("Slowest path", slowest, {
    class: "jw-plain", title: "Select the chain of steps that took longest together",
  });
  const begun = el("label", { class: "jw-note" }, only, " only steps that began");
  const node = el("div", { class: "jw-bar" }, mode, order, begun, path, legend);
  const [waterfall, lanes] = ["waterfall", "lanes"].map((way) => () => mode.value === way);
  return {
    node, waterfall, lanes, layout: () => mode.value, only: () => only.checked, order: () => order.value,
    // How many steps wait behind each other at most, and whether they have workers.
    levels(deepest, workers) {
      byWorker.hidden = byWorker.disabled = !workers;
      if (lanes() && !workers) mode.value = "timed"; // another run is shown
      mode.classList.toggle("jw-hidden", !deepest && !workers);
      path.classList.toggle("jw-hidden", !deepest); // nothing waits
      order.classList.toggle("jw-hidden", waterfall() || lanes());
      begun.classList.toggle("jw-hidden", lanes());
      legend.classList.toggle("jw-hidden", waterfall());
      legend.classList.toggle("jw-only-work", lanes());
    },
  };
}

function workOf({ started, ended }) {
  return started === null ? -1 : (ended ?? 1e12) - started;
}

// How long it stood ready before it began; -1 where that is not known or not over.
function waitOf({ ready, started }) {
  return ready === null || started === null ? -1 : Math.max(0, started - ready);
}

function stepRow(step, drawn, now, chosen) {
  const { key, started, ended, attempts, why, worker, cpu, memory, growth } = step;
  const status = shownStep(step.status);
  const took = started === null ? "" : durationText((ended ?? Math.max(now, started)) - started);
  const waited = waitOf(step) >= 0.0005 ? durationText(waitOf(step)) : "";
  const words = [stateWord(status), took, waited && `waited ${waited}`, attempts > 1 && `attempt ${attempts}`,
    worker && `on ${worker}`, cpu !== null && `${durationText(cpu)} of processor time`,
    memory !== null && `its process had ${bytesText(memory)} at most, ${bytesText(growth)} more than before`];
  return el("div", {
    class: `jw-step jn-${status}${chosen ? " jw-chosen" : ""}`, data: { step: key, status: step.status },
    title: `${key}: ${words.filter(Boolean).join(", ")}${why ? `. ${why}` : ""}`,
  },
    el("span", { class: "jw-step-name" }, glyphIcon(status), elided(key),
      el("span", { class: "jw-spoken" }, ` ${words[0]}`)),
    el("span", { class: "jw-track" }, drawn),
    el("span", { class: "jw-waited" }, waited),
    el("span", { class: "jw-cpu" }, cpu === null ? "" : durationText(cpu)),
    el("span", { class: "jw-memory" }, growth >= 1e6 ? `+${bytesText(growth)}` : ""),
    el("span", { class: "jw-took" }, attempts > 1 ? `${attempts}× ` : "", took));
}

// A name that may be cut, but not its mapping key: it is what tells elements apart.
function elided(key) {
  const [, name, element] = /^([^[]*)(.*)$/s.exec(key);
  const kept = element ? el("span", { class: "jw-element" }, element) : null;
  return el("span", { class: "jw-elides" }, el("span", { class: "jw-elide" }, name), kept);
}

function bars({ ready, started, ended }, span, now) {
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

// A step after all that it waits for, whatever the clock said.
function levelBar({ depth }, deepest) {
  const one = 100 / (deepest + 1);
  return el("i", { class: "jw-work", style: { left: `${depth * one}%`, width: `max(2px, calc(${one}% - 2px))` } });
}

function drawAxis(axis, span, layout) {
  const track = el("span", { class: "jw-axis-track" });
  const names = layout === "lanes" ? [["jw-count", "done"], ["", "at work"]]
    : [["jw-waited", "waited"], ["jw-cpu", "CPU"], ["jw-memory", "memory"], ["", "time"]];
  fill(axis, el("span"), track, names.map(([css, word]) => el("span", { class: `jw-axis-name ${css}` }, word)));
  if (layout === "waterfall") return;
  const room = track.clientWidth || 400;
  const step = niceStep((span * 90) / room);
  for (let at = 0; at <= span * (1 - 46 / room); at += step) { // a later one is cut off
    track.append(el("span", { style: { left: `${(100 * at) / span}%` } }, at ? durationText(at) : "0"));
  }
}

// The round number of 1, 2 or 5 of some power of ten that is nearest above.
function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-6)));
  return [1, 2, 5, 10].find((each) => each * power >= rough) * power;
}
