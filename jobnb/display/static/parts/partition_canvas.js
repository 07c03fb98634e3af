// The grid of partitions on a canvas: as many cells as there are, as few drawn as can be seen.

const CELL = { high: 16, gap: 2, widest: 22, least: 5, head: 18 };

// partitionCanvas({ picked, hovered }) -> { node, show(grid, statuses), select(pieces), focusAt }
function partitionCanvas({ states, picked, hovered }) {
  const canvas = el("canvas", { class: "jq-canvas", "aria-hidden": "true" });
  const filler = el("div", { class: "jq-filler" });
  const node = el("div", {
    class: "jq-scroll", tabindex: 0, role: "application", "data-lm-suppress-shortcuts": "true",
    "aria-label": "partitions: arrow keys move, shift and arrows select, Enter selects one",
  }, canvas, filler);
  const view = {
    node, canvas, filler, states, picked, hovered, grid: { rows: [], columns: [] }, statuses: null,
    pieces: [], at: null, from: null, dragging: false,
  };
  node.addEventListener("scroll", () => paint(view));
  canvas.addEventListener("pointerdown", (event) => beginDrag(view, event));
  canvas.addEventListener("pointermove", (event) => moveDrag(view, event));
  canvas.addEventListener("pointerup", () => endDrag(view));
  canvas.addEventListener("pointerleave", () => !view.dragging && hovered(null));
  node.addEventListener("keydown", (event) => keyed(view, event));
  node.addEventListener("focus", () => paint(view));
  node.addEventListener("blur", () => paint(view));
  const sized = new ResizeObserver(() => measure(view));
  sized.observe(node);
  return {
    node,
    show: (grid, statuses) => {
      Object.assign(view, { grid, statuses });
      measure(view);
    },
    select: (pieces) => {
      view.pieces = pieces;
      paint(view);
    },
    repaint: () => paint(view),
    stop: () => sized.disconnect(),
  };
}

function measure(view) {
  const { grid, node, canvas } = view;
  const room = node.clientWidth;
  if (!room) return;
  const context = canvas.getContext("2d");
  context.font = labelFont(node);
  const widest = grid.rows.reduce((most, row) => (row.label.length > most.length ? row.label : most), "");
  view.gutter = Math.min(150, Math.ceil(context.measureText(widest).width) + 12);
  const columns = Math.max(1, grid.columns.length);
  const named = Math.max(0, ...grid.columns.map((name) => context.measureText(name.slice(0, 12)).width));
  const roomy = grid.is_matrix ? Math.max(CELL.widest, Math.ceil(named) + 6) : CELL.widest;
  view.wide = Math.max(CELL.least, Math.min(roomy, Math.floor((room - view.gutter - 4) / columns)));
  const high = CELL.head + grid.rows.length * CELL.high + 4;
  const shown = Math.min(high, 340);
  node.style.height = `${shown}px`;
  view.filler.style.height = `${high}px`;
  view.filler.style.width = `${view.gutter + columns * view.wide}px`;
  const dense = window.devicePixelRatio || 1;
  const full = Math.max(node.clientWidth, 10);
  Object.assign(canvas, { width: full * dense, height: shown * dense });
  Object.assign(canvas.style, { width: `${full}px`, height: `${shown}px` });
  Object.assign(view, { dense, full, shown });
  if (!view.placed) node.scrollTop = high; // the latest come last
  view.placed = true;
  paint(view);
}

function labelFont(node) {
  return `10.5px ${getComputedStyle(node).fontFamily || "sans-serif"}`;
}

function colours(view) {
  const style = getComputedStyle(view.node);
  const read = (name) => style.getPropertyValue(`--jn-${name}`).trim();
  return {
    states: view.states.map(({ word, state }) => ({ state, colour: read(state), is: STANDS[word] ?? "full" })),
    fg: read("fg"), bg: read("bg"), muted: read("muted"), line: read("line"), picked: read("running"),
  };
}

// --- drawing ----------------------------------------------------------------

