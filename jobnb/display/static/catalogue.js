// All that a session knows: the graph, the assets, jobs and resources.

export default alive({
  render({ model, el: host }) {
    host.classList.add("jobnb");
    const view = {
      model,
      graph: null,
      place: el("div", { class: "jw-catalogue-graph" }),
      lists: el("div"),
      said: el("span", { class: "jw-note", role: "status" }),
      counts: el("span", { class: "jn-muted" }),
    };
    view.deeds = deedBar(view);
    view.table = assetTable({
      toggle: (keys, on) => toggleKeys(view, keys, on),
      look: (key, place) => lookAt(view, key, place),
      link: (key, shown) => linked(model, "asset", key, shown),
      say: (text) => {
        view.said.className = "jw-note";
        view.said.textContent = text;
      },
    });
    append(host, [headOf(view), view.place, view.deeds.node, view.lists]);
    const stops = [
      watch(model, ["rows"], () => {
        view.table.rows(model.get("rows"));
        view.deeds.show();
      }),
      watch(model, ["contents"], () => drawLists(view)),
      watch(model, ["graph"], () => drawGraphOf(view)),
      keepUp(model),
      hear(model, "rows", (news) => view.table.news(news)),
    ];
    drawLists(view);
    drawGraphOf(view);
    return () => {
      stops.forEach((stop) => stop());
      view.graph?.stop();
    };
  },
});

function headOf(view) {
  const again = button("Refresh", () => act(view, "refresh", {}, () => "Up to date."), {
    class: "jw-plain", title: "Read definitions and history again",
  });
  return el(
    "div", { class: "jw-bar jn-header" },
    el("strong", { class: "jn-name" }, view.model.get("title")), view.counts,
    el("span", { class: "jw-grow" }), again,
  );
}

// --- the graph --------------------------------------------------------------

async function drawGraphOf(view) {
  view.graph?.stop();
  view.graph = null;
  view.place.replaceChildren();
  const turn = (view.turn = (view.turn ?? 0) + 1);
  const model = await childModel(view.model, "graph").catch(() => null);
  if (turn !== view.turn) return; // another graph was asked for meanwhile
  if (!model) return void view.deeds.show();
  const panel = graphPanel(model);
  const unwatch = watch(model, ["picked", "selected"], () => showSelected(view));
  view.graph = { model, stop: () => (unwatch(), panel.stop()) };
  fill(view.place, panel.node);
  showSelected(view);
}

function selectedKeys(view) {
  return view.graph ? selectedIn(view.graph.model) : [];
}

function showSelected(view) {
  view.table.select(selectedKeys(view));
  view.deeds.show();
}

// Rows pick as clicks in the graph do.
function toggleKeys(view, keys, on) {
  if (!view.graph) return;
  const before = view.graph.model.get("picked");
  const picked = on
    ? [...new Set([...before, ...keys])] : before.filter((key) => !keys.includes(key));
  put(view.graph.model, { picked });
}

// --- doing ------------------------------------------------------------------

function deedBar(view) {
  const make = button("Materialize all", () => materialize(view), { class: "jw-main", "data-changes": true });
  const stale = button("Materialize stale", () => materialize(view, true), {
    "data-changes": true,
    title: "Only what is stale, failed or was never made: of what is selected, else of all",
  });
  const pad = button("Launchpad", () => openPad(view, { keys: selectedKeys(view) }), {
    "data-changes": true,
    title: "Choose config, partition and tags first",
  });
  const check = button("Run checks", () => runChecks(view), {
    "data-changes": true,
    title: "Look at the stored values, and make nothing",
  });
  const node = el("div", { class: "jw-bar jw-deeds" }, make, stale, pad, check, view.said);
  const show = () => {
    const count = selectedKeys(view).length;
    make.textContent = count ? `Materialize ${count} selected` : "Materialize all";
    const rows = view.model.get("rows");
    const chosen = new Set(selectedKeys(view));
    const checked = rows.filter((row) => row.checks);
    const old = rows.filter((row) => !row.source && row.status !== "succeeded" && (!count || chosen.has(row.key)));
    stale.classList.toggle("jw-hidden", !rows.some((row) => row.status === "stale"));
    stale.disabled = !old.length;
    check.classList.toggle("jw-hidden", !checked.length);
    check.disabled = count > 0 && !checked.some((row) => chosen.has(row.key));
    node.classList.toggle("jw-hidden", !rows.length);
  };
  return { node, show, make, check };
}

async function materialize(view, stale_only = false) {
  view.deeds.make.disabled = true;
  const told = (id) => (id ? `Run ${id.slice(0, 8)} has begun.` : "Choose partitions below.");
  await act(view, "materialize", { keys: selectedKeys(view), stale_only }, told);
  view.deeds.make.disabled = false;
}

async function runChecks(view) {
  view.deeds.check.disabled = true;
  await act(view, "check", { keys: selectedKeys(view) }, (id) => `Run ${id.slice(0, 8)} has begun.`);
  view.deeds.show();
}

function openPad(view, asked) {
  return act(view, "launchpad", asked, () => "");
}

// Asks the kernel to do something and tells how it went.
async function act(view, name, asked, told) {
  view.said.className = "jw-note";
  try {
    view.said.textContent = told(await ask(view.model, name, asked));
  } catch (error) {
    view.said.className = "jw-problem";
    view.said.textContent = error.message;
  }
}

async function lookAt(view, key, place) {
  fill(place, el("span", { class: "jw-note" }, "Loading…"));
  try {
    fill(place, previewNode(await ask(view.model, "preview", { key })));
  } catch (error) {
    fill(place, el("span", { class: "jw-note" }, error.message));
  }
}

// --- lists ------------------------------------------------------------------

function drawLists(view) {
  const { counts, jobs, parts, automation, resources } = view.model.get("contents");
  const rows = view.model.get("rows");
  view.counts.textContent = counts;
  view.table.rows(rows);
  const choices = [
    ["assets", "Assets", rows, () => view.table.node],
    ["jobs", "Jobs", jobs, () => jobList(view.model, jobs, (job) => openPad(view, { job }))],
    ["parts", "Ops and graphs", parts, () => partList(parts)],
    ["automation", "Schedules and sensors", automation, () => partList(automation)],
    ["resources", "Resources", resources, () => resourceList(resources)],
  ].filter(([, , things]) => things?.length);
  const open = view.tabs?.opened();
  view.tabs = choices.length ? tabs(
    choices.map(([name, label, things, make]) => ({
      name, label: `${label} (${things.length})`, show: (panel) => panel.append(make()),
    })),
    { open, label: "What the session knows" },
  ) : null;
  fill(view.lists, view.tabs?.node ?? el("div", { class: "jw-note" }, "Nothing is defined yet."));
  view.deeds.show();
}
