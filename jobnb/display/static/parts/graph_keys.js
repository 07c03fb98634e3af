// What clicks, keys, buttons and the search box of a graph do.

function listenCards(panel) {
  const cardAt = (event) => {
    const node = event.target.closest?.(".jn-node");
    return node ? panel.graph.cards.get(node.dataset.key) : null;
  };
  panel.svg.addEventListener("click", (event) => clicked(panel, event, cardAt(event)));
  panel.svg.addEventListener("dblclick", (event) => {
    const card = cardAt(event);
    if (card?.members) openCard(panel, card);
  });
  panel.svg.addEventListener("pointerover", (event) => {
    const card = cardAt(event);
    if (card && !event.buttons) panel.hover.open(card, card.node);
    else panel.hover.hide();
  });
  panel.svg.addEventListener("pointerleave", () => panel.hover.hide());
  panel.svg.addEventListener("focusin", (event) => {
    const card = cardAt(event);
    if (card) panel.focused = card.key;
    if (card && event.target.matches(":focus-visible")) panel.hover.open(card, card.node);
  });
  panel.svg.addEventListener("focusout", () => panel.hover.hide());
  panel.node.addEventListener("keydown", (event) => keyed(panel, event, cardAt(event)));
}

function clicked(panel, event, card) {
  const folder = event.target.closest(".jw-folder");
  if (folder) return void foldFrame(panel, folder.closest(".jn-cluster"));
  if (event.target.closest(".jw-opener") && card) return void openCard(panel, card);
  if (card) pick(panel, card, event.shiftKey || event.ctrlKey || event.metaKey);
  else if (panel.model.get("picked").length) put(panel.model, { picked: [] });
}

function foldFrame(panel, node) {
  const frame = panel.graph.frames.find((each) => each.node === node);
  const card = (graph) => graph.cards.get(`fold:${frame.path.join("/")}`);
  want(panel, "fold", { path: frame.path }, { box: frame.box, card, place: (graph) => card(graph)?.box });
}

function openCard(panel, card) {
  const first = (graph) => placesOf(graph).get(card.members[0]);
  const frameOf = (graph) => graph.frames.find((frame) => `fold:${frame.path.join("/")}` === card.key);
  const place = (graph) => (frameOf(graph) ?? first(graph))?.box;
  want(panel, "open", { key: card.key }, { box: card.box, card: first, place });
}

// Asks for another drawing; `wanted` is the card to go to in it, and what is to stay in its place:
// `box` in this drawing, what `place` finds in the other.
function want(panel, name, asked, wanted) {
  panel.wanted = wanted;
  const forget = () => panel.wanted === wanted && (panel.wanted = null);
  ask(panel.model, name, asked).then(() => setTimeout(forget, 1000), forget);
}

const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
const KEYS = {
  Home: (panel) => toStart(panel),
  "+": (panel) => panel.view.zoom(ZOOM.step),
  "=": (panel) => panel.view.zoom(ZOOM.step),
  "-": (panel) => panel.view.zoom(1 / ZOOM.step),
  f: (panel) => panel.view.fit(),
  "/": (panel) => panel.search.focus(),
  Escape: (panel) => put(panel.model, { picked: [] }),
};

const KEYS_IN_WORDS = "Arrow keys go from node to node, with Shift they move the picture. Enter selects, "
  + "e folds or opens, plus and minus zoom, f shows all, Home goes back to the beginning, slash searches.";

function keyed(panel, event, card) {
  if (event.target.closest("input, button") || event.altKey) return;
  if (ARROWS[event.key] && (event.shiftKey || !card)) panel.view.pan(...ARROWS[event.key]);
  else if (ARROWS[event.key]) {
    const next = neighbour(panel.graph, card, event.key);
    if (next) focusCard(panel, next);
  } else if ((event.key === "Enter" || event.key === " ") && card) {
    pick(panel, card, event.shiftKey || event.ctrlKey || event.metaKey);
  } else if (event.key === "e" && card) foldOrOpen(panel, card);
  else if (event.ctrlKey || event.metaKey || !KEYS[event.key]) return;
  else KEYS[event.key](panel);
  event.preventDefault();
  event.stopPropagation();
}

