// Where a picture is seen from. What is computed comes first, from sizes and boxes alone; then
// moving about: drag, zoom with ctrl and the wheel, buttons or keys.

const ZOOM = { least: 0.08, most: 3, step: 1.25, readable: 0.7, pleasant: 0.85 };
const CANVAS = { least: 90, air: 8, gap: 40, row: 64, tries: 60, pan: 0.2 };

// All of a drawing in a box: { k, x, y }, in the middle of it.
function fittedView(drawing, width, height) {
  const k = Math.min(1, width / drawing.width, height / drawing.height);
  return {
    k, x: Math.max(0, (width - drawing.width * k) / 2), y: Math.max(0, (height - drawing.height * k) / 2),
  };
}

// How a drawing opens in a box so wide: { k, x, y, height, all }. All of it where that can be
// read; else its roots in a readable size, with as few cards cut at the sides as can be.
function openingView(drawing, width, tallest) {
  const { k } = fittedView(drawing, width, tallest);
  if (k >= ZOOM.readable) {
    const height = canvasHeight(drawing, k, tallest);
    return { ...fittedView(drawing, width, height), height, all: true };
  }
  const roots = rootsOf(drawing);
  const views = openingScales(drawing, width).flatMap((scale) => viewsAt(drawing, scale, width, tallest, roots));
  return views.reduce((best, each) => (each.worth > best.worth ? each : best)).view;
}

function canvasHeight(drawing, k, tallest) {
  return Math.min(tallest, Math.max(CANVAS.least, Math.ceil(drawing.height * k)));
}

// The cards at the very left that no arrow leads to, each with how much it counts: the more it
// leads to, the more. A source that is needed further on lies there. In a circle all are roots.
function rootsOf(drawing) {
  const edges = drawing.edges.filter((edge) => edge.start !== edge.end);
  const led = new Set(edges.map((edge) => edge.end));
  const column = Math.min(...drawing.cards.map(({ box }) => box[0] + box[2]));
  const first = drawing.cards.filter(({ box }) => box[0] < column);
  const free = first.filter(({ key }) => !led.has(key));
  const roots = new Map((free.length ? free : first).map(({ key }) => [key, 1]));
  for (const { start } of edges) if (roots.has(start)) roots.set(start, roots.get(start) + 1);
  return roots;
}

// Readable scales; among them those at which the right side lies between two columns.
function openingScales(drawing, width) {
  const [near, far] = [width, width / ZOOM.readable];
  const sides = drawing.cards.map(({ box }) => [box[0], box[0] + box[2]]).sort((a, b) => a[0] - b[0]);
  const ends = [];
  let reached = 0;
  for (const [left, right] of [...sides, [Infinity, Infinity]]) {
    const [from, to] = [Math.max(near, reached + CANVAS.air), Math.min(far, left - 2)];
    if (reached && from <= to) ends.push((from + Math.min(to, from + CANVAS.gap)) / 2);
    reached = Math.max(reached, right);
  }
  return [...new Set([ZOOM.readable, ZOOM.pleasant, 1, ...ends.map((end) => width / end)])];
}

// What may be seen at this scale, and how good each view is.
function viewsAt(drawing, k, width, tallest, roots) {
  const cards = drawing.cards.filter(({ box }) => box[0] < width / k);
  const middle = middleOf(roots.size ? cards.filter(({ key }) => roots.has(key)) : cards);
  const x = Math.max(0, (width - drawing.width * k) / 2);
  return topsAt(drawing, cards, k, tallest, middle).map((top) => {
    const height = heightFrom(drawing, cards, k, tallest, top);
    const [right, bottom] = [width / k, top + height / k];
    const seen = cards.filter(({ box }) => box[1] < bottom && box[1] + box[3] > top);
    const whole = seen.filter(({ box }) => box[0] + box[2] <= right && box[1] >= top && box[1] + box[3] <= bottom);
    const view = { k, x, y: top ? -top * k : Math.max(0, (height - drawing.height * k) / 2), height };
    const cut = seen.length - whole.length;
    const aside = Math.abs(top + height / k / 2 - middle);
    return { view, worth: worthOf(whole, roots) - cut - 2 * Math.abs(k - ZOOM.pleasant) - aside / 10000 };
  });
}

// Above all that every root is seen; then as much as can be of what leads on, and no card cut.
function worthOf(whole, roots) {
  const all = [...roots.values()].reduce((sum, one) => sum + one, 0);
  const seen = whole.reduce((sum, { key }) => sum + (roots.get(key) ?? 0), 0);
  return (seen === all ? 20 : 0) + (10 * seen) / all + (whole.length ? 5 : 0);
}

function middleOf(cards) {
  if (!cards.length) return 0;
  const top = Math.min(...cards.map(({ box }) => box[1]));
  return (top + Math.max(...cards.map(({ box }) => box[1] + box[3]))) / 2;
}

// Where the upper side may lie: above a card, those around the roots first.
function topsAt(drawing, cards, k, tallest, middle) {
  const last = drawing.height - tallest / k;
  if (last <= 0) return [0];
  const tops = [0, last, ...cards.map(({ box }) => Math.max(0, box[1] - CANVAS.air))].filter((top) => top < last + CANVAS.row);
  const aside = (top) => Math.abs(top + tallest / k / 2 - middle);
  return [...new Set(tops)].sort((a, b) => aside(a) - aside(b)).slice(0, CANVAS.tries);
}

