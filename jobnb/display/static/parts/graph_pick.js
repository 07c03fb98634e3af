// Selecting cards, and moving among them with the keyboard.

// What a click on a card picks: the card, or all that a folded one holds.
function pickedBy(card) {
  return card.members?.length ? card.members : [card.key];
}

// The picked keys after a click; with shift, ctrl or cmd it adds or takes away.
function pickedAfter(picked, card, more) {
  const keys = pickedBy(card);
  const all = keys.every((key) => picked.includes(key));
  if (!more) return all && picked.length === keys.length ? [] : keys;
  if (all) return picked.filter((key) => !keys.includes(key));
  return [...new Set([...picked, ...keys])];
}

// The selected keys. What was picked a moment ago counts before the kernel has answered; without
// upstream and downstream nothing else is selected.
function selectedIn(model) {
  const picked = model.get("picked");
  if (!model.get("upstream") && !model.get("downstream")) return picked;
  return [...new Set([...picked, ...model.get("selected")])];
}

// Outlines what is picked, and what is selected along with it.
function showPicked(cards, picked, selected) {
  const [own, reached] = [new Set(picked), new Set(selected)];
  for (const card of cards.values()) {
    const keys = pickedBy(card);
    const isPicked = keys.every((key) => own.has(key));
    const isReached = !isPicked && keys.some((key) => reached.has(key) || own.has(key));
    card.node.classList.toggle("jw-picked", isPicked);
    card.node.classList.toggle("jw-reached", isReached);
    card.node.setAttribute("aria-pressed", String(isPicked));
  }
}

// The card that an arrow key leads to: along the arrows of the graph to the right and left,
// to the nearest card above or below.
function neighbour(graph, card, key) {
  if (key === "ArrowRight") return alongEdges(graph, card, "start", "end");
  if (key === "ArrowLeft") return alongEdges(graph, card, "end", "start");
  return nearest(graph, card, key === "ArrowDown" ? 1 : -1);
}

function alongEdges(graph, card, from, to) {
  const keys = graph.edges.filter((edge) => edge[from] === card.key).map((edge) => edge[to]);
  const found = keys.map((key) => graph.cards.get(key)).filter(Boolean);
  return found.sort((a, b) => Math.abs(middle(a)[1] - middle(card)[1]) - Math.abs(middle(b)[1] - middle(card)[1]))[0];
}

function nearest(graph, card, direction) {
  const [x, y] = middle(card);
  let [best, least] = [null, Infinity];
  for (const other of graph.cards.values()) {
    const [dx, dy] = [Math.abs(middle(other)[0] - x), (middle(other)[1] - y) * direction];
    const far = dy + dx * 2;
    if (dy > 4 && far < least) [best, least] = [other, far];
  }
  return best;
}

function middle(card) {
  const [x, y, width, height] = card.box;
  return [x + width / 2, y + height / 2];
}

// The keys of those whose name, kind or members hold the words.
function searched(graph, words) {
  const wanted = words.trim().toLowerCase();
  if (!wanted) return null;
  const holds = (text) => text?.toLowerCase().includes(wanted);
  const found = [];
  for (const card of graph.cards.values()) {
    const inside = (card.members ?? []).filter(holds);
    if (holds(card.title) || holds(card.key)) found.push({ card, key: null });
    else if (inside.length) found.push(...inside.map((key) => ({ card, key })));
  }
  return found;
}
