// A step that was opened: what it was given, and a button that puts its code into cells.

function openedStep(model, root) {
  const told = model.get("about");
  const parts = { texts: el("div"), problem: el("div", { class: "jw-problem", role: "alert" }) };
  const said = el("span", { class: "jw-note", role: "status" });
  const place = (sources) => {
    if (!sources.length) return;
    if (placeCells(model, root, sources)) said.textContent = "It stands in the cells below.";
    else fill(parts.texts, cellTexts(sources));
  };
  const take = (name) => ask(model, name).then(place).catch((error) => (parts.problem.textContent = error.message));
  append(root, [
    el("div", { class: "jn-header" }, el("strong", { class: "jn-name" }, told.step), " ",
      el("span", { class: "jn-noun" }, "step"), " ", el("span", { class: "jn-note" }, told.run)),
    told.says ? el("div", { class: "jw-problem" }, told.says) : null,
    told.missing.map((why) => el("div", { class: "jn-note" }, why)),
    told.notes.map((note) => el("div", { class: "jn-note" }, note)),
    el("div", { class: "jw-bar" },
      button("Open in cells", () => take("cells"), { title: "Put its inputs, its code and its definition into cells below" }), said),
    parts.problem, parts.texts,
  ]);
  if (model.get("wanted")) take("first");
}

export default alive({
  render({ model, el: place }) {
    const root = el("div", { class: "jobnb jw-run-head jw-opened", "data-lm-suppress-shortcuts": "true" });
    place.append(root);
    openedStep(model, root);
  },
});
