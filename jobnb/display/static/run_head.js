// The first lines of a run: how it stands, how far it is, and what can be done with it.

function runHead(model, root) {
  const parts = {
    title: el("div", { class: "jn-header" }),
    bar: el("div", { class: "jw-progress", role: "progressbar", "aria-label": "Steps done", "aria-valuemin": 0 }),
    counts: el("div", { class: "jw-bar jw-counts" }),
    buttons: el("div", { class: "jw-bar" }),
    problem: el("div", { class: "jw-problem", role: "alert" }),
    failures: el("div"),
    cells: el("div"),
  };
  append(root, Object.values(parts));
  const clock = { at: performance.now() };
  const draw = () => {
    clock.at = performance.now();
    drawHead(model, parts);
  };
  // Only when others are there: a button that is replaced while it is pressed is never clicked.
  const drawDeeds = () => drawButtons(model, parts);
  const drawFailures = () =>
    fill(parts.failures, model.get("failures").map((told) => failure(told, (step) => put(model, { selected: [step] }), (step) => openStep(model, root, step, parts))));
  draw();
  drawDeeds();
  drawFailures();
  const timer = setInterval(() => tick(model, parts, clock), 250);
  const stops = [
    watch(model, ["head"], draw), watch(model, ["failures"], drawFailures),
    watch(model, ["can", "selected"], drawDeeds),
  ];
  return () => {
    clearInterval(timer);
    stops.forEach((stop) => stop());
  };
}

function drawHead(model, { title, bar, counts }) {
  const head = model.get("head");
  fill(title, el("strong", { class: "jn-name" }, head.title), " ", el("span", { class: "jn-noun" }, "run"), " ",
    stateBadge(head.status, head.word), " ", el("span", { class: "jn-note jw-clock" }, clockText(head, 0)), " ",
    el("code", { title: head.run_id }, head.run_id.slice(0, 8)),
    head.where ? el("span", { class: "jn-note jw-where", title: "Where its steps are done" }, head.where) : null,
    head.again ? el("span", { class: "jn-note" }, "again, after ", linked(model, "run", head.again, head.again.slice(0, 8))) : null);
  const parts = Object.entries(head.counts);
  fill(bar, parts.map(([status, many]) =>
    el("i", { class: `jn-${shownStatus(status)}`, data: { status }, style: { flexGrow: many } })));
  bar.setAttribute("aria-valuenow", head.done);
  bar.setAttribute("aria-valuemax", head.total);
  bar.setAttribute("aria-valuetext", `${head.done} of ${counted(head.total, "step")}`);
  const idle = head.status === "succeeded" && !head.total;
  const told = idle ? "nothing had to be done" : `${head.done.toLocaleString()} of ${counted(head.total, "step")}`;
  fill(counts, el("span", { class: "jw-note" }, told),
    parts.map(([status, many]) => stateBadge(shownStatus(status), `${many.toLocaleString()} ${status}`)),
    head.now ? el("span", { class: "jw-note jw-now", title: "How far the step is, as it reports" }, head.now) : null);
}

function shownStatus(status) {
  return status === "retrying" ? "running" : status;
}

// Elapsed time, and what is left; `since` is how long ago the kernel told.
function clockText({ elapsed, seconds, left, finished }, since) {
  if (finished) return durationText(seconds ?? elapsed);
  if (elapsed === null) return "";
  const gone = roughly(elapsed + since);
  return left === null ? gone : `${gone} · about ${roughly(Math.max(0, left - since))} left`;
}

function roughly(seconds) {
  return seconds < 10 ? `${seconds.toFixed(1)} s` : durationText(Math.round(seconds));
}

function tick(model, { title }, clock) {
  const head = model.get("head");
  if (head.finished || !title.isConnected || isGone(model)) return;
  const since = (performance.now() - clock.at) / 1000;
  const shown = title.querySelector(".jw-clock");
  if (shown) shown.textContent = clockText(head, since);
  if (!model.get("can").includes("cancel") && since > 1) {
    clock.at = performance.now();
    ask(model, "refresh").catch(() => {}); // a run of another process: nobody tells of it
  }
}

const DEEDS = [
  ["cancel", "Cancel", "Stop the run; resources are torn down"],
  ["rerun", "Re-run", "Run all of it again with the same config"],
  ["from_failure", "Re-run from failure", "Run what failed and what follows; keep what succeeded"],
  ["selected", "Re-run selected", "Run the selected steps again"],
  ["back", "Back to the earlier run", "Show the run that this one repeats"],
];

function drawButtons(model, { buttons, problem }) {
  const [can, many] = [model.get("can"), model.get("selected").length];
  const focused = buttons.querySelector(":focus")?.dataset.deed;
  fill(buttons, DEEDS.filter(([name]) => can.includes(name)).map(([name, label, title]) =>
    button(name === "selected" && many ? `${label} (${many})` : label, (event) => act(model, name, event.target, problem),
      { title, disabled: name === "selected" && !many, data: { deed: name } })),
  many ? button("Clear selection", () => put(model, { selected: [] }), { class: "jw-plain" }) : null);
  if (focused) buttons.querySelector(`[data-deed="${focused}"]`)?.focus();
}

// Put a failed step into cells below; where no notebook can be reached, as text.
async function openStep(model, root, step, { problem, cells }) {
  problem.textContent = "";
  try {
    const sources = await ask(model, "cells", { step });
    fill(cells, placeCells(model, root, sources) ? el("div", { class: "jw-note", role: "status" }, `The step ${step} stands in the cells below.`) : cellTexts(sources));
  } catch (error) {
    problem.textContent = error.message;
  }
}

async function act(model, deed, pressedButton, problem) {
  pressedButton.disabled = true;
  problem.textContent = "";
  try {
    await ask(model, "act", { deed });
  } catch (error) {
    problem.textContent = error.message;
  }
  pressedButton.disabled = false;
}

export default alive({
  render({ model, el: place }) {
    const root = el("div", { class: "jobnb jw-run-head", "data-lm-suppress-shortcuts": "true" });
    place.append(root);
    return runHead(model, root);
  },
});