function paint(view) {
  if (!view.full || !view.statuses) return;
  const context = view.canvas.getContext("2d");
  const paints = colours(view);
  context.setTransform(view.dense, 0, 0, view.dense, 0, 0);
  context.clearRect(0, 0, view.full, view.shown);
  const [top, left] = [view.node.scrollTop, view.node.scrollLeft];
  context.font = labelFont(view.node);
  context.textBaseline = "middle";
  const first = Math.max(0, Math.floor(top / CELL.high));
  const last = Math.min(view.grid.rows.length - 1, Math.ceil((top + view.shown) / CELL.high));
  const chosen = chosenIn(view, first, last);
  context.save();
  context.beginPath();
  context.rect(view.gutter, CELL.head, view.full, view.shown);
  context.clip();
  for (let row = first; row <= last; row++) paintRow(view, context, paints, row, chosen, top, left);
  context.restore();
  paintLabels(view, context, paints, first, last, top, left);
}

function paintRow(view, context, paints, at, chosen, top, left) {
  const row = view.grid.rows[at];
  const y = CELL.head + at * CELL.high - top;
  const side = CELL.high - CELL.gap;
  const wide = Math.max(view.wide - (view.wide > 7 ? CELL.gap : 1), 2);
  for (let n = 0; n < row.count; n++) {
    const column = row.skip + n;
    const x = view.gutter + column * view.wide - left;
    if (x < view.gutter - view.wide || x > view.full) continue;
    const place = row.first + n * row.stride;
    paintCell(context, paints, view.statuses.getUint8(place), x, y, wide, side);
    if (chosen.has(place)) {
      context.strokeStyle = paints.picked;
      context.lineWidth = 2;
      context.strokeRect(x - 0.5, y - 0.5, wide + 1, side + 1);
    }
    if (view.at && view.at[0] === at && view.at[1] === n && document.activeElement === view.node) {
      context.strokeStyle = paints.fg;
      context.lineWidth = 1.5;
      context.strokeRect(x - 1, y - 1, wide + 2, side + 2);
    }
  }
}

// Full for made, hollow for missing, half for what is under way; the others with their sign.
const STANDS = { missing: "hollow", "in progress": "half", failed: "signed", skipped: "signed", blocked: "signed" };

function paintCell(context, paints, code, x, y, wide, high) {
  const { state, colour, is } = paints.states[code];
  context.fillStyle = context.strokeStyle = colour;
  context.lineWidth = 1;
  if (is === "hollow" || is === "half") context.strokeRect(x + 0.5, y + 0.5, wide - 1, high - 1);
  if (is === "hollow") return;
  context.fillRect(x, y, wide, is === "half" ? high / 2 : high);
  if (is !== "signed" || wide < 8) return;
  context.save();
  context.translate(x + wide / 2, y + high / 2);
  context.scale(0.8, 0.8);
  context.strokeStyle = paints.bg;
  context.lineWidth = 2;
  context.stroke(signPath(state));
  context.restore();
}

const signPaths = new Map(); // state -> its sign, read once

function signPath(state) {
  if (!signPaths.has(state)) signPaths.set(state, new Path2D(STATES[state].glyph));
  return signPaths.get(state);
}

function paintLabels(view, context, paints, first, last, top, left) {
  context.fillStyle = paints.muted;
  context.save();
  context.beginPath();
  context.rect(0, CELL.head, view.gutter - 4, view.shown);
  context.clip();
  let before = null;
  for (let at = first; at <= last; at++) {
    const { label } = view.grid.rows[at];
    const y = CELL.head + at * CELL.high - top + CELL.high / 2 - 1;
    if (label !== before) context.fillText(label, 2, y);
    before = label;
  }
  context.restore();
  context.save();
  context.beginPath();
  context.rect(view.gutter, 0, view.full, CELL.head);
  context.clip();
  const names = view.grid.columns;
  const room = names.reduce((most, name) => Math.max(most, context.measureText(name.slice(0, 12)).width), 0) + 5;
  const every = Math.max(1, Math.ceil(room / view.wide));
  for (let column = 0; column < names.length; column += every) {
    const x = view.gutter + column * view.wide - left;
    if (x > -60 && x < view.full) context.fillText(names[column].slice(0, 12), x, CELL.head / 2);
  }
  context.restore();
}

// --- selecting --------------------------------------------------------------

// The places that are selected, among the rows that are seen.
function chosenIn(view, first, last) {
  const found = new Set();
  const pieces = view.draft ? [...view.pieces, view.draft] : view.pieces;
  for (let at = first; at <= last; at++) {
    const row = view.grid.rows[at];
    for (const piece of pieces) {
      if (piece.length === 2) stretchIn(row, piece, found);
      else blockIn(row, at, piece, found);
    }
  }
  return found;
}

