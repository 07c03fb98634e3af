// The other lists of the catalogue: jobs, ops and graphs, automation, resources.

function jobList(model, jobs, open) {
  const rows = jobs.map((job) => [
    linked(model, "job", job.name, el("code", {}, job.name)), job.noun, job.doc,
    button("Launchpad", () => open(job.name), { "data-changes": true, "aria-label": `Launchpad of ${job.name}` }),
  ]);
  return listing(["name", "kind", "", ""], rows);
}

function partList(parts) {
  const rows = parts.map((part) => [el("code", {}, part.name), part.noun, part.doc, part.cell ?? ""]);
  return listing(["name", "kind", "", ""], rows);
}

function resourceList(resources) {
  const rows = resources.map(({ name, words }) => [el("code", {}, name), words.join(" · ")]);
  return listing(["key", ""], rows);
}

function listing(titles, rows) {
  const head = el("tr", {}, titles.map(columnHead));
  const body = rows.map((cells) => el("tr", {}, cells.map((cell) => el("td", {}, cell))));
  return scrolling(el("table", { class: "jn-table" }, el("thead", {}, head), el("tbody", {}, body)));
}
