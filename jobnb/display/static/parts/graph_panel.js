// A whole graph view for any model that has GraphView's traits.

// graphPanel(model) -> { node, stop, focus(key) }
function graphPanel(model) {
  const stage = svgEl("g", { class: "jw-stage" });
  const svg = svgEl("svg", {
    class: "jobnb-graph jw-canvas", role: "group", tabindex: -1, "data-lm-suppress-shortcuts": "true",
    "aria-description": KEYS_IN_WORDS,
  }, stage);
  const canvas = el("div", { class: "jw-canvas-box" }, svg);
  const bars = { tools: el("div", { class: "jw-bar jw-graph-tools" }), chosen: chosenBar(model) };
  const node = el("div", { class: "jw-graph" }, bars.tools, canvas, bars.chosen.node);
  const panel = { model, node, svg, canvas, stage, graph: null, focused: null, found: null };
  panel.view = movable(svg, stage, (k) => {
    svg.classList.toggle("jw-far", k < 0.42);
    svg.classList.toggle("jw-farther", k < 0.2);
    panel.hover.hide();
  });
  panel.hover = hoverCard(model, node);
  panel.search = searchBox(panel);
  append(bars.tools, [panel.search.node, moveButtons(panel)]);
  listenCards(panel);
  const stops = [
    watch(model, ["drawing"], () => redraw(panel)),
    watch(model, ["marks"], () => showMarks(panel, model.get("marks"))),
    watch(model, ["picked", "selected", "selection"], () => repick(panel, bars.chosen)),
    hear(model, "marks", (news) => showMarks(panel, news)),
    sized(panel),
    ticking(panel),
  ];
  redraw(panel);
  repick(panel, bars.chosen);
  askMarks(panel);
  return { node, focus: (key) => findCard(panel, key), stop: () => stops.forEach((stop) => stop()) };
}

// --- drawing ----------------------------------------------------------------

function redraw(panel) {
  const before = panel.graph;
  const drawing = panel.model.get("drawing");
  panel.graph = drawGraph(drawing, fontOf(panel));
  fill(panel.stage, panel.graph.node);
  panel.view.of(drawing);
  panel.svg.setAttribute("aria-label", `${drawing.title}: a graph of ${counted(drawing.cards.length, "node")}`);
  showMarks(panel, panel.model.get("marks"), true);
  showPicked(panel.graph.cards, panel.model.get("picked"), selectedIn(panel.model));
  const focused = panel.graph.cards.get(panel.focused) ?? [...panel.graph.cards.values()][0];
  if (focused) focused.node.tabIndex = 0;
  panel.focused = focused?.key ?? null;
  place(panel, before);
  afterRedraw(panel);
}

function fontOf(panel) {
  return getComputedStyle(panel.svg).fontFamily || "sans-serif";
}

// Before it is in the page nobody knows its font: texts are cut again once it is.
function refont(panel) {
  const family = fontOf(panel);
  if (family === panel.graph.family) return;
  panel.graph.family = family;
  for (const card of panel.graph.cards.values()) showTexts(card, card.mark ?? {}, family);
}

// After folding or opening, what was asked for is in sight and has the focus, or is marked.
function afterRedraw(panel) {
  const { wanted } = panel;
  const card = wanted?.card(panel.graph);
  panel.search.again();
  if (!card) return; // what came was asked for before
  panel.wanted = null;
  if (wanted.found) return showFound(panel, card.key);
  focusCard(panel, card);
}

// --- where it is seen from --------------------------------------------------

// A drawing that comes first is opened, and one that grows where nobody has moved it; else what
// was looked at stays where it was: what was folded or opened, or what lies in the middle.
function place(panel, before) {
  const { view, canvas } = panel;
  const drawing = panel.model.get("drawing");
  const opened = opening(panel);
  if (!before || (!view.at.own && (opened?.all || !panel.wanted))) return opened && open(panel, opened);
  const held = heldPlaces(panel, before);
  if (!held) return opened && open(panel, opened);
  canvas.style.height = `${canvasHeight(drawing, view.at.k, panel.model.get("tallest"))}px`;
  view.hold(...held);
}

// Where there is no room yet (a hidden tab) nothing can be opened.
function opening(panel) {
  const room = panel.canvas.clientWidth;
  return room ? openingView(panel.model.get("drawing"), room, panel.model.get("tallest")) : null;
}

function open(panel, opened) {
  panel.canvas.style.height = `${opened.height}px`;
  panel.view.open(opened);
}