// The key for what clicking a plus or the head of a frame does.
function foldOrOpen(panel, card) {
  if (card.members) return openCard(panel, card);
  const path = (card.group ?? []).join("/");
  const frame = panel.graph.frames.find((each) => each.path.join("/") === path);
  if (frame) foldFrame(panel, frame.node);
}

function focusCard(panel, card) {
  const before = panel.graph.cards.get(panel.focused);
  if (before) before.node.tabIndex = -1;
  panel.focused = card.key;
  card.node.tabIndex = 0;
  card.node.focus({ preventScroll: true });
  panel.view.reveal(card.box);
}

// Back to where it was opened, with the focus on the first root there.
function toStart(panel) {
  const opened = opening(panel);
  if (!opened) return;
  open(panel, opened);
  const roots = rootsOf(panel.model.get("drawing"));
  const seen = ({ box: [x, y, wide, high] }) => x >= 0 && (x + wide) * opened.k <= panel.canvas.clientWidth
    && y * opened.k + opened.y >= 0 && (y + high) * opened.k + opened.y <= opened.height;
  const first = [...panel.graph.cards.values()].find((card) => roots.has(card.key) && seen(card));
  if (first && panel.svg.contains(document.activeElement)) focusCard(panel, first);
}

function moveButtons(panel) {
  const small = { class: "jw-plain" };
  return el(
    "span", { class: "jw-moves" },
    button("−", () => panel.view.zoom(1 / ZOOM.step), { ...small, title: "Smaller (-)", "aria-label": "Zoom out" }),
    button("+", () => panel.view.zoom(ZOOM.step), { ...small, title: "Larger (+)", "aria-label": "Zoom in" }),
    button("Start", () => toStart(panel), { ...small, title: "Back to where it begins (Home)" }),
    button("Fit", () => panel.view.fit(), { ...small, title: "All of it (f); zoom with Ctrl and the wheel" }),
  );
}

// --- search -----------------------------------------------------------------

function searchBox(panel) {
  const input = el("input", {
    class: "jw-input", type: "search", placeholder: "Search nodes", "aria-label": "Search nodes",
    "data-lm-suppress-shortcuts": "true",
  });
  const count = el("span", { class: "jw-note", "aria-live": "polite" });
  const state = { at: -1, found: null };
  const show = () => {
    state.found = searched(panel.graph, input.value);
    const cards = state.found && new Set(state.found.map((each) => each.card));
    for (const card of panel.graph.cards.values()) {
      card.node.classList.toggle("jw-dim", Boolean(cards) && !cards.has(card));
    }
    count.textContent = state.found ? `${state.found.length} found` : "";
  };
  input.addEventListener("input", () => {
    state.at = -1;
    show();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") nextFound(panel, state, event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") {
      input.value = "";
      show();
    } else return;
    event.preventDefault();
  });
  const node = el("span", { class: "jw-search" }, input, count);
  return { node, focus: () => input.focus(), again: () => input.value && show() };
}

// Enter goes from one to the next; one that lies in a folded group is opened.
function nextFound(panel, state, step) {
  const total = state.found?.length ?? 0;
  if (!total) return;
  state.at = (state.at + step + total) % total;
  const { card, key } = state.found[state.at];
  showFound(panel, key ?? card.key);
}

function showFound(panel, key) {
  const card = panel.graph.cards.get(key);
  if (!card) return void findCard(panel, key, true);
  for (const each of panel.graph.cards.values()) each.node.classList.remove("jw-found");
  card.node.classList.add("jw-found");
  panel.view.centre(card.box);
}

// Brings a card into sight, out of a folded group if need be; it gets the focus unless it was
// only searched for.
function findCard(panel, key, found = false) {
  const card = panel.graph.cards.get(key);
  if (card) return void focusCard(panel, card);
  want(panel, "reveal", { key }, { card: (graph) => graph.cards.get(key), found });
}
