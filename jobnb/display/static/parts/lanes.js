// Who did what when: a lane for each worker, its steps one after the other.

// lanesOf(steps, now, span) -> [{ name, worker, steps, drawn, busy }]
// A worker that does several steps at once, as one with threads, has a lane for each of them.
function lanesOf(steps, now, span) {
  const workers = new Map();
  const begun = steps.filter((step) => step.started !== null).sort(STEP_ORDERS.began);
  for (const step of begun) {
    if (!workers.has(step.worker)) workers.set(step.worker, []);
    const lanes = workers.get(step.worker);
    const free = lanes.find((lane) => endOf(lane[lane.length - 1], now) <= step.started + 1e-4);
    if (free) free.push(step);
    else lanes.push([step]);
  }
  const names = [...workers.keys()].sort((one, other) => one.localeCompare(other, undefined, { numeric: true }));
  return names.flatMap((worker) => workers.get(worker).map((done, at) => ({
    name: `${worker || "this process"}${at ? ` · ${at + 1}` : ""}`, worker, steps: done,
    drawn: blocksOf(done, now, span),
    busy: done.reduce((sum, step) => sum + endOf(step, now) - step.started, 0),
  })));
}

function endOf({ started, ended }, now) {
  return ended ?? Math.max(now, started);
}

// Steps too short to be told apart are drawn as one: no lane has more than some hundred.
function blocksOf(steps, now, span) {
  const least = span / 500;
  const blocks = [];
  for (const step of steps) {
    const [from, to, status] = [step.started, endOf(step, now), shownStep(step.status)];
    const last = blocks[blocks.length - 1];
    const joins = last && from - last.to < least && to - from < least && last.status === status
      && (last.steps.length > 1 || last.to - last.from < least);
    if (joins) {
      last.to = Math.max(last.to, to);
      last.steps.push(step);
    } else {
      blocks.push({ from, to, status, steps: [step] });
    }
  }
  return blocks;
}

function shownStep(status) {
  return status === "retrying" ? "running" : status;
}

function laneRow({ name, steps, drawn, busy }, span, isChosen) {
  const share = `${Math.min(100, Math.round((100 * busy) / span))} %`;
  return el("div", {
    class: "jw-step jw-lane", data: { lane: name },
    title: `${name}: ${counted(steps.length, "step")}, at work for ${durationText(busy)}, ${share} of the time`,
  },
    el("span", { class: "jw-step-name" }, el("span", { class: "jw-elide" }, name)),
    el("span", { class: "jw-track" }, drawn.map((block) => laneBlock(block, span, isChosen))),
    el("span", { class: "jw-count" }, counted(steps.length, "step")),
    el("span", { class: "jw-took" }, share));
}

function laneBlock({ from, to, status, steps }, span, isChosen) {
  const chosen = steps.some((step) => isChosen(step.key));
  const told = steps.length === 1
    ? `${steps[0].key}: ${stateWord(status)}, ${durationText(to - from)}`
    : `${counted(steps.length, "step")}: ${steps[0].key} … ${steps[steps.length - 1].key}`;
  return el("i", {
    class: `jw-work jn-${status}${chosen ? " jw-chosen-bar" : ""}`, title: told, data: { step: steps[0].key },
    style: { left: `${(100 * from) / span}%`, width: `max(2px, calc(${(100 * (to - from)) / span}% - 1px))` },
  }, steps.length === 1 ? el("span", { class: "jw-bar-name", "aria-hidden": "true" }, steps[0].key) : null);
}
