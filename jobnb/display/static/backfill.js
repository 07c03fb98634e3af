// A backfill: how far it is, what failed first, and what can be done with it.

function drawBackfill(model, { title, bar, counts, why }) {
  const head = model.get("head");
  const left = head.total - head.parts.reduce((sum, { count }) => sum + count, 0);
  fill(title, el("strong", { class: "jn-name" }, head.title), " ", el("span", { class: "jn-noun" }, "backfill"), " ",
    stateBadge(head.status), " ", el("span", { class: "jn-note jw-clock" }, head.clock), " ",
    el("code", null, head.backfill_id), head.now ? el("span", { class: "jn-note" }, ` ${head.now}`) : null);
  fill(bar, head.parts.map(({ status, count }) =>
    el("i", { class: `jn-${status}`, data: { status }, style: { flexGrow: count } })),
    left > 0 ? el("i", { data: { status: "queued" }, style: { flexGrow: left } }) : null);
  fill(why, head.why);
  bar.setAttribute("aria-valuenow", head.done);
  bar.setAttribute("aria-valuemax", head.total);
  bar.setAttribute("aria-valuetext", `${head.done} of ${counted(head.total, "partition")}`);
  fill(counts, el("span", { class: "jw-note" },
    `${head.done.toLocaleString("en")} of ${head.total.toLocaleString("en")} partitions`),
    head.parts.map(({ word, status, count }) => stateBadge(status, `${count.toLocaleString("en")} ${word}`)));
}

const BACKFILL_DEEDS = {
  cancel: ["Cancel", "Stop it; what was made is kept"],
  resume: ["Resume", "Try again what was not made, with the assets as they are now"],
};

function drawBackfillDeeds(model, { buttons, problem }) {
  fill(buttons, model.get("can").map((deed) => {
    const [label, title] = BACKFILL_DEEDS[deed];
    return button(label, async (event) => {
      event.target.disabled = true;
      problem.textContent = "";
      await ask(model, "act", { deed }).catch((error) => (problem.textContent = error.message));
      event.target.disabled = false;
    }, { title, "data-changes": true });
  }));
}

export default alive({
  render({ model, el: place }) {
    const root = el("div", { class: "jobnb jw-run-head jw-backfill", "data-lm-suppress-shortcuts": "true" });
    place.append(root);
    const parts = {
      title: el("div", { class: "jn-header" }),
      bar: el("div", { class: "jw-progress", role: "progressbar", "aria-label": "Partitions done", "aria-valuemin": 0 }),
      counts: el("div", { class: "jw-bar jw-counts" }),
      why: el("div", { class: "jw-note" }),
      buttons: el("div", { class: "jw-bar" }),
      problem: el("div", { class: "jw-problem", role: "alert" }),
      failures: el("div"),
    };
    append(root, Object.values(parts));
    const draws = {
      head: () => drawBackfill(model, parts),
      can: () => drawBackfillDeeds(model, parts),
      failures: () => fill(parts.failures, model.get("failures").map((told) => failure(told))),
    };
    Object.values(draws).forEach((draw) => draw());
    const stops = Object.entries(draws).map(([name, draw]) => watch(model, [name], draw));
    return () => stops.forEach((stop) => stop());
  },
});
