// Moving about in a picture: drag, zoom with ctrl and the wheel or with buttons, fit.

const ZOOM = { least: 0.08, most: 3, step: 1.25 };

// movable(svg, stage, changed) -> { fit, zoom, reveal, set, scale }
// The wheel alone scrolls the page as it does everywhere; with ctrl or cmd it zooms.
function movable(svg, stage, changed) {
  const at = { x: 0, y: 0, k: 1, width: 1, height: 1, touched: false };
  const apply = eachFrame(() => {
    stage.setAttribute("transform", `translate(${at.x},${at.y}) scale(${at.k})`);
    changed?.(at.k);
  });
  const view = {
    at,
    apply,
    scale: () => at.k,
    set(width, height) {
      Object.assign(at, { width, height });
    },
    fit: () => fitView(at, svg, apply),
    zoom(factor, centre) {
      at.touched = true;
      zoomView(at, svg, factor, centre);
      apply();
    },
    reveal: (box) => revealBox(at, svg, box, apply),
    centre: (box) => centreBox(at, svg, box, apply),
  };
  listenWheel(svg, view);
  listenDrag(svg, view);
  return view;
}

// Where there is no room yet (a hidden tab) nothing can be fitted.
function fitView(at, svg, apply) {
  const { width, height } = svg.getBoundingClientRect();
  if (!width || !height) return;
  at.k = Math.max(ZOOM.least, Math.min(1, width / at.width, height / at.height));
  at.x = Math.max(0, (width - at.width * at.k) / 2);
  at.y = Math.max(0, (height - at.height * at.k) / 2);
  at.touched = false;
  apply();
}

function zoomView(at, svg, factor, centre) {
  const room = svg.getBoundingClientRect();
  const [x, y] = centre ?? [room.width / 2, room.height / 2];
  const k = Math.min(ZOOM.most, Math.max(ZOOM.least, at.k * factor));
  at.x = x - ((x - at.x) * k) / at.k;
  at.y = y - ((y - at.y) * k) / at.k;
  at.k = k;
}

// Moves just as far as is needed to see a card.
function revealBox(at, svg, [x, y, width, height], apply) {
  const room = svg.getBoundingClientRect();
  const margin = 16;
  const [left, top] = [at.x + x * at.k, at.y + y * at.k];
  const [right, bottom] = [left + width * at.k, top + height * at.k];
  if (right > room.width - margin) at.x -= right - room.width + margin;
  if (left < margin) at.x += margin - left;
  if (bottom > room.height - margin) at.y -= bottom - room.height + margin;
  if (top < margin) at.y += margin - top;
  apply();
}

function centreBox(at, svg, [x, y, width, height], apply) {
  const room = svg.getBoundingClientRect();
  if (at.k < 0.6) at.k = 0.8;
  at.x = room.width / 2 - (x + width / 2) * at.k;
  at.y = room.height / 2 - (y + height / 2) * at.k;
  at.touched = true;
  apply();
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
    from.moved = view.at.touched = true;
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
