// Tabs as screen readers know them: arrows move between them, each builds its panel at first look.

// tabs([{ name, label, show }], { open, onopen }) -> { node, open(name), opened() }
// `show(panel)` fills a panel the first time it is opened.
function tabs(choices, { open, onopen, label } = {}) {
  const prefix = freshId("tabs");
  const made = choices.map((choice) => tabOf(choice, prefix, (name) => show(name, true)));
  const list = el("div", { class: "jw-tabs", role: "tablist", "aria-label": label });
  append(list, made.map((each) => each.tab));
  list.addEventListener("keydown", (event) => moveTab(event, made, show));
  let opened = null;
  function show(name, asked) {
    const chosen = made.find((each) => each.choice.name === name) ?? made[0];
    if (!chosen || opened === chosen.choice.name) return;
    opened = chosen.choice.name;
    for (const each of made) turnTab(each, each === chosen);
    if (asked) onopen?.(opened);
  }
  show(open ?? choices[0]?.name, false);
  const node = el("div", { class: "jw-tabbed" }, list, made.map((each) => each.panel));
  return { node, open: (name) => show(name, false), opened: () => opened };
}

function tabOf(choice, prefix, show) {
  const [tabId, panelId] = [`${prefix}-t-${choice.name}`, `${prefix}-p-${choice.name}`];
  const tab = el("button", {
    type: "button", class: "jw-tab", role: "tab", id: tabId, "aria-controls": panelId,
    onclick: () => show(choice.name),
  }, choice.label);
  const panel = el("div", {
    class: "jw-panel", role: "tabpanel", id: panelId, "aria-labelledby": tabId,
  });
  return { choice, tab, panel, filled: false };
}

function turnTab(each, on) {
  each.tab.setAttribute("aria-selected", String(on));
  each.tab.tabIndex = on ? 0 : -1;
  each.panel.hidden = !on;
  if (on && !each.filled) {
    each.filled = true;
    each.choice.show?.(each.panel);
  }
}

function moveTab(event, made, show) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const at = made.findIndex((each) => each.tab.getAttribute("aria-selected") === "true");
  const next = made[(at + step + made.length) % made.length];
  show(next.choice.name, true);
  next.tab.focus();
}
