// A whole graph view for any model that has GraphView's traits.

// graphPanel(model, { onmove }) -> { node, stop, focus(key) }
function graphPanel(model) {
  const stage = svgEl("g", { class: "jw-stage" });
  const svg = svgEl("svg", {
    class: "jobnb-graph jw-canvas", role: "group", "data-lm-suppress-shortcuts": "true",
  }, stage);
  const canvas = el("div", { class: "jw-canvas-box" }, svg);
  const bars = { tools: el("div", { class: "jw-bar jw-graph-tools" }), chosen: chosenBar(model) };
  const node = el("div", { class: "jw-graph" }, bars.tools, canvas, bars.chosen.node);
  const panel = { model, node, svg, canvas, stage, graph: null, focused: null, found: null };
  panel.view = movable(svg, stage, (k) => {
    svg.classList.toggle("jw-far", k < 0.42);
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
  const drawing = panel.model.get("drawing");
  panel.graph = drawGraph(drawing, fontOf(panel));
  fill(panel.stage, panel.graph.node);
  panel.svg.setAttribute("aria-label", `${drawing.title}: a graph of ${drawing.cards.length} nodes`);
  showMarks(panel, panel.model.get("marks"), true);
  showPicked(panel.graph.cards, panel.model.get("picked"), panel.model.get("selected"));
  const focused = panel.graph.cards.get(panel.focused) ?? [...panel.graph.cards.values()][0];
  if (focused) focused.node.tabIndex = 0;
  panel.focused = focused?.key ?? null;
  resize(panel, true);
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

// After folding or opening, what was asked for is in sight and has the focus.
function afterRedraw(panel) {
  const wanted = panel.wanted;
  panel.wanted = null;
  const card = wanted && wanted(panel.graph);
  if (card) {
    panel.view.reveal(card.box);
    focusCard(panel, card);
  }
  panel.search.again();
}

// The box is as high as the picture needs, up to a limit; then the picture is fitted into it.
function resize(panel, fit) {
  const { width, height } = panel.model.get("drawing");
  const room = panel.canvas.clientWidth;
  if (!room) return;
  const scale = Math.min(1, Math.max(room / width, 0.7));
  const high = Math.min(panel.model.get("tallest"), Math.max(90, Math.ceil(height * scale)));
  panel.canvas.style.height = `${high}px`;
  panel.view.set(width, height);
  if (fit) firstView(panel, high);
}

// All of it where that can be read; else its beginning, readable.
function firstView(panel, high) {
  const { at } = panel.view;
  panel.view.fit();
  if (at.k < 0.6) {
    Object.assign(at, { k: 0.7, x: 0, y: (high - at.height * 0.7) / 2 });
    panel.view.apply();
  }
}

function sized(panel) {
  const observer = new ResizeObserver(() => {
    refont(panel);
    resize(panel, !panel.view.at.touched);
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
  if (panel.graph) showPicked(panel.graph.cards, picked, panel.model.get("selected"));
  chosen.show();
}

function pick(panel, card, more) {
  put(panel.model, { picked: pickedAfter(panel.model.get("picked"), card, more) });
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
    count.textContent = `${model.get("selected").length.toLocaleString("en")} selected`;
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
