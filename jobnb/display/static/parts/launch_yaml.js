// The config as YAML. The text is left alone while someone types and until the kernel has read it.

class YamlPane {
  constructor(model, edits, flushForm) {
    this.model = model;
    this.edits = edits;
    this.input = el("textarea", {
      class: "jw-input jl-yaml jl-code", spellcheck: "false", "aria-label": "config as YAML",
      placeholder: "ops:\n  …",
    });
    this.paint = el("div", { class: "jl-yaml-paint jl-code", "aria-hidden": "true" });
    this.offers = new Offers(this.input, (before, after) => ask(model, "complete_yaml", { before, after }));
    this.help = el("div", { class: "jw-note", id: freshId("yaml-help") }, "Ctrl+Space offers what may stand at the cursor.");
    this.input.setAttribute("aria-describedby", this.help.id);
    this.box = el("div", { class: "jl-yaml-box" }, this.paint, this.input, this.offers.list, this.offers.told);
    this.input.addEventListener("scroll", () => this.follow());
    this.input.addEventListener("keydown", (event) => this.indent(event));
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
    this.node = el("div", null, this.box, this.help, this.problem, this.note, this.discard, this.other);
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
    this.repaint();
  }

  // The colours lie below the text, which is typed in no colour of its own.
  repaint() {
    if (this.painted === this.input.value) return;
    this.painted = this.input.value;
    fill(this.paint, paintedYaml(this.painted));
    this.follow();
  }

  follow() {
    this.paint.scrollTop = this.input.scrollTop;
    this.paint.scrollLeft = this.input.scrollLeft;
  }

  // A new line stands where the last one does, or deeper below a key that holds something.
  indent(event) {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
    const at = this.input.selectionStart;
    const line = this.input.value.slice(0, at).split("\n").at(-1);
    const [, space, dashes] = /^(\s*)((?:- +)*)/.exec(line);
    const deeper = /:\s*$/.test(line) ? 2 : 0;
    const more = " ".repeat(space.length + dashes.length + deeper);
    if (!more) return;
    event.preventDefault();
    putText(this.input, at, this.input.selectionEnd, `\n${more}`);
  }
}
