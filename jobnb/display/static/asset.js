// An asset: how it stands, its place in the graph, its last value and metadata, its runs.

export default alive({
  render({ model, el: host }) {
    host.classList.add("jobnb");
    const view = {
      model, graph: null, open: new Map(),
      head: el("div"), place: el("div", { class: "jw-asset-place" }), past: el("div"),
      said: el("span", { class: "jw-note", role: "status" }),
    };
    append(host, [view.head, deedsOf(view), view.place, view.past]);
    const stops = [
      watch(model, ["told"], () => drawTold(view)),
      keepUp(model),
    ];
    drawTold(view);
    drawPlace(view);
    return () => {
      stops.forEach((stop) => stop());
      view.graph?.stop();
    };
  },
});

function deedsOf(view) {
  const make = button("Materialize", () => act(view, "materialize", {}, (id) =>
    (id ? `Run ${id.slice(0, 8)} has begun.` : "Choose partitions.")), {
    "data-changes": true, class: "jw-main", title: "Make it now, in the background; what it is made from is loaded",
  });
  const pad = button("Launchpad", () => act(view, "show", { tab: "launchpad" }), {
    title: "Choose config, partition and tags first",
  });
  return el("div", { class: "jw-bar" }, make, pad, view.said);
}

async function act(view, name, asked, told) {
  view.said.className = "jw-note";
  try {
    const answer = await ask(view.model, name, asked);
    view.said.textContent = told?.(answer) ?? "";
  } catch (error) {
    view.said.className = "jw-problem";
    view.said.textContent = error.message;
  }
}

async function drawPlace(view) {
  const graph = await childModel(view.model, "graph").catch(() => null);
  if (!graph) return;
  view.graph = graphPanel(graph);
  fill(view.place, view.graph.node);
}

function drawTold(view) {
  const { keys, parted } = view.model.get("told");
  fill(view.head, keys.map((each) => headOfKey(each)));
  fill(view.past, keys.flatMap((each) => pastOf(view, each, keys.length > 1, parted)));
}

function headOfKey({ key, note, about, status, word, more, made, reasons, notes = [] }) {
  const stands = status === "none" ? word : more || word;
  const why = [...reasons.slice(stands.includes(reasons[0]) ? 1 : 0), ...notes];
  return el("div", { class: "jw-asset-head" },
    el("div", { class: "jn-header" },
      el("strong", { class: "jn-name" }, key), " ", el("span", { class: "jn-noun" }, "asset"), " ",
      note ? el("span", { class: "jn-muted" }, note) : null),
    about.length ? el("div", { class: "jn-doc" }, proseNodes(about)) : null,
    el("div", { class: "jw-bar" },
      status === "none" ? el("span", { class: "jw-note" }, stands) : stateBadge(status, stands),
      made ? el("span", { class: "jw-note" }, `last made ${whenText(made)}`) : null),
    why.length ? el("ul", { class: "jw-reasons" }, why.map((reason) => el("li", {}, reason))) : null);
}

function pastOf(view, each, several, parted) {
  const { key, made, metadata, plots, runs } = each;
  const title = (text) => (several ? `${key}: ${text.toLowerCase()}` : text);
  return [
    made && !parted ? lastValue(view, each, title("Last value")) : null,
    section(view, title("Metadata"), metadata.length ? metadataNode(metadata) : null, true),
    section(view, title("Metadata over time"), plots.length ? plots.map(plotNode) : null, true),
    section(view, title("Runs"), runs.length ? runsNode(view, runs) : null, false),
  ];
}

// A part that stays open or closed as it was left, whatever is told anew.
function section(view, title, body, open, opened) {
  if (!body) return null;
  const node = el("details", {}, el("summary", {}, title), el("div", { class: "jn-body" }, body));
  node.open = view.open.get(title) ?? open;
  if (node.open) opened?.();
  node.addEventListener("toggle", () => {
    if (view.open.get(title) !== node.open && node.open) opened?.();
    view.open.set(title, node.open);
  });
  view.open.set(title, node.open);
  return node;
}

function lastValue(view, { key }, title) {
  const place = el("div", {}, el("span", { class: "jw-note" }, "Loading…"));
  return section(view, title, place, view.model.get("eager"), async () => {
    try {
      fill(place, previewNode(await ask(view.model, "preview", { key })));
    } catch (error) {
      fill(place, el("span", { class: "jw-note" }, error.message));
    }
  });
}

function runsNode(view, runs) {
  const parted = runs.some((run) => run.partition);
  const rows = runs.map(({ run_id, time, partition }) => el("tr", {},
    el("td", {}, button(run_id.slice(0, 8), () => act(view, "show", { run_id }), {
      class: "jw-plain jw-code", title: `Open run ${run_id}`,
    })),
    el("td", {}, whenText(time)), parted ? el("td", {}, partition) : null));
  return scrolling(el("table", { class: "jn-table" },
    el("thead", {}, el("tr", {}, ["run", "made", ...(parted ? ["partition"] : [])].map(columnHead))),
    el("tbody", {}, rows)));
}

// A line through numbers over time, with the last of them.
function plotNode({ name, points }) {
  const [wide, high, edge] = [240, 48, 5];
  const ys = points.map(([, y]) => y);
  const [low, top] = [Math.min(...ys), Math.max(...ys)];
  const [began, ended] = [points[0][0], points.at(-1)[0]];
  const between = (value, from, to, room) =>
    edge + (to === from ? 0.5 : value / (to - from) - from / (to - from)) * (room - 2 * edge);
  const at = points.map(([x, y]) => [between(x, began, ended, wide), high - between(y, low, top, high)]);
  const told = (number) => number.toLocaleString("en", { maximumSignificantDigits: 6 });
  const words = `${name}: ${told(low)} to ${told(top)}, last ${told(ys.at(-1))}`;
  return el("figure", { class: "jn-plot" },
    el("figcaption", {}, el("strong", {}, name), ` ${told(ys.at(-1))}`),
    svgEl("svg", { viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, role: "img", "aria-label": words },
      svgEl("polyline", { class: "jn-plot-line", points: at.map((point) => point.join(",")).join(" ") }),
      svgEl("circle", { class: "jn-plot-last", cx: at.at(-1)[0], cy: at.at(-1)[1], r: 3 })),
    el("div", { class: "jn-muted" }, `${told(low)} to ${told(top)}, ${points.length} times`));
}
