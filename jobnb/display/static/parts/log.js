// The log: thousands of lines of which only those in sight are asked for.

const LOG_ROW = 20;
const LOG_KINDS = ["event", "debug", "info", "warning", "error", "critical", "stdout", "stderr"];

// logView(model, { steps() }) -> { node, news(told), refresh() }
function logView(model, { steps, pickStep }) {
  const state = {
    kinds: new Set(LOG_KINDS), text: "", mine: false, follow: true,
    lines: new Map(), busy: false, again: false,
    turn: 0, // grows with each other filter: what was asked for before is not shown any more
  };
  const list = rowList({
    high: LOG_ROW, tall: 340, label: "Log lines", draw: drawLine, pick: (at) => openLine(state.lines.get(at)),
  });
  list.node.classList.add("jw-log");
  const detail = el("div", { class: "jw-detail", hidden: true });
  const note = el("span", { class: "jw-note", role: "status" });
  const controls = logControls(state, refresh, toEnd);
  const node = el("div", null, controls.node, list.node, el("div", { class: "jw-bar" }, note), detail);

  function drawLine(at) {
    const line = state.lines.get(at);
    return line ? logLine(line) : el("span", { class: "jn-muted" }, "…");
  }
  function openLine(line) {
    if (line) lineDetail(detail, line, pickStep);
  }
  function asked() {
    return { kinds: [...state.kinds], text: state.text, steps: state.mine ? steps() : [], turn: state.turn };
  }
  async function load() {
    if (state.busy) return void (state.again = true);
    state.busy = true;
    const [first, last] = list.range();
    const want = { asked: asked(), first, count: Math.max(last - first, 60), follow: state.follow };
    try {
      take(await ask(model, "log", want));
    } catch (error) {
      note.textContent = error.message;
    }
    state.busy = false;
    if (state.again) {
      state.again = false;
      load();
    }
  }
  function take(told) {
    if (told.turn !== state.turn) return;
    if (state.follow && list.leftEnd()) follow(false);
    if (state.lines.size > 20000) state.lines.clear();
    told.lines.forEach((line, at) => state.lines.set(told.first + at, line));
    list.count(told.matched);
    list.redraw();
    if (state.follow) list.end();
    note.textContent = told.matched === told.total
      ? counted(told.total, "line") : `${told.matched.toLocaleString()} of ${counted(told.total, "line")}`;
    controls.counts(told.kinds);
  }
  function refresh() {
    state.turn++;
    state.lines.clear();
    load();
  }
  function toEnd() {
    if (state.follow) list.end();
    load();
  }
  function follow(on) {
    state.follow = on;
    controls.following(on);
  }
  list.watch(() => {
    follow(list.atEnd());
    const [first, last] = list.range();
    for (let at = first; at < last; at++) if (!state.lines.has(at)) return load();
  });
  return {
    node, refresh,
    news: (told) => take(told),
    chosen: () => (state.mine ? refresh() : null),
  };
}

function logControls(state, refresh, toEnd) {
  const search = el("input", {
    class: "jw-input jw-grow", type: "search", placeholder: "Filter: words, step:load, type:STEP_START",
    "aria-label": "Filter the log", oninput: debounce((event) => {
      state.text = event.target.value;
      refresh();
    }, 150),
  });
  const kinds = new Map(LOG_KINDS.map((kind) => [kind, kindSwitch(kind, state, refresh)]));
  const mine = pressed("selected steps", false, (on) => {
    state.mine = on;
    refresh();
  }, "Only lines of the selected steps");
  const follow = pressed("follow", true, (on) => {
    state.follow = on;
    toEnd();
  }, "Keep the end in sight");
  return {
    node: el("div", { class: "jw-log-bar" },
      el("div", { class: "jw-bar" }, search, mine, follow),
      el("div", { class: "jw-bar", role: "group", "aria-label": "Kinds of lines" }, [...kinds.values()])),
    following: (on) => follow.setAttribute("aria-pressed", String(on)),
    counts(told) {
      for (const [kind, each] of kinds) {
        each.textContent = told[kind] ? `${kind} ${told[kind].toLocaleString()}` : kind;
        each.classList.toggle("jw-none", !told[kind]);
      }
    },
  };
}

function kindSwitch(kind, state, refresh) {
  return pressed(kind, true, (on) => {
    if (on) state.kinds.add(kind);
    else state.kinds.delete(kind);
    refresh();
  }, `Show ${kind} lines`, `jw-kind jw-kind-${kind}`);
}

// A button that stays down or up.
function pressed(label, on, changed, title, more) {
  const made = button(label, () => {
    const now = made.getAttribute("aria-pressed") !== "true";
    made.setAttribute("aria-pressed", String(now));
    changed(now);
  }, { "aria-pressed": String(on), title, class: more });
  return made;
}

function logLine({ since, kind, step, text, error, type }) {
  return el("div", { class: `jw-line jw-kind-${kind}`, title: text.slice(0, 500) },
    el("span", { class: "jw-since" }, sinceText(since)), el("span", { class: "jw-level" }, kind),
    el("span", { class: "jw-line-step" }, step),
    el("span", { class: "jw-said" }, error ? `${text} ${error.split("\n").pop()}` : text || type));
}

function sinceText(seconds) {
  if (seconds < 60) return `${seconds.toFixed(3)} s`;
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${String((seconds % 60).toFixed(1)).padStart(4, "0")}`;
}

function lineDetail(detail, line, pickStep) {
  const close = button("Close", () => (detail.hidden = true), { class: "jw-plain" });
  fill(detail,
    el("div", { class: "jw-bar" }, el("strong", null, line.type || line.kind),
      line.step ? button(line.step, () => pickStep(line.step), { class: "jw-plain jw-code" }) : null,
      line.logger ? el("span", { class: "jw-note" }, line.logger) : null,
      el("span", { class: "jw-note jw-grow" }, whenText(line.time)), close),
    pre(line.text), line.error ? pre(line.error, "jw-error-text") : null);
  detail.hidden = false;
}