// Where something was in the drawing before, and where it is now.
function heldPlaces(panel, before) {
  const { wanted, graph, svg, view } = panel;
  const now = wanted?.box && wanted.place(graph);
  if (now) return [wanted.box, now];
  const { width, height } = svg.getBoundingClientRect();
  const middle = [(width / 2 - view.at.x) / view.at.k, (height / 2 - view.at.y) / view.at.k];
  const places = placesOf(graph);
  const pairs = [...before.cards.values()].flatMap((card) => {
    const found = pickedBy(card).map((key) => places.get(key)).find(Boolean);
    return found ? [[card.box, found.box]] : [];
  });
  const aside = ([[x, y, wide, high]]) => Math.hypot(x + wide / 2 - middle[0], y + high / 2 - middle[1]);
  return pairs.length ? pairs.reduce((best, pair) => (aside(pair) < aside(best) ? pair : best)) : null;
}

// For each key the card that shows it: its own, or the folded one that holds it.
function placesOf(graph) {
  return new Map([...graph.cards.values()].flatMap((card) => pickedBy(card).map((key) => [key, card])));
}

function sized(panel) {
  let width = 0;
  const observer = new ResizeObserver(() => {
    refont(panel);
    const { at } = panel.view;
    if (panel.canvas.clientWidth === width || !panel.canvas.clientWidth) return;
    width = panel.canvas.clientWidth;
    if (at.fitted) panel.view.fit();
    else if (!at.own) open(panel, opening(panel));
  });
  observer.observe(panel.canvas);
  return () => observer.disconnect();
}

// --- states -----------------------------------------------------------------

function showMarks(panel, marks, all) {
  const { cards, family } = panel.graph;
  const keys = all ? cards.keys() : Object.keys(marks);
  for (const key of keys) {
    const card = cards.get(key);
    if (card) showMark(card, marks[key] ?? { status: "none" }, family);
  }
  for (const edge of panel.graph.edges) {
    const running = cards.get(edge.end)?.mark?.status === "running";
    edge.node.classList.toggle("jn-running", running);
  }
  panel.hover?.forget();
}

// The news of before this view was there went by unheard.
function askMarks(panel) {
  ask(panel.model, "marks").then((marks) => showMarks(panel, marks, true), () => {});
}

// Cards that run show how long they have been; nothing ticks while none does.
function ticking(panel) {
  const timer = setInterval(() => {
    if (!panel.node.isConnected) return;
    for (const card of panel.graph.cards.values()) {
      if (card.mark?.since) showTexts(card, card.mark, panel.graph.family);
    }
  }, 1000);
  return () => clearInterval(timer);
}

// --- selecting --------------------------------------------------------------

function repick(panel, chosen) {
  const picked = panel.model.get("picked");
  if (panel.graph) showPicked(panel.graph.cards, picked, selectedIn(panel.model));
  const [before, own] = [panel.picked ?? picked, panel.picking];
  panel.picked = picked;
  if (panel.graph && !own) showNew(panel, picked.filter((key) => !before.includes(key)));
  chosen.show();
}

// What was picked elsewhere, in a table or by the kernel, comes into sight.
function showNew(panel, keys) {
  const card = keys.length && placesOf(panel.graph).get(keys[keys.length - 1]);
  if (card && panel.canvas.clientWidth) panel.view.reveal(card.box);
}

function pick(panel, card, more) {
  panel.picking = true;
  put(panel.model, { picked: pickedAfter(panel.model.get("picked"), card, more) });
  panel.picking = false;
  focusCard(panel, card);
}

// What is selected, ready to copy, and how far it reaches.
function chosenBar(model) {
  const text = el("code", { class: "jw-selection" });
  const copy = button("Copy", () => copyText(model.get("selection"), copy), {
    title: "Copy the selection",
  });
  const [up, down] = [
    ["upstream", "← and upstream", "Also all that it is made from"],
    ["downstream", "and downstream →", "Also all that is made from it"],
  ].map(([name, label, title]) =>
    button(label, () => put(model, { [name]: !model.get(name) }), { title, data: { reach: name } }));
  const clear = button("Clear", () => put(model, { picked: [] }), { class: "jw-plain" });
  const count = el("span", { class: "jw-note", "aria-live": "polite" });
  const node = el("div", { class: "jw-bar jw-chosen jw-hidden" }, text, copy, up, down, count, clear);
  const show = () => {
    node.classList.toggle("jw-hidden", !model.get("picked").length);
    text.textContent = model.get("selection");
    text.title = model.get("selection");
    count.textContent = `${selectedIn(model).length.toLocaleString("en")} selected`;
    up.setAttribute("aria-pressed", String(model.get("upstream")));
    down.setAttribute("aria-pressed", String(model.get("downstream")));
  };
  return { node, show };
}

async function copyText(text, said) {
  try {
    await navigator.clipboard.writeText(text);
    said.textContent = "Copied";
  } catch {
    said.textContent = "Press Ctrl+C";
    const range = document.createRange();
    range.selectNodeContents(said.parentElement.querySelector(".jw-selection"));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  }
  setTimeout(() => (said.textContent = "Copy"), 1500);
}
