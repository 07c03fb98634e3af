// The config as YAML. The text is left alone while someone types and until the kernel has read it.

class YamlPane {
  constructor(model, edits, flushForm) {
    this.model = model;
    this.edits = edits;
    this.input = el("textarea", {
      class: "jw-input jl-yaml jl-code", spellcheck: "false", "aria-label": "config as YAML",
      placeholder: "ops:\n  …",
    });
    this.soon = debounce(() => this.flush(), 2 * SOON);
    this.input.addEventListener("focus", flushForm);
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("change", () => this.flush());
    this.problem = el("div", { class: "jw-problem", role: "status" });
    this.note = el("div", { class: "jw-note", role: "status" });
    this.discard = button("Discard this text", () => edits.tell("discard_yaml", {}), {
      title: "Show the config of the form again",
    });
    this.form = pre("");
    this.other = el("details", null, el("summary", null, "The form still holds"), this.form);
    this.node = el("div", null, this.input, this.problem, this.note, this.discard, this.other);
  }

  typed() {
    this.edits.hold("yaml", this.input.value);
    this.size();
    this.soon();
  }

  flush() {
    this.soon.cancel();
    for (const [, text] of this.edits.under("yaml", true)) this.edits.tell("yaml", { text }, "yaml", text);
  }

  draw() {
    const { text, problem, note, form } = this.model.get("yaml");
    if (!this.edits.own("yaml")) this.write(text);
    this.problem.textContent = problem;
    this.note.textContent = note;
    setAttr(this.input, "aria-invalid", problem ? "true" : null);
    this.discard.classList.toggle("jw-hidden", !problem);
    this.other.classList.toggle("jw-hidden", !problem);
    this.form.textContent = form || "(nothing)";
    this.size();
  }

  // A text that the kernel changed, such as one with a secret; the caret stays where it was.
  write(text) {
    if (this.input.value === text) return;
    const at = this.input.selectionStart;
    this.input.value = text;
    if (hasFocus(this.input)) this.input.setSelectionRange(at, at);
  }

  size() {
    this.input.rows = Math.min(Math.max(this.input.value.split("\n").length + 1, 8), 30);
  }
}
