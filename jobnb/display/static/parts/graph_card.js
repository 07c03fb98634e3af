// The card that opens beside what one hovers over: documentation and facts, asked for once.

function hoverCard(model, root) {
  const node = el("div", { class: "jw-hover jw-hidden", role: "tooltip" });
  root.append(node);
  const known = new Map();
  let shown = null;
  const hide = () => {
    shown = null;
    open.cancel();
    node.classList.add("jw-hidden");
  };
  const open = debounce(async (card, anchor) => {
    shown = card.key;
    fillHover(node, card, known.get(card.key));
    placeHover(node, root, anchor);
    if (known.has(card.key)) return;
    const told = await ask(model, "about", { key: card.key }).catch(() => null);
    if (!told) return;
    known.set(card.key, told);
    if (shown !== card.key) return;
    fillHover(node, card, told);
    placeHover(node, root, anchor);
  }, 300);
  // What is known grows old: a run may have made the asset again meanwhile.
  return { open, hide, forget: () => known.clear() };
}

function fillHover(node, card, told) {
  const mark = card.mark ?? {};
  const state = [mark.detail, markTime(mark)].filter(Boolean).join(" · ");
  fill(
    node,
    el("div", { class: "jw-hover-title" }, card.title),
    mark.status && mark.status !== "none"
      ? el("div", {}, stateBadge(mark.status), state ? ` ${state}` : null)
      : state ? el("div", { class: "jw-note" }, state) : null,
    mark.checks ? el("div", {}, stateBadge(mark.checks.status, mark.checks.words)) : null,
    told?.doc ? el("div", { class: "jw-hover-doc" }, told.doc) : null,
    told?.facts?.length ? factList(told.facts) : null,
  );
  node.classList.remove("jw-hidden");
}

function factList(facts) {
  const rows = facts.map(([label, text]) => [el("dt", {}, label), el("dd", {}, text)]);
  return el("dl", { class: "jw-facts" }, rows);
}

// Below the card, or above it where there is no room; never outside of the view's sides.
function placeHover(node, root, anchor) {
  const [room, box] = [root.getBoundingClientRect(), anchor.getBoundingClientRect()];
  const { width, height } = node.getBoundingClientRect();
  const left = Math.min(Math.max(4, box.left - room.left), Math.max(4, room.width - width - 4));
  const below = box.bottom - room.top + 6;
  const above = box.top - room.top - height - 6;
  const fits = box.bottom + height + 6 < window.innerHeight || above < 0;
  Object.assign(node.style, { left: `${left}px`, top: `${fits ? below : above}px` });
}
