// How states are seen: colour by class, sign by glyph, word for those who listen.

/**
 * @typedef {"none" | "missing" | "stale" | "queued" | "running" | "succeeded" | "failed" | "skipped"
 *   | "blocked" | "canceled" | "added" | "removed" | "changed"} Status The value of `picture.Status`.
 */
/**
 * STATES is set by the assembler: status -> Look.
 * @typedef {object} Look How a state is told, as `palette.LOOKS` says.
 * @property {string} word Its word.
 * @property {string} glyph Its sign: the path of strokes in a box of 12 by 12 pixels, or nothing.
 */
/**
 * @typedef {object} Mark The state of a card, as `drawing.mark_json` gives it.
 * @property {Status} status How it stands.
 * @property {string} [detail] A few words on it.
 * @property {string} [duration] How long it took.
 * @property {{ status: Status, short: string, words: string }} [checks] What its checks said.
 * @property {number} [progress] How much of it is done, from 0 to 1.
 * @property {number} [since] When it began to run, in seconds since the epoch.
 */

/**
 * The word of a state.
 * @param {Status} status
 */

function stateWord(status) {
  return STATES[status]?.word ?? "";
}

// The sign of a state as a path for an SVG; nothing where it has none.
function glyphPath(status) {
  const glyph = STATES[status]?.glyph;
  if (!glyph) return null;
  return svgEl("path", {
    class: "jn-glyph", d: glyph, fill: "none", "stroke-width": 1.9,
    "stroke-linecap": "round", "stroke-linejoin": "round",
  });
}

// The sign of a state as a small picture among words.
function glyphIcon(status) {
  const path = glyphPath(status);
  if (!path) return null;
  return svgEl(
    "svg",
    { class: `jw-glyph jn-${status}`, viewBox: "-6 -6 12 12", width: 12, height: 12,
      "aria-hidden": "true" },
    path,
  );
}

// Sign and word of a state: what tables and headers show.
function stateBadge(status, word) {
  return el(
    "span", { class: `jw-badge jn-${status}` }, glyphIcon(status), " ", word ?? stateWord(status),
  );
}

// Gives an element the class of a state and takes that of the earlier one.
function setState(node, status) {
  const before = node.dataset.state;
  if (before === status) return;
  if (before) node.classList.remove(`jn-${before}`);
  node.classList.add(`jn-${status}`);
  node.dataset.state = status;
}
