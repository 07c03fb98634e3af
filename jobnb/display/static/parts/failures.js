// Errors as people need them: their own line first, then what it said, the rest folded.

// failure({ step, where, source, says, stack, frames, causes, metadata, more }, pickStep, open) -> node
function failure(told, pickStep, open) {
  const name = told.step
    ? button(told.step, () => pickStep?.(told.step), { class: "jw-plain jw-code", title: "Select this step" })
    : null;
  return el("div", { class: "jn-error jw-failure", role: "group", "aria-label": `Failed: ${told.step}` },
    told.step ? el("div", { class: "jw-bar" }, el("strong", null, "Failed:"), name,
      open ? button("Open in cells", () => open(told.step), { "data-cells": true, title: "Put its inputs, its code and its definition into cells below" }) : null) : null,
    oneError(told), told.metadata?.length ? metadataNode(told.metadata) : null,
    (told.causes ?? []).map((cause) => [el("div", { class: "jn-muted" }, "caused by"), oneError(cause)]),
    told.more ? el("div", { class: "jn-muted" }, `and ${counted(told.more, "more failed step")}`) : null);
}

function oneError({ where, source, says, stack, frames }) {
  return [
    where ? el("div", { class: "jn-muted" }, where) : null,
    source?.length ? pre(source.map(sourceLine), "jw-source") : null,
    el("div", { class: "jn-says" }, says),
    stack ? folded(`traceback, ${counted(frames, "frame")}`, pre(stack)) : null,
  ];
}

function sourceLine(line) {
  const failing = /^\s*(→|-->|>)/.test(line);
  return [failing ? el("span", { class: "jn-line" }, line) : line, "\n"];
}
