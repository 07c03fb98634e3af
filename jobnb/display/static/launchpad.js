// The launchpad: what runs, its config as form and as YAML, and the button.

const SOON = 200; // ms after the last key until the kernel is told

class Launchpad {
  constructor(model, host) {
    this.model = model;
    this.waiting = new Map(); // row -> what is typed and not told yet
    this.form = new FormRows((...did) => this.act(...did));
    this.flushSoon = debounce(() => this.flush(), SOON);
    this.head = el("div", { class: "jl-head" });
    this.choices = el("div", { class: "jw-bar jl-choices" });
    this.tags = el("div", { class: "jw-bar jl-tags" });
    this.stored = el("div", { class: "jw-bar jl-stored" });
    this.yaml = new YamlPane(model, () => this.flush());
    this.problems = el("div", { class: "jl-problems", role: "status", "aria-live": "polite" });
    this.status = el("div", { class: "jl-status", role: "status", "aria-live": "polite" });
    this.go = button("Launch", () => this.launch(), { class: "jw-main jl-go" });
    this.panes = tabs(
      [
        { name: "form", label: "Form", show: (panel) => append(panel, [this.tools(), this.form.node]) },
        { name: "yaml", label: "YAML", show: (panel) => append(panel, [this.yaml.node]) },
      ],
      { label: "Config as", onopen: () => this.flush() },
    );
    append(host, [
      this.head, this.choices, this.tags, this.stored, this.panes.node,
      el("div", { class: "jw-bar jl-foot" }, this.go, this.problems), this.status,
    ]);
    host.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.launch();
    });
    this.drawAll();
  }

  drawAll() {
    this.drawHead();
    this.drawChoices();
    this.drawTags();
    this.drawStored();
    this.form.set(this.model.get("rows"));
    this.drawValues();
    this.drawStatus();
  }

  // --- telling the kernel ---------------------------------------------------

  ask(name, asked) {
    return ask(this.model, name, asked).catch((error) => this.say(error.message));
  }

  act(row, action, control, soon) {
    if (action === "set") {
      this.waiting.set(row, control);
      if (soon) this.flushSoon();
      else this.flush();
      return;
    }
    this.flush();
    this.ask("edit", { row, action, control: control ?? null });
  }

  flush() {
    this.flushSoon.cancel();
    for (const [row, control] of this.waiting) this.ask("edit", { row, action: "set", control });
    this.waiting.clear();
  }

  async launch() {
    this.flush();
    this.yaml.flush();
    this.go.disabled = true;
    await this.ask("launch", {});
    this.go.disabled = false;
  }

  say(text) {
    fill(this.status, el("span", { class: "jw-problem" }, text));
  }

  // --- drawing ----------------------------------------------------------------

  drawHead() {
    const { name, noun, help } = this.model.get("head");
    fill(this.head, el("strong", { class: "jn-name" }, name), " ",
      el("span", { class: "jn-noun" }, noun), help ? el("div", { class: "jw-note" }, help) : null);
  }

  drawChoices() {
    const { selection, partition, steps } = this.model.get("around");
    const head = this.model.get("head");
    if (!this.choices.firstChild) this.makeChoices(head);
    showIn(this.selection, selection);
    if (this.partition) showIn(this.partition, partition);
    this.steps.textContent = steps === 1 ? "1 step" : `${steps} steps`;
  }

  makeChoices(head) {
    const told = (name) => (event) => {
      this.flush();
      this.ask(name, { text: event.target.value });
    };
    this.selection = el("input", {
      class: "jw-input jl-selection", placeholder: head.selects, spellcheck: "false",
      onchange: told("select"),
    });
    this.steps = el("span", { class: "jw-note" });
    append(this.choices, [labeled(head.selection, this.selection), this.steps]);
    if (head.partitions) append(this.choices, [this.partitionPicker(told("partition"))]);
    const executor = el("select", { class: "jw-select" }, head.executors.map((name) => el("option", null, name)));
    append(this.choices, [labeled("Executor", executor)]);
  }

  partitionPicker(chosen) {
    const list = el("datalist", { id: `jl-p-${++errorsSoFar}` });
    const offer = (keys) => fill(list, keys.map((key) => el("option", { value: key })));
    const more = debounce(async () => {
      const keys = await this.ask("partitions", { text: this.partition.value });
      if (keys) offer(keys);
    }, SOON);
    this.partition = el("input", {
      class: "jw-input jl-partition", list: list.id, placeholder: "choose a partition",
      onchange: chosen, oninput: more,
    });
    offer(this.model.get("head").partitions);
    return [labeled("Partition", this.partition), list];
  }

  drawTags() {
    const { tags, own_tags: own } = this.model.get("around");
    const chip = ([key, value], ...more) => el("span", { class: "jl-chip" }, `${key}: ${value}`, more);
    const without = (name) => Object.fromEntries(Object.entries(tags).filter(([key]) => key !== name));
    const typed = this.newTag?.value ?? "";
    const focused = this.newTag && this.newTag.getRootNode().activeElement === this.newTag;
    this.newTag = el("input", {
      class: "jw-input jl-tag", placeholder: "key: value", value: typed, "aria-label": "add a tag",
      onchange: () => this.addTag(tags),
    });
    fill(this.tags, el("span", { class: "jl-title" }, "Tags"),
      Object.entries(own).map((tag) => chip(tag)),
      Object.entries(tags).map((tag) => chip(tag, button("✕", () => this.ask("tags", { tags: without(tag[0]) }), {
        class: "jw-plain jl-chip-x", "aria-label": `remove the tag ${tag[0]}`,
      }))), this.newTag);
    if (focused) this.newTag.focus();
  }

  addTag(tags) {
    const [, key, value] = /^\s*([^:=]+?)\s*[:=]\s*(.*)$/.exec(this.newTag.value) ?? [];
    if (!key) return;
    this.newTag.value = "";
    this.ask("tags", { tags: { ...tags, [key]: value.trim() } });
  }

  drawStored() {
    const { presets, runs, preset } = this.model.get("stored");
    const choose = (label, first, options, chosen) => {
      const select = el("select", { class: "jw-select", "aria-label": label },
        el("option", { value: "" }, first), options.map(([value, text]) => el("option", { value }, text)));
      select.addEventListener("change", () => select.value && chosen(select.value));
      return select;
    };
    const load = choose("preset", "load a preset …", presets.map((name) => [name, name]),
      (name) => this.ask("load_preset", { text: name }));
    load.value = presets.includes(preset) ? preset : "";
    const name = el("input", {
      class: "jw-input jl-tag", placeholder: "name", value: preset, "aria-label": "name of the preset",
    });
    const remove = button("Delete", () => this.ask("delete_preset", { text: load.value }), {
      title: "Delete this preset", disabled: load.value === "",
    });
    const runsLike = choose("as in run", "as in run …", runs, (run) => this.ask("load_run", { run_id: run }));
    fill(this.stored, el("span", { class: "jl-title" }, "Presets"), load, remove, name,
      button("Save", () => name.value.trim() && this.ask("save_preset", { text: name.value.trim() })),
      runs.length ? runsLike : null);
  }

  tools() {
    const tool = (label, name, title) => button(label, () => (this.flush(), this.ask(name, {})), { title });
    this.extra = tool("Remove extra", "remove_extra", "Take away what this job or selection does not use");
    return el("div", { class: "jw-bar jl-tools" },
      tool("Scaffold", "scaffold", "Write out all defaults, and a sample of what must be given"), this.extra,
      tool("Reset", "reset", "Back to the config that the job itself says"));
  }

  drawValues() {
    const problems = this.model.get("problems");
    this.form.show(this.model.get("values"));
    this.form.tell(problems, this.model.get("drafts"));
    this.yaml.draw();
    if (this.extra) this.extra.disabled = !this.model.get("around").extra;
    this.drawProblems(problems);
  }

  drawProblems(problems) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    const general = problems.filter((note) => note.row === undefined);
    fill(this.problems,
      problems.length
        ? button(count, () => this.goTo(problems[0]), { class: "jw-plain jl-count", title: "Go to the first" })
        : el("span", { class: "jw-note" }, "Ready to launch."),
      general.map((note) => el("div", { class: "jw-problem" },
        [note.path || note.field, note.message].filter(Boolean).join(": "))));
    this.go.classList.toggle("jl-blocked", problems.length > 0);
    this.selection.classList.toggle("jl-bad", problems.some((note) => note.field === "selection"));
    this.partition?.classList.toggle("jl-bad", problems.some((note) => note.field === "partition"));
  }

  goTo(note) {
    if (note.field === "selection") return this.selection.focus();
    if (note.field === "partition") return this.partition.focus();
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

// --- the YAML ---------------------------------------------------------------

class YamlPane {
  constructor(model, flushForm) {
    this.model = model;
    this.input = el("textarea", {
      class: "jw-input jl-yaml jl-code", spellcheck: "false", "aria-label": "config as YAML",
      placeholder: "ops:\n  …",
    });
    this.waiting = false;
    this.soon = debounce(() => this.flush(), 2 * SOON);
    this.input.addEventListener("focus", flushForm);
    this.input.addEventListener("input", () => ((this.waiting = true), this.size(), this.soon()));
    this.input.addEventListener("change", () => this.flush());
    this.problem = el("div", { class: "jw-problem", role: "status" });
    this.discard = button("Discard this text", () => ask(model, "discard_yaml"), {
      title: "Show the config of the form again",
    });
    this.form = el("pre");
    this.other = el("details", null, el("summary", null, "The form still holds"), this.form);
    this.node = el("div", null, this.input, this.problem, this.discard, this.other);
  }

  flush() {
    this.soon.cancel();
    if (!this.waiting) return;
    this.waiting = false;
    this.told = this.input.value;
    ask(this.model, "yaml", { text: this.input.value });
  }

  // The text itself is left alone while someone types, unless the kernel had to change it.
  draw() {
    const { text, problem, form } = this.model.get("yaml");
    const typing = this.input.getRootNode().activeElement === this.input;
    const answered = !this.waiting && (!typing || text !== this.told);
    if (answered && this.input.value !== text) this.input.value = text;
    this.problem.textContent = problem;
    setAttr(this.input, "aria-invalid", problem ? "true" : null);
    this.discard.classList.toggle("jw-hidden", !problem);
    this.other.classList.toggle("jw-hidden", !problem);
    this.form.textContent = form || "(nothing)";
    this.size();
  }

  size() {
    this.input.rows = Math.min(Math.max(this.input.value.split("\n").length + 1, 8), 30);
  }
}

function labeled(text, control) {
  return el("label", { class: "jl-labeled" }, el("span", { class: "jl-title" }, text), control);
}

function render({ model, el: host }) {
  const box = el("div", { class: "jobnb jl-launchpad" });
  host.append(box);
  const pad = new Launchpad(model, box);
  const draws = {
    head: () => pad.drawHead(),
    rows: () => pad.form.set(model.get("rows")),
    around: () => (pad.drawChoices(), pad.drawTags()),
    stored: () => pad.drawStored(),
    status: () => pad.drawStatus(),
  };
  const stops = Object.entries(draws).map(([name, draw]) => watch(model, [name], draw));
  const values = eachFrame(() => pad.drawValues());
  stops.push(watch(model, ["rows", "values", "problems", "drafts", "yaml", "around"], values));
  return () => stops.forEach((stop) => stop());
}

export default { render };
