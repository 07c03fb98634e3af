// What followed from a cell: assets that became stale, and assets that may only be renamed.

const REACTION_MARKS = { looking: "queued", stale: "stale", running: "running", ended: "succeeded", canceled: "canceled", failed: "failed" };

function drawRenames(model, { renames, problem }) {
  const decide = (told, keep) => ask(model, "rename", { new: told.new, keep })
    .catch((error) => (problem.textContent = error.message));
  fill(renames, model.get("renames").map((told) => el("div", { class: "jw-bar jw-rename" },
    el("span", null, el("code", null, told.new), " has the code of ", el("code", null, told.old), ", which is no longer defined."),
    button("Keep its values", () => decide(told, true), { class: "jw-main", title: `The values and the history of ${told.old} go to ${told.new}` }),
    button("It is another asset", () => decide(told, false), { title: `${told.old} keeps its values` }))));
}

function drawReaction(model, { head, list, buttons, problem }) {
  const told = model.get("reaction");
  const quiet = !told.state || told.state === "nothing";
  fill(head, quiet ? null : stateBadge(REACTION_MARKS[told.state] ?? "stale", told.words),
    told.run ? [" ", el("code", null, told.run)] : null);
  fill(list, quiet ? null : told.stale.map(({ name, why }) => el("li", null, el("code", null, name), " ", el("span", { class: "jw-note" }, why))),
    told.more ? el("li", { class: "jw-note" }, `… ${told.more} more`) : null);
  if (told.problem) problem.textContent = told.problem;
  const act = (name) => ask(model, name).catch((error) => (problem.textContent = error.message));
  fill(buttons,
    told.state === "running" ? button("Cancel", () => act("cancel"), { title: "Cancel this run; what was made is kept" }) : null,
    quiet ? null : button("Stop reacting", () => act("off"), { title: "session.reactive = None" }));
}

export default alive({
  render({ model, el: place }) {
    const root = el("div", { class: "jobnb jw-after", "data-lm-suppress-shortcuts": "true" });
    const parts = {
      renames: el("div"),
      head: el("div", { role: "status" }),
      list: el("ul", { class: "jw-after-list" }),
      buttons: el("div", { class: "jw-bar" }),
      said: el("div", { class: "jw-note", role: "status" }),
      problem: el("div", { class: "jw-problem", role: "alert" }),
    };
    append(root, Object.values(parts));
    place.append(root);
    const draws = {
      renames: () => drawRenames(model, parts),
      reaction: () => drawReaction(model, parts),
      said: () => (parts.said.textContent = model.get("said")),
    };
    Object.values(draws).forEach((draw) => draw());
    const stops = Object.entries(draws).map(([name, draw]) => watch(model, [name], draw));
    return () => stops.forEach((stop) => stop());
  },
});
