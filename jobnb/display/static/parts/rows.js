// A list of any length that draws only the rows in sight. Rows are equally high.

// rowList({ high, tall, label, draw(at), pick(at, event), chosen(at) })
//   -> { node, count(n), redraw(), show(at), atEnd(), leftEnd(), end(), range(), watch(action) }
// Arrow keys move along the rows, Enter or Space picks one.
function rowList({ high, tall, label, draw, pick, chosen, role = "listbox", rowRole = "option" }) {
  const inner = el("div", { class: "jw-rows-inner" });
  const node = el("div", {
    class: "jw-rows", role, tabindex: 0, "aria-label": label, "aria-multiselectable": "true",
    style: { maxHeight: `${tall}px` },
  }, inner);
  const prefix = freshId("rows");
  const list = { count: 0, active: -1, drawn: new Map(), first: 0, last: 0, end: 0, moved: () => {} };

  function range() {
    const first = Math.max(0, Math.floor(node.scrollTop / high) - 4);
    const seen = Math.ceil((node.clientHeight || tall) / high) + 8;
    return [first, Math.min(list.count, first + seen)];
  }
  function place() {
    const [first, last] = range();
    for (const [at, row] of list.drawn) {
      if (at < first || at >= last) {
        row.remove();
        list.drawn.delete(at);
      }
    }
    for (let at = first; at < last; at++) if (!list.drawn.has(at)) addRow(at);
    [list.first, list.last] = [first, last];
  }
  function addRow(at) {
    const row = el("div", {
      class: "jw-row", role: rowRole, id: `${prefix}-${at}`, "aria-posinset": at + 1,
      "aria-setsize": list.count, style: { top: `${at * high}px`, height: `${high}px` },
      "aria-selected": String(Boolean(chosen?.(at))), onclick: (event) => choose(at, event),
    }, draw(at));
    if (at === list.active) row.classList.add("jw-active");
    list.drawn.set(at, row);
    inner.append(row);
  }
  function redraw() {
    list.drawn.clear();
    inner.replaceChildren();
    place();
  }
  function choose(at, event) {
    activate(at);
    pick?.(at, event);
  }
  function activate(at) {
    list.drawn.get(list.active)?.classList.remove("jw-active");
    list.active = at;
    list.drawn.get(at)?.classList.add("jw-active");
    node.setAttribute("aria-activedescendant", `${prefix}-${at}`);
  }
  function show(at) {
    const [top, bottom] = [at * high, (at + 1) * high];
    if (top < node.scrollTop) node.scrollTop = top;
    else if (bottom > node.scrollTop + node.clientHeight) node.scrollTop = bottom - node.clientHeight;
    place();
  }
  node.addEventListener("scroll", eachFrame(() => {
    place();
    list.moved();
  }));
  node.addEventListener("keydown", (event) => {
    const next = rowKey(event.key, list.active, list.count, Math.floor(tall / high) - 1);
    if (next !== null) {
      event.preventDefault();
      event.stopPropagation();
      activate(next);
      show(next);
    } else if ((event.key === "Enter" || event.key === " ") && list.active >= 0) {
      event.preventDefault();
      event.stopPropagation();
      pick?.(list.active, event);
    }
  });
  return {
    node, redraw, show, range,
    count(many) {
      list.count = many;
      inner.style.height = `${many * high}px`;
      place();
    },
    atEnd: () => node.scrollTop + node.clientHeight >= inner.offsetHeight - high,
    leftEnd: () => node.scrollTop < list.end - 1, // someone has scrolled away since `end()`
    end() {
      node.scrollTop = inner.offsetHeight;
      list.end = node.scrollTop;
      place();
    },
    watch: (action) => (list.moved = action),
  };
}


function rowKey(key, active, count, page) {
  if (!count) return null;
  const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
  if (key in moves) return Math.max(0, Math.min(count - 1, active + moves[key]));
  if (key === "Home") return 0;
  return key === "End" ? count - 1 : null;
}
