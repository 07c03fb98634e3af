// Cards, arrows and frames, as the kernel has laid them out.

const CARD = { bar: 5, pad: 11, glyph: 24 };
const DASHES = { nothing: "1.5 3.5", dynamic: "7 3", missing: "3 4" };
const ROUND_SHAPES = ["asset", "source", "folded", "missing"];

/**
 * @typedef {[x: number, y: number, width: number, height: number]} Box In pixels.
 */
/**
 * @typedef {object} Card A node, as `drawing.drawing_of` gives it.
 * @property {string} key What it is called everywhere.
 * @property {string} title What stands on it.
 * @property {string} shape One of `picture.Shape`.
 * @property {Box} box Where it is.
 * @property {string} [kind] What kind of thing it is.
 * @property {string} [subtitle] Its type.
 * @property {string[]} [group] The names of what it is in, the outermost first.
 * @property {string[]} [members] The keys of what is folded into it.
 */
/**
 * @typedef {object} Edge An arrow.
 * @property {string} start The key of the card that it leaves.
 * @property {string} end The key of the card that it leads to.
 * @property {string} path The path of its curve.
 * @property {[x: number, y: number, degrees: number]} tip Its tip, and which way that points.
 * @property {string} [kind] One of `picture.EdgeKind`, unless it is data.
 * @property {string} [label] What stands on it.
 * @property {[x: number, y: number]} [at] Where that stands.
 */
/**
 * @typedef {object} Drawing A picture that is laid out.
 * @property {string} title What it is of.
 * @property {number} width In pixels.
 * @property {number} height In pixels.
 * @property {Card[]} cards Its nodes.
 * @property {Edge[]} edges Its arrows.
 * @property {{ path: string[], title: string, at: number[] | null, whole: string, kind: string, box: Box }[]} frames
 *   What stands around groups.
 */

// drawGraph(drawing, family) -> { node, cards: key -> card, edges, frames }
function drawGraph(drawing, family) {
  const cards = new Map(drawing.cards.map((card) => [card.key, cardNode(card)]));
  const edges = drawing.edges.map((edge) => ({ ...edge, node: edgeNode(edge, family) }));
  const frames = drawing.frames.map((frame) => ({ ...frame, node: frameNode(frame) }));
  const node = svgEl(
    "g", {},
    frames.map((frame) => frame.node),
    edges.map((edge) => edge.node),
    [...cards.values()].map((card) => card.node),
  );
  return { node, cards, edges, frames, family };
}

function cardNode(card) {
  const [x, y, width, height] = card.box;
  const radius = ROUND_SHAPES.includes(card.shape) ? 7 : 3;
  const paper = (dx, more) => svgEl("rect", {
    class: "jn-card", x: dx, y: dx, width, height, rx: radius, ...more,
  });
  const dash = ["missing", "source"].includes(card.shape) ? "5 3" : null;
  const texts = {
    title: svgEl("text", { class: "jn-title", x: CARD.bar + CARD.pad - 2, y: 20, "font-size": 12.5 }),
    second: svgEl("text", { class: "jn-small", x: CARD.bar + CARD.pad - 2, y: 36.5, "font-size": 11 }),
    time: svgEl("text", {
      class: "jn-small", x: width - CARD.pad + 2, y: 36.5, "font-size": 11, "text-anchor": "end",
    }),
  };
  const bar = `M${CARD.bar},0h-1a4,4 0 0 0 -4,4v${height - 8}a4,4 0 0 0 4,4h1z`;
  const node = svgEl(
    "g",
    {
      class: `jn-node jw-shape-${card.shape}`, role: "button", tabindex: -1,
      transform: `translate(${x},${y})`, "aria-pressed": "false", data: { key: card.key },
    },
    card.shape === "folded" ? paper(4) : null,
    paper(0, { "stroke-dasharray": dash }),
    svgEl("path", { class: "jn-bar", d: bar }),
    Object.values(texts),
    card.shape === "folded" ? opener(width, height) : null,
  );
  return { ...card, node, texts, glyph: null, mark: null };
}

// The plus at the corner of a folded card.
function opener(width, height) {
  const at = `translate(${width - CARD.pad - 3},${height - 12})`;
  return svgEl(
    "g", { class: "jw-opener", transform: at },
    svgEl("title", {}, "Show what is in it"),
    svgEl("rect", { x: -8, y: -8, width: 16, height: 16, rx: 3 }),
    svgEl("path", { d: "M-4,0h8M0-4v8" }),
  );
}

function edgeNode(edge, family) {
  const [x, y, turn] = edge.tip;
  const name = `${edge.start} → ${edge.end}${edge.label ? ` (${edge.label})` : ""}`;
  return svgEl(
    "g", { class: "jw-edge" },
    svgEl("title", {}, name),
    svgEl("path", { class: "jn-edge", d: edge.path, "stroke-dasharray": DASHES[edge.kind] }),
    svgEl("path", {
      class: "jn-tip", d: "M0,0L-7.5,-3.4V3.4z", transform: `translate(${x},${y}) rotate(${turn})`,
    }),
    edge.label ? edgeLabel(edge, family) : null,
  );
}

function edgeLabel(edge, family) {
  const [x, y] = edge.at;
  const wide = textWidth(edge.label, TEXT_SIZES.small, false, family) + 8;
  return [
    svgEl("rect", { class: "jn-label-bg", x: x - wide / 2, y: y - 7.5, width: wide, height: 15, rx: 3 }),
    svgEl("text", { class: "jn-small", x: x - wide / 2 + 4, y: y + 4, "font-size": 11 }, edge.label),
  ];
}