// As high as may be, or a row less where that cuts no card.
function heightFrom(drawing, cards, k, tallest, top) {
  const left = (drawing.height - top) * k;
  const height = Math.min(canvasHeight(drawing, k, tallest), Math.max(CANVAS.least, Math.ceil(left)));
  if (left <= height) return height;
  const cuts = (bottom) => cards.filter(({ box }) => box[1] < bottom && box[1] + box[3] > bottom);
  const bottom = top + height / k;
  const higher = Math.min(bottom, ...cuts(bottom).map(({ box }) => box[1] - CANVAS.air / 2));
  return higher - top > (bottom - top) * 0.75 && !cuts(higher).length ? Math.floor((higher - top) * k) : height;
}

// The same view of another drawing: what was at one place before, and is at another, stays.
function heldView({ k, x, y }, [oldX, oldY], [newX, newY]) {
  return { k, x: x + (oldX - newX) * k, y: y + (oldY - newY) * k };
}

// The nearest view in which a box is seen; of one larger than the room, its beginning.
function revealedView({ k, x, y }, [left, top, wide, high], width, height) {
  const margin = 16;
  const along = (at, from, size, room) => {
    const last = Math.min(at, room - margin - (from + size) * k);
    return Math.max(last, margin - from * k);
  };
  return { k, x: along(x, left, wide, width), y: along(y, top, high, height) };
}

// Where to look for one card: in the middle, in a readable size.
function centredView({ k }, [left, top, wide, high], width, height) {
  const scale = k < 0.6 ? 0.8 : k;
  return { k: scale, x: width / 2 - (left + wide / 2) * scale, y: height / 2 - (top + high / 2) * scale };
}

// --- moving -----------------------------------------------------------------

// movable(svg, stage, changed) -> { at, open, fit, zoom, pan, reveal, centre, hold }
// The wheel alone scrolls the page as it does everywhere; with ctrl or cmd it zooms.
// `at.own` is whether someone has moved: then it stays where it is.
function movable(svg, stage, changed) {
  const at = { k: 1, x: 0, y: 0, own: false, fitted: false };
  let drawing = { width: 1, height: 1 };
  const apply = eachFrame(() => {
    stage.setAttribute("transform", `translate(${at.x},${at.y}) scale(${at.k})`);
    changed?.(at.k);
  });
  const room = () => svg.getBoundingClientRect();
  const go = (seen, own) => {
    Object.assign(at, { k: seen.k, x: seen.x, y: seen.y, own, fitted: false });
    apply();
  };
  const view = {
    at,
    apply,
    of: (shown) => (drawing = shown),
    open: (seen) => go(seen, false),
    hold: (before, after) => go(heldView(at, before, after), true),
    reveal(box) {
      const seen = revealedView(at, box, room().width, room().height);
      if (seen.x !== at.x || seen.y !== at.y) go(seen, true);
    },
    centre: (box) => go(centredView(at, box, room().width, room().height), true),
    pan: (right, down) => go({ k: at.k, x: at.x - right * CANVAS.pan * room().width, y: at.y - down * CANVAS.pan * room().height }, true),
    // Where there is no room yet (a hidden tab) nothing can be fitted.
    fit() {
      const { width, height } = room();
      if (!width || !height) return;
      go(fittedView(drawing, width, height), false);
      at.fitted = true;
    },
    zoom(factor, centre) {
      const { width, height } = room();
      const [x, y] = centre ?? [width / 2, height / 2];
      const least = Math.min(ZOOM.least, fittedView(drawing, width, height).k);
      const k = Math.min(ZOOM.most, Math.max(least, at.k * factor));
      go({ k, x: x - ((x - at.x) * k) / at.k, y: y - ((y - at.y) * k) / at.k }, true);
    },
  };
  listenWheel(svg, view);
  listenDrag(svg, view);
  return view;
}

function listenWheel(svg, view) {
  svg.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const room = svg.getBoundingClientRect();
      const turn = Math.max(-60, Math.min(60, event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY));
      view.zoom(Math.exp(-turn * 0.005), [event.clientX - room.left, event.clientY - room.top]);
    },
    { passive: false },
  );
}

// Dragging moves the picture; what moved less than a few pixels was a click.
function listenDrag(svg, view) {
  let from = null;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    from = { x: event.clientX, y: event.clientY, left: view.at.x, top: view.at.y, moved: false };
  });
  svg.addEventListener("pointermove", (event) => {
    if (!from) return;
    if (!(event.buttons & 1)) return void (from = null);
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    if (!from.moved && Math.hypot(dx, dy) < 4) return;
    if (!from.moved) svg.setPointerCapture(event.pointerId);
    from.moved = view.at.own = true;
    svg.classList.add("jw-dragging");
    Object.assign(view.at, { x: from.left + dx, y: from.top + dy });
    view.apply();
  });
  const end = () => {
    svg.classList.remove("jw-dragging");
    if (from?.moved) swallowClick(svg);
    from = null;
  };
  svg.addEventListener("pointerup", end);
  svg.addEventListener("pointercancel", end);
}

// The click that follows a drag selects nothing.
function swallowClick(svg) {
  const stop = (event) => event.stopPropagation();
  svg.addEventListener("click", stop, { capture: true, once: true });
  setTimeout(() => svg.removeEventListener("click", stop, { capture: true }), 50);
}
