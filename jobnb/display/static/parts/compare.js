// Two runs side by side: what differs stands out.

function compareNode({ runs, config, tags, steps }, close) {
  const heads = runs.map((run) => el("th", { scope: "col" }, el("code", null, run.run_id.slice(0, 8)), " ",
    stateBadge(run.status, run.word), el("br"),
    el("span", { class: "jn-muted" }, `${whenText(run.started ?? run.created)} ${durationText(run.seconds)}`)));
  const table = (title, rows) => (rows.length
    ? [el("tr", { class: "jw-part" }, el("th", { scope: "rowgroup", colspan: 4 }, title)), rows] : null);
  return el("div", { class: "jw-compare", role: "region", "aria-label": "Two runs compared" },
    el("div", { class: "jw-bar" }, el("strong", { class: "jw-grow" }, `${runs[0].job} compared`),
      button("Close", close, { class: "jw-plain" })),
    scrolling(el("table", { class: "jn-table" },
      el("thead", null, el("tr", null, columnHead(""), heads, el("th", { scope: "col" }, "difference"))),
      el("tbody", null, table("config", config.map(wordsRow)), table("tags", tags.map(wordsRow)),
        table("steps", steps.map(stepCompared))))));
}

function wordsRow({ name, values, same }) {
  return el("tr", { class: same ? null : "jw-differs" }, el("th", { scope: "row" }, name),
    values.map((value) => el("td", null, value ?? "—")), el("td", null, same ? "" : "differs"));
}

function stepCompared({ name, values }) {
  const [one, other] = values.map((value) => value?.seconds ?? null);
  const known = one !== null && other !== null;
  const differs = values[0]?.status !== values[1]?.status;
  return el("tr", { class: differs ? "jw-differs" : null }, el("th", { scope: "row" }, name),
    values.map((value) => el("td", null, value
      ? [stateBadge(value.status), " ", durationText(value.seconds)] : "—")),
    el("td", null, known ? changeText(one, other) : differs ? "differs" : ""));
}

function changeText(one, other) {
  const [gap, sign] = [other - one, other >= one ? "+" : "−"];
  const share = one > 0 ? ` (${sign}${Math.abs((100 * gap) / one).toFixed(0)} %)` : "";
  return `${sign}${durationText(Math.abs(gap))}${share}`;
}
