// The launchpad: what runs, its config as form and as YAML, and the button.

const SOON = 200; // ms after the last key until the kernel is told

class Launchpad {
  constructor(model, host) {
    this.model = model;
    this.seen = model.get("shifts").at(-1)?.[0] ?? 0; // how many shifts the drawn form has seen
    this.late = el("div", { class: "jw-note jl-late", role: "status" });
    this.edits = new Edits(model, (message) => this.say(message), (is) => this.sayLate(is));
    const flush = () => this.flush();
    this.form = new FormRows((...did) => this.act(...did), (row) => this.edits.own(`row:${row}`));
    this.flushSoon = debounce(flush, SOON);
    this.head = el("div", { class: "jl-head" });
    this.choices = new Choices(model, this.edits, flush);
    this.tags = new Tags(model, this.edits);
    this.stored = new Stored(model, this.edits, flush);
    this.yaml = new YamlPane(model, this.edits, flush);
    this.problems = el("div", { class: "jl-problems", role: "status", "aria-live": "polite" });
    this.status = el("div", { class: "jl-status", role: "status", "aria-live": "polite" });
    this.go = button("Launch", () => this.launch(), { class: "jw-main jl-go", "data-changes": true });
    this.panes = tabs(
      [
        { name: "form", label: "Form", show: (panel) => append(panel, [this.tools(), this.form.node]) },
        { name: "yaml", label: "YAML", show: (panel) => append(panel, [this.yaml.node]) },
      ],
      { label: "Config as", onopen: flush },
    );
    append(host, [
      this.head, this.choices.node, this.tags.node, this.stored.node, this.panes.node,
      el("div", { class: "jw-bar jl-foot" }, this.go, this.problems), this.status, this.late,
    ]);
    host.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.launch();
    });
  }

  // --- telling the kernel ---------------------------------------------------

  act(row, action, control, soon) {
    if (action === "set") {
      if (this.edits.toldLast(`row:${row}`, control)) return; // typed, told soon after, and left
      this.edits.hold(`row:${row}`, control);
      if (soon) this.flushSoon();
      else this.flush();
      return;
    }
    this.flush();
    this.edits.tell("edit", { row, action, control: control ?? null, seen: this.seen });
  }

  flush() {
    this.flushSoon.cancel();
    for (const [row, control] of this.edits.under("row:", true)) {
      this.edits.tell("edit", { row, action: "set", control, seen: this.seen }, `row:${row}`, control);
    }
  }

  async launch() {
    this.flush();
    this.yaml.flush();
    this.go.disabled = true;
    await this.edits.tell("launch", {});
    this.go.disabled = false;
    const first = this.model.get("problems")[0];
    if (first?.field && this.model.get("status").bad) this.goTo(first);
  }

  say(text) {
    fill(this.status, el("span", { class: "jw-problem" }, text));
  }

  sayLate(is) {
    this.late.textContent = is ? "The kernel has not answered yet; what you did waits for it." : "";
  }

  // --- drawing ----------------------------------------------------------------

  draw() {
    this.edits.settle();
    const problems = this.model.get("problems");
    this.drawHead();
    this.choices.draw();
    this.choices.tell(problems);
    this.tags.draw();
    this.stored.draw();
    this.drawForm();
    this.form.tell(problems);
    this.yaml.draw();
    if (this.extra) this.extra.disabled = !this.model.get("around").extra;
    this.drawProblems(problems);
  }

  // Entries that went elsewhere take along their controls, and the hands on them.
  drawForm() {
    for (const [number, holder, to] of this.model.get("shifts")) {
      if (number <= this.seen) continue;
      this.seen = number;
      this.edits.shift(holder, to);
      this.form.shift(holder, to);
    }
    const hands = this.form.hands();
    this.form.set(this.model.get("rows"));
    this.form.show(this.model.get("values"), this.model.get("drafts"));
    this.form.takeBack(hands);
  }

  drawHead() {
    const { name, noun, help } = this.model.get("head");
    fill(this.head, el("strong", { class: "jn-name" }, name), " ",
      el("span", { class: "jn-noun" }, noun), help ? el("div", { class: "jw-note" }, help) : null);
  }

  tools() {
    const tool = (label, name, title) =>
      button(label, () => (this.flush(), this.edits.tell(name, {})), { title });
    this.extra = tool("Remove extra", "remove_extra", "Take away what this job or selection does not use");
    return el("div", { class: "jw-bar jl-tools" },
      tool("Scaffold", "scaffold", "Write out all defaults, and a sample of what must be given"), this.extra,
      tool("Reset", "reset", "Back to the config that the job itself says"));
  }

  drawProblems(problems) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    const told = ["selection", "partition"]; // where they are typed
    const general = problems.filter((note) => note.row === undefined && !told.includes(note.field));
    fill(this.problems,
      problems.length
        ? button(count, () => this.goTo(problems[0]), { class: "jw-plain jl-count", title: "Go to the first" })
        : el("span", { class: "jw-note" }, "Ready to launch."),
      general.map((note) => el("div", { class: "jw-problem" },
        [note.path || note.field, note.message].filter(Boolean).join(": "))));
    this.go.classList.toggle("jl-blocked", problems.length > 0);
  }

  goTo(note) {
    if (note.field === "selection") return this.choices.selection.focus();
    if (note.field === "partition") return (this.choices.partition ?? this.choices.selection).focus();
    if (note.field === "yaml") {
      this.panes.open("yaml");
      return this.yaml.input.focus();
    }
    this.panes.open("form");
    return this.form.goTo(note.row);
  }

  drawStatus() {
    const { text, bad } = this.model.get("status");
    fill(this.status, text ? el("span", { class: bad ? "jw-problem" : "jw-note" }, text) : null);
  }
}

const DRAWN = [
  "answered", "head", "rows", "shifts", "values", "problems", "drafts", "yaml", "around", "stored",
];

function render({ model, el: host }) {
  // Keys are for its fields: JupyterLab would undo something of the notebook.
  const box = el("div", { class: "jobnb jl-launchpad", "data-lm-suppress-shortcuts": "true" });
  host.append(box);
  const pad = new Launchpad(model, box);
  const draw = drawnWhenFree(box, () => pad.draw());
  box.addEventListener("focusout", draw); // what was left alone while it had the focus
  pad.drawStatus();
  pad.draw();
  const stops = [
    watch(model, DRAWN, draw),
    watch(model, ["status"], () => pad.drawStatus()),
  ];
  return () => stops.forEach((stop) => stop());
}

export default alive({ render });
