// What stands above the config: what runs, for which partition, with which tags; presets.
//
// Controls are made once; only what they show changes, so that nothing typed is lost.

class Choices {
  constructor(model, edits, flush) {
    this.model = model;
    this.edits = edits;
    this.flush = flush;
    this.node = el("div", { class: "jw-bar jl-choices" });
    this.steps = el("span", { class: "jw-note" });
    this.wrong = {
      selection: el("div", { class: "jw-problem jl-wrong", id: freshId("wrong") }),
      partition: el("div", { class: "jw-problem jl-wrong", id: freshId("wrong") }),
    };
    this.made = "";
  }

  draw() {
    this.make();
    const { selection, partition, executor, steps, up_to: most } = this.model.get("around");
    this.show("select", this.selection, selection);
    if (this.partition && !this.edits.own("partition")) this.partition.show(partition);
    if (!this.edits.own("executor")) this.executor.value = executor;
    this.steps.textContent = `${most ? "up to " : ""}${steps} ${steps === 1 ? "step" : "steps"}`;
    this.steps.title = most ? "How assets stand is looked up when it is launched" : "";
  }

  show(name, input, text) {
    if (!this.edits.own(name)) showIn(input, text);
  }

  // Again when the job is another; what is typed comes along.
  make() {
    const head = this.model.get("head");
    const sig = JSON.stringify([head.selection, head.selects, head.partitions, head.executors]);
    if (sig === this.made) return;
    this.made = sig;
    this.selection = this.input("select", {
      class: "jw-input jl-selection", placeholder: head.selects, spellcheck: "false",
    });
    fill(this.node, labeled(head.selection, this.selection), this.steps,
      head.partitions ? this.picker(head.partitions) : (this.partition = null),
      labeled("Executor", this.ways(head.executors)),
      this.wrong.selection, this.wrong.partition);
  }

  input(name, props) {
    const input = el("input", props);
    input.addEventListener("change", () => {
      this.flush();
      this.edits.tell(name, { text: input.value }, name, input.value);
    });
    return input;
  }

  // How the steps run.
  ways(choices) {
    this.executor = el("select", { class: "jw-select", title: "How the steps run" },
      choices.map(([value, text, title]) => el("option", { value, title }, text)));
    this.executor.addEventListener("change", () => {
      this.flush();
      this.edits.tell("executor", { text: this.executor.value }, "executor", this.executor.value);
    });
    return this.executor;
  }

  picker(choices) {
    this.partition = new PartitionPicker(choices, {
      changed: (text) => {
        this.flush();
        this.edits.tell("partition", { text }, "partition", text);
      },
      more: (text) => ask(this.model, "partitions", { text }).catch(() => []),
    });
    return this.partition.node;
  }

  // What is wrong, where it is typed.
  tell(problems) {
    this.tellAt([this.selection], "selection", problems);
    this.tellAt(this.partition?.inputs() ?? [], "partition", problems);
  }

  tellAt(inputs, name, problems) {
    const texts = problems.filter((note) => note.field === name).map((note) => note.message);
    const wrong = this.wrong[name];
    fill(wrong, texts.join("\n"));
    for (const input of inputs) {
      input.classList.toggle("jl-bad", texts.length > 0);
      input.setAttribute("aria-invalid", String(texts.length > 0));
      setAttr(input, "aria-describedby", texts.length ? wrong.id : null);
    }
  }
}

class Tags {
  constructor(model, edits) {
    this.model = model;
    this.edits = edits;
    this.chips = el("span", { class: "jl-chips" });
    this.input = el("input", {
      class: "jw-input jl-tag", placeholder: "key: value", "aria-label": "add a tag",
      onchange: () => this.add(),
    });
    this.node = el("div", { class: "jw-bar jl-tags" }, el("span", { class: "jl-title" }, "Tags"),
      this.chips, this.input);
  }

  add() {
    const [, key, value] = /^\s*([^:=]+?)\s*[:=]\s*(.*)$/.exec(this.input.value) ?? [];
    if (!key) return;
    this.input.value = "";
    this.change(key, value.trim());
  }

  // Gives the tag, or takes it away where there is no value; it is shown before the kernel knows.
  change(key, value) {
    this.edits.tell("tag", { key, value }, `tag:${key}`, value);
    this.draw();
  }

  draw() {
    const { tags, own_tags: own } = this.model.get("around");
    const shown = new Map(Object.entries(tags));
    for (const [key, value] of this.edits.under("tag:")) {
      if (value === null) shown.delete(key);
      else shown.set(key, value);
    }
    const chip = ([key, value], more) => el("span", { class: "jl-chip" }, `${key}: ${value}`, more);
    const given = [...shown].map(([key, value]) => chip([key, value], button("✕", () => this.change(key, null), {
      class: "jw-plain jl-chip-x", "aria-label": `remove the tag ${key}`,
    })));
    fill(this.chips, Object.entries(own).map((tag) => chip(tag)), given);
  }
}

class Stored {
  constructor(model, edits, flush) {
    this.model = model;
    this.edits = edits;
    const told = (name, value, ...own) => (flush(), edits.tell(name, value, ...own));
    this.load = this.choice("preset", (text) => told("load_preset", { text }, "preset", text));
    this.runs = this.choice("as in run", (run_id) => {
      this.runs.value = ""; // so that the same run can be chosen again
      told("load_run", { run_id });
    });
    this.name = el("input", { class: "jw-input jl-tag", placeholder: "name", "aria-label": "name of the preset" });
    this.remove = button("Delete", () => told("delete_preset", { text: this.load.value }), {
      "data-changes": true,
      title: "Delete this preset",
    });
    const save = button("Save", () => this.name.value.trim() && told("save_preset", { text: this.name.value.trim() }), { "data-changes": true });
    this.node = el("div", { class: "jw-bar jl-stored" }, el("span", { class: "jl-title" }, "Presets"),
      this.load, this.remove, this.name, save, this.runs);
  }

  choice(label, chosen) {
    const select = el("select", { class: "jw-select", "aria-label": label });
    select.addEventListener("change", () => select.value && chosen(select.value));
    return select;
  }

  draw() {
    const { presets, runs, preset } = this.model.get("stored");
    const own = this.edits.own("preset");
    this.offer(this.load, "load a preset …", presets.map((name) => [name, name]));
    this.load.value = own ? own.value : presets.includes(preset) ? preset : "";
    this.remove.disabled = this.load.value === "";
    if (preset !== this.shown) this.name.value = this.shown = preset;
    this.offer(this.runs, "as in run …", runs);
    this.runs.classList.toggle("jw-hidden", runs.length === 0);
  }

  offer(select, first, options) {
    const sig = JSON.stringify(options);
    if (select.dataset.offers === sig) return; // it may be open just now
    select.dataset.offers = sig;
    fill(select, el("option", { value: "" }, first),
      options.map(([value, text]) => el("option", { value }, text)));
  }
}

function labeled(text, control) {
  return el("label", { class: "jl-labeled" }, el("span", { class: "jl-title" }, text), control);
}