function stretchIn(row, [a, b], found) {
  const [low, high] = [Math.min(a, b), Math.max(a, b)];
  for (let n = 0; n < row.count; n++) {
    const place = row.first + n * row.stride;
    if (place >= low && place <= high) found.add(place);
  }
}

function blockIn(row, at, [top, left, bottom, right], found) {
  if (at < Math.min(top, bottom) || at > Math.max(top, bottom)) return;
  for (let n = Math.min(left, right); n <= Math.max(left, right) && n < row.count; n++) {
    found.add(row.first + n * row.stride);
  }
}

// The row and the number of the cell under the pointer; null between and beside them.
function cellUnder(view, event) {
  const x = event.offsetX + view.node.scrollLeft - view.gutter;
  const y = event.offsetY + view.node.scrollTop - CELL.head;
  const at = Math.floor(y / CELL.high);
  const row = view.grid.rows[at];
  if (!row || event.offsetY < CELL.head) return null;
  const n = Math.floor(x / view.wide) - row.skip;
  return n >= 0 && n < row.count ? [at, n] : null;
}

function placeOf(view, [at, n]) {
  const row = view.grid.rows[at];
  return row.first + n * row.stride;
}

function pieceOf(view, from, to) {
  if (view.grid.is_matrix) return [...from, ...to];
  return [placeOf(view, from), placeOf(view, to)];
}

function beginDrag(view, event) {
  const cell = cellUnder(view, event);
  if (!cell) return;
  view.canvas.setPointerCapture(event.pointerId);
  view.dragging = true;
  if (!(event.shiftKey || event.ctrlKey || event.metaKey)) view.pieces = [];
  view.from = view.at = cell;
  view.draft = pieceOf(view, cell, cell);
  view.node.focus({ preventScroll: true });
  paint(view);
}

function moveDrag(view, event) {
  const cell = cellUnder(view, event);
  view.hovered(cell && placeOf(view, cell), event);
  if (!view.dragging || !cell) return;
  view.at = cell;
  view.draft = pieceOf(view, view.from, cell);
  paint(view);
}

function endDrag(view) {
  if (!view.dragging) return;
  view.dragging = false;
  take(view);
}

function take(view) {
  view.pieces = [...view.pieces, view.draft];
  view.draft = null;
  view.picked(view.pieces);
  paint(view);
}

const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

function keyed(view, event) {
  const move = MOVES[event.key];
  if (event.key === "Escape" && view.pieces.length) {
    view.pieces = [];
    view.picked([]);
    paint(view);
  } else if (event.key === "Enter" || event.key === " ") {
    if (!view.at) return;
    view.draft = pieceOf(view, view.at, view.at);
    if (!(event.shiftKey || event.ctrlKey)) view.pieces = [];
    take(view);
  } else if (!move) return;
  else step(view, move, event.shiftKey);
  event.preventDefault();
  event.stopPropagation();
}

function step(view, [down, right], selecting) {
  const [at, n] = view.at ?? [view.grid.rows.length - 1, -1];
  const next = moved(view.grid.rows, at, n, down, right);
  if (!next) return;
  if (selecting) {
    view.from ??= view.at ?? next;
    view.draft = pieceOf(view, view.from, next);
    view.pieces = [];
    take(view);
  } else view.from = next;
  view.at = next;
  const y = CELL.head + next[0] * CELL.high;
  if (y - CELL.head < view.node.scrollTop) view.node.scrollTop = y - CELL.head;
  else if (y + CELL.high > view.node.scrollTop + view.shown) view.node.scrollTop = y + CELL.high - view.shown;
  view.hovered(placeOf(view, next));
  paint(view);
}

function moved(rows, at, n, down, right) {
  if (down) {
    const row = rows[at + down];
    if (!row) return null;
    const column = rows[at].skip + Math.max(n, 0) - row.skip;
    return [at + down, Math.max(0, Math.min(row.count - 1, column))];
  }
  if (n + right >= 0 && n + right < rows[at].count) return [at, n + right];
  const row = rows[at + right];
  return row ? [at + right, right > 0 ? 0 : row.count - 1] : null;
}
