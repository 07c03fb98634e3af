// What a schedule or sensor would launch: evaluated without launching or keeping anything.

// tickPreview({ row, evaluate(asked), keepCursor(cursor), said(text) }) -> { node, run() }
function tickPreview({ row, evaluate, keepCursor }) {
  const isSchedule = row.kind === "schedule";
  const field = el("input", isSchedule
    ? { class: "jw-input", type: "datetime-local", "aria-label": "Moment to evaluate at" }
    : { class: "jw-input ja-cursor", type: "text", "aria-label": "Cursor to evaluate with", placeholder: row.cursor ?? "its cursor" });
  const go = button("Evaluate", () => run(), { "data-changes": true, title: "Call its function; nothing is launched or kept" });
  const words = isSchedule ? "at (the next tick if empty) " : "with the cursor (the kept one if empty) ";
  const out = el("div", { class: "ja-preview", role: "status" });
  const node = el("div", null, el("div", { class: "jw-bar" }, go, el("label", { class: "jw-note" }, words, field)), out);

  async function run() {
    go.disabled = true;
    fill(out, el("span", { class: "jw-note" }, "Evaluating…"));
    const asked = {};
    if (field.value) asked[isSchedule ? "at" : "cursor"] = isSchedule ? new Date(field.value).getTime() / 1000 : field.value;
    try {
      fill(out, previewOf(await evaluate(asked), row, keepCursor));
    } catch (error) {
      const [says, ...place] = error.message.split("\n");
      fill(out, el("div", { class: "jn-error" }, el("div", { class: "jn-says" }, says), place.length ? pre(place.join("\n")) : null));
    }
    go.disabled = false;
  }
  return { node, run };
}

function previewOf(told, row, keepCursor) {
  const many = told.requests.length;
  const verdict = many ? `Would launch ${counted(many, "run")}.` : "Would launch nothing.";
  return [
    el("div", { class: "ja-verdict" }, el("strong", null, verdict), " ", told.skip),
    told.problems.map((text) => el("div", { class: "jw-problem" }, text)),
    told.requests.map(requestNode),
    told.partitions.map((text) => el("div", null, `It also ${text}.`)),
    cursorNode(told, row, keepCursor),
    logLines(told.lines),
    told.decisions.length ? decisions(told.decisions, told.left) : null,
  ];
}

function requestNode(request) {
  const about = [
    ["partition", request.partition], ["run key", request.key], ["assets", request.assets.join(", ")],
    ...request.tags.map(({ name, text }) => [name, text]),
  ].filter(([, text]) => text).map(([name, text]) => ({ name, text }));
  const config = request.config ? folded("config", pre(request.config)) : null;
  return el("div", { class: "ja-request" }, el("code", null, request.job), about.length ? metadataNode(about) : null, config);
}

function cursorNode(told, row, keepCursor) {
  if (row.kind === "schedule" || told.cursor === null || told.cursor === undefined || told.cursor === row.cursor) return null;
  const keep = button("Keep this cursor", async (event) => {
    event.target.disabled = true;
    await keepCursor(told.cursor);
  }, { "data-changes": true, class: "jw-plain", title: "The next evaluation begins with it" });
  const shown = told.cursor.length > 80 ? folded("the cursor after it", pre(told.cursor)) : ["The cursor after it: ", el("code", null, told.cursor)];
  return el("div", { class: "jw-bar" }, shown, keep);
}

// --- conditions -------------------------------------------------------------

function decisions(told, left) {
  const yes = told.filter((each) => each.yes).length;
  return el("div", { class: "ja-decisions" },
    el("div", { class: "jn-muted" }, `${yes} of ${counted(told.length, "condition")} true`),
    told.map((each) => {
      const node = el("details", null, el("summary", null, verdictBadge(each), " ", el("code", null, each.name), " ",
        el("span", { class: "ja-why" }, each.why)), el("ul", { class: "ja-tree" }, decisionNode(each)));
      node.open = told.length === 1;
      return node;
    }),
    left ? el("div", { class: "jw-note" }, `and ${counted(left, "more")}`) : null);
}

function decisionNode(each) {
  return el("li", null, verdictBadge(each), " ", el("span", { class: "jw-code" }, each.condition),
    each.parts.length ? el("ul", null, each.parts.map(decisionNode)) : el("span", { class: "jw-note" }, ` ${each.why}`));
}

function verdictBadge({ yes }) {
  return stateBadge(yes ? "succeeded" : "skipped", yes ? "yes" : "no");
}