function frameNode(frame) {
  const [x, y, width, height] = frame.box;
  const inner = frame.path.length % 2 === 0 ? " jn-frame-inner" : "";
  return svgEl(
    "g", { class: "jn-cluster" },
    svgEl("title", {}, frame.whole),
    svgEl("rect", {
      class: `jn-frame${inner}`, x, y, width, height, rx: 9,
      "stroke-dasharray": frame.kind === "graph" ? "4 3" : null,
    }),
    svgEl(
      "g",
      { class: "jw-folder", role: "button", "aria-label": `Fold ${frame.whole}`, tabindex: -1 },
      svgEl("rect", { class: "jw-folder-hit", x: x + 4, y: y + 4, width: width - 8, height: 20 }),
      svgEl("text", { class: "jn-frame-title", x: x + frame.at, y: y + 18, "font-size": 11 }, frame.title),
      svgEl("path", { class: "jw-folder-sign", d: `M${x + width - 20},${y + 14}h8` }),
    ),
  );
}

// --- states -----------------------------------------------------------------

// Shows a card in a state: colour, sign, words, time. Nothing moves.
function showMark(card, mark, family) {
  card.mark = mark;
  const status = mark.status ?? "none";
  if (card.node.dataset.state !== status) {
    setState(card.node, status);
    card.glyph?.remove();
    card.glyph = glyphPath(status);
    if (card.glyph) {
      card.glyph.setAttribute("transform", `translate(${card.box[2] - CARD.pad - 3},15.5)`);
      card.node.append(card.glyph);
    }
  }
  showProgress(card, mark.progress);
  showChecks(card, mark.checks, family);
  showTexts(card, mark, family);
}

// How far the step is: a bar inside the lower edge of its card.
function showProgress(card, part) {
  const told = part !== undefined;
  if (!told) card.progress?.node.remove();
  if (!told) card.progress = null;
  if (told && !card.progress) {
    card.progress = progressNode(card);
    card.node.append(card.progress.node);
  }
  if (told) card.progress.done.setAttribute("width", part * card.progress.room);
}

function progressNode(card) {
  const [x, y, height] = [CARD.bar + CARD.pad - 2, card.box[3] - 5, 3];
  const room = card.box[2] - x - CARD.pad + 2;
  const rect = (css, width) => svgEl("rect", { class: css, x, y, width, height, rx: height / 2 });
  const done = rect("jn-done", 0);
  return { node: svgEl("g", { class: "jw-step-progress" }, rect("jn-whole", room), done), done, room };
}

// What the checks of an asset said, on the lower edge of its card.
function showChecks(card, checks, family) {
  if (card.checks?.words === checks?.words) return;
  card.checksNode?.remove();
  card.checks = checks;
  card.checksNode = checks ? checksNode(card, checks, family) : null;
  if (card.checksNode) card.node.append(card.checksNode);
}

function checksNode(card, checks, family) {
  const wide = textWidth(checks.short, TEXT_SIZES.badge, false, family) + 24;
  const [x, y] = [card.box[2] - wide - 8, card.box[3] - 5];
  const glyph = glyphPath(checks.status);
  glyph.setAttribute("transform", `translate(${x + 10},${y + 7}) scale(.7)`);
  return svgEl(
    "g", { class: `jn-checks jn-${checks.status}` },
    svgEl("title", {}, checks.words),
    svgEl("rect", { class: "jn-badge-bg", x, y, width: wide, height: 14, rx: 7 }),
    glyph,
    svgEl("text", { class: "jn-small", x: x + 18, y: y + 10.5, "font-size": TEXT_SIZES.badge }, checks.short),
  );
}

function showTexts(card, mark, family) {
  const inner = card.box[2] - CARD.bar - 2 * CARD.pad;
  const time = card.shape === "folded" ? "" : markTime(mark);
  const taken = card.shape === "folded" ? 24 : time ? smallWidth(time, family) + 10 : 0;
  setText(card.texts.title, cardTitle(card, inner - (card.glyph ? CARD.glyph : 0) + 4, family));
  setText(card.texts.second, secondLine(card, mark, inner - taken, family));
  setText(card.texts.time, time);
  card.node.setAttribute("aria-label", cardWords(card, mark, time));
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function smallWidth(text, family) {
  return textWidth(text, TEXT_SIZES.small, false, family);
}

function cardTitle(card, room, family) {
  const widthOf = (text) => textWidth(text, TEXT_SIZES.title, true, family);
  return fitted(card.title, room, widthOf, keepEnds);
}

// As much of kind, type and state as there is room for; the state matters most.
function secondLine(card, mark, room, family) {
  const widthOf = (text) => smallWidth(text, family);
  const join = (...parts) => parts.filter(Boolean).join(" · ");
  const choices = [join(card.kind, card.subtitle, mark.detail)];
  if (mark.detail) choices.push(join(card.kind, mark.detail), mark.detail);
  const fits = choices.find((text) => widthOf(text) <= room);
  return fits ?? fitted(choices.at(-1), room, widthOf, keepStart);
}

// How long it took, or has been running for.
function markTime(mark) {
  if (mark.since) return durationText(Math.max(0, Math.floor(Date.now() / 1000 - mark.since)) || 0.1);
  return mark.duration ?? "";
}

function cardWords(card, mark, time) {
  const parts = [card.title, card.kind, card.subtitle, stateWord(mark.status), mark.detail, time,
    mark.checks?.words];
  return [...new Set(parts.filter(Boolean))].join(", ");
}
